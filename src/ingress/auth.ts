/** Checks passwords: off the event loop, few at once, the same time for unknown users, and limited where they fail. */
import { createHmac } from 'node:crypto';
import { clientByName } from '../policy/admit.ts';
import { verifyPassword } from '../policy/password.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit, Random } from '../ports.ts';
import { addressKey } from './address-key.ts';
import type { Peers } from './peers.ts';
import { SignInLimits } from './sign-in-limits.ts';

/** `barred`: too many failures, go away. `busy`: too many sign-ins under way. */
export type SignIn = 'accepted' | 'wrong' | 'barred' | 'busy';

export type Credentials = { readonly user: string; readonly password: string; readonly address: string };

/** Each check holds some 32 MB and a thread of the pool for some 60 ms. Of several workers each does one. */
const AT_ONCE = 2;
const AT_ONCE_AMONG_PEERS = 1;
const MAX_WAITING = 200;
/** So that one message a connection does not cost a check each. Counted from the last use. */
const REMEMBERED_MS = 3_600_000;
const MAX_REMEMBERED = 2_000;

export class Authenticator {
  readonly #policy: () => Policy;
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #limits: SignInLimits;
  readonly #peers: Peers | null;
  readonly #atOnce: number;
  readonly #key: Buffer;
  readonly #dummyHash: string;
  /** Digests of credentials that were right, and until when they are kept. The policy's hash is in them: another password, another digest. */
  readonly #remembered = new Map<string, number>();
  readonly #underWay = new Map<string, Promise<SignIn>>();
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(deps: {
    readonly policy: () => Policy;
    readonly clock: Clock;
    readonly random: Random;
    readonly emit: Emit;
    /** The other workers: what fails there counts here. */
    readonly peers?: Peers;
  }) {
    this.#policy = deps.policy;
    this.#clock = deps.clock;
    this.#emit = deps.emit;
    this.#limits = new SignInLimits(() => deps.policy().limits.loginAttempts);
    this.#peers = deps.peers ?? null;
    this.#peers?.onFailure((key) => this.#limits.failed(key, this.#clock.monotonicMs()));
    this.#atOnce = this.#peers === null ? AT_ONCE : AT_ONCE_AMONG_PEERS;
    this.#key = deps.random.bytes(32);
    const unpadded = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
    this.#dummyHash = `$scrypt$ln=15,r=8,p=1$${unpadded(deps.random.bytes(16))}$${unpadded(deps.random.bytes(32))}`;
  }

  /** Whether sign-ins from there are turned away whatever the password. */
  isBarred(address: string): boolean {
    return this.#limits.isBarred(addressKey(address), this.#clock.monotonicMs());
  }

  async signIn(credentials: Credentials): Promise<SignIn> {
    const { user, password, address } = credentials;
    const phc = clientByName(this.#policy(), user)?.client.password ?? null;
    const digest = createHmac('sha256', this.#key)
      .update(JSON.stringify([user, password, phc]))
      .digest('base64');
    if (this.isBarred(address)) return 'barred';
    // Who knows the right password is no guesser: a stranger's guesses do not lock the client itself out.
    if ((this.#remembered.get(digest) ?? 0) > this.#clock.monotonicMs()) {
      this.#remember(digest);
      return 'accepted';
    }
    if (this.#isUserBarred(user)) return 'barred';
    let check = this.#underWay.get(digest);
    if (check === undefined) {
      check = this.#check(credentials, phc);
      this.#underWay.set(digest, check);
      void check.finally(() => this.#underWay.delete(digest)).catch(() => undefined);
    }
    const result = await check;
    if (result === 'accepted') this.#remember(digest);
    return result;
  }

  async #check({ user, password, address }: Credentials, phc: string | null): Promise<SignIn> {
    if (this.#waiting.length >= MAX_WAITING) return 'busy';
    if (this.#running >= this.#atOnce) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#running += 1;
    try {
      // Others may have failed meanwhile: guesses sent at once are limited too.
      if (this.isBarred(address) || this.#isUserBarred(user)) return 'barred';
      const isRight = await verifyPassword(password, phc ?? this.#dummyHash);
      if (isRight && phc !== null) return 'accepted';
      this.#failed(user, address, phc === null ? 'unknown user' : 'wrong password');
      return 'wrong';
    } finally {
      this.#running -= 1;
      this.#waiting.shift()?.();
    }
  }

  #failed(user: string, address: string, reason: string): void {
    for (const key of [addressKey(address), userKey(user)]) {
      this.#limits.failed(key, this.#clock.monotonicMs());
      this.#peers?.failed(key);
    }
    this.#emit({ event: 'auth-failed', atMs: this.#clock.nowMs(), peer: address, user: user.slice(0, 64), reason });
  }

  #isUserBarred(user: string): boolean {
    return this.#limits.isBarred(userKey(user), this.#clock.monotonicMs());
  }

  #remember(digest: string): void {
    this.#remembered.delete(digest);
    this.#remembered.set(digest, this.#clock.monotonicMs() + REMEMBERED_MS);
    if (this.#remembered.size <= MAX_REMEMBERED) return;
    const oldest = this.#remembered.keys().next();
    if (oldest.done !== true) this.#remembered.delete(oldest.value);
  }
}

function userKey(user: string): string {
  return `user ${user.slice(0, 64)}`;
}
