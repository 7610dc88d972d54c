/** The content of a delivery whose turn it is, where it is not in memory any more. */
import type { Message } from '../../message/message.ts';
import { type Spool, SpoolError } from '../../spool/spool.ts';
import type { Entry } from './entry.ts';

/** `no-content`: the store's copy is gone or damaged. `unreadable`: the store did not answer, or it could not be signed; nothing was tried. */
export type NoContent =
  | { readonly kind: 'no-content'; readonly why: 'corrupt' | 'missing' }
  | { readonly kind: 'unreadable'; readonly cause: SpoolError };

export type ContentNeeds = {
  readonly spool: Pick<Spool, 'content'>;
  /** Puts the signatures before what the spool keeps without them (`Message.unsigned`). */
  readonly signStored: (message: Message, content: Buffer) => Promise<Buffer>;
};

/** As it leaves. Never rejects. */
export async function readContent({ spool, signStored }: ContentNeeds, { leased }: Entry): Promise<Buffer | NoContent> {
  const { message } = leased;
  try {
    const found = await spool.content(message.id);
    if (found.kind !== 'found') return { kind: 'no-content', why: found.kind };
    return message.unsigned === true ? await signStored(message, found.content) : found.content;
  } catch (cause) {
    return {
      kind: 'unreadable',
      cause: cause instanceof SpoolError ? cause : new SpoolError('unavailable', String(cause)),
    };
  }
}
