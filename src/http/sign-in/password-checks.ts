/** Checks passwords of users: few at once, and in the same time for those that there are not. */
import { verifyPassword } from '../../policy/password.ts';
import type { Random } from '../../ports.ts';
import type { User } from './user.ts';

/** Each check holds some 32 MB and a thread of the pool for some 60 ms, which mail needs too. */
const AT_ONCE = 1;
const MOST_WAITING = 20;

export class PasswordChecks {
  readonly #dummyHash: string;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(random: Random) {
    const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
    this.#dummyHash = `$scrypt$ln=15,r=8,p=1$${unpadded(random.bytes(16))}$${unpadded(random.bytes(32))}`;
  }

  /**
   * @param user null: there is none of that name, which takes as long to find out
   * @param turn `mayStill` is asked once it is its turn: others may have failed meanwhile; `failed` is called before the next one's
   */
  async check(
    user: User | null,
    password: string,
    { mayStill, failed }: { readonly mayStill: () => boolean; readonly failed: () => void },
  ): Promise<'right' | 'wrong' | 'busy' | 'barred'> {
    if (this.#waiting.length >= MOST_WAITING) return 'busy';
    // Whoever ends hands the place on, so that nobody who comes meanwhile takes it too.
    if (this.#running >= AT_ONCE) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    else this.#running += 1;
    try {
      if (!mayStill()) return 'barred';
      const isRight = await verifyPassword(password, user?.passwordHash ?? this.#dummyHash);
      if (isRight && user !== null && !user.isDisabled) return 'right';
      failed();
      return 'wrong';
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#running -= 1;
      else next();
    }
  }
}
