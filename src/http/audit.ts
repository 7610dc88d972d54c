/** What is written down of who changed what, and of who was not let. */
import type { Change } from './route.ts';

/** Whoever did it. `operator`: somebody on the machine itself, by the command line; `file`: the policy file, by whoever writes it. */
export type Actor = {
  readonly kind: 'token' | 'user' | 'operator' | 'file' | 'nobody';
  readonly name: string;
  /** Where from: an address, or a place such as `control socket`. */
  readonly from: string;
};

/** Never with secrets. */
export type Audited = Change & { readonly actor: Actor };

/** Resolves once it is written down, or cannot be, which is told as an event. Never rejects. */
export type Audit = (audited: Audited) => Promise<void>;
