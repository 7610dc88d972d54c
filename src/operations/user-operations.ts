/** What operators do with the people who sign in at the pages. */
import type { SessionStatus } from '../http/sign-in/sessions.ts';
import type { Role } from '../http/sign-in/user.ts';
import { OperationsError } from './operations.ts';

/** A user as operators see one. Times are wall ms. */
export type UserStatus = {
  readonly name: string;
  readonly role: Role;
  readonly createdAtMs: number;
  readonly passwordAtMs: number;
  readonly isDisabled: boolean;
  /** Since when the second factor is asked for; null: there is none. */
  readonly secondFactorSinceMs: number | null;
  readonly recoveryCodesLeft: number;
  readonly lastSignIn: { readonly atMs: number; readonly peer: string } | null;
};

/** `password`: the one that was made, which is nowhere else; null: it was given. */
export type UserWithPassword = UserStatus & { readonly password: string | null };

export type UserOperations = {
  /** By name. */
  users(): Promise<readonly UserStatus[]>;
  /** `password` null: one is made. */
  addUser(ask: {
    readonly name: string;
    readonly role: Role;
    readonly password: string | null;
  }): Promise<UserWithPassword>;
  /** All sessions of the user end. */
  setUserPassword(ask: { readonly name: string; readonly password: string | null }): Promise<UserWithPassword>;
  /** All sessions of the user end. */
  setUserRole(ask: { readonly name: string; readonly role: Role }): Promise<UserStatus>;
  /** Who is disabled cannot sign in, and all sessions end. */
  setUserDisabled(ask: { readonly name: string; readonly isDisabled: boolean }): Promise<UserStatus>;
  removeUser(ask: { readonly name: string }): Promise<{ readonly name: string; readonly removed: true }>;
  /** A seed for a program on a phone, which counts once it is confirmed, within 15 min; shown only now. */
  beginSecondFactor(ask: {
    readonly name: string;
  }): Promise<{ readonly name: string; readonly seed: string; readonly uri: string }>;
  /** `code`: what that program shows. The codes are for when the phone is gone: each good once, shown only now. */
  confirmSecondFactor(ask: {
    readonly name: string;
    readonly code: string;
  }): Promise<{ readonly recoveryCodes: readonly string[] }>;
  /** Ten others; those before are good no more. */
  renewRecoveryCodes(ask: { readonly name: string }): Promise<{ readonly recoveryCodes: readonly string[] }>;
  removeSecondFactor(ask: { readonly name: string }): Promise<UserStatus>;
  /** Sign-ins in force, the latest first; `user` null: of all. */
  sessions(ask: { readonly user: string | null }): Promise<readonly SessionStatus[]>;
  /** By id, or all of a user; null: not by that. */
  endSessions(ask: { readonly id: string | null; readonly user: string | null }): Promise<{ readonly ended: number }>;
};

function unknownUsers(): Promise<never> {
  return Promise.reject(new OperationsError('the users are not known here'));
}

/** Where they cannot be asked. */
export const UNKNOWN_USERS: UserOperations = {
  users: unknownUsers,
  addUser: unknownUsers,
  setUserPassword: unknownUsers,
  setUserRole: unknownUsers,
  setUserDisabled: unknownUsers,
  removeUser: unknownUsers,
  beginSecondFactor: unknownUsers,
  confirmSecondFactor: unknownUsers,
  renewRecoveryCodes: unknownUsers,
  removeSecondFactor: unknownUsers,
  sessions: unknownUsers,
  endSessions: unknownUsers,
};
