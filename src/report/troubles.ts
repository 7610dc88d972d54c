/** What went wrong lately, by exit and by destination, within bounds: as this process heard it, and as was kept of exits (kept-troubles.ts). */
import type { Event } from '../message/event.ts';
import { formatReply } from '../message/reply.ts';
import type { Emit } from '../ports.ts';

export type ExitTrouble = {
  /** When it was said last. */
  readonly atMs: number;
  readonly domain: string;
  readonly host: string | null;
  readonly reply: string;
  /** How often in a row, of that host. */
  readonly count: number;
};

export type Deferral = { readonly atMs: number; readonly reason: string };

export type Troubles = {
  /** Reads events; costs nothing where mail is delivered. */
  readonly sink: Emit;
  /** The latest first, at most 10: what is known of all nodes. */
  ofExit(egress: string): readonly ExitTrouble[];
  /** What was kept of an earlier run, or of other nodes: it takes the place of what was recalled of them before. */
  recall(of: 'earlier' | 'others', kept: ReadonlyMap<string, readonly ExitTrouble[]>): void;
  /** What this process and its earlier runs heard, of the exits of which something is new since the last call. */
  news(): ReadonlyMap<string, readonly ExitTrouble[]>;
  /** Whether anybody asked about an exit since the last call. */
  wereAsked(): boolean;
  /** Why mail to it was put off last; null: not known. */
  deferralOf(domain: string): Deferral | null;
};

const MOST_EXITS = 500;
const MOST_OF_EXIT = 10;
const MOST_DOMAINS = 2_000;
const MOST_TEXT = 400;

type Kept = ExitTrouble & { count: number; atMs: number };

/** Starts with none. */
export function createTroubles(): Troubles {
  const exits = new Map<string, Kept[]>();
  const fresh = new Set<string>();
  let others: ReadonlyMap<string, readonly ExitTrouble[]> = new Map();
  let isAsked = false;
  const domains = new Map<string, Deferral>();
  const attempted = (event: Event & { readonly event: 'attempted' }): void => {
    const { egress, host, reply } = event.attempt;
    if (reply.code < 400) return;
    const text = formatReply(reply).slice(0, MOST_TEXT);
    const known = exits.get(egress) ?? [];
    if (known.length === 0) keep(exits, MOST_EXITS, [egress, known]);
    const same = known.find((one) => one.reply === text && one.host === host);
    fresh.add(egress);
    if (same !== undefined) {
      same.count += 1;
      same.atMs = event.atMs;
      return;
    }
    if (known.length >= MOST_OF_EXIT) known.splice(oldestOf(known), 1);
    known.push({ atMs: event.atMs, domain: event.domain, host, reply: text, count: 1 });
  };
  return {
    sink: (event) => {
      if (event.event === 'attempted') attempted(event);
      else if (event.event === 'deferred')
        keep(domains, MOST_DOMAINS, [event.domain, { atMs: event.atMs, reason: event.reason.slice(0, MOST_TEXT) }]);
    },
    ofExit: (egress) => {
      isAsked = true;
      return together(exits.get(egress) ?? [], others.get(egress) ?? []);
    },
    recall: (of, kept) => {
      if (of === 'others') others = kept;
      else
        for (const [egress, some] of kept) keep(exits, MOST_EXITS, [egress, together(exits.get(egress) ?? [], some)]);
    },
    news: () => {
      const told = new Map([...fresh].map((egress) => [egress, together(exits.get(egress) ?? [], [])]));
      fresh.clear();
      return told;
    },
    wereAsked: () => {
      const were = isAsked;
      isAsked = false;
      return were;
    },
    deferralOf: (domain) => domains.get(domain) ?? null,
  };
}

/** The latest first; the same words of the same host are one. */
function together(some: readonly ExitTrouble[], more: readonly ExitTrouble[]): Kept[] {
  const found: Kept[] = [];
  for (const one of [...some, ...more]) {
    const same = found.find(({ reply, host }) => reply === one.reply && host === one.host);
    if (same === undefined) {
      found.push({ ...one });
      continue;
    }
    same.count += one.count;
    same.atMs = Math.max(same.atMs, one.atMs);
  }
  return found.toSorted((one, other) => other.atMs - one.atMs).slice(0, MOST_OF_EXIT);
}

function oldestOf(known: readonly Kept[]): number {
  return known.reduce((oldest, { atMs }, at) => (atMs < (known[oldest]?.atMs ?? 0) ? at : oldest), 0);
}

/** The one that was not named for the longest time goes. */
function keep<Value>(map: Map<string, Value>, most: number, [name, value]: readonly [string, Value]): void {
  map.delete(name);
  if (map.size >= most) for (const oldest of map.keys()) if (map.size >= most) map.delete(oldest);
  map.set(name, value);
}
