/** One sign-in that is in force: what is kept of it, which is never the text that the browser has. */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Random } from '../../ports.ts';
import type { Mark } from '../../spool/marks.ts';
import { parsed } from './user.ts';

export const SESSION_MARKS = 'session:';
/** When a session was used last, apart from it: written late, it must not bring back one that was ended. */
export const SEEN_MARKS = 'session-seen:';

export type Session = {
  /** The beginning of `sha256`: names it to people, and opens nothing. */
  readonly id: string;
  /** Of the text that the browser has, hex. */
  readonly sha256: string;
  /** A person with a password, or whoever showed a token. */
  readonly by: 'user' | 'token';
  /** Of the user, or of the token. */
  readonly name: string;
  /** What must still be so: the epoch of the user, or the hash of the token's text. */
  readonly proof: string;
  readonly createdAtMs: number;
  readonly peer: string;
  /** What the browser says that it is, cut. */
  readonly agent: string;
};

const SESSION = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  by: z.enum(['user', 'token']),
  name: z.string(),
  proof: z.string().min(1),
  createdAtMs: z.number(),
  peer: z.string(),
  agent: z.string(),
});

const SECRET_BYTES = 32;
const SECRET = /^[A-Za-z0-9_-]{43}$/;
const ID_LENGTH = 32;

/** 256 random bits, as the browser keeps them. */
export function newSecret(random: Random): string {
  return random.bytes(SECRET_BYTES).toString('base64url');
}

/** @returns null for a text that none has the form of */
export function secretHash(secret: string): string | null {
  return SECRET.test(secret) ? createHash('sha256').update(secret).digest('hex') : null;
}

export function sessionId(sha256: string): string {
  return sha256.slice(0, ID_LENGTH);
}

export function sessionMark({ id, ...session }: Session): Mark {
  return { name: `${SESSION_MARKS}${id}`, text: JSON.stringify(session), atMs: session.createdAtMs };
}

/** @returns null for a mark that cannot be read: it lets nobody in */
export function sessionOfMark({ name, text }: Mark): Session | null {
  const read = SESSION.safeParse(parsed(text));
  if (!read.success || sessionId(read.data.sha256) !== name.slice(SESSION_MARKS.length)) return null;
  return { id: sessionId(read.data.sha256), ...read.data };
}

/** Goes with every change that a page asks for. Only who has the session's text can make it, and no other site reads it. */
export function csrfTokenOf(secret: string): string {
  return createHmac('sha256', secret).update('relevo csrf').digest('base64url');
}

/** In the same time wherever they differ. */
export function isSameText(left: string, right: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text).digest();
  return timingSafeEqual(digest(left), digest(right));
}
