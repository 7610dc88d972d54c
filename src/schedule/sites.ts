import { egressOf } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import { shapeOf, siteOf } from '../policy/shaping.ts';
import type { Clock, Emit } from '../ports.ts';
import type { GateState, LimitState } from '../routing/choose.ts';
import type { Ceilings } from './ceilings.ts';
import { providerAt, Site, type SiteExit, type SiteFigures } from './site.ts';
import { siteGate, siteOpensMs } from './site-gate.ts';
import { afterSiteSignal, freshSiteFeedback, isNarrowed, withSiteMost, type SiteSignal } from './site-feedback.ts';

/** The MX hosts of a domain, the best first; empty: it is its own host; null: not known now. Never rejects. */
export type HostsOf = (domain: string) => Promise<readonly string[] | null>;

export type SitesNeeds = {
  readonly policy: () => Policy;
  /** This worker's part of a limit; of how many workers it is one. */
  readonly share: (limit: number) => number;
  readonly workers: () => number;
  readonly hostsOf: HostsOf;
  readonly ceilings: Ceilings;
  readonly clock: Clock;
  readonly emit: Emit;
  /** What a warm-up of its own keeps from an exit at a mailbox provider; null: nothing. Default: nothing. */
  readonly capAt?: (exit: string, provider: string) => LimitState | null;
  /** Whether that may keep anything from any exit now. */
  readonly isCapped?: (provider: string) => boolean;
  /** So many more attempts may start at the site. */
  readonly opened: (site: Site, slots: number) => void;
  /** Time opened something: mail that waits may go. */
  readonly changed: () => void;
  /** The domain is of another site than was thought. */
  readonly moved: (domain: string) => void;
};

type Hosts = { readonly hosts: readonly string[] | null; readonly untilMs: number };

/** One attempt that is under way at a site. */
export type Ticket = { readonly site: Site; readonly exit: string; readonly number: number };

/** Domains that are remembered, and for how long: names of hosts change seldom. */
const DOMAINS_MOST = 50_000;
const KNOWN_MS = 3_600_000;
const UNKNOWN_MS = 300_000;
/** Look-ups at once; the others come later. */
const LOOK_UPS_MOST = 200;
/** What is remembered of a site without mail. */
const REMEMBERED_MS = 1_800_000;

/**
 * The sites of all destinations: which domains the same hosts take mail for, and what those take at once, of all exits and
 * of each. Until a domain's hosts are known it is a site of its own; nothing waits for the look-up.
 */
export class Sites {
  readonly #needs: SitesNeeds;
  readonly #sites = new Map<string, Site>();
  /** By domain, the oldest first; hosts null: it was asked for in vain. */
  readonly #hosts = new Map<string, Hosts>();
  readonly #asking = new Set<string>();
  readonly #timers = new Map<Site, { readonly atMs: number; readonly cancel: () => void }>();

  constructor(needs: SitesNeeds) {
    this.#needs = needs;
  }

  get all(): Iterable<Site> {
    return this.#sites.values();
  }

  /** Looks its hosts up where they are not known. */
  siteOf(domain: string): Site {
    const known = this.#hosts.get(domain);
    if (known === undefined || known.untilMs <= this.#needs.clock.monotonicMs()) this.#lookUp(domain);
    const hosts = known?.hosts ?? null;
    const { shaping } = this.#needs.policy();
    if (hosts === null) return this.#site(domain, null);
    return this.#site(siteOf(shaping, { domain, hosts }), hosts[0] ?? domain);
  }

  /** What keeps mail to a site from an exit; null: nothing. */
  gateOf(site: Site, exit: string): GateState | null {
    const cap = this.#needs.capAt?.(exit, providerAt(site)) ?? null;
    const gate = this.#isSandbox(exit) ? null : siteGate(site, exit, this.#needs.clock.monotonicMs());
    if (cap === null || gate?.gate === 'site-rest') return gate;
    return { gate: cap.kind, untilMs: cap.untilMs, cause: cap.cause };
  }

  isNarrow(site: Site): boolean {
    return site.isNarrow(this.#needs.clock.monotonicMs()) || this.#needs.isCapped?.(providerAt(site)) === true;
  }

  /** An attempt begins. null: what goes to a sandbox is nobody's mail. */
  started(site: Site, exit: string): Ticket | null {
    if (this.#isSandbox(exit)) return null;
    const nowMs = this.#needs.clock.monotonicMs();
    const at = this.#exitAt(site, exit);
    const number = at.next++;
    at.inFlight += 1;
    at.startedMs = nowMs;
    site.start(nowMs);
    return { site, exit, number };
  }

  /** @param cause what the site said, for operators */
  ended(ticket: Ticket | null, signal: SiteSignal, cause: string): void {
    if (ticket === null) return;
    const { site, exit, number } = ticket;
    const nowMs = this.#needs.clock.monotonicMs();
    const at = this.#exitAt(site, exit);
    at.inFlight -= 1;
    site.end(nowMs);
    const before = at.feedback;
    at.feedback = afterSiteSignal(before, signal, { number, next: at.next, nowMs });
    this.#note(site, exit, at);
    this.#tell(ticket, { before, after: at.feedback, cause });
    const { limit, everyMs } = at.feedback;
    if (limit !== before.limit || everyMs !== before.everyMs) this.#needs.ceilings.learnt(site.name, exit, at.feedback);
    this.#needs.opened(site, 1);
  }

  /** Something of it waits for time: it is looked at again when the first gate opens. */
  wakeLater(site: Site): void {
    const { clock, opened, changed } = this.#needs;
    const nowMs = clock.monotonicMs();
    const atMs = siteOpensMs(site, nowMs);
    const timer = this.#timers.get(site);
    if (atMs === null || (timer !== undefined && timer.atMs <= atMs)) return;
    timer?.cancel();
    const cancel = clock.after(Math.max(1, Math.ceil(atMs - nowMs)), () => {
      this.#timers.delete(site);
      site.version += 1;
      opened(site, Math.max(1, site.most - site.inFlight));
      changed();
    });
    this.#timers.set(site, { atMs, cancel });
  }

  /** Time has passed: rests may be over, names may be old. @param used sites that lanes stand for */
  tidy(used: ReadonlySet<Site>): void {
    const nowMs = this.#needs.clock.monotonicMs();
    for (const site of this.#sites.values()) {
      for (const [exit, at] of site.exits) this.#note(site, exit, at);
      if (used.has(site) || site.inFlight > 0 || nowMs - site.usedMs < REMEMBERED_MS) continue;
      this.#timers.get(site)?.cancel();
      this.#timers.delete(site);
      this.#sites.delete(site.name);
    }
  }

  close(): void {
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  /** What was learnt before has been read. */
  recall(): void {
    for (const site of this.#sites.values()) {
      for (const [exit, at] of site.exits) {
        const ceiling = this.#needs.ceilings.of(site.name, exit);
        if (ceiling === null || isNarrowed(at.feedback)) continue;
        at.feedback = { ...at.feedback, ...ceilingWithin(ceiling, at.feedback.most) };
        this.#note(site, exit, at);
      }
    }
  }

  #site(name: string, host: string | null): Site {
    const figures = this.#figures(host);
    let site = this.#sites.get(name);
    if (site === undefined) {
      site = new Site(name, figures, this.#needs.clock.monotonicMs());
      this.#sites.set(name, site);
      return site;
    }
    const { connections, rate, provider } = figures;
    if (site.most !== connections || !isSameRate(site.rate, rate) || site.provider !== provider) {
      site.allow(figures);
      for (const at of site.exits.values()) at.feedback = withSiteMost(at.feedback, connections);
    }
    return site;
  }

  /** This worker's part. A site with fewer connections than there are workers gets one from each. */
  #figures(host: string | null): SiteFigures {
    const { policy, share, workers } = this.#needs;
    const { shaping } = policy();
    const { default: others } = shaping;
    const shape = host === null ? { ...others, rate: others.rate ?? null, provider: null } : shapeOf(shaping, host);
    const rate = shape.rate === null ? null : { ...shape.rate, windowMs: shape.rate.windowMs * workers() };
    return { connections: Math.max(1, share(shape.connections)), rate, provider: shape.provider };
  }

  #exitAt(site: Site, exit: string): SiteExit {
    let at = site.exits.get(exit);
    if (at === undefined) {
      const feedback = freshSiteFeedback(site.most, this.#needs.ceilings.of(site.name, exit));
      at = { feedback, inFlight: 0, next: 1, startedMs: Number.NEGATIVE_INFINITY };
      site.exits.set(exit, at);
      this.#note(site, exit, at);
    }
    return at;
  }

  #note(site: Site, exit: string, { feedback }: SiteExit): void {
    if (isNarrowed(feedback)) site.narrowed.add(exit);
    else site.narrowed.delete(exit);
  }

  #lookUp(domain: string): void {
    if (domain.startsWith('[') || this.#asking.has(domain) || this.#asking.size >= LOOK_UPS_MOST) return;
    this.#asking.add(domain);
    void this.#needs.hostsOf(domain).then((hosts) => {
      this.#asking.delete(domain);
      this.#remember(domain, hosts);
      if (hosts !== null) this.#needs.moved(domain);
    });
  }

  /** What was known stays where nothing new is. */
  #remember(domain: string, hosts: readonly string[] | null): void {
    const before = this.#hosts.get(domain)?.hosts ?? null;
    const untilMs = this.#needs.clock.monotonicMs() + (hosts === null ? UNKNOWN_MS : KNOWN_MS);
    this.#hosts.delete(domain);
    this.#hosts.set(domain, { hosts: hosts ?? before, untilMs });
    const [oldest] = this.#hosts.keys();
    if (this.#hosts.size > DOMAINS_MOST && oldest !== undefined) this.#hosts.delete(oldest);
  }

  #isSandbox(exit: string): boolean {
    return egressOf(this.#needs.policy(), exit)?.type === 'sandbox';
  }

  #tell(
    { site, exit }: Ticket,
    { before, after, cause }: Record<'before' | 'after', SiteExit['feedback']> & { readonly cause: string },
  ): void {
    const name = `site-blocked:${site.name}:${exit}`;
    const { clock, emit } = this.#needs;
    if (after.why === 'blocked' && after.rests > before.rests) {
      const minutes = Math.round(((after.shutUntilMs ?? 0) - clock.monotonicMs()) / 60_000);
      const text =
        `${site.name} refuses the address of ${exit} (${after.blocks} times in a row): nothing goes there by it for ` +
        `${minutes} minutes, then one message finds out. It said: ${cause}`;
      emit({ event: 'alert', atMs: clock.nowMs(), name, text, raised: true });
    } else if (before.rests > 0 && after.rests === 0) {
      emit({
        event: 'alert',
        atMs: clock.nowMs(),
        name,
        text: `${site.name} takes mail by ${exit} again`,
        raised: false,
      });
    }
  }
}

function ceilingWithin(
  { limit, everyMs }: { readonly limit: number; readonly everyMs: number },
  most: number,
): { readonly limit: number; readonly everyMs: number } {
  return { limit: Math.max(1, Math.min(most, limit)), everyMs };
}

function isSameRate(left: SiteFigures['rate'], right: SiteFigures['rate']): boolean {
  return left?.count === right?.count && left?.windowMs === right?.windowMs;
}
