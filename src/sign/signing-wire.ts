/** What goes between a relay's thread and the one that makes signatures. */
import type { BlankSignature } from './blank-signature.ts';

/** Those of one message each, by a number for the answer. */
export type SigningAsks = readonly (readonly [id: number, blanks: readonly BlankSignature[]])[];

/** `values` null: the cryptography failed, which `cause` tells. */
export type SigningAnswer = readonly [id: number, values: readonly string[] | null, cause: string];
