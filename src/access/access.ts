/** Whom a running relay lets in: its tokens, and how often somebody may fail. */
import type { AdmissionNeeds } from '../http/admission.ts';
import { TokenBook } from '../http/token-book.ts';
import { TokenLimits } from '../http/token-limits.ts';
import { TokenUses } from '../http/token-uses.ts';
import { type TokenOperations, tokenOperations } from '../operations/token-operations.ts';
import type { Policy } from '../policy/schema.ts';
import type { Ports } from '../ports.ts';
import type { Ledger } from '../spool/ledger.ts';
import type { Marks } from '../spool/marks.ts';
import { accessKeysKey } from './access-keys.ts';
import { sharedAttempts } from './shared-attempts.ts';
import { openSignIn, type SignIn } from './sign-in.ts';

export type AccessNeeds = {
  readonly policy: () => Policy;
  readonly ports: Pick<Ports, 'clock' | 'random'>;
  readonly marks: Marks;
  readonly ledger: Ledger;
};

export type Access = {
  readonly admission: Pick<AdmissionNeeds, 'check' | 'attempts' | 'gate' | 'sessionOf'>;
  readonly tokens: TokenOperations;
  readonly signIn: SignIn;
  /** See `TokenBook.ofAccessKey`. */
  readonly ofAccessKey: TokenBook['ofAccessKey'];
};

/** Those who fail are limited by `limits.loginAttempts`, as those of SMTP are, and are counted apart from them. */
export function openAccess({ policy, ports, marks, ledger }: AccessNeeds): Access {
  const { clock, random } = ports;
  const book = new TokenBook({ marks, clock });
  const limit = () => policy().limits.loginAttempts;
  const isShared = () => policy().spool.engine === 'redis';
  const check: AdmissionNeeds['check'] = (hash) => book.check(hash);
  const signIn = openSignIn({ policy, ports, marks, ledger, checkToken: check });
  const limits = new TokenLimits({ clock, ledger, isShared });
  const uses = new TokenUses({ marks, clock });
  const admission: Access['admission'] = {
    check,
    gate: (token, peer) => {
      uses.used(token.name, peer);
      return limits.refusal(token, peer);
    },
    sessionOf: signIn.sessionOf,
    attempts: sharedAttempts({ limit, clock, ledger, isShared, what: 'api' }),
  };
  const changed = (): void => {
    book.forget();
    signIn.forget();
  };
  const makingKey = () => accessKeysKey(policy().http.accessKeys, random);
  return {
    admission,
    signIn,
    tokens: tokenOperations({ marks, clock, random, changed, accessKeysKey: makingKey }),
    ofAccessKey: (id) => book.ofAccessKey(id),
  };
}
