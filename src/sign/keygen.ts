/** Makes DKIM keys and says what to publish for them. */
import { generateKeyPair, type KeyObject } from 'node:crypto';
import { mkdir, open, unlink } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

import { parseDomain } from '../message/address.ts';
import { dkimRecord, type DnsRecord } from './records.ts';

const newKeyPair = promisify(generateKeyPair);

export type DkimKeyType = 'rsa' | 'ed25519';

export type KeyRequest = {
  readonly domain: string;
  /** Where the files go; made, with mode 0700, if it is not there. */
  readonly folder: string;
  /** Part of the default selectors: `rsa2026`, `ed2026`. */
  readonly year: number;
  /** Selector by key type; only these keys are made. Both kinds with the default selectors unless given. */
  readonly selectors?: Readonly<Partial<Record<DkimKeyType, string>>>;
};

export type GeneratedKey = {
  readonly type: DkimKeyType;
  readonly selector: string;
  /** `<folder>/<domain>.<selector>.pem`: PKCS#8, mode 0600. */
  readonly path: string;
  readonly record: DnsRecord;
};

/** `exists`: nothing was written, the keys that are there stay. `invalid`: domain or selector. `failed`: the disk. */
export type KeygenOutcome =
  | { readonly kind: 'generated'; readonly domain: string; readonly keys: readonly GeneratedKey[] }
  | { readonly kind: 'exists'; readonly path: string }
  | { readonly kind: 'invalid'; readonly reason: string }
  | { readonly kind: 'failed'; readonly path: string; readonly reason: string };

/** RFC 6376 §3.1: labels of letters, digits and inner hyphens, with dots between them. */
const SELECTOR = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*$/i;

/** All the keys or none: never overwrites a file, and takes back what it wrote if a later file can't be written. */
export async function generateDkimKeys(request: KeyRequest): Promise<KeygenOutcome> {
  const domain = parseDomain(request.domain);
  if (domain === null || domain.startsWith('[')) return { kind: 'invalid', reason: `${request.domain} is no domain` };
  const selectors = request.selectors ?? { rsa: `rsa${request.year}`, ed25519: `ed${request.year}` };
  const wanted = (['rsa', 'ed25519'] as const).flatMap((type) => {
    const selector = selectors[type];
    return selector === undefined ? [] : [{ type, selector }];
  });
  const bad = wanted.find(({ selector }) => !SELECTOR.test(selector));
  if (bad !== undefined) return { kind: 'invalid', reason: `${bad.selector} is no selector: letters, digits, hyphens` };
  if (new Set(wanted.map(({ selector }) => selector.toLowerCase())).size < wanted.length) {
    return { kind: 'invalid', reason: 'each key needs a selector of its own' };
  }

  const keys: GeneratedKey[] = [];
  for (const { type, selector } of wanted) {
    const path = join(request.folder, `${domain}.${selector}.pem`);
    const { privateKey, publicKey } = await pairOf(type);
    const problem = await writeNew(request.folder, path, privateKey.export({ type: 'pkcs8', format: 'pem' }));
    if (problem !== null) {
      for (const written of keys) await unlink(written.path).catch(() => undefined);
      return problem;
    }
    const record = dkimRecord({ name: `${selector}._domainkey.${domain}`, publicKey });
    keys.push({ type, selector, path, record });
  }
  return { kind: 'generated', domain, keys };
}

/** RSA of 2048 bits: every verifier takes it, and its record fits into one DNS answer (RFC 8301 §3.2). */
async function pairOf(type: DkimKeyType): Promise<{ readonly privateKey: KeyObject; readonly publicKey: KeyObject }> {
  return type === 'rsa' ? await newKeyPair('rsa', { modulusLength: 2048 }) : await newKeyPair('ed25519');
}

async function writeNew(folder: string, path: string, pem: string | Buffer): Promise<KeygenOutcome | null> {
  let created = false;
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await using file = await open(path, 'wx', 0o600);
    created = true;
    await file.writeFile(pem);
    await file.sync();
    return null;
  } catch (error) {
    const { code, message, syscall } = error as NodeJS.ErrnoException;
    // Not the folder's: a file in its place is a failure.
    if (code === 'EEXIST' && syscall === 'open') return { kind: 'exists', path };
    // Half a key must not stand in the way of the next try.
    if (created) await unlink(path).catch(() => undefined);
    return { kind: 'failed', path, reason: code ?? message };
  }
}
