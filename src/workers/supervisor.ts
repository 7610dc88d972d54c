/**
 * Several workers as one mail path: starts them on the same ports, starts those again that end, has all of them or none
 * follow a new policy, and adds up what they say. It takes no mail itself.
 */
import type { ListenProblem } from '../ingress/listen-problem.ts';
import { probeListener } from '../ingress/port-probe.ts';
import type { Doors, Figures, MailPath, Prepared } from '../mail-path.ts';
import type { DeliveryId } from '../message/ids.ts';
import { OperationsError } from '../operations/operations.ts';
import type { ListenerPolicy, Policy } from '../policy/schema.ts';
import type { Explanation } from '../schedule/reasons/explain.ts';
import type { ExitUse, SiteStats } from '../schedule/stats.ts';
import { Crew, type CrewNeeds } from './crew.ts';
import { WorkerError, type WorkerThread } from './worker-thread.ts';
import type { AskName, Asks, PolicyInForce } from './worker-wire.ts';

export type SupervisorNeeds = Omit<CrewNeeds, 'start' | 'onUp'> & {
  readonly policy: () => Policy;
  /** Of the policy in force. */
  readonly version: () => string;
  /** The relay's name. */
  readonly node?: string;
};

/** A worker that needs longer to make a policy its own is taken to hang. */
const SWAP_MS = 10_000;
/** What operators and monitors wait for at most. */
const ANSWER_MS = 1_000;
/** What an attempt under way may take, and what comes of it to be written. */
const STOP_MS = 38_000;
const HURRY_MS = 1_000;

/** Starts the workers, and waits until each takes mail or could not start; which ports do not is in `doors`. */
export async function startSupervisor(needs: SupervisorNeeds): Promise<MailPath> {
  const supervisor = new Supervisor(needs);
  await supervisor.start();
  return supervisor;
}

class Supervisor implements MailPath {
  readonly #needs: SupervisorNeeds;
  readonly #crew: Crew;
  /** Ports that no worker is to open. */
  #refusals: readonly ListenProblem[] = [];
  /** Those that workers were let open, as the policy names them. */
  #ours: readonly ListenerPolicy[] = [];
  #turn = 0;

  constructor(needs: SupervisorNeeds) {
    this.#needs = needs;
    const node = needs.node === undefined ? {} : { node: needs.node };
    this.#crew = new Crew({
      ...needs,
      start: () => ({ ...this.#inForce(), ...node, refusals: this.#refusals }),
      onUp: (worker) => this.#catchUp(worker),
    });
  }

  async start(): Promise<void> {
    await this.#probe();
    await this.#crew.startAll();
  }

  doors(): Doors {
    const all = this.#crew.live().map(({ doors }) => doors);
    return {
      addresses: distinct(all.flatMap(({ addresses }) => addresses)),
      problems: distinct([...this.#refusals, ...all.flatMap(({ problems }) => problems)]),
    };
  }

  notReady(): readonly string[] {
    return this.#crew.live().length > 0 ? [] : [`no worker runs: ${this.#crew.lastCause}`];
  }

  async prepare(policy: Policy, version: string): Promise<Prepared> {
    const answers = await this.#askAll('prepare', { policy, version }, SWAP_MS);
    const problems = answers.flatMap(({ worker, answer }) => {
      if (!(answer instanceof WorkerError)) return answer;
      // One that ended comes up again with whatever is in force then.
      return answer.kind === 'ended' ? [] : [`worker ${worker.number} could not make ready: ${answer.message}`];
    });
    return problems.length === 0 ? { kind: 'ready', use: () => {} } : { kind: 'refused', problems: distinct(problems) };
  }

  async follow(): Promise<void> {
    await this.#probe();
    await Promise.all(this.#crew.live().map((worker) => this.#swap(worker)));
  }

  async refreshKeys(): Promise<void> {
    await this.#askAll('refreshKeys', null, SWAP_MS);
  }

  async figures(): Promise<Figures> {
    const sum = { connectionsIn: 0, connectionsOut: 0, workers: 0 };
    let closed: readonly string[] | null = null;
    const sites = new Map<string, SiteStats>();
    const exits = new Map<string, ExitUse>();
    for (const { worker, answer } of await this.#askAll('figures', null, ANSWER_MS)) {
      if (answer instanceof WorkerError) {
        if (answer.kind !== 'ended') this.#crew.tellFailure(worker.number, `its figures: ${answer.message}`);
        continue;
      }
      sum.connectionsIn += answer.connectionsIn;
      sum.connectionsOut += answer.connectionsOut;
      sum.workers += 1;
      const { closedExits } = answer;
      for (const site of answer.sites ?? []) sites.set(site.provider, sumOf(sites.get(site.provider), site));
      for (const use of answer.exits ?? []) exits.set(use.egress, sumOfUses(exits.get(use.egress), use));
      closed = closed === null ? closedExits : closed.filter((exit) => closedExits.includes(exit));
    }
    return { ...sum, closedExits: closed ?? [], sites: [...sites.values()], exits: [...exits.values()] };
  }

  async explain(id: DeliveryId): Promise<readonly Explanation[]> {
    const answers = await this.#askAll('explain', id, ANSWER_MS);
    const told = answers.flatMap(({ answer }) => (answer instanceof WorkerError ? [] : [answer]));
    const failure = answers.map(({ answer }) => answer).find((answer) => answer instanceof WorkerError);
    if (told.length === 0) throw new OperationsError(`no worker answers: ${failure?.message ?? 'none runs'}`);
    // Who holds it knows best; the first worker delivers, whatever the limits.
    return told.find((answer) => answer.some(isHeld)) ?? told[0] ?? [];
  }

  /** As one of them has it: what it knows of connections is its own. */
  async explainMail(facts: Asks['explainMail']['ask']): Promise<Asks['explainMail']['answer']> {
    const answer = await this.#askOne('explainMail', facts);
    const { workers } = this.#needs;
    return answer.site === undefined
      ? answer
      : { ...answer, site: `${answer.site} (in one of ${workers} workers, which share what the site takes)` };
  }

  submit(submission: Asks['submit']['ask']): Promise<Asks['submit']['answer']> {
    return this.#askOne('submit', submission);
  }

  bounceNow(leased: Asks['bounceNow']['ask']['leased'], reply: Asks['bounceNow']['ask']['reply']): Promise<number> {
    return this.#askOne('bounceNow', { leased, reply });
  }

  endTold(leased: Asks['endTold']['ask']['leased'], ends: Asks['endTold']['ask']['ends']): Promise<boolean> {
    return this.#askOne('endTold', { leased, ends });
  }

  tellReturned(notice: Asks['tellReturned']['ask']): Promise<Asks['tellReturned']['answer']> {
    return this.#askOne('tellReturned', notice);
  }

  async submitOwn(mail: Asks['submitOwn']['ask']): Promise<void> {
    await this.#askOne('submitOwn', mail);
  }

  wake(): void {
    this.#crew.tellAll({ kind: 'wake' });
  }

  async stop(signal: AbortSignal): Promise<void> {
    this.#crew.startNoMore();
    const { clock } = this.#needs;
    const stopped = this.#askAll('stop', null, null);
    await Promise.race([stopped, clock.sleep(STOP_MS, signal).catch(() => undefined)]);
    if (!signal.aborted) return;
    this.#crew.tellAll({ kind: 'hurry' });
    await Promise.race([stopped, clock.sleep(HURRY_MS)]);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#crew[Symbol.asyncDispose]();
  }

  #inForce(): PolicyInForce {
    return { policy: this.#needs.policy(), version: this.#needs.version() };
  }

  /** One that came up while the policy changed. */
  async #catchUp(worker: WorkerThread): Promise<void> {
    if (worker.version !== this.#needs.version()) await this.#swap(worker);
  }

  /** Who cannot follow does not go on by the old policy: it ends, and the next one begins with the new. */
  async #swap(worker: WorkerThread): Promise<void> {
    try {
      worker.doors = await worker.ask('swap', { ...this.#inForce(), refusals: this.#refusals }, SWAP_MS);
    } catch (error) {
      if (!(error instanceof WorkerError)) throw error;
      if (error.kind === 'ended') return;
      this.#crew.tellFailure(worker.number, `it does not follow the policy: ${error.message}`);
      await worker.end(0);
    }
  }

  /** Ports of another program are not to be shared with it. Those that are ours already cannot be asked. */
  async #probe(): Promise<void> {
    const { listen } = this.#needs.policy();
    const held = new Set(this.#crew.live().length > 0 ? this.#ours.map(({ port }) => port) : []);
    const refusals: ListenProblem[] = [];
    for (const listener of listen) {
      const problem = held.has(listener.port) ? null : await probeListener(listener);
      if (problem !== null) refusals.push(problem);
    }
    this.#refusals = refusals;
    this.#ours = listen.filter((listener) => !refusals.some((refusal) => isOf(refusal, listener)));
  }

  async #askAll<Name extends AskName>(name: Name, ask: Asks[Name]['ask'], withinMs: number | null) {
    return Promise.all(
      this.#crew.live().map(async (worker) => {
        const answer = await worker.ask(name, ask, withinMs).catch((error: unknown) => {
          if (error instanceof WorkerError) return error;
          throw error;
        });
        return { worker, answer };
      }),
    );
  }

  /** One after the other. */
  async #askOne<Name extends AskName>(name: Name, ask: Asks[Name]['ask']): Promise<Asks[Name]['answer']> {
    const live = this.#crew.live();
    this.#turn += 1;
    const worker = live[this.#turn % live.length];
    if (worker === undefined) throw new OperationsError(this.notReady().join());
    try {
      return await worker.ask(name, ask, null);
    } catch (error) {
      if (error instanceof WorkerError) throw new OperationsError(`worker ${worker.number}: ${error.message}`);
      throw error;
    }
  }
}

function isHeld({ state }: Explanation): boolean {
  return state === 'in flight' || state === 'waiting in its lane' || state === 'being settled';
}

function isOf(problem: ListenProblem, { port, address }: ListenerPolicy): boolean {
  return problem.port === port && problem.address === address;
}

function sumOf(sum: SiteStats | undefined, { provider, inFlight, slowed, blocked }: SiteStats): SiteStats {
  if (sum === undefined) return { provider, inFlight, slowed, blocked };
  return {
    provider,
    inFlight: sum.inFlight + inFlight,
    slowed: sum.slowed + slowed,
    blocked: sum.blocked + blocked,
  };
}

/** The first that may send is the next. */
function sumOfUses(sum: ExitUse | undefined, { egress, connections, nextAtMs }: ExitUse): ExitUse {
  if (sum === undefined) return { egress, connections, nextAtMs };
  const known = [sum.nextAtMs, nextAtMs].filter((atMs) => atMs !== null);
  return {
    egress,
    connections: sum.connections + connections,
    nextAtMs: known.length === 0 ? null : Math.min(...known),
  };
}

/** Each once: workers say the same. */
function distinct<T>(all: readonly T[]): T[] {
  return [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
}
