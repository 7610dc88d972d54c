/** The same over the store, whether a relay runs on it or not. */
import { newPassword } from './new-password.ts';
import type { SecondFactors } from '../http/sign-in/second-factor.ts';
import type { Sessions } from '../http/sign-in/sessions.ts';
import { seedUri } from '../http/sign-in/totp.ts';
import {
  parseUserName,
  passwordFault,
  SIGNED_IN_MARKS,
  type User,
  USER_MARKS,
  userMark,
  userOf,
} from '../http/sign-in/user.ts';
import { nearest } from '../policy/file/nearest.ts';
import { hashPassword } from '../policy/password.ts';
import type { Clock, Random } from '../ports.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import { OperationsError } from './operations.ts';
import type { UserOperations, UserStatus, UserWithPassword } from './user-operations.ts';

export type StoreUsersNeeds = {
  readonly marks: Marks;
  readonly clock: Clock;
  readonly random: Random;
  readonly sessions: Sessions;
  readonly secondFactors: SecondFactors;
  /** The relay, as a program on a phone lists it. */
  readonly issuer: () => string;
};

const MOST_USERS = 500;

/** One after the other: two that change one user at once would undo each other's change. */
export function storeUsers(needs: StoreUsersNeeds): UserOperations {
  let last: Promise<unknown> = Promise.resolve();
  const next = <Result>(run: () => Promise<Result>): Promise<Result> => {
    const turn = last.then(run, run);
    last = turn;
    return turn;
  };
  const changed = (name: string, change: (user: User) => User | Promise<User>): Promise<UserStatus> =>
    next(async () => statusOf(needs, await replaced(needs, name, change)));
  return {
    users: () => statuses(needs),
    addUser: (ask) => next(() => add(needs, ask)),
    setUserPassword: async ({ name, password }) => {
      const { text, passwordHash } = await hashed(needs, named(name), password);
      const passwordAtMs = needs.clock.nowMs();
      const user = await changed(name, (before) => ({ ...before, passwordHash, passwordAtMs, epoch: newEpoch(needs) }));
      return { ...user, password: text };
    },
    setUserRole: ({ name, role }) =>
      changed(name, (before) => (before.role === role ? before : { ...before, role, epoch: newEpoch(needs) })),
    setUserDisabled: ({ name, isDisabled }) =>
      changed(name, (before) => ({ ...before, isDisabled, epoch: newEpoch(needs) })),
    removeUser: ({ name }) => next(() => remove(needs, name)),
    beginSecondFactor: ({ name }) => next(() => begin(needs, name)),
    confirmSecondFactor: (ask) => next(() => confirm(needs, ask)),
    renewRecoveryCodes: ({ name }) =>
      next(async () => {
        const user = await found(needs, name);
        if (user.secondFactor === null) throw new OperationsError(`${user.name} has no second factor`);
        return { recoveryCodes: await needs.secondFactors.renewRecoveryCodes(user.name) };
      }),
    removeSecondFactor: async ({ name }) => {
      await needs.secondFactors.forget(named(name));
      return changed(name, (before) => ({ ...before, secondFactor: null, epoch: newEpoch(needs) }));
    },
    sessions: async ({ user }) => {
      const all = await needs.sessions.list();
      return user === null ? all : all.filter(({ by, name }) => by === 'user' && name === user);
    },
    endSessions: async ({ id, user }) => {
      const all = await needs.sessions.list();
      const ended = all.filter((one) => one.id === id || (one.by === 'user' && one.name === user));
      await needs.sessions.end(ended.map((one) => one.id));
      return { ended: ended.length };
    },
  };
}

async function statuses(needs: StoreUsersNeeds): Promise<readonly UserStatus[]> {
  const { marks, secondFactors } = needs;
  const [users, seen, codes] = await Promise.all([
    marks.marks(USER_MARKS),
    marks.marks(SIGNED_IN_MARKS),
    secondFactors.allRecoveryCodesLeft(),
  ]);
  return users.map(userOf).flatMap((user) => {
    if (user === null) return [];
    const mark = seen.find(({ name }) => name === `${SIGNED_IN_MARKS}${user.name}`);
    return [plainStatus(user, { mark, recoveryCodesLeft: codes.get(user.name) ?? 0 })];
  });
}

async function statusOf({ marks, secondFactors }: StoreUsersNeeds, user: User): Promise<UserStatus> {
  const wanted = `${SIGNED_IN_MARKS}${user.name}`;
  const mark = (await marks.marks(wanted)).find(({ name }) => name === wanted);
  return plainStatus(user, { mark, recoveryCodesLeft: await secondFactors.recoveryCodesLeft(user.name) });
}

function plainStatus(
  { name, role, createdAtMs, passwordAtMs, isDisabled, secondFactor }: User,
  { mark, recoveryCodesLeft }: { readonly mark: Mark | undefined; readonly recoveryCodesLeft: number },
): UserStatus {
  const secondFactorSinceMs = secondFactor?.sinceMs ?? null;
  const lastSignIn = mark === undefined ? null : { atMs: mark.atMs, peer: mark.text };
  const of = { name, role, createdAtMs, passwordAtMs, isDisabled };
  return { ...of, secondFactorSinceMs, recoveryCodesLeft, lastSignIn };
}

async function add(
  needs: StoreUsersNeeds,
  { name: given, role, password }: Parameters<UserOperations['addUser']>[0],
): Promise<UserWithPassword> {
  const { marks, clock } = needs;
  const name = named(given);
  const users = await marks.marks(USER_MARKS);
  const before = users.find((mark) => mark.name === `${USER_MARKS}${name}`);
  if (before !== undefined && userOf(before) !== null)
    throw new OperationsError(`there is a user ${name}: \`relevo user password ${name}\` gives another password`);
  if (users.length >= MOST_USERS) throw new OperationsError(`there are ${MOST_USERS} users: remove one first`);
  const { text, passwordHash } = await hashed(needs, name, password);
  const atMs = clock.nowMs();
  const since = { createdAtMs: atMs, passwordAtMs: atMs };
  const user = { name, role, passwordHash, epoch: newEpoch(needs), ...since, isDisabled: false, secondFactor: null };
  await write(needs, user, before);
  return { ...(await statusOf(needs, user)), password: text };
}

async function remove(needs: StoreUsersNeeds, given: string): Promise<{ name: string; removed: true }> {
  const { marks, sessions, secondFactors } = needs;
  const name = named(given);
  const users = await marks.marks(USER_MARKS);
  // What cannot be read can still be taken away.
  if (!users.some((mark) => mark.name === `${USER_MARKS}${name}`)) throw unknown(name, users);
  const ended = (await sessions.list()).filter((one) => one.by === 'user' && one.name === name);
  await marks.unmark([`${USER_MARKS}${name}`, `${SIGNED_IN_MARKS}${name}`]);
  await secondFactors.forget(name);
  await sessions.end(ended.map(({ id }) => id));
  return { name, removed: true };
}

async function begin(needs: StoreUsersNeeds, given: string): Promise<{ name: string; seed: string; uri: string }> {
  const { name, secondFactor } = await found(needs, given);
  if (secondFactor !== null)
    throw new OperationsError(`${name} has a second factor: it has to be removed before there can be another`);
  const seed = await needs.secondFactors.begin(name);
  return { name, seed, uri: await seedUri({ seed, name, issuer: needs.issuer() }) };
}

async function confirm(
  needs: StoreUsersNeeds,
  { name: given, code }: { readonly name: string; readonly code: string },
): Promise<{ recoveryCodes: readonly string[] }> {
  const { name } = await found(needs, given);
  const confirmed = await needs.secondFactors.confirmed(name, code);
  if (confirmed === null) throw new OperationsError('no second factor was begun in the last 15 minutes: begin again');
  const { seed, isRight } = confirmed;
  if (!isRight)
    throw new OperationsError(
      'that is not the code of this moment: wait for the next one, and see that the clocks are right',
    );
  await replaced(needs, name, (before) => ({ ...before, secondFactor: { seed, sinceMs: needs.clock.nowMs() } }));
  return { recoveryCodes: await needs.secondFactors.renewRecoveryCodes(name) };
}

async function found({ marks }: StoreUsersNeeds, given: string): Promise<User> {
  const name = named(given);
  const users = await marks.marks(USER_MARKS);
  const mark = users.find((one) => one.name === `${USER_MARKS}${name}`);
  const user = mark === undefined ? null : userOf(mark);
  if (user === null) throw unknown(name, users);
  return user;
}

async function replaced(
  needs: StoreUsersNeeds,
  given: string,
  change: (user: User) => User | Promise<User>,
): Promise<User> {
  const name = named(given);
  const users = await needs.marks.marks(USER_MARKS);
  const before = users.find((mark) => mark.name === `${USER_MARKS}${name}`);
  const user = before === undefined ? null : userOf(before);
  if (before === undefined || user === null) throw unknown(name, users);
  const after = await change(user);
  await write(needs, after, before);
  return after;
}

async function write({ marks, clock, sessions }: StoreUsersNeeds, user: User, before: Mark | undefined): Promise<void> {
  // By the clock of another node it may have been later: a mark of an earlier time would not replace that one.
  const mark = userMark(user, Math.max(before?.atMs ?? 0, clock.nowMs()));
  await marks.mark([mark]);
  sessions.forget();
  const kept = (await marks.marks(mark.name)).find(({ name }) => name === mark.name);
  if (kept?.text !== mark.text)
    throw new OperationsError(`somebody else changed the user ${user.name} at this very moment: \`relevo user list\``);
}

/** `text`: of one that was made here; null: it was given. */
async function hashed(
  { random }: StoreUsersNeeds,
  name: string,
  password: string | null,
): Promise<{ readonly text: string | null; readonly passwordHash: string }> {
  const fault = password === null ? null : passwordFault(password, name);
  if (fault !== null) throw new OperationsError(fault);
  const text = password ?? newPassword();
  return { text: password === null ? text : null, passwordHash: await hashPassword(text, random.bytes(SALT_BYTES)) };
}

function newEpoch({ random }: StoreUsersNeeds): string {
  return random.bytes(EPOCH_BYTES).toString('hex');
}

const SALT_BYTES = 16;
const EPOCH_BYTES = 12;

function named(given: string): string {
  const name = parseUserName(given);
  if (name !== null) return name;
  throw new OperationsError(
    `${JSON.stringify(given)} cannot be the name of a user: give 1 to 64 letters, digits, dots, dashes, underscores and @, a letter or digit first`,
  );
}

function unknown(name: string, marks: readonly Mark[]): OperationsError {
  const meant = nearest(
    name,
    marks.map((mark) => mark.name.slice(USER_MARKS.length)),
  );
  return new OperationsError(`there is no user ${name}${meant === null ? '' : ` (did you mean ${meant}?)`}`);
}
