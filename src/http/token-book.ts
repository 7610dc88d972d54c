import type { Clock } from '../ports.ts';
import type { Marks } from '../spool/marks.ts';
import { SpoolError } from '../spool/spool.ts';
import type { AccessKey } from './access-key.ts';
import { checkToken, locksOf, TOKEN_MARKS, type TokenCheck, type TokenLock, tokenOf } from './token.ts';

export type TokenBookNeeds = { readonly marks: Pick<Marks, 'marks'>; readonly clock: Clock };

type Reading = { readonly locks: readonly TokenLock[]; readonly begunMs: number };

const READ_EVERY_MS = 3_000;
/** What is older says nothing of what was revoked since. */
const TRUSTED_MS = 5_000;

/** The tokens that there are, read from the store when one is to be checked, and every 3 s at most. */
export class TokenBook {
  readonly #needs: TokenBookNeeds;
  #last: Reading | null = null;
  #reading: Promise<Reading> | null = null;

  constructor(needs: TokenBookNeeds) {
    this.#needs = needs;
  }

  /**
   * A token that was revoked 5 s ago is unknown, whoever revoked it.
   * @throws SpoolError where the store does not say in time which tokens there are
   */
  async check(hash: Buffer): Promise<TokenCheck> {
    const { locks } = await this.#current();
    return checkToken(locks, hash, this.#needs.clock.nowMs());
  }

  /**
   * The token that an access key belongs to, by the hash of its text: `check` says whether it is good. null: nobody's.
   * @throws SpoolError as `check`
   */
  async ofAccessKey(id: string): Promise<{ readonly accessKey: AccessKey; readonly hash: Buffer } | null> {
    const { locks } = await this.#current();
    for (const { token } of locks)
      for (const { accessKey, sha256 } of token.secrets)
        if (accessKey?.id === id) return { accessKey, hash: Buffer.from(sha256, 'hex') };
    return null;
  }

  /** The tokens are others: they are read before the next one is checked. */
  forget(): void {
    this.#last = null;
    // Whoever asks from now on must not be told what was read before.
    this.#reading = null;
  }

  async #current(): Promise<Reading> {
    const last = this.#last;
    if (last !== null && this.#ageMs(last) < READ_EVERY_MS) return last;
    try {
      const read = await (this.#reading ?? this.#read());
      if (this.#ageMs(read) < TRUSTED_MS) return read;
      throw new SpoolError('unavailable', 'the store took too long to say which tokens there are');
    } catch (cause) {
      if (last !== null && this.#last === last && this.#ageMs(last) < TRUSTED_MS) return last;
      throw cause;
    }
  }

  #read(): Promise<Reading> {
    const reading = this.#readMarks()
      .then((read) => {
        if (this.#reading === reading) this.#last = read;
        return read;
      })
      .finally(() => {
        if (this.#reading === reading) this.#reading = null;
      });
    this.#reading = reading;
    return reading;
  }

  async #readMarks(): Promise<Reading> {
    const begunMs = this.#needs.clock.monotonicMs();
    const marks = await this.#needs.marks.marks(TOKEN_MARKS);
    const tokens = marks.map(tokenOf).filter((token) => token !== null);
    return { locks: tokens.flatMap(locksOf), begunMs };
  }

  #ageMs({ begunMs }: Reading): number {
    return this.#needs.clock.monotonicMs() - begunMs;
  }
}
