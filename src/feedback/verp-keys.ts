/** The secret that return paths are signed with: a file of its own, made at first need. */
import { constants } from 'node:fs';
import { mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { hasReturnPaths } from '../policy/return-path.ts';
import { addsUnsubscribe } from '../policy/unsubscribe.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit, Random } from '../ports.ts';
import type { VerpKeys } from './verp.ts';

const KEY_BYTES = 32;
/** A file of keys is small: anything larger was not meant. */
const MOST_BYTES = 16_384;

export type KeysResult =
  | { readonly kind: 'read'; readonly keys: VerpKeys }
  /** For the operator; names the file and the fault. */
  | { readonly kind: 'failed'; readonly cause: string };

export type VerpKeyring = {
  /** null: none are in use, since the policy needs none, or since they cannot be had. */
  keys(): VerpKeys | null;
  /** Reads the keys that a policy names; `use` puts them in use, and without it nothing changed. */
  prepare(policy: Policy): Promise<PreparedKeys>;
  /** Reads the keys of the policy in force again. Those in use stay so where that fails, and there is an alert. */
  refresh(policy: Policy): Promise<void>;
};

export type PreparedKeys =
  | { readonly kind: 'ready'; readonly use: () => void }
  /** For operators. */
  | { readonly kind: 'refused'; readonly problem: string };

type FileNeeds = {
  readonly random: Random;
  /** Makes a whole file for the owner alone; false: there is one already. */
  readonly createFile: (path: string, text: string) => Promise<boolean>;
  /** What the file says above its keys, in lines that begin with `#`. Default: that they sign return paths. */
  readonly note?: string;
};

/** Has no keys yet: `refresh` reads them. */
export function createVerpKeyring(needs: FileNeeds & { readonly clock: Clock; readonly emit: Emit }): VerpKeyring {
  let keys: VerpKeys | null = null;
  let alerted: string | null = null;
  const alert = (text: string, raised: boolean): void => {
    alerted = raised ? text : null;
    needs.emit({ event: 'alert', atMs: needs.clock.nowMs(), name: 'return-path-keys', text, raised });
  };
  const prepare = async (policy: Policy): Promise<PreparedKeys> => {
    if (!hasReturnPaths(policy) && !addsUnsubscribe(policy)) return { kind: 'ready', use: () => {} };
    const result = await openVerpKeys(policy.returnPathKeys, needs);
    if (result.kind === 'failed') return { kind: 'refused', problem: `returnPathKeys: ${result.cause}` };
    const use = (): void => {
      ({ keys } = result);
      if (alerted !== null) alert(alerted, false);
    };
    return { kind: 'ready', use };
  };
  return {
    keys: () => keys,
    prepare,
    refresh: async (policy) => {
      const prepared = await prepare(policy);
      if (prepared.kind === 'ready') prepared.use();
      else alert(prepared.problem, true);
    },
  };
}

/** Reads the keys, or makes a file with a new one where there is none. Never rejects. */
export async function openVerpKeys(path: string, { random, createFile, note = NOTE }: FileNeeds): Promise<KeysResult> {
  const read = await readVerpKeys(path);
  if (read.kind !== 'missing') return read;
  try {
    await mkdir(dirname(path)).catch(() => undefined);
    await createFile(path, newFile(random, note));
  } catch (error) {
    return { kind: 'failed', cause: `${path} cannot be written: ${reasonOf(error)}` };
  }
  // Somebody else may have been quicker: then his are the keys.
  const made = await readVerpKeys(path);
  return made.kind === 'missing' ? { kind: 'failed', cause: `${path} is gone as soon as it is written` } : made;
}

/**
 * Reads the keys: one a line, 64 hexadecimal digits, the one that signs first; `#` begins a comment. Never rejects, and makes
 * no file.
 */
export async function readVerpKeys(path: string): Promise<KeysResult | { readonly kind: 'missing' }> {
  try {
    // Without O_NONBLOCK a named pipe in place of the file would hang the relay.
    await using file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
    const stat = await file.stat();
    if (!stat.isFile()) return { kind: 'failed', cause: `${path} is not a regular file` };
    if (stat.size > MOST_BYTES) return { kind: 'failed', cause: `${path} is too large for a file of keys` };
    return keysIn(await file.readFile('latin1'), path);
  } catch (error) {
    const isMissing = error instanceof Error && 'code' in error && error.code === 'ENOENT';
    return isMissing ? { kind: 'missing' } : { kind: 'failed', cause: `${path} cannot be read: ${reasonOf(error)}` };
  }
}

const NOTE =
  '# Signs the return paths of mail (VERP). Every node needs the same. To change the key put a new one, 64\n' +
  '# hexadecimal digits, on a line before the old ones, and take those out two months later.\n';

function newFile(random: Random, note: string): string {
  return `${note}${random.bytes(KEY_BYTES).toString('hex')}\n`;
}

function keysIn(text: string, path: string): KeysResult {
  const keys: Buffer[] = [];
  for (const [place, line] of text.split(/\r?\n/).entries()) {
    const written = line.replace(/#.*$/, '').trim();
    if (written === '') continue;
    if (!/^[0-9a-f]{64}$/i.test(written)) {
      const cause = `${path} line ${place + 1} is not a key of ${KEY_BYTES * 2} hexadecimal digits`;
      return { kind: 'failed', cause };
    }
    keys.push(Buffer.from(written, 'hex'));
  }
  return keys.length === 0 ? { kind: 'failed', cause: `${path} has no key` } : { kind: 'read', keys };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
