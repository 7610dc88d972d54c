/** One-time passwords of a program on a phone (RFC 6238), and the codes for when the phone is gone. */
import { createHash } from 'node:crypto';
import type { Random } from '../../ports.ts';

/** RFC 4226 §4 R6: at least 128 bits, 160 recommended. */
const SEED_BYTES = 20;
const STEP_S = 30;
const DIGITS = 6;
/** Steps before and after the one that is now (RFC 6238 §5.2). */
const WINDOW = 1;

export const STEP_MS = STEP_S * 1_000;

// What only a few need at few moments is not in memory before.
const library = () => import('otpauth');

/** Base32. */
export async function newSeed(random: Random): Promise<string> {
  const { Secret } = await library();
  const bytes = random.bytes(SEED_BYTES);
  return new Secret({ buffer: Uint8Array.from(bytes).buffer }).base32;
}

/** What such a program reads as a square: `otpauth://totp/…`. @param issuer the relay, as the program lists it */
export async function seedUri({
  seed,
  name,
  issuer,
}: {
  readonly seed: string;
  readonly name: string;
  readonly issuer: string;
}): Promise<string> {
  const { TOTP } = await library();
  return new TOTP({ issuer, label: name, secret: seed, digits: DIGITS, period: STEP_S }).toString();
}

/** The step whose code it is, which may be used once; null: it is none of those that are good now. */
export async function stepOfCode(seed: string, code: string, nowMs: number): Promise<number | null> {
  const token = code.replaceAll(/[\s-]/g, '');
  if (!/^\d{6}$/.test(token)) return null;
  const { Secret, TOTP } = await library();
  const config = { secret: Secret.fromBase32(seed), digits: DIGITS, period: STEP_S, timestamp: nowMs };
  const delta = TOTP.validate({ ...config, token, window: WINDOW });
  return delta === null ? null : Math.floor(nowMs / STEP_MS) + delta;
}

/** The code of this moment: for tests and tools, never shown by the relay. */
export async function codeAt(seed: string, nowMs: number): Promise<string> {
  const { Secret, TOTP } = await library();
  return TOTP.generate({ secret: Secret.fromBase32(seed), digits: DIGITS, period: STEP_S, timestamp: nowMs });
}

/** A square that a phone reads, as an image by itself. */
export async function squareOf(text: string): Promise<string> {
  const { renderSVG } = await import('uqr');
  return renderSVG(text, { border: 2 });
}

/** The same for a terminal. */
export async function squareText(text: string): Promise<string> {
  const { renderUnicodeCompact } = await import('uqr');
  return renderUnicodeCompact(text, { border: 2 });
}

const RECOVERY_CODES = 10;
/** Without what is taken for one another. 80 bits a code: a fast hash is enough to keep it by. */
const LETTERS = '23456789abcdefghjkmnpqrstuvwxyz';
const CODE_LETTERS = 16;

/** Ten codes such as `k7mp-2xq9-…`, each good once. */
export function newRecoveryCodes(random: Random): readonly string[] {
  return Array.from({ length: RECOVERY_CODES }, () => newRecoveryCode(random));
}

function newRecoveryCode(random: Random): string {
  const letters: string[] = [];
  while (letters.length < CODE_LETTERS) {
    // 31 of 32 values name a letter; the last draws again, so that none comes more often.
    for (const byte of random.bytes(CODE_LETTERS)) {
      const letter = LETTERS[byte & 0x1f];
      if (letter !== undefined && letters.length < CODE_LETTERS) letters.push(letter);
    }
  }
  return (letters.join('').match(/.{4}/g) ?? []).join('-');
}

/** Under which it is kept; null: it has not the form of one. */
export function recoveryHash(code: string): string | null {
  const letters = code.toLowerCase().replaceAll(/[\s-]/g, '');
  if (!new RegExp(`^[${LETTERS}]{${CODE_LETTERS}}$`).test(letters)) return null;
  return createHash('sha256').update(letters).digest('hex').slice(0, 40);
}
