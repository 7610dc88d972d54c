/** Where people sign in and out: by name and password, a code where there is a second factor, or by a token. */
import type { Clock, Emit } from '../../ports.ts';
import type { Marks } from '../../spool/marks.ts';
import type { Audit } from '../audit.ts';
import { hashOf, type Scope, type TokenCheck } from '../token.ts';
import { isFrom } from '../token-limits.ts';
import type { PasswordChecks } from './password-checks.ts';
import type { SecondFactors } from './second-factor.ts';
import { secretHash, sessionId } from './session.ts';
import { type Sessions, tokenProof } from './sessions.ts';
import type { Tickets } from './tickets.ts';
import { parseUserName, SIGNED_IN_MARKS, type User, USER_MARKS, userOf } from './user.ts';

/** Failed attempts under a key (an address, a user), within bounds. */
export type Attempts = {
  isBarred(key: string): boolean;
  failed(key: string): void;
  /** After so many seconds at most what is barred may be tried again. */
  barredSeconds(): number;
};

export type DeskNeeds = {
  readonly clock: Clock;
  readonly emit: Emit;
  readonly audit: Audit;
  readonly marks: Marks;
  readonly sessions: Sessions;
  readonly secondFactors: SecondFactors;
  readonly tickets: Tickets;
  readonly passwords: PasswordChecks;
  readonly attempts: Attempts;
  /** @throws SpoolError where it cannot be known now */
  readonly checkToken: (hash: Buffer) => Promise<TokenCheck>;
};

export type Visitor = {
  readonly peer: string;
  /** What the browser says that it is. */
  readonly agent: string;
  /** The session that it had, which ends when there is another; null: none. */
  readonly before: string | null;
};

export type SignInResult =
  /** `secret`: for the cookie, and nowhere else. */
  | { readonly kind: 'signed-in'; readonly secret: string; readonly scopes: readonly Scope[] }
  | { readonly kind: 'code-wanted'; readonly ticket: string }
  /** `what` does not say which of name and password it was. `isOver`: the password has to be given again. */
  | { readonly kind: 'wrong'; readonly what: string; readonly isOver: boolean }
  | { readonly kind: 'barred'; readonly seconds: number }
  | { readonly kind: 'busy' };

export type OwnerAsk = {
  readonly name: string;
  readonly password: string;
  readonly code: string | null;
  readonly peer: string;
};

export class SignInDesk {
  readonly #needs: DeskNeeds;
  #lastCode: Promise<unknown> = Promise.resolve();

  constructor(needs: DeskNeeds) {
    this.#needs = needs;
  }

  /** @throws SpoolError where the store does not answer */
  async byPassword(given: string, password: string, visitor: Visitor): Promise<SignInResult> {
    const name = parseUserName(given);
    const user = name === null ? null : await this.user(name);
    const checked = await this.#checked(user, { key: userKey(name ?? given), password, peer: visitor.peer });
    if (checked === 'barred') return this.#barred();
    if (checked === 'busy') return { kind: 'busy' };
    if (checked === 'wrong' || user === null) {
      const reason = user === null ? 'unknown user' : user.isDisabled ? 'disabled user' : 'wrong password';
      await this.#tell(user?.name ?? '', { peer: visitor.peer, reason });
      return { kind: 'wrong', what: 'name or password is wrong', isOver: false };
    }
    if (user.secondFactor !== null) return { kind: 'code-wanted', ticket: await this.#needs.tickets.issue(user) };
    return this.#open(user, visitor, 'password');
  }

  /** The code that a ticket waits for. */
  async byCode(ticket: string, code: string, visitor: Visitor): Promise<SignInResult> {
    const { tickets } = this.#needs;
    const holder = await tickets.holder(ticket);
    const user = holder === null ? null : await this.user(holder.name);
    if (holder === null || user === null || user.isDisabled || user.epoch !== holder.epoch)
      return { kind: 'wrong', what: '', isOver: true };
    const checked = await this.#checkedCode(user, { code, peer: visitor.peer });
    if (checked === 'barred') return this.#barred();
    if (checked === 'wrong') {
      await this.#tell(user.name, { peer: visitor.peer, reason: 'wrong code of the second factor' });
      return { kind: 'wrong', what: 'that code is not good now: each is good once, and not for long', isOver: false };
    }
    await tickets.spend(ticket);
    return this.#open(user, visitor, 'password and second factor');
  }

  /** What the token may do, the session may. */
  async byToken(text: string, { peer, agent, before }: Visitor): Promise<SignInResult> {
    const { attempts, sessions, checkToken } = this.#needs;
    if (attempts.isBarred(peer)) return this.#barred();
    const hash = hashOf(text.trim());
    const checked: TokenCheck = hash === null ? { kind: 'unknown' } : await checkToken(hash);
    const proof = tokenProof(text.trim());
    const reasons = { expired: 'expired token', unknown: 'unknown token', valid: 'token of another network' };
    if (checked.kind !== 'valid' || proof === null || !isFrom(checked.token, peer)) {
      attempts.failed(peer);
      await this.#tell('', { peer, reason: reasons[checked.kind] });
      return { kind: 'wrong', what: 'the token is not known, or has expired', isOver: false };
    }
    const { name } = checked.token;
    await this.#endBefore(before);
    const secret = await sessions.open({ by: 'token', name, proof, peer, agent });
    await this.#needs.audit({ actor: { kind: 'token', name, from: peer }, what: 'sign-in', on: name });
    return { kind: 'signed-in', secret, scopes: (await sessions.find(secret, peer))?.scopes ?? [] };
  }

  /**
   * Whether it is really who is signed in already: before what would let a stranger stay.
   * @param ask `code` null: the password is enough
   */
  async isOwner({ name, password, code, peer }: OwnerAsk): Promise<'right' | 'wrong' | 'busy' | 'barred'> {
    const user = await this.user(name);
    const checked = await this.#checked(user, { key: userKey(name), password, peer });
    if (checked !== 'right' && checked !== 'wrong') return checked;
    const second = checked === 'wrong' || user === null ? 'wrong' : await this.#checkedCode(user, { code, peer });
    if (second !== 'wrong') return second;
    await this.#tell(name, {
      peer,
      reason: checked === 'right' ? 'wrong code of the second factor' : 'wrong password',
    });
    return 'wrong';
  }

  /** @returns null where there is none of that name */
  async user(name: string): Promise<User | null> {
    const wanted = `${USER_MARKS}${name}`;
    const mark = (await this.#needs.marks.marks(wanted)).find((one) => one.name === wanted);
    return mark === undefined ? null : userOf(mark);
  }

  async #checked(
    user: User | null,
    { key, password, peer }: { readonly key: string; readonly password: string; readonly peer: string },
  ): Promise<'right' | 'wrong' | 'busy' | 'barred'> {
    const { attempts, passwords } = this.#needs;
    const keys = [peer, key];
    const mayStill = (): boolean => !keys.some((one) => attempts.isBarred(one));
    if (!mayStill()) return 'barred';
    const failed = (): void => keys.forEach((one) => attempts.failed(one));
    return passwords.check(user, password, { mayStill, failed });
  }

  /** One after the other: of guesses that come at once each finds out that those before it failed. @param code null: none is asked for */
  #checkedCode(
    user: User,
    { code, peer }: { readonly code: string | null; readonly peer: string },
  ): Promise<'right' | 'wrong' | 'barred'> {
    if (code === null) return Promise.resolve('right');
    const { attempts, secondFactors } = this.#needs;
    const keys = [peer, userKey(user.name)];
    const check = async (): Promise<'right' | 'wrong' | 'barred'> => {
      if (keys.some((key) => attempts.isBarred(key))) return 'barred';
      if (await secondFactors.use(user, code)) return 'right';
      for (const key of keys) attempts.failed(key);
      return 'wrong';
    };
    const turn = this.#lastCode.then(check, check);
    this.#lastCode = turn;
    return turn;
  }

  /** Ends the session of that text, if there is one. */
  async signOut(secret: string): Promise<void> {
    const sha256 = secretHash(secret);
    if (sha256 !== null) await this.#needs.sessions.end([sessionId(sha256)]);
  }

  async #endBefore(before: string | null): Promise<void> {
    if (before !== null) await this.signOut(before);
  }

  async #open({ name, epoch }: User, { peer, agent, before }: Visitor, by: string): Promise<SignInResult> {
    const { sessions, marks, clock, audit } = this.#needs;
    await this.#endBefore(before);
    const secret = await sessions.open({ by: 'user', name, proof: epoch, peer, agent });
    await marks.mark([{ name: `${SIGNED_IN_MARKS}${name}`, text: peer, atMs: clock.nowMs() }]);
    await audit({ actor: { kind: 'user', name, from: peer }, what: 'sign-in', on: name, after: { by } });
    return { kind: 'signed-in', secret, scopes: (await sessions.find(secret, peer))?.scopes ?? [] };
  }

  #barred(): SignInResult {
    return { kind: 'barred', seconds: this.#needs.attempts.barredSeconds() };
  }

  /** @param name '' where it is nobody's: what is typed there may be a password */
  async #tell(name: string, { peer, reason }: { readonly peer: string; readonly reason: string }): Promise<void> {
    const { clock, emit, audit } = this.#needs;
    emit({ event: 'auth-failed', atMs: clock.nowMs(), peer, user: name, reason: `pages: ${reason}` });
    await audit({
      actor: { kind: 'nobody', name: '', from: peer },
      what: 'sign-in.refused',
      on: name,
      after: { reason },
    });
  }
}

/** Whoever it is: a name that there is not is barred as one that there is. */
function userKey(name: string): string {
  return `user ${name.slice(0, 64)}`;
}
