/** What operators do with the policy file: read, check, compare and write it, and go back to what was in force. */
import { readFile } from 'node:fs/promises';
import type { NamedFiles } from './named-files.ts';
import type { UptakeWatch } from './uptake.ts';
import { replaceFile } from '../../running/whole-file.ts';
import { lackedWarnings } from '../../policy/bound-exits.ts';
import { changedLines, unifiedText } from '../../policy/file/line-diff.ts';
import type { LoadResult } from '../../policy/file/load.ts';
import { type Problem, formatProblem } from '../../policy/file/problem.ts';
import type { Policy } from '../../policy/schema.ts';
import { MAX_TEXT_BYTES } from '../../policy/file/tree.ts';
import { OperationsError } from '../operations.ts';
import { textChanges } from './changes.ts';
import { setPreset } from './edit.ts';
import type {
  PolicyChange,
  PolicyChangeAsk,
  PolicyCheck,
  PolicyDiff,
  PolicyFile,
  PolicyProblem,
  PolicyPut,
} from './put.ts';
import { etagOf, type PolicyNote, type PolicyVersion, type PolicyVersions } from './versions.ts';
import { whyNotWritable } from './writable.ts';

export type PolicyOperationsNeeds = {
  readonly policyFile: string;
  /** Checks a text as the relay would. */
  readonly load: (text: string) => LoadResult;
  readonly namedFiles: (policy: Policy) => Promise<NamedFiles>;
  readonly canSendFrom: (address: string) => Promise<boolean>;
  readonly versions: PolicyVersions;
  /** Called before the file is written. */
  readonly watchUptake: () => Promise<UptakeWatch>;
  /** null: no relay runs. */
  readonly inForce: () => Promise<string | null>;
  /** A text that the file has had problems of before is judged by what is new: the relay's environment may have more than this one. */
  readonly isForeign?: boolean;
};

/** One change after the other. All reject with `OperationsError` where the file cannot be read. */
export class PolicyOperations {
  readonly #needs: PolicyOperationsNeeds;
  #last: Promise<unknown> = Promise.resolve();

  constructor(needs: PolicyOperationsNeeds) {
    this.#needs = needs;
  }

  async file(): Promise<PolicyFile> {
    const text = await this.#read();
    const { policyFile, inForce } = this.#needs;
    const notWritable = await whyNotWritable(policyFile);
    return { text, etag: etagOf(text), inForce: await inForce(), notWritable, ...(await this.check(text)) };
  }

  /** Changes nothing. */
  async check(text: string): Promise<PolicyCheck> {
    const { load, namedFiles, canSendFrom } = this.#needs;
    const result = load(text);
    if (result.kind === 'refused')
      return { isValid: false, version: null, problems: result.problems.map(placedProblem), warnings: [] };
    const named = await namedFiles(result.policy);
    const lacked = await lackedWarnings(result.bound, canSendFrom);
    const warnings = [...result.warnings, ...lacked, ...named.problems, ...named.warnings];
    return { isValid: true, version: result.version, problems: [], warnings };
  }

  /** @param from null: the file as it is */
  async diff(from: number | null, to: string | number | null): Promise<PolicyDiff> {
    const textOf = (of: number | null): Promise<string> => (of === null ? this.#read() : this.versionText(of));
    return diffOf(await textOf(from), typeof to === 'string' ? to : await textOf(to));
  }

  versions(): Promise<readonly PolicyVersion[]> {
    return this.#needs.versions.list();
  }

  /** Rejects with `OperationsError` for one that is not there. */
  async versionText(id: number): Promise<string> {
    const text = await this.#needs.versions.textOf(id);
    if (text !== null) return text;
    throw new OperationsError(
      `there is no version ${id} of the policy: \`relevo policy versions\` lists those that are kept`,
    );
  }

  /** Checks a text, writes it as a whole, byte by byte, and sees that the relay takes it up; else all is as before. */
  put(ask: PolicyChangeAsk & { readonly text: string; readonly what?: string }): Promise<PolicyPut> {
    const { text, what = 'edit' } = ask;
    return this.#next(() => this.#put({ ...ask, what, edit: () => ({ kind: 'edited', text }) }));
  }

  /** The same by an edit of the text that is there. */
  change(ask: PolicyChange): Promise<PolicyPut> {
    return this.#next(() => this.#put(ask));
  }

  async rollback({ id, ...ask }: PolicyChangeAsk & { readonly id: number }): Promise<PolicyPut> {
    const text = await this.versionText(id);
    return this.put({ ...ask, text, what: `rollback to ${id}` });
  }

  /** @param ask.name null: none */
  preset({ name, ...ask }: PolicyChangeAsk & { readonly name: string | null }): Promise<PolicyPut> {
    return this.change({ ...ask, what: `preset ${name ?? 'none'}`, edit: (text) => setPreset(text, name) });
  }

  async #read(): Promise<string> {
    try {
      return await readFile(this.#needs.policyFile, 'utf8');
    } catch (error) {
      throw new OperationsError(`the policy file cannot be read: ${reasonOf(error)}`);
    }
  }

  #next<Result>(run: () => Promise<Result>): Promise<Result> {
    const turn = this.#last.then(run, run);
    this.#last = turn;
    return turn;
  }

  async #put(change: PolicyChange): Promise<PolicyPut> {
    const put = await this.#tried(change);
    if (put.kind !== 'written') await change.secrets?.discard();
    return put;
  }

  async #tried({ edit, what, etag, by, comment, secrets }: PolicyChange): Promise<PolicyPut> {
    const before = await this.#read();
    const edited = edit(before);
    if (edited.kind === 'unreadable') return refused(`the file as it is cannot be edited: ${edited.cause}`);
    if (edited.kind !== 'edited') return refused(edited.kind === 'exists' ? 'it is there already' : 'it is not there');
    const { text } = edited;
    if (etag !== null && etagOf(before) !== etag) return this.#stale(etag, { before, text });
    if (Buffer.byteLength(text) > MAX_TEXT_BYTES) return refused('a policy is at most 1 MB');
    await secrets?.write();
    const checked = await this.check(text);
    const problems = checked.isValid ? [] : await this.#newProblems(checked, before);
    if (problems.length > 0) return { kind: 'refused', problems };
    const notWritable = await whyNotWritable(this.#needs.policyFile);
    if (notWritable !== null) return { kind: 'not-writable', why: notWritable };
    const note = { by, what, comment };
    return this.#write({ before, text, note, checked });
  }

  async #newProblems({ problems }: PolicyCheck, before: string): Promise<readonly PolicyProblem[]> {
    if (this.#needs.isForeign !== true) return problems;
    const known = new Set((await this.check(before)).problems.map(({ path, text }) => `${path}: ${text}`));
    return problems.filter(({ path, text }) => !known.has(`${path}: ${text}`));
  }

  async #stale(etag: string, { before, text }: { readonly before: string; readonly text: string }): Promise<PolicyPut> {
    const base = (await this.versions()).find((version) => version.etag === etag);
    const based = base === undefined ? null : await this.#needs.versions.textOf(base.id);
    const theirs = based === null ? null : diffOf(based, before);
    return { kind: 'stale', etag: etagOf(before), mine: diffOf(before, text), theirs };
  }

  async #write({ before, text, note, checked }: Writing): Promise<PolicyPut> {
    const { policyFile, versions, watchUptake } = this.#needs;
    const uptake = await watchUptake();
    const isSame = before === text;
    try {
      if (!isSame) await versions.announce(text, note);
      // Whoever edits it by hand at this very moment goes first.
      if ((await this.#read()) !== before)
        return await this.#stale(etagOf(before), { before: await this.#read(), text });
      if (!isSame) await replaceFile(policyFile, text);
    } catch (error) {
      if (!(error instanceof Error && 'code' in error)) throw error;
      return { kind: 'not-writable', why: `the policy file cannot be written: ${reasonOf(error)}` };
    }
    const taken = await uptake.result(checked.version, isSame);
    if (taken.kind === 'refused') {
      await this.#putBack({ before, text });
      return { kind: 'not-taken', problems: taken.problems.map(unplacedProblem) };
    }
    const { version, warnings } = checked;
    return {
      kind: 'written',
      etag: etagOf(text),
      version,
      warnings,
      isSame,
      relay: taken.kind,
      ...diffOf(before, text),
    };
  }

  /** Where nobody has changed it since. */
  async #putBack({ before, text }: { readonly before: string; readonly text: string }): Promise<void> {
    const { policyFile, versions, watchUptake } = this.#needs;
    if (before === text || (await this.#read()) !== text) return;
    await versions.withdraw(text);
    const uptake = await watchUptake();
    await replaceFile(policyFile, before);
    await uptake.result(this.#needs.load(before).kind === 'loaded' ? await this.#needs.inForce() : null);
  }
}

type Writing = {
  readonly before: string;
  readonly text: string;
  readonly note: PolicyNote;
  readonly checked: PolicyCheck;
};

/** What is written otherwise, and what that means. */
export function diffOf(from: string, to: string): PolicyDiff {
  return { unified: unifiedText(changedLines(from, to)), changes: textChanges(from, to) };
}

/** Without the name of the file. */
export function placedProblem({ line, column, path, text }: Problem): PolicyProblem {
  return { line, column, path, text };
}

function unplacedProblem(text: string): PolicyProblem {
  return { line: null, column: null, path: '', text };
}

/** As a line for operators. */
export function problemLine(file: string, { line, column, path, text }: PolicyProblem): string {
  return line === null || column === null ? text : formatProblem({ file, line, column, path, text });
}

function refused(text: string): PolicyPut {
  return { kind: 'refused', problems: [unplacedProblem(text)] };
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
