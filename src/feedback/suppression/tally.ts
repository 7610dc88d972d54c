/**
 * Soft bounces of an address, counted exactly where all processes see it: a figure for each message that came to nothing.
 * Beside them an entry says that there are some; it holds for nobody's mail, under a client that no policy can have, and
 * ends by itself like any other.
 */
import { createHash } from 'node:crypto';
import type { MessageId } from '../../message/ids.ts';
import type { Suppression } from '../../spool/suppressions.ts';
import type { Tallies } from '../../spool/tallies.ts';

/** No client's name begins so. */
export const TALLY_CLIENT = ':soft-bounces';

/** Whether it says that there is a count, and is no suppression. */
export function isTally({ client }: Pick<Suppression, 'client'>): boolean {
  return client === TALLY_CLIENT;
}

export type Soft = {
  /** In the form of `suppressionAddress`. */
  readonly address: string;
  readonly messageId: MessageId;
  readonly atMs: number;
  readonly withinMs: number;
};

/**
 * Counts one more; a repeat of the same one changes nothing.
 * @returns how many messages came to nothing within the time before it, this one included
 */
export async function countSoft(tallies: Tallies, { address, messageId, atMs, withinMs }: Soft): Promise<number> {
  const account = accountOf(address);
  await tallies.count([{ account, startsAtMs: placeOf(atMs, messageId), amount: 1, keepUntilMs: atMs + withinMs }]);
  // Read after its own is in: of several at once the last one sees them all.
  const found = await tallies.counts(account, (atMs - withinMs + 1) * SLOTS);
  return found.filter(({ amount }) => amount > 0).length;
}

/** Whether any of it is of after then. */
export async function hasSoftAfter(tallies: Tallies, address: string, atMs: number): Promise<boolean> {
  const found = await tallies.counts(accountOf(address), placesAfter(atMs));
  return found.some(({ amount }) => amount > 0);
}

/** What is of until then does not count any more; what is counted at the same time may. */
export async function uncountSoft(tallies: Tallies, address: string, atMs: number): Promise<void> {
  const found = await tallies.counts(accountOf(address), 0);
  const before = found.filter(({ amount, startsAtMs }) => amount > 0 && startsAtMs < placesAfter(atMs));
  // Kept until then at least, by what was said of it before.
  const gone = before.map((one) => ({ ...one, amount: -one.amount, keepUntilMs: 0 }));
  if (gone.length > 0) await tallies.count(gone);
}

/** What says that there is a count. */
export function tallyEntry({ address, atMs, withinMs }: Omit<Soft, 'messageId'>, said: string): Suppression {
  return {
    address,
    client: TALLY_CLIENT,
    stream: null,
    reason: 'soft-bounces',
    evidence: said,
    source: 'bounce',
    atMs,
    untilMs: atMs + withinMs,
  };
}

/** Messages of one millisecond are told apart by so many digests. */
const SLOTS = 4_096;

function placesAfter(atMs: number): number {
  return (Math.floor(atMs) + 1) * SLOTS;
}

/** An account an address; a figure a message, at its time. */
function placeOf(atMs: number, messageId: MessageId): number {
  return Math.floor(atMs) * SLOTS + (createHash('sha256').update(messageId).digest().readUInt16BE(0) % SLOTS);
}

/** No address is the beginning of another one. */
function accountOf(address: string): string {
  return `soft-bounces:${createHash('sha256').update(address).digest('hex').slice(0, 32)}`;
}
