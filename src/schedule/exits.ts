import { isDeepStrictEqual } from 'node:util';
import type { Egress } from '../egress/egress.ts';
import type { MessageFacts } from '../policy/match.ts';
import { isPlaced, isUsable, matchRoute, routesTo } from '../policy/match.ts';
import type { Policy, RoutePolicy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import { choose, type Choice, type ExitPlace, type ExitState, type Gate } from '../routing/choose.ts';
import {
  afterFailure,
  afterNothing,
  afterStart,
  afterSuccess,
  CLOSED,
  gateOf,
  type Circuit,
} from '../routing/exit-state.ts';
import type { Limits } from './limits.ts';

/** Gates that a limit of the exit stands at. */
const LIMITED: ReadonlySet<Gate> = new Set(['limited', 'paced', 'asking']);

/** What an attempt says of its exit. `shaky`: it failed in a way that one broken connection does too. */
export type ExitVerdict = 'worked' | 'failed' | 'shaky' | 'none';

export type ExitsNeeds = {
  readonly policy: () => Policy;
  readonly find: (name: string) => Egress | undefined;
  /** This worker's part of a limit. */
  readonly share: (limit: number) => number;
  readonly limits: Limits;
  /** Who has the address that the exit leaves from. Default: this node. */
  readonly placeOf?: (name: string) => ExitPlace;
  readonly clock: Clock;
  readonly emit: Emit;
};

export type ExitQuestion = {
  readonly route: RoutePolicy;
  readonly stream: string;
  readonly tried?: ReadonlySet<string>;
  readonly keep?: string | null;
  readonly here?: boolean;
};

/** The exits as the scheduler uses them: what is under way by each, which rest, whose turn it is in each pool. */
export class Exits {
  readonly #needs: ExitsNeeds;
  readonly #inFlight = new Map<string, number>();
  readonly #circuits = new Map<string, Circuit>();
  /** Of the policy under which the circuits came about. */
  #settings: Policy['egress'];
  readonly #rotation = new Map<string, string>();
  /** Changes with everything that can change a choice. */
  #generation = 0;

  constructor(needs: ExitsNeeds) {
    this.#needs = needs;
    this.#settings = needs.policy().egress;
  }

  get generation(): number {
    return this.#generation;
  }

  /** Time has passed, or the policy changed: rests may be over. */
  touch(): void {
    this.#generation += 1;
  }

  /**
   * Another policy is in force: an exit whose settings changed, or that is new, is not held to what its old ones came to.
   */
  forgetChanged(): void {
    const now = this.#needs.policy().egress;
    for (const [name, circuit] of this.#circuits) {
      if (Object.hasOwn(now, name) && isDeepStrictEqual(now[name], this.#settings[name])) continue;
      this.#circuits.delete(name);
      if (circuit.restsUntilMs !== null) this.#tell(name, `${name} has new settings, and is tried again`, CLOSED);
    }
    this.#settings = now;
    this.touch();
  }

  routeOf(facts: MessageFacts): RoutePolicy | null {
    return matchRoute(this.#needs.policy(), facts);
  }

  choose(question: ExitQuestion): Choice {
    const choice = choose({
      ...question,
      policy: this.#needs.policy(),
      stateOf: (name) => this.#stateOf(name),
      rotation: this.#rotation,
      nowMs: this.#needs.clock.monotonicMs(),
    });
    for (const { egress, gate } of choice.reasons) {
      if (gate === 'ready' || gate === 'elsewhere') break;
      if (LIMITED.has(gate)) this.#needs.limits.want(egress);
    }
    return choice;
  }

  find(name: string): Egress | undefined {
    return this.#needs.find(name);
  }

  /**
   * Until when every exit rests that mail to a domain could leave by, monotonic ms; null: one may carry some of it, or is
   * out to see whether it works again.
   * @param domain null: any
   */
  restingUntil(domain: string | null): number | null {
    if (this.#circuits.size === 0) return null;
    const policy = this.#needs.policy();
    let untilMs: number | null = null;
    for (const route of domain === null ? policy.routes : routesTo(policy, domain)) {
      for (const name of route.use.flatMap((use) =>
        Object.hasOwn(policy.pools, use) ? (policy.pools[use]?.members ?? []) : [use],
      )) {
        if (!isUsable(policy, name) || this.find(name) === undefined) continue;
        const circuit = this.#circuits.get(name) ?? CLOSED;
        if (gateOf(circuit, this.#needs.clock.monotonicMs()) !== 'resting') return null;
        untilMs = Math.min(untilMs ?? Number.POSITIVE_INFINITY, circuit.restsUntilMs ?? 0);
      }
    }
    return untilMs;
  }

  /** An attempt by this exit begins. */
  started({ name, pool }: { readonly name: string; readonly pool: string | null }): void {
    if (pool !== null) this.#rotation.set(pool, name);
    this.#inFlight.set(name, (this.#inFlight.get(name) ?? 0) + 1);
    const circuit = this.#circuits.get(name);
    if (circuit !== undefined) this.#circuits.set(name, afterStart(circuit));
    this.#needs.limits.take(name);
    this.#generation += 1;
  }

  /** A delivery goes to the node that has the exit: its turn in the pool is over. */
  passed({ name, pool }: { readonly name: string; readonly pool: string | null }): void {
    if (pool !== null) this.#rotation.set(pool, name);
    this.#generation += 1;
  }

  /** Nothing was tried by it after all, and nothing was booked. */
  unused(name: string): void {
    this.#needs.limits.release(name);
    this.ended(name, 'none', '');
  }

  ended(name: string, verdict: ExitVerdict, cause: string): void {
    const left = (this.#inFlight.get(name) ?? 1) - 1;
    if (left > 0) this.#inFlight.set(name, left);
    else this.#inFlight.delete(name);
    this.#judge(name, verdict, cause);
    this.#generation += 1;
  }

  /** Exits that not every node can use, by which nothing goes out for a while: used up for the day, or at rest. */
  closed(): string[] {
    const nowMs = this.#needs.clock.monotonicMs();
    return Object.entries(this.#needs.policy().egress).flatMap(([name, exit]) => {
      if (!isPlaced(exit)) return [];
      const { circuit, limit } = this.#stateOf(name);
      return limit?.kind === 'limited' || gateOf(circuit, nowMs) === 'resting' ? [name] : [];
    });
  }

  inFlightOf(name: string): number {
    return this.#inFlight.get(name) ?? 0;
  }

  #judge(name: string, verdict: ExitVerdict, cause: string): void {
    const before = this.#circuits.get(name);
    if (verdict === 'none') {
      if (before !== undefined) this.#circuits.set(name, afterNothing(before));
      return;
    }
    if (verdict === 'worked') {
      if (before === undefined) return;
      this.#circuits.delete(name);
      if (before.restsUntilMs !== null) this.#tell(name, `${name} works again`, afterSuccess());
      return;
    }
    const nowMs = this.#needs.clock.monotonicMs();
    const after = afterFailure(before ?? CLOSED, { nowMs, cause, decisive: verdict === 'failed' });
    this.#circuits.set(name, after);
    const rests = after.restsUntilMs !== null && after.restsUntilMs !== before?.restsUntilMs;
    if (rests) this.#tell(name, `${name} rests for ${Math.round(after.restMs / 1000)} s: ${cause}`, after);
  }

  #tell(name: string, text: string, circuit: Circuit): void {
    const raised = circuit.restsUntilMs !== null;
    this.#needs.emit({ event: 'alert', atMs: this.#needs.clock.nowMs(), name: `egress-resting:${name}`, text, raised });
  }

  #stateOf(name: string): ExitState {
    const egress = this.#needs.find(name);
    return {
      running: egress !== undefined,
      inFlight: this.#inFlight.get(name) ?? 0,
      // Never none: `deliveryShare` has as many deliver as an operator's limits allow.
      concurrency: Math.max(1, this.#needs.share(egress?.concurrency ?? 1)),
      circuit: this.#circuits.get(name) ?? CLOSED,
      limit: this.#needs.limits.stateOf(name),
      ...(this.#needs.placeOf === undefined ? {} : { place: this.#needs.placeOf(name) }),
    };
  }
}
