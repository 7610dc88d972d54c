/** What is written down of who changed what, and of who was not let. */
import type { Change } from './route.ts';

/** Whoever did it. `operator`: somebody on the machine itself, by the command line; `file`: the policy file, by whoever writes it. */
export const ACTOR_KINDS = ['token', 'user', 'operator', 'file', 'nobody'] as const;

export type Actor = {
  readonly kind: (typeof ACTOR_KINDS)[number];
  readonly name: string;
  /** Where from: an address, or a place such as `control socket`. */
  readonly from: string;
};

/**
 * Never with secrets. What was not let is named `refused`, or ends so (`sign-in.refused`): of a flood of those only the first
 * are written down, and how many more there were.
 */
export type Audited = Change & { readonly actor: Actor };

/** Resolves once it is written down, or cannot be now, which is told as an event and made up for. Never rejects. */
export type Audit = (audited: Audited) => Promise<void>;
