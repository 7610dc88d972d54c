/** Secrets that are typed into a form: each in a file of its own, so that neither the policy nor its versions have them. */
import { randomBytes } from 'node:crypto';
import { chown, mkdir, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { createFile } from '../../running/whole-file.ts';

/** What the policy says in the place of a secret. */
export type PlannedSecret = { readonly path: string; readonly reference: string; readonly text: string };

/** Whether somebody names a secret instead of telling it: `${SMTP_PASSWORD_1}`, `${file:/run/secrets/x}`. */
export function isReference(text: string): boolean {
  return /^\$\{[^}]+\}$/.test(text);
}

/** The files of one edit: planned while its text is made, written once it is sound. */
export class SecretFiles {
  readonly #folder: string;
  readonly #policyFolder: string;
  readonly #planned = new Map<string, PlannedSecret>();

  constructor({ dataFolder, policyFile }: { readonly dataFolder: string; readonly policyFile: string }) {
    this.#folder = join(dataFolder, 'secrets');
    this.#policyFolder = dirname(policyFile);
  }

  /**
   * What the policy says for it. The same name and text are the same file; another text is another, for what an earlier version
   * of the policy names must stay what it was.
   */
  reference(name: string, text: string): string {
    if (isReference(text)) return text;
    const known = this.#planned.get(`${name} ${text}`);
    if (known !== undefined) return known.reference;
    const path = join(this.#folder, `${name.replaceAll(/[^A-Za-z0-9._-]/g, '_')}-${randomBytes(4).toString('hex')}`);
    const planned = { path, reference: `\${file:${relative(this.#policyFolder, path)}}`, text };
    this.#planned.set(`${name} ${text}`, planned);
    return planned.reference;
  }

  /** Of one that is planned; null: it is none of them. For checks before anything is written. */
  textOf(path: string): string | null {
    return [...this.#planned.values()].find((planned) => planned.path === path)?.text ?? null;
  }

  /** Rejects with a Node system error. */
  async write(): Promise<void> {
    if (this.#planned.size === 0) return;
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    for (const { path, text } of this.#planned.values()) {
      await createFile(path, text);
      await this.#sameOwner(path);
    }
    await this.#sameOwner(this.#folder);
  }

  /** What was written for nothing goes. */
  async discard(): Promise<void> {
    for (const { path } of this.#planned.values()) await rm(path, { force: true });
  }

  /** What root writes must be the relay's to read. */
  async #sameOwner(path: string): Promise<void> {
    if (process.getuid?.() !== 0) return;
    const { uid, gid } = await stat(dirname(this.#folder));
    await chown(path, uid, gid);
  }
}
