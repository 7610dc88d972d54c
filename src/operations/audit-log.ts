/** The audit log: written with each change, read page by page, forgotten in time. Kept as marks, so by every engine. */
import type { Audited } from '../http/audit.ts';
import type { Clock, Emit, Random } from '../ports.ts';
import { MARKS_AT_MOST, type Mark, type Marks } from '../spool/marks.ts';
import { readAhead } from '../spool/read-ahead.ts';
import { AUDIT_MARKS, type AuditEntry, auditEntryOf, auditMark, timePart } from './audit-entry.ts';

export type AuditAsk = {
  readonly limit: number;
  /** The id of an entry: those before it. null: the newest. */
  readonly before: string | null;
  /** The name of whoever did it, or a kind of them. */
  readonly who?: string;
  /** What it was, or how its name begins: `token` for `token.create`. */
  readonly what?: string;
  readonly fromMs?: number;
  /** Not that time itself. */
  readonly untilMs?: number;
};

/** The newest first. `next`: for `before` of the next page; null: there is no more. */
export type AuditPage = { readonly entries: readonly AuditEntry[]; readonly next: string | null };

export type AuditLogNeeds = {
  readonly marks: Marks;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  /** How long entries are kept, ms. */
  readonly keepMs: () => number;
};

/** Of all: more make the oldest go before their time. */
const MOST_ENTRIES = 100_000;
/** Of what was not let, in a minute; more are counted. */
const REFUSALS_A_MINUTE = 30;
const MINUTE_MS = 60_000;
const SWEEP_MS = 3_600_000;
/** Written at once; a store that is away gets so many later. */
const AT_ONCE = 200;
const MOST_WAITING = 2_000;
/** Of most there is nothing, and of a busy one little fits on a page. */
const STRETCHES_AT_ONCE = [1, 4] as const;
const AGAIN_MS = 5_000;
/** After so many of one's own all are counted. */
const COUNT_EVERY = 1_000;
/** Eleven days and a half: stretches that are looked through one after the other. */
const STRETCH_DIGITS = 4;
const STRETCH_MS = 1_000_000_000;
/** Ten years: so far back it looks for what is too old when it has not looked yet. */
const STRETCHES_BACK = 316;
/** Entries that one call looks at to find those that are asked for; then it says where to go on. */
const MOST_LOOKED_AT = 20_000;

export class AuditLog implements AsyncDisposable {
  readonly #needs: AuditLogNeeds;
  readonly #random: string;
  readonly #waiting: { readonly mark: Mark; readonly written: () => void }[] = [];
  #writing: Promise<void> | null = null;
  #turn = 0;
  #refusals = { fromMs: Number.NEGATIVE_INFINITY, count: 0 };
  #cancel: () => void;
  #cancelAgain = (): void => {};
  #isClosed = false;
  #failed = false;
  #uncounted = 0;
  /** null: nothing was forgotten yet. */
  #sweptKeepMs: number | null = null;

  constructor(needs: AuditLogNeeds) {
    this.#needs = needs;
    this.#random = needs.random.bytes(4).toString('hex');
    this.#cancel = needs.clock.after(MINUTE_MS, () => void this.#sweepAgain());
  }

  /** See `Audit`. */
  async note(audited: Audited): Promise<void> {
    const { clock, emit } = this.#needs;
    if (isRefusal(audited.what) && this.#isTooMuch()) return;
    if (this.#waiting.length >= MOST_WAITING) {
      emit({ event: 'failed', atMs: clock.nowMs(), where: 'audit', cause: `not written: ${textOf(audited)}` });
      return;
    }
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#wait(audited, resolve);
    await Promise.race([promise, this.#begin()]);
  }

  #wait(audited: Audited, written: () => void): void {
    const place = { atMs: this.#needs.clock.nowMs(), turn: (this.#turn += 1), random: this.#random };
    this.#waiting.push({ mark: auditMark(audited, place), written });
  }

  /** @returns whether it is one of too many; tells how many there were once their minute is over */
  #isTooMuch(): boolean {
    const nowMs = this.#needs.clock.monotonicMs();
    if (nowMs - this.#refusals.fromMs >= MINUTE_MS) {
      const more = this.#refusals.count - REFUSALS_A_MINUTE;
      this.#refusals = { fromMs: nowMs, count: 0 };
      if (more > 0) this.#wait({ actor: MANY, what: 'refused', on: 'many', after: { more } }, () => {});
    }
    this.#refusals.count += 1;
    return this.#refusals.count > REFUSALS_A_MINUTE;
  }

  #begin(): Promise<void> {
    this.#writing ??= this.#write();
    return this.#writing;
  }

  /** Ends when nothing waits, or the store is away: then it is tried again later. Never rejects. */
  async #write(): Promise<void> {
    const { marks, clock, emit } = this.#needs;
    // So that `#writing` is this when it ends: from then on whoever comes begins anew, with no moment in between.
    await Promise.resolve();
    while (this.#waiting.length > 0) {
      const some = this.#waiting.slice(0, AT_ONCE);
      try {
        await marks.mark(some.map(({ mark }) => mark));
      } catch (cause) {
        if (!this.#failed) emit({ event: 'failed', atMs: clock.nowMs(), where: 'audit', cause: String(cause) });
        this.#failed = true;
        this.#writing = null;
        this.#cancelAgain();
        if (!this.#isClosed) this.#cancelAgain = clock.after(AGAIN_MS, () => void this.#begin());
        return;
      }
      this.#failed = false;
      this.#waiting.splice(0, some.length);
      for (const { written } of some) written();
      this.#uncounted += some.length;
    }
    this.#writing = null;
  }

  /** Rejects with `SpoolError`. */
  async page(ask: AuditAsk): Promise<AuditPage> {
    const found: AuditEntry[] = [];
    let looked = 0;
    for await (const entry of this.#down(ask)) {
      if (found.length === ask.limit) return { entries: found, next: found.at(-1)?.id ?? null };
      if (isAsked(entry, ask)) found.push(entry);
      looked += 1;
      if (looked >= MOST_LOOKED_AT) return { entries: found, next: entry.id };
    }
    return { entries: found, next: null };
  }

  async *#down({ before, fromMs, untilMs }: AuditAsk): AsyncGenerator<AuditEntry> {
    const { clock, keepMs } = this.#needs;
    // By the clocks of other nodes it may be later already.
    const latestMs = Math.min(untilMs ?? Number.POSITIVE_INFINITY, timeOf(before) + 1, clock.nowMs() + STRETCH_MS);
    const oldestMs = Math.max(fromMs ?? 0, clock.nowMs() - keepMs(), 0);
    const prefixes: string[] = [];
    for (let atMs = latestMs; atMs > oldestMs - STRETCH_MS && atMs >= 0; atMs -= STRETCH_MS)
      prefixes.push(timePart(atMs, STRETCH_DIGITS));
    const { marks } = this.#needs;
    const read = async (prefix: string): Promise<{ prefix: string; found: readonly Mark[] }> => ({
      prefix,
      found: await marks.marks(AUDIT_MARKS + prefix),
    });
    for await (const { prefix, found } of readAhead(prefixes, read, STRETCHES_AT_ONCE)) {
      for await (const mark of this.#newestFirst(prefix, found)) {
        const entry = auditEntryOf(mark);
        if (entry === null || (before !== null && entry.id >= before)) continue;
        if (entry.atMs >= oldestMs && entry.atMs < (untilMs ?? Number.POSITIVE_INFINITY)) yield entry;
      }
    }
  }

  /** Those whose times begin so; `found`: of them the oldest, as many as can be read at once. */
  async *#newestFirst(prefix: string, found: readonly Mark[]): AsyncGenerator<Mark> {
    if (found.length < MARKS_AT_MOST) {
      yield* found.toReversed();
      return;
    }
    // Not all were told: a tenth of the time each.
    for (let digit = 9; digit >= 0; digit--) {
      const part = `${prefix}${digit}`;
      yield* this.#newestFirst(part, await this.#needs.marks.marks(AUDIT_MARKS + part));
    }
  }

  /** Forgets what is too old, and the oldest of too many. Rejects with `SpoolError`. */
  async sweep(most = MOST_ENTRIES): Promise<void> {
    const { clock, keepMs } = this.#needs;
    const oldestMs = clock.nowMs() - keepMs();
    // What was too old an hour ago is gone: where as much is kept as then, only the last of it is looked at.
    const isFirst = this.#sweptKeepMs !== keepMs();
    this.#sweptKeepMs = keepMs();
    const stretches = isFirst ? STRETCHES_BACK : 2;
    for (let back = 0; back < stretches && oldestMs - back * STRETCH_MS >= 0; back++) {
      const prefix = timePart(oldestMs - back * STRETCH_MS, STRETCH_DIGITS);
      await this.#forget(prefix, ({ atMs }) => atMs < oldestMs);
    }
    if (!isFirst && this.#uncounted < COUNT_EVERY) return;
    this.#uncounted = 0;
    let count = 0;
    for await (const _ of this.#down({ before: null, limit: 0 })) count += 1;
    if (count > most) await this.#forget('', (_, place) => place < count - most);
  }

  /** The oldest come first; it ends with one that stays. */
  async #forget(prefix: string, isOver: (mark: Mark, place: number) => boolean): Promise<void> {
    const { marks } = this.#needs;
    for (let place = 0; ;) {
      const oldest = await marks.marks(AUDIT_MARKS + prefix);
      const from = place;
      const gone = oldest.filter((mark, at) => isOver(mark, from + at));
      if (gone.length > 0) await marks.unmark(gone.map(({ name }) => name));
      place += gone.length;
      if (gone.length < oldest.length || oldest.length < MARKS_AT_MOST) return;
    }
  }

  async #sweepAgain(): Promise<void> {
    const { clock } = this.#needs;
    await this.sweep().catch(() => {});
    if (!this.#isClosed) this.#cancel = clock.after(SWEEP_MS, () => void this.#sweepAgain());
  }

  /** What waits is written first; where the store is away, the relay's own log says how much that was. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isClosed = true;
    this.#cancel();
    this.#cancelAgain();
    await this.#begin();
    const [first, ...others] = this.#waiting.splice(0);
    if (first === undefined) return;
    const { clock, emit } = this.#needs;
    const cause = `not written: ${first.mark.text.slice(0, 300)}, and ${others.length} more`;
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'audit', cause });
  }
}

const MANY = { kind: 'nobody', name: '', from: '' } as const;

function isRefusal(what: string): boolean {
  return what === 'refused' || what.endsWith('.refused');
}

function isAsked({ actor, what }: AuditEntry, ask: AuditAsk): boolean {
  if (ask.who !== undefined && actor.name !== ask.who && actor.kind !== ask.who) return false;
  return ask.what === undefined || what === ask.what || what.startsWith(`${ask.what}.`);
}

function timeOf(id: string | null): number {
  const atMs = id === null ? Number.NaN : Number(id.split('-', 1)[0]);
  return Number.isFinite(atMs) ? atMs : Number.POSITIVE_INFINITY;
}

function textOf({ actor, what, on }: Audited): string {
  return `${what} of ${on} by ${actor.kind} ${actor.name} from ${actor.from}`;
}
