/**
 * Watches what each client sends, once for all nodes: learns what is usual, holds the bulk mail of one that does what it never
 * did, and lets it go again when somebody says that it is fine.
 */
import type { Event } from '../message/event.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit, Random } from '../ports.ts';
import type { Marks } from '../spool/marks.ts';
import type { Tallies } from '../spool/tallies.ts';
import {
  type Anomaly,
  anomalyOf,
  type Baseline,
  freshBaseline,
  guardTermsOf,
  HOUR_MS,
  learnt,
  NO_HOUR,
  readBaseline,
} from './baseline.ts';
import { GUARD_ACCOUNTS, GuardBook, hoursByClient } from './guard-book.ts';
import { type Hold, HOLD_MARKS, holdMark, holdOf } from './holds.ts';
import { type HeldMailNeeds, holdMail, releaseMail } from './held-mail.ts';

export type ClientGuardNeeds = HeldMailNeeds & {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly random: Pick<Random, 'bytes'>;
  readonly emit: Emit;
  readonly marks: Marks;
  readonly tallies: Pick<Tallies, 'count' | 'counts'>;
  /** Whether it is for this relay to judge. */
  readonly isOurs: () => Promise<boolean>;
};

/** What is kept of a client. */
type Known = { readonly base: Baseline; readonly trustedUntilMs: number };

export const BASE_MARKS = 'guard-base:';
export const RELEASED_MARKS = 'guard-released:';
const LOOK_MS = 15_000;
/** And no sooner, however much a client sends. */
const SOONEST_MS = 1_000;
const KEEP_MS = 5 * 60_000;
/** Figures of hours are kept for 50 of them. */
const HOURS_BACK = 48;
/** What somebody said to be fine is judged no more for so long. */
const TRUST_MS = 24 * HOUR_MS;
/** Threads that send mail hear of a release within seconds; until then they hold some more. */
const SWEEP_MS = 60_000;

export class ClientGuard implements AsyncDisposable {
  readonly #needs: ClientGuardNeeds;
  readonly #book: GuardBook;
  readonly #known = new Map<string, Known>();
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  /** A client sends so much that it is to be judged before it is time. */
  #many = new AbortController();
  #isOurs = false;
  #keptMs: number;
  /** Alerts in force. */
  readonly #told = new Map<string, string>();

  constructor(needs: ClientGuardNeeds) {
    this.#needs = needs;
    this.#book = new GuardBook({ ...needs, onMany: () => this.#many.abort() });
    this.#keptMs = needs.clock.monotonicMs();
    this.#running = this.#run();
  }

  /** A sink of every event. */
  heard(event: Event): void {
    this.#book.heard(event);
  }

  /** Judges now. */
  async look(): Promise<void> {
    await this.#book.flush();
    const { clock, isOurs } = this.#needs;
    if (clock.monotonicMs() - this.#keptMs >= KEEP_MS) {
      this.#keptMs = clock.monotonicMs();
      await this.#book.keep();
    }
    const wasOurs = this.#isOurs;
    this.#isOurs = await isOurs();
    if (!this.#isOurs) return this.#tell([]);
    if (!wasOurs) await this.#load();
    const holds = await this.#holds();
    await this.#release(holds);
    await this.#judge(holds);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error('the relay ends'));
    await this.#running;
    await this.#book.flush();
    await this.#book.keep();
  }

  async #run(): Promise<void> {
    const { clock, emit } = this.#needs;
    const { signal } = this.#ending;
    let isFailing = false;
    while (!signal.aborted) {
      await clock.sleep(SOONEST_MS, signal).catch(() => undefined);
      const { signal: many } = this.#many;
      await clock.sleep(LOOK_MS - SOONEST_MS, AbortSignal.any([signal, many])).catch(() => undefined);
      if (signal.aborted) return;
      this.#many = new AbortController();
      await this.look().then(
        () => (isFailing = false),
        (cause: unknown) => {
          if (!isFailing)
            emit({ event: 'failed', atMs: clock.nowMs(), where: 'guard of clients', cause: String(cause) });
          isFailing = true;
        },
      );
    }
  }

  async #load(): Promise<void> {
    this.#known.clear();
    for (const { name, text } of await this.#needs.marks.marks(BASE_MARKS)) {
      const known = readKnown(text);
      if (known !== null) this.#known.set(name.slice(BASE_MARKS.length), known);
    }
  }

  async #holds(): Promise<Map<string, Hold>> {
    const holds = (await this.#needs.marks.marks(HOLD_MARKS)).map(holdOf).filter((hold) => hold !== null);
    return new Map(holds.map((hold) => [hold.client, hold]));
  }

  async #judge(holds: Map<string, Hold>): Promise<void> {
    const { clock, tallies, policy } = this.#needs;
    const hourMs = Math.floor(clock.nowMs() / HOUR_MS) * HOUR_MS;
    const behind = [...this.#known.values()].some(({ base }) => base.learntUntilMs < hourMs);
    const sinceMs = behind || this.#known.size === 0 ? hourMs - HOURS_BACK * HOUR_MS : hourMs;
    const hours = hoursByClient(await tallies.counts(GUARD_ACCOUNTS, sinceMs));
    for (const client of new Set([...this.#known.keys(), ...hours.keys()])) {
      if (!Object.hasOwn(policy().clients, client)) continue;
      const before = this.#known.get(client) ?? {
        base: freshBaseline(Math.min(hourMs, ...(hours.get(client)?.keys() ?? []))),
        trustedUntilMs: 0,
      };
      const hold = holds.get(client);
      const untilMs = hold === undefined ? hourMs : Math.floor(hold.sinceMs / HOUR_MS) * HOUR_MS;
      const known = this.#learnt(before, { hours: hours.get(client), untilMs, hourMs });
      await this.#set(client, known);
      if (hold !== undefined || clock.nowMs() < known.trustedUntilMs) continue;
      const terms = guardTermsOf(policy(), client);
      const anomaly = anomalyOf(known.base, hours.get(client)?.get(hourMs) ?? NO_HOUR, { terms, hourMs });
      if (anomaly !== null) holds.set(client, await this.#hold(client, anomaly));
    }
    for (const hold of holds.values()) await holdMail(this.#needs, hold);
    this.#tell([...holds.values()]);
  }

  /** All hours that are over, up to one in which it was held. */
  #learnt(
    known: Known,
    {
      hours,
      untilMs,
      hourMs,
    }: { hours: ReadonlyMap<number, typeof NO_HOUR> | undefined; untilMs: number; hourMs: number },
  ): Known {
    let { base } = known;
    const oldestMs = hourMs - HOURS_BACK * HOUR_MS;
    if (base.learntUntilMs < oldestMs) base = { ...base, learntUntilMs: Math.min(oldestMs, untilMs) };
    for (let at = base.learntUntilMs; at < untilMs; at += HOUR_MS)
      base = learnt(base, hours?.get(at) ?? NO_HOUR, { hourMs: at, isFine: true });
    return base === known.base ? known : { ...known, base };
  }

  async #set(client: string, known: Known): Promise<void> {
    if (this.#known.get(client) === known) return;
    const { marks, clock } = this.#needs;
    await marks.mark([{ name: `${BASE_MARKS}${client}`, text: JSON.stringify(known), atMs: clock.nowMs() }]);
    this.#known.set(client, known);
  }

  async #hold(client: string, { text }: Anomaly): Promise<Hold> {
    const { marks, clock, random } = this.#needs;
    const sinceMs = clock.nowMs();
    const hold = { client, id: random.bytes(9).toString('base64url'), sinceMs, reason: text };
    await marks.mark([{ name: holdMark(client), text: JSON.stringify(hold), atMs: sinceMs }]);
    return hold;
  }

  /** Whoever released a client left a mark: its mail goes, and what it did was fine. */
  async #release(holds: Map<string, Hold>): Promise<void> {
    const { marks, clock } = this.#needs;
    for (const { name, atMs } of await marks.marks(RELEASED_MARKS)) {
      const client = name.slice(RELEASED_MARKS.length);
      const known = this.#known.get(client);
      if (known !== undefined && known.trustedUntilMs < atMs + TRUST_MS)
        await this.#set(client, { ...known, trustedUntilMs: atMs + TRUST_MS });
      const isAll = holds.has(client) || (await releaseMail(this.#needs, client)) === 'all';
      if (isAll && clock.nowMs() - atMs >= SWEEP_MS) await marks.unmark([name]);
    }
  }

  #tell(holds: readonly Hold[]): void {
    const { emit, clock } = this.#needs;
    const atMs = clock.nowMs();
    for (const [client, id] of this.#told) {
      if (holds.some((hold) => hold.client === client && hold.id === id)) continue;
      this.#told.delete(client);
      emit({
        event: 'alert',
        atMs,
        name: `client-anomaly:${client}`,
        text: `${client}: its mail is not held any more`,
        raised: false,
      });
    }
    for (const { client, id, reason } of holds) {
      if (this.#told.has(client)) continue;
      this.#told.set(client, id);
      const text = `${client}: ${reason}. Its bulk mail is held, all other mail of it goes on. relevo client release ${client} lets it go`;
      emit({ event: 'alert', atMs, name: `client-anomaly:${client}`, text, raised: true });
    }
  }
}

/** What a mark says of a client; null: it cannot be read. */
export function readKnown(text: string): Known | null {
  try {
    const { base, trustedUntilMs } = JSON.parse(text) as Partial<Known>;
    const read = base === undefined ? null : readBaseline(JSON.stringify(base));
    return read === null ? null : { base: read, trustedUntilMs: trustedUntilMs ?? 0 };
  } catch {
    return null;
  }
}
