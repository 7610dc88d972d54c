/** What calls and pages are made from. Whoever needs more adds it here, and where it is put together (`src/access/open-app.ts`). */
import type { Operations } from '../operations/operations.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit, Random } from '../ports.ts';
import type { Marks } from '../spool/marks.ts';
import type { Spool } from '../spool/spool.ts';
import type { Suppressions } from '../spool/suppressions.ts';
import type { Troubles } from '../report/troubles.ts';
import type { Accounts } from '../spool/tallies.ts';
import type { PolicyDesk } from './api/policy.ts';
import type { Audit } from './audit.ts';
import type { Signatures } from './ses/signatures.ts';
import type { SignInDesk } from './sign-in/desk.ts';
import type { BodyReader } from './submission/bodies.ts';
import type { SubmitMail } from './submission/submitter.ts';

export type RouteNeeds = {
  readonly operations: Operations;
  /** The one in force now. */
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly marks: Marks;
  readonly ledger: Accounts;
  readonly spool: Pick<Spool, 'story' | 'byProviderId' | 'list' | 'overview' | 'firstWith'> & {
    readonly suppressions: Suppressions;
  };
  /** The way in that clients of SMTP have too. */
  readonly submit: SubmitMail;
  readonly bodies: BodyReader;
  readonly signatures: Signatures;
  /** The policy file, its versions, and what another one would make of the mail. */
  readonly policies: PolicyDesk;
  readonly troubles: Pick<Troubles, 'ofExit' | 'deferralOf'>;
  /** Where people sign in and out. */
  readonly signInDesk: SignInDesk;
  /** Calls it with every event of this node, until that is ended; it must be quick, for mail waits. */
  readonly follow: (run: Emit) => () => void;
  /** For what a reply's `change` does not tell of. */
  readonly audit: Audit;
};
