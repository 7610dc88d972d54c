/** Which limits a replay reached, when first, and what became of the mail that they kept. Pure. */
import type { LimitName } from './simulated-exit.ts';
import type { KeptBy } from './waiting-mail.ts';

export type LimitReached = {
  readonly egress: string;
  readonly what: LimitName;
  /** Where each mailbox provider has a warm-up of its own; null: it holds for all. */
  readonly provider: string | null;
  /** Messages in the day or the hour; ms between two for a rate; units of the currency of a budget; 0: before a warm-up begins. The lowest that was reached. */
  readonly limit: number;
  readonly firstAtMs: number;
  /** Days, hours, or months of a budget, in which it was reached; 0 for a rate. */
  readonly times: number;
  /** Messages that another exit took, and that waited. */
  readonly overflowed: number;
  readonly waited: number;
};

type Entry = { -readonly [Key in keyof LimitReached]: LimitReached[Key] } & { readonly ends: Set<number> };

export type LimitBook = {
  overflowed(by: KeptBy, nowMs: number): void;
  waited(by: KeptBy, nowMs: number): void;
  /** By exit, in order of time. */
  reached(): readonly LimitReached[];
};

export function limitBook(): LimitBook {
  const entries = new Map<string, Entry>();
  const entryOf = ({ egress, closed }: KeptBy, nowMs: number): Entry => {
    const { what, provider, limit, untilMs } = closed;
    const key = `${egress}\n${what}\n${provider ?? ''}`;
    let entry = entries.get(key);
    if (entry === undefined) {
      entry = {
        egress,
        what,
        provider,
        limit,
        firstAtMs: nowMs,
        times: 0,
        overflowed: 0,
        waited: 0,
        ends: new Set<number>(),
      };
      entries.set(key, entry);
    }
    entry.limit = Math.min(entry.limit, limit);
    if (what !== 'rate') entry.ends.add(untilMs);
    return entry;
  };
  return {
    overflowed: (by, nowMs) => void (entryOf(by, nowMs).overflowed += 1),
    waited: (by, nowMs) => void (entryOf(by, nowMs).waited += 1),
    reached: () =>
      [...entries.values()]
        .map(({ ends, ...entry }) => ({ ...entry, times: ends.size }))
        .sort((one, other) => one.firstAtMs - other.firstAtMs),
  };
}
