/** What a message comes to after its last dot. */
import type { MessageId } from '../message/ids.ts';
import type { Reply } from '../message/reply.ts';
import type { Clock } from '../ports.ts';
import type { Habits } from './habit-book.ts';
import { habitsOf } from './habits-of.ts';
import { type IncomingContent, incomingOf, originOf } from './incoming-content.ts';
import type { Receiver } from './receive.ts';
import { type ReturnPaths, whyNotReturned } from './return-path.ts';
import type { Session, Transaction } from './session.ts';
import { receivedField } from './trace.ts';

export type EndOfMessage = {
  readonly session: Session;
  readonly transaction: Transaction;
  readonly content: IncomingContent;
  readonly cipher: string | null;
};

export type EndNeeds = {
  readonly receiver: Receiver;
  readonly returnPaths: ReturnPaths;
  readonly clock: Clock;
  /** Absent: they are not counted. */
  readonly habits?: Habits;
};

/** The answer to it. 250 means durable. Never rejects. */
export async function endMessage(needs: EndNeeds, message: EndOfMessage): Promise<Reply> {
  const { session, transaction, content, cipher } = message;
  const { receiver } = needs;
  const refusal = content.whyNot();
  if (refusal !== null) return refusal;
  const [address] = transaction.recipients.keys();
  if (transaction.forReturnPath && address !== undefined) {
    return await receiver.whileInFlight(
      () => takeReturned(needs, message, address),
      (reply) => reply,
    );
  }
  const incoming = incomingOf(session, { transaction, content, cipher });
  if ('code' in incoming) return incoming;
  const received = await receiver.receive(incoming);
  if (received.kind === 'refused') return received.reply;
  needs.habits?.note(incoming.client.name, habitsOf(session, message));
  session.hasSent = true;
  return { code: 250, detail: '6.0', text: received.text };
}

async function takeReturned(
  { returnPaths, clock }: EndNeeds,
  { session, transaction, content, cipher }: EndOfMessage,
  address: string,
): Promise<Reply> {
  const returned = content.take();
  const { hostname, limits } = session.policy;
  const refusal = whyNotReturned(returned, limits);
  if (refusal !== null) return refusal;
  const origin = originOf(session, { smtpUtf8: transaction.smtpUtf8, cipher });
  const atMs = clock.nowMs();
  const trace = (id: MessageId): string => receivedField({ origin, hostname, id, atMs, recipients: [address] });
  return await returnPaths.take({ address, content: returned, isCut: content.isCut, trace });
}
