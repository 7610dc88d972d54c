/** What is looked up in the records of mail: searches, and what a change of the queue would reach. */
import { type MessageId, messageIdOf, parseDeliveryId, parseMessageId } from '../../message/ids.ts';
import type { Transcript } from '../../message/transcript.ts';
import { transcriptsOf } from '../../report/transcripts.ts';
import type { Marks } from '../../spool/marks.ts';
import type { Peek, Peeked } from '../../spool/peek.ts';
import { foundMail, type Search, type SearchAsk, type SearchFilter, type SearchPage } from '../../spool/search.ts';
import type { QueueFilter, Spool } from '../../spool/spool.ts';
import { OperationsError } from '../operations.ts';

/** @property text an id of a message or a delivery, of a provider, or a Message-ID; what else is asked must hold as well */
export type MessageSearch = Omit<SearchAsk, 'filter'> & { readonly filter: SearchFilter; readonly text?: string };

export type RecordOperations = {
  /** Messages, newest first; see `Search`. Subjects are there only where the policy lets them be shown. */
  search(ask: MessageSearch): Promise<SearchPage>;
  /** How many deliveries a change would reach: the newest 50, and a count of at most so many as can be looked at soon. */
  preview(ask: { readonly filter: QueueFilter }): Promise<Peeked>;
  /** What was said in its last attempts, as far as that is kept; the oldest first. */
  transcripts(ask: { readonly id: MessageId }): Promise<readonly Transcript[]>;
};

export type RecordNeeds = {
  /** One that cannot search refuses to. */
  readonly spool: Pick<Spool, 'story' | 'byProviderId'> &
    Partial<Search> &
    Partial<Peek> & { readonly marks?: Pick<Marks, 'marks'> };
  readonly showsSubjects: () => boolean;
};

const SHOWN = 50;
/** Deliveries, which takes some hundred ms at most. */
const LOOKED_AT = 20_000;

export function recordOperations({ spool, showsSubjects }: RecordNeeds): RecordOperations {
  return {
    search: async (ask) => {
      const page = await (ask.text === undefined ? searched(spool, ask) : named(spool, ask, ask.text.trim()));
      if (showsSubjects()) return page;
      return { ...page, messages: page.messages.map((one) => ({ ...one, subject: null })) };
    },
    preview: async ({ filter }) => {
      if (spool.peek === undefined) throw new OperationsError('the queue cannot be looked at here');
      return spool.peek(filter, { show: SHOWN, looksAt: LOOKED_AT });
    },
    transcripts: async ({ id }) => (spool.marks === undefined ? [] : transcriptsOf(spool.marks, id)),
  };
}

async function searched(spool: RecordNeeds['spool'], { filter, limit, cursor }: SearchAsk): Promise<SearchPage> {
  if (spool.search === undefined) throw new OperationsError('messages cannot be searched here');
  return spool.search({ filter, limit, cursor });
}

/** By an id it is one look; a Message-ID has no index, and is searched for. */
async function named(spool: RecordNeeds['spool'], ask: SearchAsk, text: string): Promise<SearchPage> {
  const delivery = parseDeliveryId(text);
  const id = delivery === null ? parseMessageId(text) : messageIdOf(delivery);
  const ids = id === null ? await spool.byProviderId(text) : [id];
  if (id === null && ids.length === 0 && text.includes('@'))
    return searched(spool, { ...ask, filter: { ...ask.filter, messageIdHeader: text } });
  const stories = await Promise.all(ids.map((one) => spool.story(one)));
  const messages = stories.flatMap((story) => (story === null ? [] : (foundMail(story, ask.filter) ?? [])));
  return { messages, next: null, isWhole: true };
}
