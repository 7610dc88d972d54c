import type { Clock } from '../../ports.ts';
import type { Quota, Quotas } from '../../spool/ledger.ts';

export type ConnectionGrantNeeds = {
  readonly quotas: Pick<Quotas, 'takeBlock' | 'returnBlock'>;
  readonly clock: Clock;
  /** One life of this process. */
  readonly holder: string;
  /** Connections of this process by the exit, those about to be opened or closed with them. */
  readonly open: () => number;
  /** Closes idle ones, so that there are at most so many. */
  readonly trim: (most: number) => void;
  /** What is under way is to be cut off: others may have its connections now. */
  readonly lost: () => void;
  /** More may be opened, or it is known that they may not. */
  readonly changed: () => void;
  readonly failed: (cause: unknown) => void;
};

/** `most`: what the policy allows over all processes. `now`: of those, what the exit may use; at least 1. */
export type ConnectionTerms = { readonly most: number; readonly now: number };

/** What others have of a process that died comes back when this is over. */
const LEASE_MS = 20_000;
/** Clocks of nodes differ by up to 5 s: so much before its end a lease is over for whoever has it. */
const LEASE_MARGIN_MS = 6_000;
const RENEW_EVERY_MS = 3_000;
/** Who was told that there is no more asks again, and so does whoever got no answer. */
const ASK_AGAIN_MS = 1_000;
/** Without mail for so long a process has no part in an exit. */
const IDLE_MS = 10_000;
/** What was not used for so long goes back. */
const UNUSED_MS = 5_000;
/** Where there are fewer connections than processes that have mail, each has one for so long, and then lets another have it. */
const TURN_MS = 4_000;
const REST_MS = 2_500;
/** At the end, for the last connections to be closed. */
const GOODBYES = 5;
const GOODBYE_MS = 200;
const WANTING_MOST = 1_000_000;
const NEVER_MS = Number.NEGATIVE_INFINITY;

/**
 * The connections that one process may have by one exit, of those that all processes share: a block of an amount that
 * is never spent, and a second account that says how many processes want some. Together they never have more than the
 * policy allows, for what one hands back is closed before, and what one that died had is out of use until its lease ends.
 * See docs/decisions/0030-connections-over-nodes.md.
 */
export class ConnectionGrant {
  readonly #needs: ConnectionGrantNeeds;
  readonly #account: string;
  #terms: ConnectionTerms;
  /** As the store has it. */
  #granted = 0;
  /** Of all processes, when it was last asked. */
  #used = 0;
  #wanting = 1;
  #isWanting = false;
  /** When it was asked for last with success, by both clocks; while a machine is suspended one of them stands still. */
  #renewed = { monotonicMs: NEVER_MS, atMs: NEVER_MS };
  #triedMs = NEVER_MS;
  #refusedMs = NEVER_MS;
  #wantedMs = NEVER_MS;
  #hasSinceMs = NEVER_MS;
  #restsUntilMs = NEVER_MS;
  /** The most that were open at once since `#peakSinceMs`. */
  #peak = 0;
  #peakSinceMs = NEVER_MS;
  #asking: Promise<void> | null = null;

  /** @param account of which all processes have some */
  constructor(needs: ConnectionGrantNeeds, account: string, terms: ConnectionTerms) {
    this.#needs = needs;
    this.#account = account;
    this.#terms = terms;
  }

  set terms(terms: ConnectionTerms) {
    this.#terms = terms;
  }

  /** How many it may have now. */
  get allowed(): number {
    if (!this.#holds() || this.#isResting()) return 0;
    return Math.min(this.#granted, this.#share);
  }

  /** Whether it is worth waiting a moment for the answer to whether there is another one. */
  get mayGrow(): boolean {
    if (this.#asking !== null) return true;
    const nowMs = this.#needs.clock.monotonicMs();
    return this.allowed < this.#share && !this.#isResting() && nowMs - this.#refusedMs >= ASK_AGAIN_MS;
  }

  /** Whether it has nothing, and nothing to look after. */
  get isIdle(): boolean {
    return this.#granted === 0 && !this.#isWanting && this.#asking === null;
  }

  /** Mail waits for one more. */
  want(): void {
    this.#wantedMs = this.#needs.clock.monotonicMs();
    if (this.#asking === null && this.mayGrow) void this.#run(() => this.#grow());
  }

  /** One more is used. */
  used(): void {
    this.#wantedMs = this.#needs.clock.monotonicMs();
    this.#peak = Math.max(this.#peak, this.#needs.open());
  }

  /** About once a second. */
  tick(): void {
    const { clock, open, trim, lost } = this.#needs;
    const nowMs = clock.monotonicMs();
    this.#peak = Math.max(this.#peak, open());
    if (this.#granted > 0 && !this.#holds()) {
      this.#granted = 0;
      trim(0);
      lost();
    }
    if (this.#asking !== null) return;
    const takesTurns = this.#wanting > this.#terms.now;
    if (this.#granted > 0 && takesTurns && !this.#isResting() && nowMs - this.#hasSinceMs >= TURN_MS)
      this.#restsUntilMs = nowMs + REST_MS;
    const isWanted = nowMs - this.#wantedMs < IDLE_MS || open() > 0;
    if (!isWanted && (this.#granted > 0 || this.#isWanting)) {
      void this.#run(() => this.#giveAll());
      return;
    }
    const surplus = this.#surplus(nowMs);
    if (surplus > 0) void this.#run(() => this.#give(surplus));
    else if ((this.#granted > 0 || this.#isWanting) && nowMs - this.#triedMs >= RENEW_EVERY_MS)
      void this.#run(() => this.#take(0));
  }

  /** Hands back all that is not open any more; the rest comes back when its lease ends. */
  async close(): Promise<void> {
    const { trim, open, clock } = this.#needs;
    trim(0);
    for (let left = GOODBYES; left > 0 && open() > 0; left--) await clock.sleep(GOODBYE_MS);
    await this.#run(() => this.#giveAll());
  }

  get #quota(): Quota {
    return { account: this.#account, ...ALWAYS };
  }

  /** How many processes have mail for it: one each. */
  get #wanters(): Quota {
    return { account: `${this.#account}:wanted`, ...ALWAYS };
  }

  /** What falls to it, as far as it knows of others. */
  get #share(): number {
    return Math.max(1, Math.ceil(this.#terms.now / this.#wanting));
  }

  #isResting(): boolean {
    return this.#needs.clock.monotonicMs() < this.#restsUntilMs;
  }

  #holds(): boolean {
    const { clock } = this.#needs;
    const { monotonicMs, atMs } = this.#renewed;
    const ageMs = Math.max(clock.monotonicMs() - monotonicMs, clock.nowMs() - atMs);
    return this.#granted > 0 && ageMs < LEASE_MS - LEASE_MARGIN_MS;
  }

  /** How many it can do without: others want them, or it does not need them. What is open is not handed back. */
  #surplus(nowMs: number): number {
    const { open, trim } = this.#needs;
    const share = this.#isResting() ? 0 : this.#share;
    if (this.#granted > share) {
      trim(share);
      return this.#granted - Math.max(share, open());
    }
    if (nowMs - this.#peakSinceMs < UNUSED_MS) return 0;
    const needed = Math.max(this.#peak, open());
    this.#peak = open();
    this.#peakSinceMs = nowMs;
    return this.#granted - needed;
  }

  /** About as many more as it has in use, so that what it sets aside is near what it needs. */
  #grow(): Promise<void> {
    const { most, now } = this.#terms;
    const wanted = Math.min(this.#share, 2 * Math.max(1, this.#needs.open())) - this.#granted;
    // The store holds what the policy says; that an exit is to use less of it is asked of each.
    const room = now < most ? now - this.#used : wanted;
    return this.#take(Math.max(0, Math.min(wanted, room)), { isAsked: true });
  }

  /** @param isAsked for more, which it is worth asking for again only in a while */
  async #take(wanted: number, { isAsked } = { isAsked: false }): Promise<void> {
    const { quotas, clock, holder } = this.#needs;
    const atMs = clock.nowMs();
    const monotonicMs = clock.monotonicMs();
    this.#triedMs = monotonicMs;
    const ask = { holder, nowMs: atMs, untilMs: atMs + LEASE_MS };
    const [wanting, block] = await Promise.all([
      quotas.takeBlock({
        ...ask,
        ...this.#wanters,
        wanted: this.#isWanting ? 0 : 1,
        limit: WANTING_MOST,
      }),
      quotas.takeBlock({ ...ask, ...this.#quota, wanted, limit: this.#terms.most }),
    ]);
    const before = this.#granted;
    this.#isWanting = wanting.left > 0;
    // An answer that stayed away may have left it more than its one.
    this.#wanting = wanting.used - wanting.left + 1;
    this.#used = block.used;
    this.#granted = block.left;
    this.#renewed = { monotonicMs, atMs };
    const nowMs = clock.monotonicMs();
    if (before === 0 && block.left > 0) this.#hasSinceMs = nowMs;
    if (block.left > before) this.#peakSinceMs = nowMs;
    else if (isAsked) this.#refusedMs = nowMs;
  }

  async #give(unused: number): Promise<void> {
    const { quotas, holder } = this.#needs;
    // What becomes of it is known to nobody once it was asked for.
    this.#granted -= unused;
    await quotas.returnBlock({ ...this.#quota, holder, unused, unspent: 0 });
  }

  async #giveAll(): Promise<void> {
    const { quotas, holder, open } = this.#needs;
    const unused = this.#granted - open();
    if (unused > 0) await this.#give(unused);
    if (!this.#isWanting) return;
    this.#isWanting = false;
    this.#wanting = 1;
    // All there is.
    await quotas.returnBlock({ ...this.#wanters, holder, unused: WANTING_MOST, unspent: 0 });
  }

  #run(work: () => Promise<void>): Promise<void> {
    const { clock, changed, failed } = this.#needs;
    const running = (this.#asking ?? Promise.resolve())
      .then(work)
      .catch((cause: unknown) => {
        this.#refusedMs = clock.monotonicMs();
        failed(cause);
      })
      .finally(() => {
        if (this.#asking !== running) return;
        this.#asking = null;
        changed();
      });
    this.#asking = running;
    return running;
  }
}

/** One window that never ends: what is taken of it is handed back, and nothing is spent. */
const ALWAYS = { startsAtMs: 0, endsAtMs: 4_102_444_800_000 };

/** What all processes have of an exit's connections. */
export function connectionQuota(exit: string): Quota {
  return { account: `connections:${exit}`, ...ALWAYS };
}
