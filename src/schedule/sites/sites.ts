import { egressOf } from '../../policy/match.ts';
import type { Policy } from '../../policy/schema.ts';
import { shapeOf, siteOf } from '../../policy/shaping.ts';
import type { Clock, Emit } from '../../ports.ts';
import type { GateState, LimitState } from '../../routing/choose.ts';
import { isProvider } from '../attempt/verdict.ts';
import type { Ceilings } from './ceilings.ts';
import { DomainHosts, type HostsOf } from './domain-hosts.ts';
import { SiteAlerts } from './site-alerts.ts';
import {
  afterSiteSignal,
  freshSiteFeedback,
  isNarrowed,
  withCeiling,
  withSiteMost,
  type SiteSignal,
} from './site-feedback.ts';
import { siteGate, siteOpensMs } from './site-gate.ts';
import { providerAt, Site, type SiteExit, type SiteFigures } from './site.ts';

export type SitesNeeds = {
  readonly policy: () => Policy;
  /** This worker's part of a limit; of how many workers it is one. */
  readonly share: (limit: number) => number;
  readonly workers: () => number;
  /** Absent: each domain is a site of its own. */
  readonly hostsOf?: HostsOf;
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

/** One attempt that is under way at a site. */
export type Ticket = {
  readonly site: Site;
  readonly exit: string;
  readonly number: number;
  readonly startedMs: number;
};

/** Mail that goes straight to the hosts needs their names first: so long it waits to know whose they are. */
const LOOK_UP_MS = 1_000;
/** What is remembered of a site without mail. */
const REMEMBERED_MS = 1_800_000;
/** One that refused an exit’s address: longer than any rest that follows. */
const REFUSAL_REMEMBERED_MS = 86_400_000;
/** Of more sites than this those without mail are forgotten, the oldest first. */
const SITES_MOST = 20_000;

/**
 * The sites of all destinations: which domains the same hosts take mail for, and what those take at once, of all exits and
 * of each. Until a domain's hosts are known it is a site of its own; nothing waits for the look-up.
 */
export class Sites {
  readonly #needs: SitesNeeds;
  readonly #sites = new Map<string, Site>();
  readonly #hosts: DomainHosts;
  readonly #timers = new Map<Site, { readonly atMs: number; readonly cancel: () => void }>();
  readonly #alerts: SiteAlerts;

  constructor(needs: SitesNeeds) {
    this.#needs = needs;
    const { hostsOf, clock } = needs;
    this.#alerts = new SiteAlerts(needs);
    const found = (domain: string): void => this.#found(domain);
    this.#hosts = new DomainHosts({ clock, found, ...(hostsOf === undefined ? {} : { hostsOf }) });
  }

  get all(): Iterable<Site> {
    return this.#sites.values();
  }

  /** Looks its hosts up where they are not known. */
  siteOf(domain: string): Site {
    const isNew = this.#hosts.want(domain);
    const hosts = this.#hosts.known(domain);
    if (hosts === null) {
      const own = this.#site(domain, null);
      if (isNew) own.unknownUntilMs = this.#needs.clock.monotonicMs() + LOOK_UP_MS;
      return own;
    }
    const { shaping } = this.#needs.policy();
    return this.#site(siteOf(shaping, { domain, hosts }), hosts[0] ?? domain);
  }

  /** Without asking anybody; null: its hosts are not known. */
  knownSiteOf(domain: string): Site | null {
    return this.#hosts.known(domain) === null ? null : this.siteOf(domain);
  }

  /** What keeps mail to a site from an exit; null: nothing. */
  gateOf(site: Site, exit: string): GateState | null {
    const cap = this.#needs.capAt?.(exit, providerAt(site)) ?? null;
    const gate = this.#isPassedBy(exit) ? null : this.#gateAt(site, exit);
    if (cap === null || gate?.gate === 'site-rest') return gate;
    return { gate: cap.kind, untilMs: cap.untilMs, cause: cap.cause };
  }

  #gateAt(site: Site, exit: string): GateState | null {
    const nowMs = this.#needs.clock.monotonicMs();
    const untilMs = site.unknownUntilMs;
    if (untilMs > nowMs && egressOf(this.#needs.policy(), exit)?.type === 'mx')
      return { gate: 'site', untilMs, cause: `the hosts of ${site.name} are being looked up` };
    return siteGate(site, exit, nowMs);
  }

  isNarrow(site: Site): boolean {
    return site.isNarrow(this.#needs.clock.monotonicMs()) || this.#needs.isCapped?.(providerAt(site)) === true;
  }

  /** An attempt begins. null: it opens no connection to the site. */
  started(site: Site, exit: string): Ticket | null {
    if (this.#isPassedBy(exit)) return null;
    const nowMs = this.#needs.clock.monotonicMs();
    const at = this.#exitAt(site, exit);
    const number = at.next++;
    at.inFlight += 1;
    at.startedMs = nowMs;
    site.start(nowMs);
    return { site, exit, number, startedMs: nowMs };
  }

  /** @param cause what the site said, for operators */
  ended(ticket: Ticket | null, signal: SiteSignal, cause: string): void {
    if (ticket === null) return;
    const { site, exit, number, startedMs } = ticket;
    const nowMs = this.#needs.clock.monotonicMs();
    const at = this.#exitAt(site, exit);
    at.inFlight -= 1;
    site.end(nowMs, startedMs);
    const before = at.feedback;
    at.feedback = afterSiteSignal(before, signal, { number, next: at.next, nowMs });
    this.#note(site, exit, at);
    this.#tell(ticket, { before, after: at.feedback, cause });
    const { limit, everyMs, rests } = at.feedback;
    if (limit !== before.limit || everyMs !== before.everyMs || rests !== before.rests)
      this.#needs.ceilings.learnt(site.name, exit, at.feedback);
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
    const isIdle = (site: Site): boolean => !used.has(site) && site.inFlight === 0;
    for (const site of this.#sites.values()) {
      for (const [exit, at] of site.exits) this.#note(site, exit, at);
      const keptMs = site.refused.length > 0 ? REFUSAL_REMEMBERED_MS : REMEMBERED_MS;
      if (isIdle(site) && nowMs - site.usedMs >= keptMs) this.#drop(site);
    }
    // What is known of those that refuse or slow an exit is of more use than that of others.
    for (const mayDrop of [(site: Site) => site.narrowed.size === 0, () => true]) {
      for (const site of this.#sites.values()) {
        if (this.#sites.size <= SITES_MOST) break;
        if (isIdle(site) && mayDrop(site)) this.#drop(site);
      }
    }
    this.#alerts.tell();
  }

  #drop(site: Site): void {
    for (const exit of site.refused) {
      this.#alerts.over(site.name, exit, `no mail went to ${site.name} for long, by ${exit} or others`);
    }
    this.#timers.get(site)?.cancel();
    this.#timers.delete(site);
    this.#sites.delete(site.name);
  }

  close(): void {
    for (const { cancel } of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  /** What was learnt before has been read. */
  recall(): void {
    for (const site of this.#sites.values()) {
      for (const exit of this.#learntOf(site)) {
        const at = this.#exitAt(site, exit);
        const ceiling = this.#needs.ceilings.of(site.name, exit);
        if (ceiling === null || isNarrowed(at.feedback)) continue;
        at.feedback = withCeiling(at.feedback, ceiling);
        this.#recalled(site, exit, at);
      }
      site.version += 1;
    }
  }

  #site(name: string, host: string | null): Site {
    const figures = this.#figures(host);
    let site = this.#sites.get(name);
    if (site === undefined) {
      site = new Site(name, figures, this.#needs.clock.monotonicMs());
      this.#sites.set(name, site);
      // A rest that began before holds from the first message on.
      for (const exit of this.#learntOf(site)) this.#exitAt(site, exit);
      return site;
    }
    if (!site.has(figures)) {
      site.allow(figures);
      for (const at of site.exits.values()) at.feedback = withSiteMost(at.feedback, site.most);
    }
    return site;
  }

  #learntOf({ name }: Site): string[] {
    return this.#needs.ceilings.exitsOf(name).filter((exit) => egressOf(this.#needs.policy(), exit) !== undefined);
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
      this.#recalled(site, exit, at);
    }
    return at;
  }

  #recalled(site: Site, exit: string, at: SiteExit): void {
    this.#note(site, exit, at);
    const { rests, shutUntilMs } = at.feedback;
    if (rests === 0) return;
    const restMs = (shutUntilMs ?? 0) - this.#needs.clock.monotonicMs();
    this.#alerts.refused(site.name, exit, { times: 0, restMs, cause: '' });
  }

  #note(site: Site, exit: string, { feedback }: SiteExit): void {
    if (isNarrowed(feedback)) site.narrowed.add(exit);
    else site.narrowed.delete(exit);
  }

  /** Its lane has waited for that. */
  #found(domain: string): void {
    const own = this.#sites.get(domain);
    if (own !== undefined) {
      own.unknownUntilMs = Number.NEGATIVE_INFINITY;
      own.version += 1;
    }
    this.#needs.moved(domain);
    // Most domains have hosts that others have too: their own sites would outnumber all.
    if (own !== undefined && own.exits.size === 0 && own.waiting === 0 && this.siteOf(domain) !== own) this.#drop(own);
    this.#needs.changed();
  }

  /** Whether mail by it opens no connection of ours to the site: a sandbox sends nothing, and a provider has its own. */
  #isPassedBy(exit: string): boolean {
    const type = egressOf(this.#needs.policy(), exit)?.type ?? 'mx';
    return type === 'sandbox' || isProvider(type);
  }

  #tell(
    { site, exit }: Ticket,
    { before, after, cause }: Record<'before' | 'after', SiteExit['feedback']> & { readonly cause: string },
  ): void {
    if (after.rests > 0 && before.rests === 0) {
      const restMs = (after.shutUntilMs ?? 0) - this.#needs.clock.monotonicMs();
      this.#alerts.refused(site.name, exit, { times: after.blocks, restMs, cause });
    } else if (before.rests > 0 && after.rests === 0) {
      this.#alerts.over(site.name, exit, `${site.name} takes mail by ${exit} again`);
    }
  }
}
