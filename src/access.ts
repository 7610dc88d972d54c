/** The API of a running relay: what it reads, whom it lets in, and how often somebody may fail. */
import type { ExitOperations } from './cli/exit-operations.ts';
import { type TokenOperations, tokenOperations } from './cli/token-operations.ts';
import { type Api, createApi } from './http/api.ts';
import { TokenBook } from './http/token-book.ts';
import { addressKey } from './ingress/address-key.ts';
import { SignInLimits } from './ingress/sign-in-limits.ts';
import type { Policy } from './policy/schema.ts';
import type { Emit, Ports } from './ports.ts';
import type { Marks } from './spool/marks.ts';

export type AccessNeeds = {
  readonly policy: () => Policy;
  readonly ports: Pick<Ports, 'clock' | 'random'>;
  readonly marks: Marks;
  readonly emit: Emit;
  readonly exits: Pick<ExitOperations, 'stats' | 'exits'>;
};

export type Access = { readonly api: Api; readonly tokens: TokenOperations };

/** Those who fail are limited by `limits.loginAttempts`, as those of SMTP are, and are counted apart from them. */
export function openAccess({ policy, ports, marks, emit, exits }: AccessNeeds): Access {
  const { clock, random } = ports;
  const book = new TokenBook({ marks, clock });
  const limit = () => policy().limits.loginAttempts;
  const failures = new SignInLimits(limit);
  const api = createApi({
    clock,
    emit,
    check: (hash) => book.check(hash),
    attempts: {
      isBarred: (peer) => failures.isBarred(addressKey(peer), clock.monotonicMs()),
      failed: (peer) => failures.failed(addressKey(peer), clock.monotonicMs()),
      barredSeconds: () => Math.ceil(limit().windowMs / 1_000),
    },
    stats: () => exits.stats(),
    egress: async () => ({ exits: await exits.exits() }),
  });
  return { api, tokens: tokenOperations({ marks, clock, random, changed: () => book.forget() }) };
}
