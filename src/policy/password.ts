import { scrypt, timingSafeEqual } from 'node:crypto';

/** scrypt cost: N = 2^15, r = 8, p = 1: about 32 MB and 60 ms on a small server. */
const COST = { logN: 15, blockSize: 8, parallel: 1 } as const;
const HASH_BYTES = 32;

type Parsed = {
  readonly logN: number;
  readonly blockSize: number;
  readonly parallel: number;
  readonly salt: Buffer;
  readonly hash: Buffer;
};

/** Whether a text is a PHC scrypt string that this relay can check: `$scrypt$ln=15,r=8,p=1$SALT$HASH`, base64 without padding. */
export function isPasswordHash(text: string): boolean {
  return parse(text) !== null;
}

/** @param salt at least 16 random bytes */
export async function hashPassword(password: string, salt: Buffer): Promise<string> {
  const hash = await derive(password, { ...COST, salt, hash: Buffer.alloc(HASH_BYTES) });
  return `$scrypt$ln=${COST.logN},r=${COST.blockSize},p=${COST.parallel}$${unpadded(salt)}$${unpadded(hash)}`;
}

/** In constant time once the hash is derived. False for a text that is no hash. */
export async function verifyPassword(password: string, phc: string): Promise<boolean> {
  const parsed = parse(phc);
  if (parsed === null) return false;
  return timingSafeEqual(await derive(password, parsed), parsed.hash);
}

function parse(text: string): Parsed | null {
  const match = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([A-Za-z0-9+/]{16,128})\$([A-Za-z0-9+/]{43})$/.exec(
    text,
  );
  if (match === null) return null;
  const [logN, blockSize, parallel] = [Number(match[1]), Number(match[2]), Number(match[3])];
  // Bounds, so that a policy file cannot ask for gigabytes at each sign-in: 128·N·r bytes, at most 256 MB.
  if (logN < 10 || blockSize < 1 || parallel < 1 || parallel > 4 || 128 * 2 ** logN * blockSize > 256 * 1024 ** 2)
    return null;
  return {
    logN,
    blockSize,
    parallel,
    salt: Buffer.from(match[4] ?? '', 'base64'),
    hash: Buffer.from(match[5] ?? '', 'base64'),
  };
}

function derive(password: string, { logN, blockSize, parallel, salt, hash }: Parsed): Promise<Buffer> {
  const options = { N: 2 ** logN, r: blockSize, p: parallel, maxmem: 300 * 1024 ** 2 };
  return new Promise((resolve, reject) => {
    scrypt(password.normalize('NFKC'), salt, hash.length, options, (error, key) =>
      error === null ? resolve(key) : reject(error),
    );
  });
}

function unpadded(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '');
}
