/** One row of the table of replies: which ones it fits, and what they are about. */
import type { Refusal } from './refusal.ts';

export type ReplyMatch = {
  /** How the three digits must begin; '' for any. */
  readonly code: string;
  /** The enhanced code without its class: `7.28`. Absent: any, or none. */
  readonly detail?: RegExp;
  readonly text?: RegExp;
};

export type ReplyPattern = ReplyMatch & {
  readonly refusal: Refusal;
  /** Who says it: a provider, a program, or the RFC where a code means it anywhere. */
  readonly by: string;
  /** In plain words, where the refusal alone does not say it. */
  readonly means: string;
  /** Replies as they were seen, with addresses from documentation ranges; this row must be the first to fit each. */
  readonly examples: readonly string[];
};

/** A row, so that the table reads as one. */
export function row(
  refusal: Refusal,
  match: Omit<ReplyPattern, 'refusal' | 'examples'>,
  ...examples: readonly string[]
): ReplyPattern {
  return { refusal, ...match, examples };
}
