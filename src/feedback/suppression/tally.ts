/**
 * Soft bounces of an address, counted where all processes see it: in an entry that holds for nobody's mail, under a client
 * that no policy can have. It ends by itself like any other entry.
 */
import type { Suppression } from '../../spool/suppressions.ts';

/** No client's name begins so. */
export const TALLY_CLIENT = ':soft-bounces';

/** As many as a policy may ask for. */
const MOST = 50;

/** Whether it is such a count, and no suppression. */
export function isTally({ client }: Pick<Suppression, 'client'>): boolean {
  return client === TALLY_CLIENT;
}

/** When each of them was, oldest first. */
export function timesIn({ evidence }: Pick<Suppression, 'evidence'>): readonly number[] {
  const [line = ''] = evidence.split(';', 1);
  return line.split(' ').map(Number).filter(Number.isSafeInteger);
}

export type Soft = {
  readonly address: string;
  readonly atMs: number;
  /** What was said. */
  readonly said: string;
  readonly withinMs: number;
};

/** The count with one more. @param before null: there was none */
export function counted(before: Suppression | null, { address, atMs, said, withinMs }: Soft): Suppression {
  const times = before === null ? [] : timesIn(before);
  // The same report twice is one bounce.
  const all = times.includes(atMs) ? times : [...times, atMs];
  const recent = all
    .filter((time) => time > atMs - withinMs)
    .sort((one, other) => one - other)
    .slice(-MOST);
  return {
    address,
    client: TALLY_CLIENT,
    stream: null,
    reason: 'soft-bounces',
    evidence: `${recent.join(' ')}; ${said}`.slice(0, 1_000),
    source: 'bounce',
    atMs: Math.max(before?.atMs ?? 0, atMs),
    untilMs: Math.max(before?.untilMs ?? 0, atMs + withinMs),
  };
}
