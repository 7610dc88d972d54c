/** What a message comes to after its last dot. */
import type { Reply } from '../message/reply.ts';
import { type IncomingContent, incomingOf } from './incoming-content.ts';
import type { Receiver } from './receive.ts';
import { type ReturnPaths, whyNotReturned } from './return-path.ts';
import type { Session, Transaction } from './session.ts';

export type EndOfMessage = {
  readonly session: Session;
  readonly transaction: Transaction;
  readonly content: IncomingContent;
  readonly cipher: string | null;
};

/** The answer to it. 250 means durable. Never rejects. */
export async function endMessage(
  { receiver, returnPaths }: { readonly receiver: Receiver; readonly returnPaths: ReturnPaths },
  { session, transaction, content, cipher }: EndOfMessage,
): Promise<Reply> {
  const refusal = content.whyNot();
  if (refusal !== null) return refusal;
  const [address] = transaction.recipients.keys();
  if (transaction.forReturnPath && address !== undefined) {
    const take = async (): Promise<Reply> => {
      const returned = content.take();
      return (
        whyNotReturned(returned, session.policy.limits) ?? (await returnPaths.take({ address, content: returned }))
      );
    };
    return await receiver.whileInFlight(take, (reply) => reply);
  }
  const incoming = incomingOf(session, { transaction, content, cipher });
  if ('code' in incoming) return incoming;
  const received = await receiver.receive(incoming);
  return received.kind === 'refused' ? received.reply : { code: 250, detail: '6.0', text: received.text };
}
