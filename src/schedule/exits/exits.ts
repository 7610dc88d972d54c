import { isDeepStrictEqual } from 'node:util';
import type { Egress } from '../../egress/egress.ts';
import type { MessageFacts } from '../../policy/match.ts';
import { isPlaced, matchRoute, routesTo } from '../../policy/match.ts';
import type { Policy, RoutePolicy } from '../../policy/schema.ts';
import type { Clock, Emit, Random } from '../../ports.ts';
import {
  choose,
  isAnyAt,
  walk,
  type Choice,
  type ChooseRequest,
  type ExitPlace,
  type ExitState,
  type Gate,
  type Reason,
  type TurnWanted,
} from '../../routing/choose.ts';
import { gateOf } from '../../routing/exit-state.ts';
import { FULL_STANDING, monotonic, type Standing, type StandingOf } from '../../routing/standing.ts';
import { stepsOf } from '../../routing/steps.ts';
import type { Connections } from '../connections/connections.ts';
import type { Limits } from '../limits/limits.ts';
import { Circuits, type ExitVerdict } from './circuits.ts';
import { Detours } from './detours.ts';
import type { ExitQuestion } from './exit-question.ts';
import type { PoolTurns, Used } from './pool-turns.ts';

export type ExitsNeeds = {
  readonly policy: () => Policy;
  readonly find: (name: string) => Egress | undefined;
  readonly limits: Limits;
  readonly connections: Pick<Connections, 'of' | 'stateOf' | 'want' | 'used'>;
  /** Who has the address that the exit leaves from. Default: this node. */
  readonly placeOf?: (name: string) => ExitPlace;
  /** What is known of each beside. Default: nothing. */
  readonly standingOf?: StandingOf;
  /** The part of its limits that an exit has used today, 0 to 1. Default: nothing. */
  readonly shareOf?: (name: string) => number;
  /** Where several processes share the circles of pools. Default: they are this one's. */
  readonly turns?: PoolTurns;
  readonly clock: Clock;
  readonly random: Pick<Random, 'fraction'>;
  readonly emit: Emit;
};

/** Between two looks at an exit that is closed, where no time is known. */
const LOOK_MS = 30_000;

/** The exits as the scheduler uses them: what is under way by each, which rest, whose turn it is in each pool. */
export class Exits {
  readonly #needs: ExitsNeeds;
  readonly #inFlight = new Map<string, number>();
  /** When mail by an exit last came to something, monotonic. */
  readonly #workedMs = new Map<string, number>();
  readonly #circuits: Circuits;
  /** Of the policy under which the circuits came about. */
  #ways: Pick<Policy, 'egress' | 'pools' | 'routes'>;
  /** Mail may wait in the store for want of an exit: what was before this process, nobody knows. */
  #keepsMail = true;
  readonly #rotation = new Map<string, { readonly place: number; readonly egress: string }>();
  readonly #detours = new Detours();
  /** Changes with everything that can change a choice. */
  #generation = 0;

  constructor(needs: ExitsNeeds) {
    this.#needs = needs;
    this.#circuits = new Circuits(needs);
    const { egress, pools, routes } = needs.policy();
    this.#ways = { egress, pools, routes };
  }

  get generation(): number {
    return this.#generation;
  }

  /** Time has passed, the policy changed, or what is known of exits: gates may have opened or closed. */
  touch(): void {
    this.#generation += 1;
  }

  /**
   * Another policy is in force: an exit whose settings changed, or that is new, is not held to what its old ones came to.
   * @returns whether mail that waits in the store may have another way now
   */
  forgetChanged(): boolean {
    const { egress: now, pools, routes } = this.#needs.policy();
    const ways = { egress: now, pools, routes };
    const isOther = !isDeepStrictEqual(ways, this.#ways);
    const before = this.#ways.egress;
    this.#circuits.forget((name) => !Object.hasOwn(now, name) || !isDeepStrictEqual(now[name], before[name]));
    this.#ways = ways;
    if (isOther) this.#needs.turns?.forget();
    this.touch();
    const maySend = isOther && this.#keepsMail;
    if (isOther) this.#keepsMail = false;
    return maySend;
  }

  routeOf(facts: MessageFacts): RoutePolicy | null {
    const route = matchRoute(this.#needs.policy(), facts);
    const { avoids } = facts;
    return route === null || avoids === undefined ? route : this.#detours.around(route, avoids, this.namesOf(route));
  }

  choose(question: ExitQuestion): Choice {
    const { limits, connections } = this.#needs;
    const choice = choose(this.#requestOf(question));
    for (const egress of choice.limited) {
      limits.want(egress);
      connections.want(egress, this.inFlightOf(egress));
    }
    if (choice.kind === 'wait' && !choice.busy) this.#keepsMail = true;
    return choice;
  }

  /** So many deliveries wait for a turn. */
  wantTurn(turn: TurnWanted, waiting: number): void {
    this.#needs.turns?.want(turn, waiting);
  }

  /** Every exit of a route in the order in which it would be asked now. Changes nothing, and asks nobody. */
  walk(question: ExitQuestion): readonly Reason[] {
    return walk({ ...this.#requestOf(question), stateOf: (name) => this.#stateOf(name) });
  }

  /** Whether `walk` would tell of one of these gates: quickly, for most often it does not. */
  isAnyAt(question: ExitQuestion, gates: ReadonlySet<Gate>): boolean {
    return isAnyAt({ ...this.#requestOf(question), stateOf: (name) => this.#stateOf(name) }, gates);
  }

  /** Every exit that mail may leave by on a route of the policy in force, in its order. */
  namesOf(route: RoutePolicy): readonly string[] {
    return stepsOf(this.#needs.policy(), route).flatMap(({ members }) => members.map(({ egress }) => egress));
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
    if (this.#circuits.isEmpty && this.#needs.standingOf === undefined) return null;
    const policy = this.#needs.policy();
    const nowMs = this.#needs.clock.monotonicMs();
    let untilMs: number | null = null;
    for (const route of domain === null ? policy.routes : routesTo(policy, domain)) {
      for (const { members } of stepsOf(policy, route)) {
        for (const { egress, shut } of members) {
          if (shut !== null || this.find(egress) === undefined) continue;
          const closedMs = this.#closedUntil(egress, nowMs);
          if (closedMs === null) return null;
          untilMs = Math.min(untilMs ?? Number.POSITIVE_INFINITY, closedMs);
        }
      }
    }
    return untilMs;
  }

  /** An attempt by this exit begins. */
  started(used: Used): void {
    const { name, provider } = used;
    this.#turned(used);
    this.#inFlight.set(name, (this.#inFlight.get(name) ?? 0) + 1);
    this.#circuits.started(name);
    this.#needs.limits.take(name, provider ?? null);
    this.#needs.connections.used(name);
    this.#generation += 1;
  }

  /** A delivery goes to the node that has the exit: its turn in the pool is over. */
  passed(used: Used): void {
    this.#turned(used);
    this.#generation += 1;
  }

  /** Nothing was tried by it after all, and nothing was booked. */
  unused({ name, provider }: Used): void {
    this.#needs.limits.release(name, provider ?? null);
    this.ended(name, 'none', '');
  }

  ended(name: string, verdict: ExitVerdict, cause: string): void {
    const left = (this.#inFlight.get(name) ?? 1) - 1;
    if (left > 0) this.#inFlight.set(name, left);
    else this.#inFlight.delete(name);
    this.#circuits.judge(name, verdict, cause);
    if (verdict === 'worked') this.#workedMs.set(name, this.#needs.clock.monotonicMs());
    this.#generation += 1;
  }

  /** Whether mail by it came to something since that monotonic time. */
  hasWorkedSince(name: string, sinceMs: number): boolean {
    return (this.#workedMs.get(name) ?? Number.NEGATIVE_INFINITY) >= sinceMs;
  }

  /** Exits that not every node can use, by which nothing goes out for a while: used up for the day, at rest, or closed. */
  closed(): string[] {
    const nowMs = this.#needs.clock.monotonicMs();
    return Object.entries(this.#needs.policy().egress).flatMap(([name, exit]) => {
      if (!isPlaced(exit)) return [];
      const { limit } = this.#stateOf(name);
      return limit?.kind === 'limited' || this.#closedUntil(name, nowMs) !== null ? [name] : [];
    });
  }

  /** Its provider asks for less, and no failure is held against it. */
  toldToWait(name: string, rest: { readonly restMs: number; readonly cause: string }): void {
    this.#circuits.toldToWait(name, rest);
    this.#generation += 1;
  }

  /** An attempt by it that is still under way hears nothing from its server. */
  suspect(name: string, cause: string): void {
    this.#circuits.judge(name, 'shaky', cause);
    this.touch();
  }

  /** Why nothing is begun by it: its checks fail, or mail by it did; null: neither. */
  shutBy(name: string): 'down' | 'resting' | null {
    if (this.#standingOf(name).closures.some(({ gate }) => gate === 'down')) return 'down';
    return gateOf(this.#circuits.of(name), this.#needs.clock.monotonicMs()) === 'resting' ? 'resting' : null;
  }

  inFlightOf(name: string): number {
    return this.#inFlight.get(name) ?? 0;
  }

  #turned({ name, pool, place, isShared }: Used): void {
    if (pool === null || place === null) return;
    this.#rotation.set(pool, { place, egress: name });
    if (isShared === true) this.#needs.turns?.taken(pool, place);
  }

  #requestOf(question: ExitQuestion): ChooseRequest {
    const { policy, turns, shareOf, clock, random } = this.#needs;
    return {
      ...question,
      policy: policy(),
      stateOf: (name) => this.#stateToChoose(name),
      shareOf: shareOf ?? (() => 0),
      rotation: this.#rotation,
      ...(turns === undefined ? {} : { turnsOf: (pool: string) => turns.of(pool) }),
      fraction: () => random.fraction(),
      nowMs: clock.monotonicMs(),
    };
  }

  /** Until when nothing at all goes out by it, monotonic ms; null: something may. */
  #closedUntil(name: string, nowMs: number): number | null {
    const circuit = this.#circuits.of(name);
    if (gateOf(circuit, nowMs) === 'resting') return circuit.restsUntilMs;
    const { closures, probes } = this.#standingOf(name);
    if (closures.length === 0 || probes) return null;
    return Math.max(...closures.map(({ untilMs }) => untilMs ?? nowMs + LOOK_MS));
  }

  /** Its times monotonic. */
  #standingOf(name: string): Standing {
    const standing = this.#needs.standingOf?.(name) ?? FULL_STANDING;
    return standing.closures.length === 0 ? standing : monotonic(standing, this.#needs.clock);
  }

  /** What it has to wait for a moment to know is asked for then. */
  #stateToChoose(name: string): ExitState {
    const state = this.#stateOf(name);
    if (state.limit !== null && state.limit !== undefined) return state;
    return { ...state, limit: this.#needs.connections.stateOf(name, state.inFlight) };
  }

  #stateOf(name: string): ExitState {
    const { find, connections, limits, placeOf, standingOf } = this.#needs;
    const egress = find(name);
    const inFlight = this.inFlightOf(name);
    const standing = standingOf === undefined ? FULL_STANDING : this.#standingOf(name);
    return {
      running: egress !== undefined,
      inFlight,
      ...connections.of(name, { most: egress?.concurrency ?? 1, inFlight }),
      circuit: this.#circuits.of(name),
      limit: limits.stateOf(name),
      budget: limits.budgets.gateOf(name),
      standing,
      ...(placeOf === undefined ? {} : { place: placeOf(name) }),
    };
  }
}
