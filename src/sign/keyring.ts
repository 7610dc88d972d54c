/** The DKIM keys of all domains: read from their files once, looked up by From domain, read again when a file changes. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { availableParallelism } from 'node:os';

import { nearestDomain, parseDomain } from '../message/address.ts';
import { makeSigningKey, readPrivateKey, type SigningKey } from './signing-key.ts';

/** The part of the policy's `domains` that signing needs. `key` is the path of a PEM file, not relative to anything but the process. */
export type DkimDomains = Readonly<
  Record<string, { readonly dkim?: readonly { readonly selector: string; readonly key: string }[] | undefined }>
>;

/** `error`: this key does not sign, or not as the file now says. `warning`: it signs, and something should be put right. */
export type KeyProblem = {
  readonly severity: 'error' | 'warning';
  readonly domain: string;
  readonly selector: string;
  readonly path: string;
  /** For the operator; names the file, the fault and the remedy. */
  readonly text: string;
};

export type Keyring = {
  /** Keys of the longest domain that is `fromDomain` or above it, in the policy's order; empty where there is none. */
  keysFor(fromDomain: string): readonly SigningKey[];
  /** Every key in use. */
  keys(): readonly SigningKey[];
  /** Why keys of that domain cannot sign at all. */
  lacksFor(fromDomain: string): readonly KeyProblem[];
  /** What is wrong now, since the files were last read. */
  problems(): readonly KeyProblem[];
  /**
   * Reads again the files that changed. A key whose new file is bad or gone keeps signing with what was read before,
   * and that is a problem of severity `error`.
   * @returns the problems, as `problems()`
   */
  refresh(): Promise<readonly KeyProblem[]>;
};

/** One key file as it was found; `stamp` is equal as long as the file has not changed. */
export type KeyFile =
  | { readonly kind: 'read'; readonly stamp: string; readonly mode: number; readonly pem: string }
  | { readonly kind: 'unchanged' }
  | { readonly kind: 'failed'; readonly reason: string };

/** Reads a key file, unless its stamp is `knownStamp`. */
export type ReadKeyFile = (path: string, knownStamp: string | null) => Promise<KeyFile>;

type Slot = {
  readonly domain: string;
  readonly selector: string;
  readonly path: string;
  stamp: string | null;
  key: SigningKey | null;
  problems: readonly KeyProblem[];
};

/**
 * Reads all keys. A key that can't be used is a problem and never an exception: the caller decides whether to go on.
 * @param options.copies most signatures of one key at a time; the number of cores unless given
 */
export async function openKeyring(
  domains: DkimDomains,
  options: { readonly readFile?: ReadKeyFile; readonly copies?: number } = {},
): Promise<Keyring> {
  const readFile = options.readFile ?? readKeyFile;
  const copies = options.copies ?? availableParallelism();
  const bySlot = new Map<string, readonly Slot[]>();
  for (const [name, { dkim }] of Object.entries(domains)) {
    const domain = parseDomain(name) ?? name.toLowerCase();
    const slots = (dkim ?? []).map(({ selector, key }) => emptySlot(domain, selector, key));
    bySlot.set(domain, slots);
  }
  const slots = [...bySlot.values()].flat();
  let found = new Map<string, readonly SigningKey[]>();

  async function readAll(): Promise<void> {
    // One after the other: parsing an RSA key takes a millisecond of the event loop, and there may be many.
    for (const slot of slots) await readSlot(slot, { readFile, copies });
    found = new Map([...bySlot].map(([domain, own]) => [domain, own.flatMap(({ key }) => key ?? [])]));
  }

  let reading: Promise<void> | null = null;
  const problems = (): readonly KeyProblem[] => slots.flatMap((slot) => slot.problems);
  await readAll();
  return {
    keysFor: (fromDomain) => nearest(found, fromDomain),
    keys: () => [...found.values()].flat(),
    lacksFor: (fromDomain) => {
      const domain = nearestDomain(fromDomain, (one) => bySlot.has(one));
      const slots = domain === null ? [] : (bySlot.get(domain) ?? []);
      return slots.filter(({ key }) => key === null).flatMap((slot) => slot.problems);
    },
    problems,
    refresh: async () => {
      reading ??= readAll().finally(() => (reading = null));
      await reading;
      return problems();
    },
  };
}

function emptySlot(domain: string, selector: string, path: string): Slot {
  return { domain, selector, path, stamp: null, key: null, problems: [] };
}

/** The longest domain wins even when it has no keys: that is how a subdomain is left unsigned. */
function nearest(found: ReadonlyMap<string, readonly SigningKey[]>, fromDomain: string): readonly SigningKey[] {
  const domain = nearestDomain(fromDomain, (one) => found.has(one));
  return domain === null ? [] : (found.get(domain) ?? []);
}

async function readSlot(slot: Slot, how: { readonly readFile: ReadKeyFile; readonly copies: number }): Promise<void> {
  const { domain, selector, path } = slot;
  const file = await how.readFile(path, slot.stamp);
  if (file.kind === 'unchanged') return;
  if (file.kind === 'failed') {
    // Without a stamp the file is looked at again next time, whatever it is by then.
    slot.stamp = null;
    slot.problems = [problemOf(slot, 'error', file.reason)];
    return;
  }
  slot.stamp = file.stamp;
  const reading = readPrivateKey(file.pem);
  if (reading.kind === 'unusable') {
    slot.problems = [problemOf(slot, 'error', reading.reason)];
    return;
  }
  slot.key = makeSigningKey({ domain, selector, pem: file.pem, copies: how.copies });
  const warnings = [reading.warning, permissionWarning(file.mode)].filter((warning) => warning !== null);
  slot.problems = warnings.map((warning) => problemOf(slot, 'warning', warning));
}

function problemOf(slot: Slot, severity: KeyProblem['severity'], reason: string): KeyProblem {
  const { domain, selector, path } = slot;
  const kept = severity === 'error' && slot.key !== null ? '; the key read before stays in use' : '';
  return { severity, domain, selector, path, text: `DKIM key ${path} (${selector}, ${domain}): ${reason}${kept}` };
}

/** Its group may read it: keys that root owns and a service may use are kept so, and mounted secrets always are. */
function permissionWarning(mode: number): string | null {
  if ((mode & 0o027) === 0) return null;
  const shown = (mode & 0o777).toString(8).padStart(4, '0');
  return `others than its owner and its group's readers may use the file (mode ${shown}); chmod 600`;
}

/** A private key is a few KB: anything larger was not meant. */
const MOST_KEY_BYTES = 64 * 1024;

/** Reads a key file from disk: its state and its text belong together, since both come from one open file. */
export async function readKeyFile(path: string, knownStamp: string | null): Promise<KeyFile> {
  try {
    // Without O_NONBLOCK a named pipe in place of the file would hang the relay.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    const { dev, ino, size, mode, mtimeMs, ctimeMs } = stat;
    if (!stat.isFile()) return { kind: 'failed', reason: 'is not a regular file' };
    if (size > MOST_KEY_BYTES) return { kind: 'failed', reason: `is too large for a key (${size} bytes)` };
    const stamp = [dev, ino, size, mode, mtimeMs, ctimeMs].join(':');
    if (stamp === knownStamp) return { kind: 'unchanged' };
    return { kind: 'read', stamp, mode, pem: await file.readFile('latin1') };
  } catch (error) {
    return { kind: 'failed', reason: reasonOf(error as NodeJS.ErrnoException) };
  }
}

function reasonOf(error: NodeJS.ErrnoException): string {
  if (error.code === 'ENOENT') return 'does not exist; make it with relevo dkim keygen';
  if (error.code === 'EACCES' || error.code === 'EPERM') return 'may not be read by the user that relevo runs as';
  return `can't be read (${error.code ?? error.message})`;
}
