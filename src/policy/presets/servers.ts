/** The servers of a preset, found in the environment: SMTP_HOST_1, SMTP_USER_1 and so on. */
import { isIP } from 'node:net';
import type { PresetServer } from './parts.ts';
import type { PresetContents, Region } from './presets.ts';
import { suggestion } from '../file/nearest.ts';
import type { Environment } from '../file/variables.ts';

/** What the operator writes of an exit of the preset: those keys need no variable. */
export type OwnTerms = {
  /** It is another type of exit, or switched off: it needs nothing of the environment. */
  readonly needsNothing: boolean;
  readonly has: (key: string) => boolean;
  /** What it says of this key, where that is text. */
  readonly textOf: (key: string) => string | null;
};

export type FoundServers = {
  readonly servers: readonly PresetServer[];
  /** Names of variables that have to be set, such as SMTP_HOST_2, in order. */
  readonly missing: readonly string[];
  /** Whatever else is wrong, each a sentence that names variables and never shows what they hold. */
  readonly faults: readonly string[];
  readonly warnings: readonly string[];
};

/** Keys of an egress and the variables that fill them. */
const VARIABLES = {
  host: 'SMTP_HOST',
  port: 'SMTP_PORT',
  tls: 'SMTP_TLS',
  username: 'SMTP_USER',
  password: 'SMTP_PASSWORD',
  address: 'SMTP_IP',
  region: 'SMTP_REGION',
} as const;

const API_KEY_VARIABLE = 'SENDGRID_API_KEY';

/** @param ownTerms of the exit of this name; default: the operator writes nothing of any */
export function findServers(
  contents: PresetContents,
  { env, ownTerms = () => NO_TERMS }: { readonly env: Environment; readonly ownTerms?: (name: string) => OwnTerms },
): FoundServers {
  const found = Array.from({ length: contents.servers }, (_, index) =>
    findServer(index + 1, { contents, env, own: ownTerms(`smtp-${index + 1}`) }),
  );
  const missing = found.flatMap((server) => server.missing);
  const cloud = ownTerms('sendgrid');
  const needsKey = contents.sendgrid !== null && !cloud.needsNothing && !cloud.has('apiKeys');
  return {
    servers: found.map(({ server }) => server),
    missing: needsKey && !isSet(env, API_KEY_VARIABLE) ? [...missing, API_KEY_VARIABLE] : missing,
    faults: [...found.flatMap(({ faults }) => faults), ...emptyRegions(contents, found)],
    warnings: sameServers(found),
  };
}

/** `port: SMTP_PORT_2` for whatever is set, without looking at what it holds. */
function setVariables(number: number, env: Environment): Map<string, string> {
  const names = Object.entries(VARIABLES).map(([key, name]): [string, string] => [key, `${name}_${number}`]);
  return new Map(names.filter(([, name]) => isSet(env, name)));
}

/** The numbers n of all SMTP_HOST_n that are set, upwards. */
export function hostNumbers(env: Environment): number[] {
  return Object.keys(env)
    .flatMap((name) => /^SMTP_HOST_([1-9]\d{0,3})$/.exec(name)?.[1] ?? [])
    .map(Number)
    .filter((number) => isSet(env, `SMTP_HOST_${number}`))
    .toSorted((left, right) => left - right);
}

/** What may have been meant for SMTP_HOST_n: SMTP_HOST1, SMTP_HOST_01, for the first SMTP_HOST. */
export function misnamedHost(env: Environment, number: number): string | null {
  const near = new RegExp(`^SMTP_?HOST_?0*${number === 1 ? '1?' : number}$`, 'i');
  return Object.keys(env).find((name) => near.test(name) && isSet(env, name)) ?? null;
}

/** Set to nothing is not set: files of variables often have such lines. */
export function isSet(env: Environment, name: string): boolean {
  const text = Object.hasOwn(env, name) ? env[name] : undefined;
  return text !== undefined && text.trim() !== '';
}

/** Region of a server by its number, where a preset spreads them evenly: 4, 4, 4 of 12. */
function regionOf(number: number, { servers, regions }: PresetContents): Region | null {
  return regions[Math.floor(((number - 1) * regions.length) / servers)] ?? null;
}

const NO_TERMS: OwnTerms = { needsNothing: false, has: () => false, textOf: () => null };

type Search = { readonly contents: PresetContents; readonly env: Environment; readonly own: OwnTerms };
type Found = {
  readonly server: PresetServer;
  readonly missing: readonly string[];
  readonly faults: readonly string[];
  /** host:port, for comparing. */
  readonly target: string | null;
};

function findServer(number: number, { contents, env, own }: Search): Found {
  const name = `smtp-${number}`;
  const variables = setVariables(number, env);
  const host = `SMTP_HOST_${number}`;
  const isMissing = !own.needsNothing && !own.has('host') && !variables.has('host');
  const region = own.textOf('region') ?? env[variables.get('region') ?? ''] ?? null;
  const known = contents.regions.find((one) => one === region);
  // What is not used is not judged either.
  const faults = own.needsNothing ? [] : faultsOf(number, { variables, own, env });
  if (region !== null && contents.regions.length > 0 && known === undefined && !own.has('region'))
    faults.push(regionFault(number, { region, regions: contents.regions }));
  return {
    server: { name, variables: new Map([['host', host], ...variables]), region: known ?? regionOf(number, contents) },
    missing: isMissing ? [host] : [],
    faults,
    target:
      own.needsNothing || own.has('host') || own.has('port') || isMissing
        ? null
        : `${env[host]?.toLowerCase()}:${env[variables.get('port') ?? ''] ?? 587}`,
  };
}

function faultsOf(
  number: number,
  { variables, own, env }: { variables: ReadonlyMap<string, string>; own: OwnTerms; env: Environment },
): string[] {
  const faults: string[] = [];
  const host = variables.get('host');
  if (host !== undefined && !own.has('host') && !isHost(env[host] ?? ''))
    faults.push(`${host}: expected a host name or an address alone; its port is SMTP_PORT_${number}`);
  const hasUser = variables.has('username') || own.has('username');
  const hasPassword = variables.has('password') || own.has('password');
  if (hasUser !== hasPassword) {
    const [there, absent] = hasUser ? ['SMTP_USER', 'SMTP_PASSWORD'] : ['SMTP_PASSWORD', 'SMTP_USER'];
    const text = `${there}_${number} is set and ${absent}_${number} is not: a server has both, or neither and is used without AUTH`;
    faults.push(text);
  }
  return faults;
}

function isHost(text: string): boolean {
  return isIP(text) !== 0 || /^[^\s:/@[\]]+$/.test(text);
}

function regionFault(
  number: number,
  { region, regions }: { readonly region: string; readonly regions: readonly Region[] },
): string {
  // The text itself is not shown; the name that it comes near to is one of ours.
  return `SMTP_REGION_${number}: expected one of ${regions.join(', ')}${suggestion(region, regions)}`;
}

function emptyRegions({ regions }: PresetContents, found: readonly Found[]): string[] {
  const empty = regions.filter((region) => !found.some(({ server }) => server.region === region));
  return empty.map((region) => `no server is in region ${region}: expected at least one (SMTP_REGION_n says which)`);
}

function sameServers(found: readonly Found[]): string[] {
  const first = new Map<string, string>();
  return found.flatMap(({ server: { name }, target }) => {
    if (target === null) return [];
    const other = first.get(target);
    if (other === undefined) first.set(target, name);
    return other === undefined
      ? []
      : [`${name} is the same server as ${other}: its limit and its reputation are counted twice`];
  });
}
