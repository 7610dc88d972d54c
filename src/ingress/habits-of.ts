/** What a client's software did with one message that was accepted. Pure. */
import type { Habit } from '../message/habit.ts';
import type { IncomingContent } from './incoming-content.ts';
import type { Session, Transaction } from './session.ts';

/** RFC 5322 §2.1.1, without CR LF. */
const LONGEST_LINE = 998;

export function habitsOf(
  session: Session,
  {
    transaction,
    content,
    cipher,
  }: {
    readonly transaction: Transaction;
    readonly content: Pick<IncomingContent, 'decoder'>;
    readonly cipher: string | null;
  },
): readonly Habit[] {
  const { decoder } = content;
  const habits: Habit[] = ['message'];
  if (!session.hasSent) habits.push('session');
  if (session.mechanism !== null) habits.push(session.mechanism);
  if (session.hello?.extended === false) habits.push('helo');
  if (cipher === null) habits.push('clear');
  else if (!cipher.startsWith('TLSv1.3')) habits.push('old-tls');
  if (decoder.hasBareNewline) habits.push('bare-newline');
  if (decoder.isEightBit && transaction.declaresEightBit !== true) habits.push('eight-bit');
  if (decoder.longestLine > LONGEST_LINE) habits.push('long-line');
  if (transaction.looseness !== null) habits.push(transaction.looseness);
  return habits;
}
