/** Seeds of second factors, as the store has them: sealed, with a key that it does not have. */
import { OperationsError } from '../../operations/operations.ts';
import type { Random } from '../../ports.ts';
import type { Mark, Marks } from '../../spool/marks.ts';
import { isSealedWith, seal, unseal } from './seal.ts';
import { type User, USER_MARKS, userMark, userOf } from './user.ts';

export type SeedsNeeds = {
  readonly marks: Pick<Marks, 'marks' | 'mark'>;
  readonly random: Random;
  /**
   * Each opens what it sealed, the first seals; none: seeds are kept as they are, because nodes that share the store have no common
   * key yet. @throws OperationsError where they cannot be had
   */
  readonly keys: () => Promise<readonly Buffer[]>;
};

export class Seeds {
  readonly #needs: SeedsNeeds;
  /** With which all are sealed. */
  #last: Buffer | null = null;

  constructor(needs: SeedsNeeds) {
    this.#needs = needs;
  }

  /** As it is to be kept. @throws OperationsError where other nodes could not open it */
  async kept(name: string, seed: string): Promise<string> {
    const { random } = this.#needs;
    const keys = await this.#moved();
    const [key] = keys;
    if (key === undefined) return seed;
    const others = (await this.#users()).filter(({ user }) => isUnknown(user, keys));
    if (others.length > 0) throw new OperationsError(OTHER_KEY);
    return seal(seed, { key, about: aboutOf(name), random });
  }

  /** @throws OperationsError where no key that is here opens it */
  async opened(name: string, kept: string): Promise<string> {
    const seed = unseal(kept, { keys: await this.#moved(), about: aboutOf(name) });
    if (seed === null) throw new OperationsError(OTHER_KEY);
    return seed;
  }

  /** Once for each first key: seals what is there unsealed, and what another one has sealed. */
  async #moved(): Promise<readonly Buffer[]> {
    const keys = await this.#needs.keys();
    const [key] = keys;
    if (key === undefined || this.#last?.equals(key) === true) return keys;
    for (const { mark, user } of await this.#users()) await this.#move(mark, user, keys);
    this.#last = key;
    return keys;
  }

  async #move(before: Mark, user: User, keys: readonly Buffer[]): Promise<void> {
    const { marks, random } = this.#needs;
    const { name, secondFactor } = user;
    const [key] = keys;
    if (secondFactor === null || key === undefined || isSealedWith(secondFactor.seed, key)) return;
    const about = aboutOf(name);
    const seed = unseal(secondFactor.seed, { keys, about });
    if (seed === null) return;
    const sealed = { ...secondFactor, seed: seal(seed, { key, about, random }) };
    // Of the same time: where somebody changed the user meanwhile, that stays.
    await marks.mark([userMark({ ...user, secondFactor: sealed }, before.atMs)]);
  }

  async #users(): Promise<readonly { readonly mark: Mark; readonly user: User }[]> {
    const marks = await this.#needs.marks.marks(USER_MARKS);
    return marks.flatMap((mark) => {
      const user = userOf(mark);
      return user === null ? [] : [{ mark, user }];
    });
  }
}

const OTHER_KEY =
  'the second factors of this store are sealed with another key: copy the file of http.secondFactorKeys from a node that has it';

function isUnknown({ name, secondFactor }: User, keys: readonly Buffer[]): boolean {
  return secondFactor !== null && unseal(secondFactor.seed, { keys, about: aboutOf(name) }) === null;
}

function aboutOf(name: string): string {
  return `second factor of ${name}`;
}
