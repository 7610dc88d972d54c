/** Messages by the names that others have for them. */
import type { MessageId } from '../../message/ids.ts';
import type { Spool } from '../../spool/spool.ts';

/** `by`: what the text turned out to be. */
export type FoundMessage = {
  readonly id: MessageId;
  readonly by: 'provider id' | 'Message-ID';
  readonly receivedAtMs: number;
  readonly client: string;
  readonly sender: string;
  /** Of all recipients, the first. */
  readonly recipient: string;
};

/** Newest first, at most 10. What a provider calls them is an index; for a Message-ID every message is looked at. */
export async function findMessages(
  spool: Pick<Spool, 'byProviderId' | 'byMessageIdHeader' | 'story'>,
  text: string,
): Promise<readonly FoundMessage[]> {
  const ofProvider = await spool.byProviderId(text);
  if (ofProvider.length > 0) return described(spool, ofProvider, 'provider id');
  return text.includes('@') ? described(spool, await spool.byMessageIdHeader(text), 'Message-ID') : [];
}

async function described(
  spool: Pick<Spool, 'story'>,
  ids: readonly MessageId[],
  by: FoundMessage['by'],
): Promise<readonly FoundMessage[]> {
  const found: FoundMessage[] = [];
  for (const id of ids) {
    const story = await spool.story(id);
    // Forgotten meanwhile.
    if (story === null) continue;
    const { message, events } = story;
    const received = events.find((event) => event.event === 'received');
    found.push({
      id,
      by,
      receivedAtMs: message.receivedAtMs,
      client: message.client,
      sender: message.envelope.sender,
      recipient: received?.recipients[0] ?? '',
    });
  }
  return found;
}
