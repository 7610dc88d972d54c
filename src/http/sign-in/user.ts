/** A person who signs in at the pages: name, role, and how it is kept, which is never with the password itself. */
import { z } from 'zod';
import { isPasswordHash } from '../../policy/password.ts';
import type { Mark } from '../../spool/marks.ts';
import { SCOPES, type Scope } from '../token.ts';

/** The least first. */
export const ROLES = ['viewer', 'operator', 'admin'] as const;
export type Role = (typeof ROLES)[number];

export const USER_MARKS = 'user:';
/** When each signed in last, and from where: apart, so that a sign-in changes nothing else. */
export const SIGNED_IN_MARKS = 'user-signed-in:';

export type SecondFactor = {
  /** As `Seeds` keeps it; shown once, when it was made. */
  readonly seed: string;
  readonly sinceMs: number;
};

export type User = {
  readonly name: string;
  readonly role: Role;
  /** As `hashPassword` makes it. */
  readonly passwordHash: string;
  /** Another with each change that ends the sessions of the user. */
  readonly epoch: string;
  readonly createdAtMs: number;
  readonly passwordAtMs: number;
  /** Cannot sign in. */
  readonly isDisabled: boolean;
  readonly secondFactor: SecondFactor | null;
};

const USER = z.object({
  role: z.enum(ROLES),
  passwordHash: z.string().refine(isPasswordHash),
  epoch: z.string().min(1),
  createdAtMs: z.number(),
  passwordAtMs: z.number(),
  isDisabled: z.boolean(),
  secondFactor: z.object({ seed: z.string().min(16), sinceMs: z.number() }).nullable(),
});

const ROLE_SCOPES: Readonly<Record<Role, readonly Scope[]>> = {
  viewer: ['read'],
  operator: ['read', 'operate'],
  admin: SCOPES,
};

/** What a role may do, in the words of tokens. */
export function scopesOfRole(role: Role): readonly Scope[] {
  return ROLE_SCOPES[role];
}

/** Names are kept and compared in small letters: `Ana` signs in as `ana`. @returns null for what cannot be one */
export function parseUserName(text: string): string | null {
  const name = text.trim().toLowerCase();
  return /^[a-z0-9][a-z0-9._@-]{0,63}$/.test(name) ? name : null;
}

const PASSWORD_LEAST = 10;
const PASSWORD_MOST = 200;

/** Why it cannot be the password of that user, for people; null: it can. By length alone, and not the name (NIST SP 800-63B). */
export function passwordFault(password: string, name: string): string | null {
  const { length } = password;
  if (length < PASSWORD_LEAST) return `the password has ${length} characters: give at least ${PASSWORD_LEAST}`;
  if (length > PASSWORD_MOST) return `the password has ${length} characters: give at most ${PASSWORD_MOST}`;
  if (password.toLowerCase().includes(name) && name.length > 3) return 'the password has the name of the user in it';
  if (new Set(password).size < 4) return 'the password is the same few characters again and again';
  return null;
}

/** @param atMs not before the mark that it replaces */
export function userMark({ name, ...user }: User, atMs: number): Mark {
  return { name: `${USER_MARKS}${name}`, text: JSON.stringify(user), atMs };
}

/** @returns null for a mark that cannot be read: nobody signs in by it */
export function userOf({ name, text }: Mark): User | null {
  const read = USER.safeParse(parsed(text));
  return read.success ? { name: name.slice(USER_MARKS.length), ...read.data } : null;
}

/** JSON of a mark; null where it is none. */
export function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return null;
  }
}
