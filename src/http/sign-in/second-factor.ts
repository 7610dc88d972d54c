/** The second factor of users: codes of a program on a phone, and recovery codes; each is good once, on all nodes. */
import { z } from 'zod';
import type { Clock, Random } from '../../ports.ts';
import type { Ledger } from '../../spool/ledger.ts';
import type { Marks } from '../../spool/marks.ts';
import { newRecoveryCodes, newSeed, recoveryHash, STEP_MS, stepOfCode } from './totp.ts';
import type { Seeds } from './seeds.ts';
import { parsed, type User } from './user.ts';

export type SecondFactorNeeds = {
  readonly marks: Marks;
  readonly ledger: Ledger;
  readonly clock: Clock;
  readonly random: Random;
  readonly seeds: Seeds;
};

const PENDING_MARKS = 'user-seed:';
const RECOVERY_MARKS = 'user-recovery:';
const PENDING_MS = 15 * 60_000;
const DAY_MS = 86_400_000;

const PENDING = z.object({ seed: z.string().min(16) });

export class SecondFactors {
  readonly #needs: SecondFactorNeeds;

  constructor(needs: SecondFactorNeeds) {
    this.#needs = needs;
  }

  /** A seed that does not count yet. */
  async begin(name: string): Promise<string> {
    const { marks, clock, random, seeds } = this.#needs;
    const seed = await newSeed(random);
    const text = JSON.stringify({ seed: await seeds.kept(name, seed) });
    await marks.mark([{ name: `${PENDING_MARKS}${name}`, text, atMs: clock.nowMs() }]);
    return seed;
  }

  /** The seed that was begun with, as it is kept, and whether the code is of it; null: nothing was begun in the last 15 min. */
  async confirmed(name: string, code: string): Promise<{ readonly seed: string; readonly isRight: boolean } | null> {
    const { marks, clock, seeds } = this.#needs;
    const wanted = `${PENDING_MARKS}${name}`;
    const mark = (await marks.marks(wanted)).find((one) => one.name === wanted);
    const read = PENDING.safeParse(mark === undefined ? null : parsed(mark.text));
    if (mark === undefined || !read.success || clock.nowMs() - mark.atMs > PENDING_MS) return null;
    const { seed } = read.data;
    const step = await stepOfCode(await seeds.opened(name, seed), code, clock.nowMs());
    if (step === null || !(await this.#isFirstUse(name, step))) return { seed, isRight: false };
    await marks.unmark([wanted]);
    return { seed, isRight: true };
  }

  /** Ten others; those before are good no more. */
  async renewRecoveryCodes(name: string): Promise<readonly string[]> {
    const { marks, clock, random } = this.#needs;
    await marks.unmark(await this.#recoveryMarks(name));
    const codes = newRecoveryCodes(random);
    const atMs = clock.nowMs();
    await marks.mark(
      codes.map((code) => ({ name: `${RECOVERY_MARKS}${name}:${recoveryHash(code) ?? ''}`, text: '{}', atMs })),
    );
    return codes;
  }

  async recoveryCodesLeft(name: string): Promise<number> {
    return (await this.#recoveryMarks(name)).length;
  }

  /** Of all users at once, by name. */
  async allRecoveryCodesLeft(): Promise<ReadonlyMap<string, number>> {
    const counts = new Map<string, number>();
    for (const { name } of await this.#needs.marks.marks(RECOVERY_MARKS)) {
      const user = name.slice(RECOVERY_MARKS.length, name.lastIndexOf(':'));
      counts.set(user, (counts.get(user) ?? 0) + 1);
    }
    return counts;
  }

  /**
   * Whether a code lets that user in now; it is used up by that. A code of the phone or a recovery code.
   * @throws SpoolError where the store does not say whether it was used before, OperationsError where the seed cannot be opened here
   */
  async use(user: User, code: string): Promise<boolean> {
    const { marks, clock, ledger, seeds } = this.#needs;
    if (user.secondFactor === null) return false;
    // No code of a phone looks like a recovery code, which is good also where the seed cannot be opened.
    const hash = recoveryHash(code);
    if (hash === null) {
      const seed = await seeds.opened(user.name, user.secondFactor.seed);
      const step = await stepOfCode(seed, code, clock.nowMs());
      return step !== null && this.#isFirstUse(user.name, step);
    }
    const name = `${RECOVERY_MARKS}${user.name}:${hash}`;
    if (!(await marks.marks(name)).some((mark) => mark.name === name)) return false;
    // Of two who come with it at once, on two nodes even, one has it.
    const account = `recovery:${user.name}:${hash}`;
    const drawn = await ledger.draw({ account, amount: 1, limit: 1, windowMs: DAY_MS, nowMs: clock.nowMs() });
    await marks.unmark([name]);
    return drawn.kind === 'granted';
  }

  /** Nothing is left of it. */
  async forget(name: string): Promise<void> {
    await this.#needs.marks.unmark([`${PENDING_MARKS}${name}`, ...(await this.#recoveryMarks(name))]);
  }

  async #recoveryMarks(name: string): Promise<readonly string[]> {
    return (await this.#needs.marks.marks(`${RECOVERY_MARKS}${name}:`)).map((mark) => mark.name);
  }

  /** RFC 6238 §5.2: a second attempt with the same code is refused. The step is the window, whatever time it is. */
  async #isFirstUse(name: string, step: number): Promise<boolean> {
    const draw = { account: `totp:${name}`, amount: 1, limit: 1, windowMs: STEP_MS, nowMs: step * STEP_MS };
    return (await this.#needs.ledger.draw(draw)).kind === 'granted';
  }
}
