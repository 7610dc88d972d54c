/** A token of the API: its form, what it may do, and how it is kept, which is never as itself. */
import { createHash, timingSafeEqual } from 'node:crypto';
import { z } from 'zod';
import type { Rate } from '../policy/units.ts';
import type { Random } from '../ports.ts';
import type { Mark } from '../spool/marks.ts';
import type { AccessKey } from './access-key.ts';

/** None includes another. */
export const SCOPES = ['submit', 'read', 'operate', 'admin'] as const;
export type Scope = (typeof SCOPES)[number];

export const TOKEN_MARKS = 'token:';

/** One text that opens the API, as it is kept. */
export type TokenSecret = {
  /** SHA-256 of the text, hex. What is hashed is random, so that nothing slower is called for. */
  readonly sha256: string;
  readonly createdAtMs: number;
  /** Wall time from which on it opens nothing; null: never. */
  readonly expiresAtMs: number | null;
  /** By which programs may sign instead of showing the text. Absent: they may not. */
  readonly accessKey?: AccessKey;
};

export type Token = {
  readonly name: string;
  /** Those of a later version among them. */
  readonly scopes: readonly string[];
  readonly createdAtMs: number;
  /** For how long each text of it is good; null: until it is revoked. */
  readonly lifetimeMs: number | null;
  /** The client of the policy that it submits mail as. Absent: whichever the request names. */
  readonly client?: string;
  /** So many requests may come with it. Absent: as many as like. */
  readonly rate?: Rate;
  /** From where it may be shown, such as `192.0.2.0/24`. Absent: from everywhere. */
  readonly networks?: readonly string[];
  /** The latest first; the others end soon. */
  readonly secrets: readonly [TokenSecret, ...TokenSecret[]];
};

const SECRET = z.object({
  sha256: z.string().regex(/^[0-9a-f]{64}$/),
  createdAtMs: z.number(),
  expiresAtMs: z.number().nullable(),
  accessKey: z.object({ id: z.string(), madeWith: z.string() }).exactOptional(),
});
const TOKEN = z.object({
  scopes: z.array(z.string()),
  createdAtMs: z.number(),
  lifetimeMs: z.number().nullable(),
  client: z.string().exactOptional(),
  rate: z.object({ count: z.number().positive(), windowMs: z.number().positive() }).exactOptional(),
  networks: z.array(z.string()).exactOptional(),
  secrets: z.tuple([SECRET], SECRET),
});

const NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;
/** Scanners for leaked secrets know it by its beginning. */
const TEXT = /^rlv_[A-Za-z0-9_-]{43}$/;
const SECRET_BYTES = 32;

/** The rule of the policy's names. */
export function isTokenName(text: string): boolean {
  return NAME.test(text);
}

/** 256 random bits. */
export function newTokenText(random: Random): string {
  return `rlv_${random.bytes(SECRET_BYTES).toString('base64url')}`;
}

/** @returns null for a text that no token has the form of */
export function hashOf(text: string): Buffer | null {
  return TEXT.test(text) ? createHash('sha256').update(text).digest() : null;
}

/** @param atMs not before the mark that it replaces */
export function tokenMark({ name, ...token }: Token, atMs: number): Mark {
  return { name: `${TOKEN_MARKS}${name}`, text: JSON.stringify(token), atMs };
}

/** @returns null for a mark that cannot be read: it opens nothing */
export function tokenOf({ name, text }: Mark): Token | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const read = TOKEN.safeParse(value);
  return read.success ? { name: name.slice(TOKEN_MARKS.length), ...read.data } : null;
}

/** A text as somebody may come with it. */
export type TokenLock = { readonly token: Token; readonly sha256: Buffer; readonly expiresAtMs: number | null };

export function locksOf(token: Token): readonly TokenLock[] {
  return token.secrets.map(({ sha256, expiresAtMs }) => ({ token, sha256: Buffer.from(sha256, 'hex'), expiresAtMs }));
}

export type TokenCheck =
  | { readonly kind: 'valid'; readonly token: Token }
  | { readonly kind: 'expired'; readonly token: Token }
  | { readonly kind: 'unknown' };

/** In the same time wherever it is, and wherever it differs. */
export function checkToken(locks: readonly TokenLock[], hash: Buffer, nowMs: number): TokenCheck {
  let found: TokenLock | null = null;
  for (const lock of locks) if (timingSafeEqual(lock.sha256, hash)) found = lock;
  if (found === null) return { kind: 'unknown' };
  const isOver = hasEnded(found, nowMs);
  return { kind: isOver ? 'expired' : 'valid', token: found.token };
}

/** From its very time on. */
export function hasEnded({ expiresAtMs }: Pick<TokenSecret, 'expiresAtMs'>, nowMs: number): boolean {
  return expiresAtMs !== null && nowMs >= expiresAtMs;
}
