import type { Clock } from '../../ports.ts';
import type { Mark, Marks } from '../../spool/marks.ts';
import { LONGEST_REST_MS, type Ceiling, type SiteFeedback } from './site-feedback.ts';

export type CeilingsNeeds = {
  /** Absent: nothing outlives the process. */
  readonly marks?: Marks;
  readonly clock: Clock;
  /** So many workers share what is learnt, each its part. */
  readonly workers: () => number;
  /** Whether other processes learn of the same. Default: no. */
  readonly isShared?: () => boolean;
};

/** As it is kept: the end of a rest in wall time, which goes on while nothing runs. */
type Kept = {
  readonly limit: number;
  readonly everyMs: number;
  readonly rests: number;
  readonly shutUntilAtMs: number;
  /** Wall time. */
  readonly atMs: number;
};

const PREFIX = 'ceiling:';
/** Between two writes. */
const WRITE_EVERY_MS = 60_000;
/** What is older says nothing any more. */
const KEPT_MS = 14 * 86_400_000;
/** Between two looks for what is old. */
const AGE_EVERY_MS = 21_600_000;
/** A rest that ended so long ago says nothing of the next refusal. */
const REST_REMEMBERED_MS = 86_400_000;
/** Of more than this the oldest are forgotten. */
const CEILINGS_MOST = 5_000;
/** Written in one call. */
const AT_ONCE = 500;

/**
 * What sites were learnt to take from each exit, and how long they take nothing, kept over restarts as marks: the relay's
 * as a whole, each worker its part.
 */
export class Ceilings {
  readonly #needs: CeilingsNeeds;
  /** By the name of the mark, the oldest first; and their exits by site. */
  readonly #known = new Map<string, Kept>();
  readonly #exits = new Map<string, Set<string>>();
  readonly #changed = new Map<string, Kept | null>();
  #wroteMs = Number.NEGATIVE_INFINITY;
  /** By the name of the mark: when the site was seen to take all again, of those that are to be removed. */
  readonly #forgotten = new Map<string, number>();
  /** By the name of the mark: of which time it is that this process wrote. */
  readonly #wrote = new Map<string, number>();
  /** Wall time. */
  #lookedAtMs = Number.NEGATIVE_INFINITY;
  #agedMs: number;

  constructor(needs: CeilingsNeeds) {
    this.#needs = needs;
    this.#agedMs = needs.clock.monotonicMs();
  }

  /** null: nothing is known, the policy alone holds. */
  of(site: string, exit: string): Ceiling | null {
    const kept = this.#known.get(nameOf(site, exit));
    return kept === undefined ? null : this.#ceilingOf(kept);
  }

  /** Of which something is known at a site. */
  exitsOf(site: string): readonly string[] {
    return [...(this.#exits.get(site) ?? [])];
  }

  learnt(site: string, exit: string, { limit, most, everyMs, rests, shutUntilMs }: SiteFeedback): void {
    const name = nameOf(site, exit);
    const before = this.#known.get(name);
    if (limit === most && everyMs === 0 && rests === 0) {
      if (before !== undefined) this.#forget(name);
      return;
    }
    if (before?.limit === limit && before.everyMs === everyMs && before.rests === rests) return;
    const { clock } = this.#needs;
    const shutUntilAtMs = rests === 0 ? 0 : Math.round((shutUntilMs ?? 0) - clock.monotonicMs() + clock.nowMs());
    const kept = { limit, everyMs, rests, shutUntilAtMs, atMs: clock.nowMs() };
    this.#know(name, kept);
    this.#change(name, kept);
    const [oldest] = this.#known.keys();
    if (this.#known.size > CEILINGS_MOST && oldest !== undefined) this.#forget(oldest);
  }

  /** Reads what was learnt before. Rejects with `SpoolError`. */
  async read(): Promise<void> {
    const { marks, clock, workers } = this.#needs;
    if (marks === undefined) return;
    const old: string[] = [];
    for (const mark of await marks.marks(PREFIX)) {
      const kept = parsed(mark, workers());
      if (kept === null || clock.nowMs() - mark.atMs > KEPT_MS) old.push(mark.name);
      else if (!this.#changed.has(mark.name) && this.#known.size < CEILINGS_MOST) this.#know(mark.name, kept);
    }
    for (let start = 0; start < old.length; start += AT_ONCE) await marks.unmark(old.slice(start, start + AT_ONCE));
  }

  /**
   * Writes what changed, at most every minute, and forgets what is old. What other processes learnt since is taken up: of
   * what both learnt, the stricter. Rejects with `SpoolError`; what was not written is written next time.
   * @returns whether something of others is known now
   */
  async write({ now = false }: { readonly now?: boolean } = {}): Promise<boolean> {
    const { marks, clock, isShared } = this.#needs;
    if (!now && clock.monotonicMs() - this.#wroteMs < WRITE_EVERY_MS) return false;
    if (!now && clock.monotonicMs() - this.#agedMs >= AGE_EVERY_MS) await this.#age();
    if (marks === undefined) return false;
    const hasOthers = isShared?.() === true && (await this.#takeUp(marks));
    if (this.#changed.size > 0) await this.#writeAll(marks);
    else if (isShared?.() === true) this.#wroteMs = clock.monotonicMs();
    return hasOthers;
  }

  /** What others wrote since this process looked last. @returns whether there was any */
  async #takeUp(marks: Marks): Promise<boolean> {
    const sinceMs = this.#lookedAtMs;
    const nowMs = this.#needs.clock.nowMs();
    let found = false;
    for (const mark of await marks.marks(PREFIX)) {
      const known = this.#known.get(mark.name);
      const isNews = mark.atMs > sinceMs && mark.atMs !== known?.atMs && mark.atMs !== this.#wrote.get(mark.name);
      const kept = isNews ? parsed(mark, this.#needs.workers()) : null;
      if (kept === null || (known === undefined && this.#known.size >= CEILINGS_MOST)) continue;
      if ((this.#forgotten.get(mark.name) ?? 0) >= kept.atMs) continue;
      found = true;
      const own = this.#changed.get(mark.name) ?? null;
      if (own === null) this.#changed.delete(mark.name);
      const both = own === null ? kept : { ...stricter(own, kept), atMs: Math.max(nowMs, kept.atMs) };
      this.#know(mark.name, both);
      if (own !== null) this.#change(mark.name, both);
    }
    // Clocks differ, and what others made before that may be written only now.
    this.#lookedAtMs = nowMs - WRITE_EVERY_MS;
    return found;
  }

  async #writeAll(marks: Marks): Promise<void> {
    this.#wroteMs = this.#needs.clock.monotonicMs();
    const changed = [...this.#changed];
    for (let start = 0; start < changed.length; start += AT_ONCE) {
      await this.#writeSome(marks, changed.slice(start, start + AT_ONCE));
    }
  }

  async #writeSome(marks: Marks, some: readonly (readonly [string, Kept | null])[]): Promise<void> {
    const workers = this.#needs.workers();
    const made = some.flatMap(([name, kept]) =>
      kept === null ? [] : [{ name, text: textOf(kept, workers), atMs: kept.atMs }],
    );
    const gone = some.flatMap(([name, kept]) => (kept === null ? [name] : []));
    if (made.length > 0) await marks.mark(made);
    if (gone.length > 0) await marks.unmark(gone);
    for (const { name, atMs } of made) this.#wrote.set(name, atMs);
    for (const [name, kept] of some) {
      if (kept === null) this.#wrote.delete(name);
      if (this.#changed.get(name) !== kept) continue;
      this.#changed.delete(name);
      this.#forgotten.delete(name);
    }
  }

  /** Other processes may have learnt of the same since: theirs is read before anything is removed. */
  async #age(): Promise<void> {
    const { clock } = this.#needs;
    this.#agedMs = clock.monotonicMs();
    for (const [name, { atMs }] of this.#known) if (clock.nowMs() - atMs > KEPT_MS) this.#unknow(name);
    for (const [name, atMs] of this.#wrote) if (clock.nowMs() - atMs > KEPT_MS) this.#wrote.delete(name);
    await this.read();
  }

  #ceilingOf({ limit, everyMs, rests, shutUntilAtMs }: Kept): Ceiling {
    const nowMs = this.#needs.clock.nowMs();
    if (rests === 0 || nowMs - shutUntilAtMs > REST_REMEMBERED_MS)
      return { limit, everyMs, rests: 0, shutUntilMs: null };
    // A clock that was set back makes no rest longer than the longest.
    const leftMs = Math.min(LONGEST_REST_MS, shutUntilAtMs - nowMs);
    return { limit, everyMs, rests, shutUntilMs: this.#needs.clock.monotonicMs() + leftMs };
  }

  #know(name: string, kept: Kept): void {
    this.#known.delete(name);
    this.#known.set(name, kept);
    const { site, exit } = partsOf(name);
    const exits = this.#exits.get(site);
    if (exits === undefined) this.#exits.set(site, new Set([exit]));
    else exits.add(exit);
  }

  #unknow(name: string): void {
    this.#known.delete(name);
    const { site, exit } = partsOf(name);
    const exits = this.#exits.get(site);
    exits?.delete(exit);
    if (exits?.size === 0) this.#exits.delete(site);
  }

  #forget(name: string): void {
    this.#forgotten.set(name, this.#needs.clock.nowMs());
    this.#unknow(name);
    this.#change(name, null);
  }

  /** While the store is away the oldest is let go of: its mark ages. */
  #change(name: string, kept: Kept | null): void {
    this.#changed.delete(name);
    if (kept !== null) this.#forgotten.delete(name);
    this.#changed.set(name, kept);
    const [oldest] = this.#changed.keys();
    if (this.#changed.size > 2 * CEILINGS_MOST && oldest !== undefined) {
      this.#changed.delete(oldest);
      this.#forgotten.delete(oldest);
    }
  }
}

function stricter(one: Kept, other: Kept): Kept {
  return {
    limit: Math.min(one.limit, other.limit),
    everyMs: Math.max(one.everyMs, other.everyMs),
    rests: Math.max(one.rests, other.rests),
    shutUntilAtMs: Math.max(one.shutUntilAtMs, other.shutUntilAtMs),
    atMs: Math.max(one.atMs, other.atMs),
  };
}

function nameOf(site: string, exit: string): string {
  return `${PREFIX}${site}:${exit}`;
}

/** The name of an exit has no colon. */
function partsOf(name: string): { readonly site: string; readonly exit: string } {
  const end = name.lastIndexOf(':');
  return { site: name.slice(PREFIX.length, end), exit: name.slice(end + 1) };
}

function textOf({ limit, everyMs, rests, shutUntilAtMs }: Kept, workers: number): string {
  const rest = rests === 0 ? {} : { rests, shutUntilAtMs };
  return JSON.stringify({ connections: limit * workers, everyMs: Math.round(everyMs / workers), ...rest });
}

/** This worker's part of it; null: it cannot be read. */
function parsed({ text, atMs }: Mark, workers: number): Kept | null {
  try {
    const { connections, everyMs, rests = 0, shutUntilAtMs = 0 } = JSON.parse(text) as Record<string, unknown>;
    if (typeof connections !== 'number' || typeof everyMs !== 'number' || connections < 1 || everyMs < 0) return null;
    if (typeof rests !== 'number' || typeof shutUntilAtMs !== 'number' || rests < 0) return null;
    const limit = Math.max(1, Math.floor(connections / workers));
    return { limit, everyMs: everyMs * workers, rests, shutUntilAtMs, atMs };
  } catch {
    return null;
  }
}
