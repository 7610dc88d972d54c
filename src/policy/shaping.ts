/** What holds for a receiving site: by the policy's `shaping` and the shipped one, and which hosts are one site. Pure. */
import { isIP } from 'node:net';
import { matchesGlob } from '../message/address.ts';
import type { Policy } from './schema.ts';
import { shippedShaping } from './shipped-shaping.ts';
import type { Rate } from './units.ts';

export type ShapingPolicy = Policy['shaping'];

/** What holds for a host: of its site as a whole, over all exits. */
export type Shape = {
  /** What hosts have in common that share these figures; null: they hold for hosts that no entry fits. */
  readonly site: string | null;
  /** The mailbox provider's name in lower case; null: none that is known. */
  readonly provider: string | null;
  readonly connections: number;
  readonly perConnection: number;
  /** null: none. */
  readonly rate: Rate | null;
};

/** Hosts that are remembered for each `shaping`. */
const KNOWN_MOST = 5_000;
const known = new WeakMap<ShapingPolicy, Map<string, Shape>>();

/**
 * By the first entry of the policy that fits: a pattern of the host's name, or the name of its provider; else by the shipped
 * file; else `default`. An entry wins as a whole.
 */
export function shapeOf(shaping: ShapingPolicy, host: string): Shape {
  let shapes = known.get(shaping);
  if (shapes === undefined) known.set(shaping, (shapes = new Map<string, Shape>()));
  let shape = shapes.get(host);
  if (shape === undefined) {
    shape = findShape(shaping, host.toLowerCase());
    if (shapes.size >= KNOWN_MOST) shapes.clear();
    shapes.set(host, shape);
  }
  return shape;
}

function findShape(shaping: ShapingPolicy, host: string): Shape {
  const shipped = Object.entries(shippedShaping()).find(([, { hosts }]) =>
    hosts.some((glob) => matchesGlob(glob, host)),
  );
  const own = Object.entries(shaping).find(
    ([key]) => key !== 'default' && (key === shipped?.[0] || matchesGlob(key, host)),
  );
  const [key, entry] = own ?? shipped ?? [null, shaping.default];
  const provider = (own?.[1].provider ?? shipped?.[0])?.toLowerCase() ?? null;
  const { connections, perConnection, rate = null } = entry;
  return { site: provider ?? key, provider, connections, perConnection, rate };
}

/**
 * The name of the site that takes a domain's mail: its provider's, or the pattern that fits its best host, or what of that
 * host's name its owner registered.
 * @param hosts its MX hosts, the best first; empty: it has none, and is its own host
 */
export function siteOf(shaping: ShapingPolicy, { domain, hosts }: DomainHosts): string {
  if (domain.startsWith('[')) return domain;
  const best = hosts[0] ?? domain;
  const { site } = shapeOf(shaping, best);
  return site ?? registeredPart(best);
}

export type DomainHosts = { readonly domain: string; readonly hosts: readonly string[] };

/** Second labels under which others register: `co.uk`, `com.br`, `ne.jp`. */
const SHARED = /^(?:ac|co|com|edu|go|gob|gouv|gov|gv|in|mil|ne|net|nom|or|org|sch)$/;

/** Without the list of public suffixes, which changes weekly: the last two labels, or three under `co.uk` and its like. */
function registeredPart(host: string): string {
  if (isIP(host) !== 0) return host;
  const labels = host.toLowerCase().split('.');
  const [second = '', top = ''] = labels.slice(-2);
  return labels.slice(top.length === 2 && SHARED.test(second) ? -3 : -2).join('.');
}
