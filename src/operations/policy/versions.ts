/**
 * The policy texts that came into force, each with who made it, when, and why: in a folder of the data folder, as secret as the
 * policy file. Not in the store: each node has a policy file of its own, and going back to one that worked must not need a
 * store that works (docs/decisions/0036).
 */
import { createHash } from 'node:crypto';
import { chown, mkdir, open, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gunzip, gzip } from 'node:zlib';
import { z } from 'zod';
import { createFile } from '../../running/whole-file.ts';

/** `file`: somebody edited the file by hand; nobody knows who. */
export type PolicyAuthor = { readonly kind: 'user' | 'token' | 'cli' | 'file'; readonly name: string };

/** Said of a text before it is written, so that whoever sees it come into force knows. */
export type PolicyNote = {
  readonly by: PolicyAuthor;
  /** What was done, in a few words: `edit`, `rollback to 12`, `preset starter`. */
  readonly what: string;
  /** In the words of whoever did it; '': none. */
  readonly comment: string;
};

export type PolicyVersion = PolicyNote & {
  /** From 1, upwards. */
  readonly id: number;
  /** By which edits name the text that they were made from; see `etagOf`. */
  readonly etag: string;
  /** As the relay calls it: another one too where a file that the text includes changed. */
  readonly version: string;
  /** When it came into force here. */
  readonly atMs: number;
  readonly sizeBytes: number;
};

/** 32 hex digits: the same for the same text, byte by byte. */
export function etagOf(text: string): string {
  return createHash('sha256').update(text, 'utf8').digest('hex').slice(0, 32);
}

const FOLDER = 'policy-versions';
/** The oldest go: by number, and by what they take compressed. */
const KEPT = 100;
const KEPT_BYTES = 32 * 1024 ** 2;
const KEPT_NOTES = 20;
/** A policy is at most 1 MB. */
const UNPACKED_MOST = 8 * 1024 ** 2;
const NAME = /^(\d{6,9})\.json\.gz$/;
const NOTE_NAME = /^note-[0-9a-f]{32}\.json$/;

const AUTHOR = z.object({ kind: z.enum(['user', 'token', 'cli', 'file']), name: z.string() });
const NOTE = z.object({ by: AUTHOR, what: z.string(), comment: z.string() });
const RECORD = NOTE.extend({ version: z.string(), atMs: z.number(), text: z.string() });
const BY_HAND: PolicyNote = { by: { kind: 'file', name: '' }, what: 'edit', comment: '' };

type Kept = PolicyVersion & { readonly text: string };

/** Any number of them may be open on one folder, in whatever processes. */
export class PolicyVersions {
  readonly #folder: string;
  /** What never changes: a record is written once. */
  readonly #known = new Map<number, PolicyVersion>();

  /** @param dataFolder of the node whose policy file it is */
  constructor(dataFolder: string) {
    this.#folder = join(dataFolder, FOLDER);
  }

  /** The newest first. What cannot be read is left out. Rejects with a Node system error. */
  async list(): Promise<readonly PolicyVersion[]> {
    const found: PolicyVersion[] = [];
    for (const id of (await this.#ids()).toReversed()) {
      const version = this.#known.get(id) ?? (await this.#read(id));
      if (version !== null) found.push(version);
    }
    return found;
  }

  /** null: there is no such version (any more). */
  async textOf(id: number): Promise<string | null> {
    return (await this.#read(id))?.text ?? null;
  }

  /** Says of a text that is about to be written whose it is. */
  async announce(text: string, note: PolicyNote): Promise<void> {
    await this.#prepare();
    const path = this.#notePath(etagOf(text));
    await rm(path, { force: true });
    await createFile(path, JSON.stringify(note));
    await this.#sameOwner(path);
  }

  /** What was announced did not come about. */
  async withdraw(text: string): Promise<void> {
    await rm(this.#notePath(etagOf(text)), { force: true });
  }

  /**
   * Keeps a text that came into force, with what was announced of it; nothing where the newest is the same. The oldest go.
   * @returns the newest as it is then
   */
  async record({ text, version, atMs }: Pick<Kept, 'text' | 'version' | 'atMs'>): Promise<PolicyVersion> {
    await this.#prepare();
    const etag = etagOf(text);
    const [newest] = await this.list();
    if (newest?.etag === etag) {
      await this.withdraw(text);
      return newest;
    }
    const note = await this.#noteOf(etag);
    const kept = await this.#write({ ...note, version, atMs, text }, newest?.id ?? 0);
    await this.withdraw(text);
    await this.#forgetOld();
    return kept;
  }

  async #prepare(): Promise<void> {
    const isNew = (await mkdir(this.#folder, { recursive: true, mode: 0o700 })) !== undefined;
    if (isNew) await this.#sameOwner(this.#folder);
  }

  /** What root writes must be the relay's to read. */
  async #sameOwner(path: string): Promise<void> {
    if (process.getuid?.() !== 0) return;
    const { uid, gid } = await stat(join(this.#folder, '..'));
    await chown(path, uid, gid);
  }

  async #ids(): Promise<number[]> {
    const names = await readdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    return names.flatMap((name) => Number(NAME.exec(name)?.[1] ?? 0) || []).toSorted((left, right) => left - right);
  }

  #path(id: number): string {
    return join(this.#folder, `${String(id).padStart(6, '0')}.json.gz`);
  }

  #notePath(etag: string): string {
    return join(this.#folder, `note-${etag}.json`);
  }

  async #read(id: number): Promise<Kept | null> {
    try {
      const bytes = await promisify(gunzip)(await readFile(this.#path(id)), { maxOutputLength: UNPACKED_MOST });
      const { text, ...rest } = RECORD.parse(JSON.parse(bytes.toString('utf8')));
      const version = { ...rest, id, etag: etagOf(text), sizeBytes: Buffer.byteLength(text) };
      this.#known.set(id, version);
      return { ...version, text };
    } catch {
      return null;
    }
  }

  async #noteOf(etag: string): Promise<PolicyNote> {
    try {
      return NOTE.parse(JSON.parse(await readFile(this.#notePath(etag), 'utf8')));
    } catch {
      return BY_HAND;
    }
  }

  /** Another process may be at it, too: each number is taken once. */
  async #write(record: z.infer<typeof RECORD>, after: number): Promise<PolicyVersion> {
    const packed = await promisify(gzip)(JSON.stringify(record));
    const last = Math.max(after, (await this.#ids()).at(-1) ?? 0);
    for (let id = last + 1; ; id++) {
      const path = this.#path(id);
      if (!(await createBytes(path, packed))) continue;
      await this.#sameOwner(path);
      const { text, ...rest } = record;
      const version = { ...rest, id, etag: etagOf(text), sizeBytes: Buffer.byteLength(text) };
      this.#known.set(id, version);
      return version;
    }
  }

  async #forgetOld(): Promise<void> {
    let bytes = 0;
    for (const [place, id] of (await this.#ids()).toReversed().entries()) {
      bytes += (await stat(this.#path(id)).catch(() => null))?.size ?? 0;
      if (place === 0 || (place < KEPT && bytes <= KEPT_BYTES)) continue;
      await rm(this.#path(id), { force: true });
      this.#known.delete(id);
    }
    const notes = (await readdir(this.#folder)).filter((name) => NOTE_NAME.test(name));
    if (notes.length > KEPT_NOTES) for (const name of notes) await rm(join(this.#folder, name), { force: true });
  }
}

/** @returns false: there is one already */
async function createBytes(path: string, bytes: Buffer): Promise<boolean> {
  try {
    await using file = await open(path, 'wx', 0o600);
    await file.writeFile(bytes);
    await file.sync();
    return true;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return false;
    throw error;
  }
}
