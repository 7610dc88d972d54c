import type { Scope } from './token.ts';

/** Who asks, as admitted: a program that showed a token, or a person who signed in. */
export type Principal = {
  readonly kind: 'token' | 'user';
  readonly name: string;
  readonly scopes: readonly Scope[];
  /** The address that the request came from. */
  readonly peer: string;
  /** The client of the policy that it submits mail as. Absent: whichever the request names. */
  readonly client?: string;
};
