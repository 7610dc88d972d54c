/** When a message is signed, and what the spool keeps of it: docs/decisions/0043. */
import { type BlankSignatures, fillIn } from '../sign/blank-signature.ts';
import type { Spool, Submission } from '../spool/spool.ts';

/** So many messages are signed after their acknowledgement at a time; with slow keys more would outlast their leases. */
const MOST_MESSAGES = 64;
/** And so much content, which no session's memory counts any more. */
const MOST_BYTES = 16 * 1024 ** 2;

type Kept = Pick<Submission, 'message' | 'content'>;
/** `content` begins with the fields of `signatures`. */
export type Blank = Kept & { readonly signatures: BlankSignatures };
/** What the spool is to keep; `signing` settles once the whole content is signed, or cannot be; null: it is. */
export type Signed = { readonly kept: Kept; readonly signing: Promise<void> | null };

export class Signing {
  readonly #spool: Pick<Spool, 'sign'>;
  #messages = 0;
  #bytes = 0;

  constructor(spool: Pick<Spool, 'sign'>) {
    this.#spool = spool;
  }

  /**
   * Mail that waits in the spool is kept with its signatures, so that each is made once. Mail that goes straight to its lane is kept
   * without, and nobody waits for them; what is too much of that is signed first as well.
   * Rejects when what is to be signed first cannot be.
   */
  async begin({ message, content, signatures }: Blank, goesOn: boolean): Promise<Signed> {
    if (signatures.blanks.length === 0) return { kept: { message, content }, signing: null };
    // Asked for before the message is: what waits for company in the spool's line then goes at once, which the figures in 0043 have in them.
    const signing = this.#fill(content, signatures);
    if (!goesOn || !this.#hasRoomFor(content.length)) {
      await signing;
      return { kept: { message, content }, signing: null };
    }
    this.#count(content.length, signing);
    const unsigned = content.subarray(signatures.headers.byteLength);
    return { kept: { message: { ...message, unsigned: true }, content: unsigned }, signing };
  }

  /** Where the spool cannot make the values (any more), they are made on the thread pool. */
  async #fill(content: Buffer, { blanks, areQuick, make }: BlankSignatures): Promise<void> {
    const { sign } = this.#spool;
    fillIn(content, blanks, areQuick && sign !== undefined ? await sign(blanks).catch(make) : await make());
  }

  #hasRoomFor(bytes: number): boolean {
    return this.#messages < MOST_MESSAGES && this.#bytes + bytes <= MOST_BYTES;
  }

  /** Until it is signed, or cannot be; that it cannot is left to whoever waits for `signing`. */
  #count(bytes: number, signing: Promise<void>): void {
    this.#messages += 1;
    this.#bytes += bytes;
    const over = (): void => {
      this.#messages -= 1;
      this.#bytes -= bytes;
    };
    signing.then(over, over);
  }
}
