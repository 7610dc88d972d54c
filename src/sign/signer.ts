/** Signing as the policy in force says: the keyring that goes with it, kept up to date with its files. */
import { availableParallelism } from 'node:os';
import type { Clock, Emit } from '../ports.ts';
import { type BlankSignatures, type MakeValues, oneThreadSigns } from './blank-signature.ts';
import { leaveBlank, type Signed, signMessage, type Unsigned } from './dkim.ts';
import { headersBut } from './signed-headers.ts';
import { SigningThread } from './signing-thread.ts';
import { type DkimDomains, type KeyProblem, type Keyring, openKeyring } from './keyring.ts';

export type Signer = AsyncDisposable & {
  readonly sign: (unsigned: Omit<Unsigned, 'keyring'>) => Promise<Signed>;
  /** The same but for the values. */
  readonly leaveBlank: (unsigned: Omit<Unsigned, 'keyring'>) => Promise<BlankSignatures>;
  /** Now, and without the fields that whoever carries the mail writes itself, in lower case. @returns the signatures */
  readonly signBut: (
    unsigned: Omit<Unsigned, 'keyring' | 'nowMs' | 'headerList'> & {
      readonly uncovered: ReadonlySet<string>;
    },
  ) => Promise<Buffer>;
  /** Reads the keys of another policy, for whenever it is swapped in. @returns `errors`: what keeps keys from signing */
  prepare(domains: DkimDomains): Promise<NextKeys>;
  /** Reads changed key files now, and not at the next look. */
  refresh(): Promise<void>;
  /** Why keys that the policy names for mail from there cannot sign. */
  lacksFor(fromDomain: string): readonly KeyProblem[];
  /** What is wrong with the keys in use, warnings included. */
  problems(): readonly KeyProblem[];
};

/** `use` signs with them from now on, whatever their errors. */
export type NextKeys = { readonly errors: readonly KeyProblem[]; readonly use: () => void };

/** Key files change at most a few times a year; a minute is soon enough, and a glance at each costs nothing. */
const REFRESH_MS = 60_000;

export type SignerNeeds = {
  readonly clock: Clock;
  readonly emit: Emit;
  /** Whether a thread of its own signs, where the machine is one on which that is faster. Default: the thread pool does. */
  readonly hasThread?: boolean;
};

/** Opens the keys of a policy; look at `problems()` for those that cannot be used. */
export async function openSigner(
  domains: DkimDomains,
  { clock, emit, hasThread = false }: SignerNeeds,
): Promise<Signer> {
  let keyring: Keyring = await openKeyring(domains);
  const thread = hasThread && oneThreadSigns(availableParallelism()) ? new SigningThread(clock) : null;
  const makeValues: MakeValues | undefined = thread?.make.bind(thread);
  let told: ReadonlyMap<string, string> = new Map();
  let cancel = (): void => {};

  const tell = (problems: readonly KeyProblem[]): void => {
    const raised = new Map(problems.map((problem) => [alertName(problem), problem.text]));
    const atMs = clock.nowMs();
    for (const [name, text] of told) {
      if (!raised.has(name)) emit({ event: 'alert', atMs, name, text, raised: false });
    }
    for (const [name, text] of raised) {
      if (told.get(name) !== text) emit({ event: 'alert', atMs, name, text, raised: true });
    }
    told = raised;
  };
  const refresh = async (): Promise<void> => {
    cancel();
    cancel = clock.after(REFRESH_MS, () => void refresh());
    tell(await keyring.refresh());
  };

  tell(keyring.problems());
  cancel = clock.after(REFRESH_MS, () => void refresh());
  return {
    sign: (unsigned) => signMessage({ ...unsigned, keyring, makeValues }),
    leaveBlank: (unsigned) => leaveBlank({ ...unsigned, keyring, makeValues }),
    signBut: async ({ uncovered, ...unsigned }) => {
      const headerList = headersBut(uncovered);
      return (await signMessage({ ...unsigned, keyring, nowMs: clock.nowMs(), headerList, makeValues })).headers;
    },
    prepare: async (next) => {
      const candidate = await openKeyring(next);
      const errors = candidate.problems().filter(({ severity }) => severity === 'error');
      const use = (): void => {
        keyring = candidate;
        tell(keyring.problems());
      };
      return { errors, use };
    },
    refresh,
    lacksFor: (fromDomain) => keyring.lacksFor(fromDomain),
    problems: () => keyring.problems(),
    [Symbol.asyncDispose]: async () => {
      cancel();
      await thread?.[Symbol.asyncDispose]();
    },
  };
}

function alertName({ selector, domain }: KeyProblem): string {
  return `dkim-key:${selector}._domainkey.${domain}`;
}
