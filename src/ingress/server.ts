/** Taking mail in over SMTP: the listening ports of the policy, and all that their sessions share. */
import type { Screening } from '../message/screening.ts';
import type { Policy } from '../policy/schema.ts';
import type { Random } from '../ports.ts';
import type { Handoff } from '../spool/handoff.ts';
import type { Spool } from '../spool/spool.ts';
import { Admission } from './admission.ts';
import { Authenticator } from './auth.ts';
import { Deadlines } from './deadlines.ts';
import type { Habits } from './habit-book.ts';
import { type ListenProblem, listenProblem } from './listen-problem.ts';
import { Listener, type ListenerDeps } from './listener.ts';
import { MemoryBudget } from './memory-budget.ts';
import type { IngressSharing } from './peers.ts';
import type { QuotaDeps } from './quota.ts';
import { Receiver } from './receive.ts';
import type { LeaveBlank } from './sign.ts';
import { NO_RETURN_PATHS, RETURNED_MEMORY_BYTES, type ReturnPaths } from './return-path.ts';
import { REPLIES } from './replies.ts';
import { submit, type Submission, type SubmitResult } from './submit.ts';
import { Certificate } from './tls.ts';
import type { UnsubscribeUrl } from './unsubscribe.ts';

export type IngressDeps = QuotaDeps & {
  /** The policy in force now. */
  readonly policy: () => Policy;
  readonly spool: Pick<Spool, 'accept' | 'trouble' | 'sign'>;
  readonly handoff: Handoff;
  readonly leaveBlank: LeaveBlank;
  /** Default: there are none. */
  readonly returnPaths?: ReturnPaths;
  /** Default: everybody is written to. */
  readonly screening?: Screening;
  /** Default: no such fields are added. */
  readonly unsubscribeUrl?: UnsubscribeUrl;
  /** Default: what clients do is not counted. */
  readonly habits?: Habits;
  readonly random: Random;
  /** The other workers on the same ports. Default: there are none. */
  readonly sharing?: IngressSharing;
};

export interface Ingress extends AsyncDisposable {
  /**
   * Opens and closes ports as the policy says; connections that are open stay so. Ports that could not be opened before
   * are tried again.
   * @returns the ports that do not take mail; the others do
   */
  apply(policy: Policy): Promise<readonly ListenProblem[]>;
  /** The ports that do not take mail now. */
  problems(): readonly ListenProblem[];
  /** No new mail: closes the ports, says 421 to idle sessions, lets messages that are coming in finish. Resolves once none is left. */
  stopAccepting(): Promise<void>;
  /** The same way in without SMTP. */
  submit(submission: Submission): Promise<SubmitResult>;
  /** Where it listens, in the order of the policy. */
  addresses(): readonly {
    readonly address: string;
    readonly port: number;
    readonly tls: string;
    readonly auth: string;
  }[];
  counters(): IngressCounters;
}

export type IngressCounters = {
  /** Open connections, handshakes included. */
  readonly connections: number;
  /** Reserved for messages that are coming in. */
  readonly bytesInFlight: number;
  /** Messages between their last byte and their answer. */
  readonly messagesInFlight: number;
};

/** Opens the ports of the policy; look at `problems()` for those that could not be opened. */
export async function startIngress(deps: IngressDeps): Promise<Ingress> {
  const ports = new SmtpPorts(deps);
  await ports.open();
  return ports;
}

class SmtpPorts implements Ingress {
  readonly #deps: IngressDeps;
  readonly #listenerDeps: ListenerDeps;
  readonly #receiver: Receiver;
  readonly #budget: MemoryBudget;
  readonly #admission: Admission;
  readonly #deadlines: Deadlines;
  /** Those that listen, under what they were opened for. */
  #listeners = new Map<string, Listener>();
  /** Closed ports whose sessions go on. */
  readonly #retired = new Set<Listener>();
  #certificate: Certificate | null = null;
  #problems: readonly ListenProblem[] = [];
  #applying: Promise<unknown> = Promise.resolve();
  #stopping = false;

  constructor(deps: IngressDeps) {
    this.#deps = deps;
    const { policy, ledger, clock, emit, sharing } = deps;
    const peers = sharing === undefined ? {} : { peers: sharing.peers };
    this.#receiver = new Receiver(deps);
    this.#budget = new MemoryBudget(() => policy().limits.memoryBytes / (sharing?.workers ?? 1));
    this.#deadlines = new Deadlines(clock, emit);
    this.#admission = new Admission({ policy, evictIdlest: () => this.#deadlines.evictIdlest(), ...peers });
    this.#listenerDeps = {
      policy,
      ledger,
      clock,
      emit,
      authenticator: new Authenticator({ ...deps, ...peers }),
      receiver: this.#receiver,
      budget: this.#budget,
      returnBudget: new MemoryBudget(() => RETURNED_MEMORY_BYTES / (sharing?.workers ?? 1)),
      returnPaths: deps.returnPaths ?? NO_RETURN_PATHS,
      ...(deps.screening === undefined ? {} : { screening: deps.screening }),
      ...(deps.habits === undefined ? {} : { habits: deps.habits }),
      ...(deps.overQuota === undefined ? {} : { overQuota: deps.overQuota }),
      admission: this.#admission,
      deadlines: this.#deadlines,
      isStopping: () => this.#stopping,
    };
  }

  async open(): Promise<void> {
    await this.apply(this.#deps.policy());
  }

  async apply(policy: Policy): Promise<readonly ListenProblem[]> {
    // One after the other: two reloads at once must not open the same port twice.
    const applied = this.#applying.then(() => this.#apply(policy));
    this.#applying = applied.catch(() => undefined);
    return await applied;
  }

  problems(): readonly ListenProblem[] {
    return this.#problems;
  }

  async stopAccepting(): Promise<void> {
    this.#stopping = true;
    const listeners = [...this.#listeners.values(), ...this.#retired];
    for (const listener of listeners) {
      listener.stopListening();
      for (const session of listener.sessions()) session.shutDown();
    }
    const isBusy = () => this.#receiver.inFlight > 0 || listeners.some((listener) => listener.connections.size > 0);
    while (isBusy()) await this.#deps.clock.sleep(50);
  }

  async submit(submission: Submission): Promise<SubmitResult> {
    if (this.#stopping) return { kind: 'refused', reply: REPLIES.stopping, about: 'temporary' };
    return await submit({ ...this.#deps, receiver: this.#receiver }, submission);
  }

  addresses() {
    return [...this.#listeners.values()].flatMap((listener) => {
      const found = listener.address();
      const { tls, auth } = listener.policy;
      return found === null ? [] : [{ address: found.address, port: found.port, tls, auth }];
    });
  }

  counters(): IngressCounters {
    return {
      connections: this.#admission.open,
      bytesInFlight: this.#budget.usedBytes,
      messagesInFlight: this.#receiver.inFlight,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stopping = true;
    await this.#applying;
    this.#certificate?.[Symbol.dispose]();
    for (const listener of [...this.#listeners.values(), ...this.#retired]) listener.destroyAll();
    this.#deadlines[Symbol.dispose]();
    // What is being accepted is waited for: whether it was, somebody must know.
    while (this.#receiver.inFlight > 0) await new Promise((resolve) => setImmediate(resolve));
  }

  async #apply(policy: Policy): Promise<readonly ListenProblem[]> {
    if (this.#stopping) return this.#problems;
    await this.#certify(policy);
    const wanted = keyed(policy);
    this.#closeAllBut(wanted);
    const listeners = new Map<string, Listener>();
    const problems: ListenProblem[] = [];
    for (const [key, listenerPolicy] of wanted) {
      const kept = this.#listeners.get(key);
      if (kept !== undefined) {
        kept.policy = listenerPolicy;
        listeners.set(key, kept);
        continue;
      }
      const opened = await this.#open(listenerPolicy);
      if (opened instanceof Listener) listeners.set(key, opened);
      else problems.push(opened);
    }
    this.#listeners = listeners;
    this.#problems = problems;
    return problems;
  }

  /** A relay without TLS, behind another server on its own machine, needs no certificate. */
  async #certify({ tls, listen }: Policy): Promise<void> {
    if (this.#certificate !== null) return this.#certificate.apply(tls);
    if (listen.every((listener) => listener.tls === 'none')) return;
    const { clock, emit, policy } = this.#deps;
    const changed = (material: Parameters<Listener['useCertificate']>[0]) => {
      for (const listener of [...this.#listeners.values(), ...this.#retired]) listener.useCertificate(material);
      // A port that waits for a certificate can be opened now.
      if (this.#problems.some(({ code }) => code === 'NO-CERTIFICATE')) void this.apply(policy());
    };
    this.#certificate = await Certificate.load(tls, { clock, emit, changed });
  }

  #closeAllBut(wanted: ReadonlyMap<string, unknown>): void {
    for (const [key, listener] of this.#listeners) {
      if (wanted.has(key)) continue;
      listener.stopListening();
      this.#listeners.delete(key);
      this.#retired.add(listener);
    }
    for (const listener of this.#retired) if (listener.connections.size === 0) this.#retired.delete(listener);
  }

  async #open(policy: Policy['listen'][number]): Promise<Listener | ListenProblem> {
    const { sharing } = this.#deps;
    const refusal = sharing?.refusal(policy) ?? null;
    if (refusal !== null) return refusal;
    const material = this.#certificate?.material ?? null;
    if (policy.tls === 'implicit' && material === null) {
      return listenProblem(policy, Object.assign(new Error('no certificate'), { code: 'NO-CERTIFICATE' }));
    }
    const listener = new Listener(this.#listenerDeps, policy, material);
    const error = await listener.start({ reusePort: sharing !== undefined });
    return error === null ? listener : listenProblem(policy, error);
  }
}

/** Port, address, and whether TLS comes first: with these alike a listener goes on with other settings. */
function keyed(policy: Policy): Map<string, Policy['listen'][number]> {
  const listeners = new Map<string, Policy['listen'][number]>();
  for (const listener of policy.listen) {
    const name = `${listener.address ?? '*'} ${listener.port} ${listener.tls === 'implicit'}`;
    let key = name;
    // Port 0, in tests, may come more than once.
    for (let count = 1; listeners.has(key); count++) key = `${name} ${count}`;
    listeners.set(key, listener);
  }
  return listeners;
}
