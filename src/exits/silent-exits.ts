/**
 * Own addresses by which nothing is reached any more: each host that does not answer looks like that host's trouble, until
 * others that leave by other addresses reach the same domains. Told to operators; nothing is closed.
 */
import type { AttemptRecord, Event } from '../message/event.ts';
import type { EgressPolicy, Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';

export type SilentExitsNeeds = {
  readonly policy: () => Pick<Policy, 'egress'>;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** Connections in a row that came to nothing. */
const MISSES_LEAST = 5;
/** Domains of those that others reached meanwhile. */
const DOMAINS_LEAST = 3;
/** Before the first of them counts as meanwhile too: mail for few domains comes seldom. */
const MEANWHILE_MS = 15 * 60_000;
const MOST_DOMAINS = 5_000;

/** Since its last connection: how many tries, and for which domains. */
type Misses = { readonly sinceMs: number; count: number; readonly domains: Set<string>; isTold: boolean };
type DirectExit = Extract<EgressPolicy, { type: 'mx' }>;
type Reached = { readonly egress: string; readonly atMs: number };

/** Knows what it hears: of the attempts of one node, by `mx` exits. */
export class SilentExits {
  readonly #needs: SilentExitsNeeds;
  readonly #misses = new Map<string, Misses>();
  /** By domain: who reached it last, and who did before, another one; the newest last. */
  readonly #reached = new Map<string, readonly Reached[]>();

  constructor(needs: SilentExitsNeeds) {
    this.#needs = needs;
  }

  /** To be told of every event. */
  heard(event: Event): void {
    if (event.event !== 'attempted') return;
    const { attempt, domain } = event;
    const exit = this.#directExit(attempt.egress);
    if (exit === null) return;
    if (attempt.own !== true) this.#reach(attempt.egress, domain);
    else if (isMiss(attempt, exit.timeouts.connectMs)) this.#miss(attempt.egress, domain);
  }

  /** null: it is none that is in use and sends straight to the servers of domains. */
  #directExit(egress: string): DirectExit | null {
    const { egress: exits } = this.#needs.policy();
    const exit = Object.hasOwn(exits, egress) ? exits[egress] : undefined;
    return exit?.type === 'mx' && exit.enabled ? exit : null;
  }

  #reach(egress: string, domain: string): void {
    const atMs = this.#needs.clock.monotonicMs();
    const others = (this.#reached.get(domain) ?? []).filter((one) => one.egress !== egress);
    this.#reached.delete(domain);
    this.#reached.set(domain, [...others.slice(-1), { egress, atMs }]);
    const [oldest] = this.#reached.keys();
    if (this.#reached.size > MOST_DOMAINS && oldest !== undefined) this.#reached.delete(oldest);
    const misses = this.#misses.get(egress);
    this.#misses.delete(egress);
    if (misses?.isTold === true) this.#alert(egress, `${egress}: ${domain} answers it again`, false);
    for (const [other, theirs] of this.#misses) {
      if (this.#directExit(other) === null) this.#drop(other, theirs);
      else if (theirs.domains.has(domain)) this.#judge(other, theirs);
    }
  }

  #miss(egress: string, domain: string): void {
    const sinceMs = this.#needs.clock.monotonicMs();
    const misses = this.#misses.get(egress) ?? { sinceMs, count: 0, domains: new Set<string>(), isTold: false };
    this.#misses.set(egress, misses);
    misses.count += 1;
    if (misses.domains.size < MOST_DOMAINS) misses.domains.add(domain);
    this.#judge(egress, misses);
  }

  #judge(egress: string, misses: Misses): void {
    if (misses.isTold || misses.count < MISSES_LEAST || misses.domains.size < DOMAINS_LEAST) return;
    const fromMs = misses.sinceMs - MEANWHILE_MS;
    const others = new Set<string>();
    const reached = [...misses.domains].filter((domain) => {
      const by = (this.#reached.get(domain) ?? []).filter((one) => one.egress !== egress && one.atMs >= fromMs);
      for (const one of by) others.add(one.egress);
      return by.length > 0;
    });
    if (reached.length < DOMAINS_LEAST) return;
    misses.isTold = true;
    const text =
      `${egress}: its last ${misses.count} connections, for ${misses.domains.size} domains, were not answered, while ${[...others].sort().slice(0, 3).join(', ')} ` +
      `reached ${reached.slice(0, 3).join(', ')}: mail that tries it loses that time and a try. Look at the address, its routes and the firewall; ` +
      `relevo egress pause ${egress} takes it out of use. Over with the first server that answers it`;
    this.#alert(egress, text, true);
  }

  /** It is no exit any more. */
  #drop(egress: string, { isTold }: Misses): void {
    this.#misses.delete(egress);
    if (isTold) this.#alert(egress, `${egress}: it is not in use any more`, false);
  }

  #alert(egress: string, text: string, raised: boolean): void {
    const { clock, emit } = this.#needs;
    emit({ event: 'alert', atMs: clock.nowMs(), name: `egress-silent:${egress}`, text, raised });
  }
}

/** Refused at once, or not tried since it was down a moment ago: both say nothing of the address. */
function isMiss({ reply, tookMs }: AttemptRecord, connectMs: number): boolean {
  return reply.detail === '4.1' && tookMs >= 0.9 * connectMs;
}
