/** What went wrong lately, by exit and by destination, as this process heard it: within bounds, and gone when it ends. */
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
  /** The latest first, at most 10. */
  ofExit(egress: string): readonly ExitTrouble[];
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
  const domains = new Map<string, Deferral>();
  const attempted = (event: Event & { readonly event: 'attempted' }): void => {
    const { egress, host, reply } = event.attempt;
    if (reply.code < 400) return;
    const text = formatReply(reply).slice(0, MOST_TEXT);
    const known = exits.get(egress) ?? [];
    if (known.length === 0) keep(exits, MOST_EXITS, [egress, known]);
    const same = known.find((one) => one.reply === text && one.host === host);
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
    ofExit: (egress) =>
      (exits.get(egress) ?? []).toSorted((one, other) => other.atMs - one.atMs).map((one) => ({ ...one })),
    deferralOf: (domain) => domains.get(domain) ?? null,
  };
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
