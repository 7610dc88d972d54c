import type { Clock } from '../../ports.ts';

/** The MX hosts of a domain, the best first; empty: it is its own host; null: not known now. Never rejects. */
export type HostsOf = (domain: string) => Promise<readonly string[] | null>;

export type DomainHostsNeeds = {
  /** Absent: nobody is asked, and nothing is known. */
  readonly hostsOf?: HostsOf;
  readonly clock: Clock;
  /** An answer came, whatever it is. */
  readonly found: (domain: string) => void;
};

/** Domains that are remembered, and for how long: names of hosts change seldom. */
const DOMAINS_MOST = 50_000;
const KNOWN_MS = 3_600_000;
const UNKNOWN_MS = 300_000;
/** Look-ups at once; the others come one after the other. */
const LOOK_UPS_MOST = 200;

type Hosts = { readonly hosts: readonly string[] | null; readonly untilMs: number };

/** Which hosts take mail for which domains: asked for at first need, and again after an hour. */
export class DomainHosts {
  readonly #needs: DomainHostsNeeds;
  /** By domain, the oldest first; hosts null: it was asked for in vain. */
  readonly #hosts = new Map<string, Hosts>();
  readonly #asking = new Set<string>();
  readonly #toAsk = new Set<string>();

  constructor(needs: DomainHostsNeeds) {
    this.#needs = needs;
  }

  /** null: not known. Asks nobody. */
  known(domain: string): readonly string[] | null {
    return this.#hosts.get(domain)?.hosts ?? null;
  }

  /** @returns whether it is asked for now for the first time, so that an answer is about to come */
  want(domain: string): boolean {
    const known = this.#hosts.get(domain);
    if (known !== undefined && known.untilMs > this.#needs.clock.monotonicMs()) return false;
    if (this.#needs.hostsOf === undefined || domain.startsWith('[')) return false;
    if (this.#asking.has(domain) || this.#toAsk.has(domain)) return false;
    this.#ask(domain, this.#needs.hostsOf);
    return known === undefined;
  }

  #ask(domain: string, hostsOf: HostsOf): void {
    if (this.#asking.size >= LOOK_UPS_MOST) {
      if (this.#toAsk.size < DOMAINS_MOST) this.#toAsk.add(domain);
      return;
    }
    this.#asking.add(domain);
    void hostsOf(domain).then((hosts) => {
      this.#asking.delete(domain);
      this.#remember(domain, hosts);
      this.#needs.found(domain);
      const [another] = this.#toAsk;
      if (another === undefined) return;
      this.#toAsk.delete(another);
      this.#ask(another, hostsOf);
    });
  }

  /** What was known stays where nothing new is. */
  #remember(domain: string, hosts: readonly string[] | null): void {
    const before = this.known(domain);
    const untilMs = this.#needs.clock.monotonicMs() + (hosts === null ? UNKNOWN_MS : KNOWN_MS);
    this.#hosts.delete(domain);
    this.#hosts.set(domain, { hosts: hosts ?? before, untilMs });
    const [oldest] = this.#hosts.keys();
    if (this.#hosts.size > DOMAINS_MOST && oldest !== undefined) this.#hosts.delete(oldest);
  }
}
