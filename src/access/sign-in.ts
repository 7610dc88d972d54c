/** Who signs in at the pages of a running relay: users, their sessions, and how often somebody may fail. */
import type { SessionOf } from '../http/admission.ts';
import type { Audit } from '../http/audit.ts';
import { secretOfCookie } from '../http/sign-in/cookie.ts';
import { SignInDesk } from '../http/sign-in/desk.ts';
import { PasswordChecks } from '../http/sign-in/password-checks.ts';
import { SecondFactors } from '../http/sign-in/second-factor.ts';
import { Seeds } from '../http/sign-in/seeds.ts';
import { csrfTokenOf } from '../http/sign-in/session.ts';
import { Sessions } from '../http/sign-in/sessions.ts';
import { Tickets } from '../http/sign-in/tickets.ts';
import type { TokenCheck } from '../http/token.ts';
import { storeUsers } from '../operations/store-users.ts';
import type { UserOperations } from '../operations/user-operations.ts';
import type { Policy } from '../policy/schema.ts';
import type { Emit, Ports } from '../ports.ts';
import type { Ledger } from '../spool/ledger.ts';
import type { Marks } from '../spool/marks.ts';
import { seedKeys } from './seed-keys.ts';
import { sharedAttempts } from './shared-attempts.ts';

export type SignInNeeds = {
  readonly policy: () => Policy;
  readonly ports: Pick<Ports, 'clock' | 'random'>;
  readonly marks: Marks;
  readonly ledger: Ledger;
  /** @throws SpoolError where it cannot be known now */
  readonly checkToken: (hash: Buffer) => Promise<TokenCheck>;
};

export type SignIn = {
  readonly users: UserOperations;
  readonly sessionOf: SessionOf;
  readonly desk: (telling: { readonly emit: Emit; readonly audit: Audit }) => SignInDesk;
  /** Tokens are others: sessions by them are looked at anew. */
  readonly forget: () => void;
};

export function openSignIn({ policy, ports, marks, ledger, checkToken }: SignInNeeds): SignIn {
  const { clock, random } = ports;
  const sessions = new Sessions({ policy, clock, random, marks, checkToken });
  const seeds = new Seeds({ marks, random, keys: () => seedKeys(policy(), random) });
  const secondFactors = new SecondFactors({ marks, ledger, clock, random, seeds });
  const issuer = () => policy().hostname;
  const users = storeUsers({ marks, clock, random, sessions, secondFactors, issuer });
  const sessionOf: SessionOf = async ({ headers, peer, isSecure }) => {
    const secret = secretOfCookie(headers.cookie, isSecure);
    const live = secret === null ? null : await sessions.find(secret, peer);
    if (secret === null || live === null) return null;
    const { by, name } = live.session;
    const { scopes, client } = live;
    const principal = { kind: by, name, scopes, peer, ...(client === undefined ? {} : { client }) };
    return { principal, csrf: csrfTokenOf(secret) };
  };
  // Counted apart from those of SMTP.
  const limit = () => policy().limits.loginAttempts;
  const isShared = () => policy().spool.engine === 'redis';
  const attempts = sharedAttempts({ limit, clock, ledger, isShared, what: 'pages' });
  const tickets = new Tickets({ marks, clock, random });
  const passwords = new PasswordChecks(random);
  const parts = { clock, marks, sessions, secondFactors, tickets, passwords, attempts, checkToken };
  return {
    users,
    sessionOf,
    desk: (telling) => new SignInDesk({ ...parts, ...telling }),
    forget: () => sessions.forget(),
  };
}
