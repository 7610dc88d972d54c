/** What is asked of the policy file, and what comes of it. */
import type { KeyChange } from './changes.ts';
import type { PolicyAuthor } from './versions.ts';
import type { SecretFiles } from './secret-files.ts';
import type { Edited } from './yaml-splice.ts';

/** `line` and `column` from 1; null: it is not about a place of the file. */
export type PolicyProblem = {
  readonly line: number | null;
  readonly column: number | null;
  /** `egress.ip-1.dailyLimit`; '': the file as a whole. */
  readonly path: string;
  readonly text: string;
};

export type PolicyCheck = {
  readonly isValid: boolean;
  /** What the relay would call it; null: it would be refused. */
  readonly version: string | null;
  readonly problems: readonly PolicyProblem[];
  /** Each a line for operators. */
  readonly warnings: readonly string[];
};

export type PolicyDiff = {
  /** As `diff -u` prints it; '': nothing differs. Values of secrets stand in it as the texts have them. */
  readonly unified: string;
  /** What it means, without values of secrets; null: one of the texts is no YAML. */
  readonly changes: readonly KeyChange[] | null;
};

/** The file as it is now. */
export type PolicyFile = PolicyCheck & {
  readonly text: string;
  readonly etag: string;
  /** What the relay has in force; null: none runs. */
  readonly inForce: string | null;
  /** Why it cannot be changed here; null: it can. */
  readonly notWritable: string | null;
};

export type PolicyWritten = PolicyDiff & {
  readonly kind: 'written';
  readonly etag: string;
  readonly version: string | null;
  readonly warnings: readonly string[];
  /** The file was what was asked for already. */
  readonly isSame: boolean;
  /** Whether a relay took it up. */
  readonly relay: 'in-force' | 'not-running' | 'unknown';
};

export type PolicyPut =
  | PolicyWritten
  /** The file is not what the edit was made from any more. `theirs`: what changed meanwhile; null: the text that it was made from is not known here. */
  | { readonly kind: 'stale'; readonly etag: string; readonly mine: PolicyDiff; readonly theirs: PolicyDiff | null }
  /** Nothing was written. */
  | { readonly kind: 'refused'; readonly problems: readonly PolicyProblem[] }
  /** The relay did not take it up, and the file is as it was before. */
  | { readonly kind: 'not-taken'; readonly problems: readonly PolicyProblem[] }
  | { readonly kind: 'not-writable'; readonly why: string };

export type PolicyChangeAsk = {
  /** Of the text that it was made from; null: whatever is there. */
  readonly etag: string | null;
  readonly by: PolicyAuthor;
  readonly comment: string;
};

export type PolicyChange = PolicyChangeAsk & {
  /** In a few words, for the list of versions. */
  readonly what: string;
  readonly edit: (text: string) => Edited;
  /** Secrets that the edit plans: written before it is checked, gone where it is not made. */
  readonly secrets?: SecretFiles;
};
