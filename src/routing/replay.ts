/**
 * Deliveries replayed against a policy: when each would have left, and by which exit. Pure, and the same every time. It
 * chooses as the scheduler does (`choose`), with counters of its own; conversations take no time and none fails, so that
 * what differs between two replays is what their policies make of the same mail.
 */
import { type MessageFacts, matchRoute } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import { choose, type Choice, type ChooseRequest, type ExitState, type GateState } from './choose.ts';
import { type ExitPast, NO_PAST } from './exit-past.ts';
import { CLOSED } from './exit-state.ts';
import { type LimitBook, limitBook, type LimitReached } from './limits-reached.ts';
import { LIMITED } from './gates.ts';
import { SimulatedBudget } from './simulated-budget.ts';
import { type ClosedLimit, limitStateOf, SimulatedExit } from './simulated-exit.ts';
import { type ReplayClass, WaitingMail } from './waiting-mail.ts';

export type ReplayedDelivery = {
  /** From when on it could go, wall ms. */
  readonly dueAtMs: number;
  readonly facts: MessageFacts;
  /** Mailbox provider of its destination. */
  readonly provider: string;
  /** Default: 1. */
  readonly recipients?: number;
  /** False: it uses up limits, but is in no figure. */
  readonly counts: boolean;
};

export type ReplayTerms = {
  readonly policy: Policy;
  readonly pasts: ReadonlyMap<string, ExitPast>;
  /** Mail that waits longer is taken for never sent, wall ms. */
  readonly horizonMs: number;
};

/** `sentAtMs` null: it never left. `route` null: none takes it. */
export type ReplayedWay = {
  readonly route: string | null;
  readonly egress: string | null;
  readonly sentAtMs: number | null;
};

/** `ways` by place in the deliveries. */
export type Replay = { readonly ways: readonly ReplayedWay[]; readonly limits: readonly LimitReached[] };

/** @param deliveries in order of time */
export function replay(deliveries: readonly ReplayedDelivery[], terms: ReplayTerms): Replay {
  const run = new Run(deliveries, terms);
  run.run();
  return { ways: run.ways, limits: run.book.reached() };
}

class Run {
  readonly ways: ReplayedWay[];
  readonly book: LimitBook;
  readonly #deliveries: readonly ReplayedDelivery[];
  readonly #terms: ReplayTerms;
  readonly #exits: ReadonlyMap<string, SimulatedExit>;
  readonly #budgets: ReadonlyMap<string, SimulatedBudget>;
  readonly #capsProviders: boolean;
  readonly #rotation = new Map<string, { readonly place: number; readonly egress: string }>();
  readonly #waiting: WaitingMail;
  #nowMs = 0;

  constructor(deliveries: readonly ReplayedDelivery[], terms: ReplayTerms) {
    const { policy, pasts } = terms;
    this.#deliveries = deliveries;
    this.#terms = terms;
    this.ways = deliveries.map(() => NOWHERE);
    this.#exits = new Map(
      Object.entries(policy.egress).map(([name, exit]) => {
        const of = { zone: policy.timeZone, past: pasts.get(name) ?? NO_PAST };
        return [name, new SimulatedExit(exit, of)];
      }),
    );
    this.#budgets = new Map(
      Object.entries(policy.egress).flatMap(([name, { budget }]) =>
        budget === null ? [] : [[name, new SimulatedBudget(policy, name, pasts.get(name)?.spent ?? [])]],
      ),
    );
    this.#capsProviders = [...this.#exits.values()].some((exit) => exit.capsProviders);
    this.#waiting = new WaitingMail((place) => deliveries[place]?.facts.priority ?? 'normal');
    this.book = limitBook();
  }

  run(): void {
    for (const [place, delivery] of this.#deliveries.entries()) {
      this.#drain(delivery.dueAtMs);
      this.#nowMs = delivery.dueAtMs;
      this.#arrive(place, delivery);
    }
    this.#drain(this.#terms.horizonMs);
  }

  #arrive(place: number, { facts, provider, counts }: ReplayedDelivery): void {
    const route = matchRoute(this.#terms.policy, facts);
    if (route === null) return;
    this.ways[place] = { ...NOWHERE, route: route.name };
    const waiting = this.#waiting.classOf({
      route,
      stream: facts.stream,
      provider: this.#capsProviders ? provider : '',
    });
    // Who came before goes first, unless it is less urgent: then what keeps that one keeps this one too.
    if (waiting.count === 0) {
      const choice = this.#choose(waiting, place);
      if (choice.kind === 'egress') {
        this.#send(waiting, place, choice);
        return;
      }
      this.#rest(waiting, place, choice);
    }
    this.#waiting.add(waiting, place);
    if (counts) for (const one of waiting.keptBy) this.book.waited(one, this.#nowMs);
  }

  /** What waits goes as its time comes. */
  #drain(untilMs: number): void {
    for (;;) {
      const next = this.#waiting.next(untilMs);
      if (next === null) return;
      this.#nowMs = Math.max(this.#nowMs, next.wakeAtMs);
      const place = this.#waiting.head(next);
      const choice = this.#choose(next, place);
      if (choice.kind !== 'egress') this.#rest(next, place, choice);
      else {
        this.#waiting.remove(next);
        this.#send(next, place, choice);
      }
    }
  }

  #send(of: ReplayClass, place: number, choice: Choice & { readonly kind: 'egress' }): void {
    const { route, provider } = of;
    const { name, pool, place: turn, limited } = choice;
    for (const egress of limited) {
      const closed = egress === name ? null : this.#closedAt(egress, { of, place });
      if (closed !== null && this.#deliveries[place]?.counts === true)
        this.book.overflowed({ egress, closed }, this.#nowMs);
    }
    if (pool !== null && turn !== null) this.#rotation.set(pool, { place: turn, egress: name });
    this.#exits.get(name)?.take(provider, this.#nowMs);
    this.#budgets.get(name)?.take(this.#nowMs, this.#recipientsOf(place));
    this.ways[place] = { route: route.name, egress: name, sentAtMs: this.#nowMs };
  }

  #rest(waiting: ReplayClass, place: number, choice: Choice): void {
    if (choice.kind !== 'wait') return;
    const { untilMs, reasons } = choice;
    waiting.wakeAtMs = untilMs === null ? Number.POSITIVE_INFINITY : Math.max(untilMs, this.#nowMs + 1);
    const keptBy = reasons.flatMap(({ egress, gate }) => {
      const closed = LIMITED.has(gate) ? this.#closedAt(egress, { of: waiting, place }) : null;
      return closed === null ? [] : [{ egress, closed }];
    });
    waiting.keptBy = keptBy;
  }

  #closedAt(egress: string, { of, place }: { readonly of: ReplayClass; readonly place: number }): ClosedLimit | null {
    const exit = this.#exits.get(egress);
    const budget = this.#budgets.get(egress);
    const gate = budget?.gateAt(this.#nowMs, this.#recipientsOf(place)) ?? null;
    if (budget !== undefined && gate !== null && !gate.exempt.has(of.stream))
      return { what: 'budget', provider: null, limit: budget.amount, untilMs: gate.untilMs };
    return exit?.closedAt(this.#nowMs) ?? exit?.closedFor(of.provider, this.#nowMs) ?? null;
  }

  #recipientsOf(place: number): number {
    return this.#deliveries[place]?.recipients ?? 1;
  }

  #choose({ route, stream, provider }: ReplayClass, place: number): Choice {
    const { policy } = this.#terms;
    let draws = 0;
    const request: ChooseRequest = {
      policy,
      route,
      stream,
      stateOf: (name) => this.#stateOf(name, place),
      shareOf: (name) => this.#exits.get(name)?.shareAt(this.#nowMs) ?? 0,
      rotation: this.#rotation,
      fraction: () => fractionOf(place, draws++),
      nowMs: this.#nowMs,
      ...(this.#capsProviders ? { siteGate: (name: string) => this.#gateAt(name, provider) } : {}),
    };
    return choose(request);
  }

  #gateAt(name: string, provider: string): GateState | null {
    const closed = this.#exits.get(name)?.closedFor(provider, this.#nowMs) ?? null;
    return closed === null ? null : { gate: 'limited', untilMs: closed.untilMs, cause: closed.what };
  }

  #stateOf(name: string, place: number): ExitState {
    const exit = this.#exits.get(name);
    const standing = this.#terms.pasts.get(name)?.standing;
    return {
      running: exit !== undefined,
      inFlight: 0,
      concurrency: Number.POSITIVE_INFINITY,
      circuit: CLOSED,
      limit: limitStateOf(exit?.closedAt(this.#nowMs) ?? null),
      budget: this.#budgets.get(name)?.gateAt(this.#nowMs, this.#recipientsOf(place)) ?? null,
      ...(standing === undefined ? {} : { standing: { ...standing, closures: closuresOf(standing), probes: false } }),
    };
  }
}

const NOWHERE: ReplayedWay = { route: null, egress: null, sentAtMs: null };

/** A closed exit is closed for the whole replay. */
function closuresOf({ closures }: ExitPast['standing']): ExitPast['standing']['closures'] {
  return closures.map((closure) => ({ ...closure, untilMs: null }));
}

/** The same for the same delivery under any policy, and spread evenly: from 0 to below 1. */
function fractionOf(place: number, draw: number): number {
  let bits = Math.imul(place + 1, 0x9e3779b1) ^ Math.imul(draw + 1, 0x85ebca6b);
  bits = Math.imul(bits ^ (bits >>> 16), 0x21f0aaad);
  bits = Math.imul(bits ^ (bits >>> 15), 0x735a2d97);
  return ((bits ^ (bits >>> 15)) >>> 0) / 2 ** 32;
}
