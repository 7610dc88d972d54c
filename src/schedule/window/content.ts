/** The content of a delivery whose turn it is, where it is not in memory any more. */
import type { Spool } from '../../spool/spool.ts';
import type { Entry } from './entry.ts';

/** `no-content`: the store's copy is gone or damaged. `unreadable`: the store did not answer; nothing was tried. */
export type NoContent =
  | { readonly kind: 'no-content'; readonly why: 'corrupt' | 'missing' }
  | { readonly kind: 'unreadable'; readonly cause: string };

/** As the store has it. Never rejects. */
export async function readContent(spool: Pick<Spool, 'content'>, { leased }: Entry): Promise<Buffer | NoContent> {
  try {
    const found = await spool.content(leased.message.id);
    return found.kind === 'found' ? found.content : { kind: 'no-content', why: found.kind };
  } catch (cause) {
    return { kind: 'unreadable', cause: String(cause) };
  }
}
