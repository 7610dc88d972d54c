import type { Clock } from '../ports.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import type { Ceiling, SiteFeedback } from './site-feedback.ts';

export type CeilingsNeeds = {
  /** Absent: nothing outlives the process. */
  readonly marks?: Marks;
  readonly clock: Clock;
  /** So many workers share what is learnt, each its part. */
  readonly workers: () => number;
};

const PREFIX = 'ceiling:';
/** Between two writes. */
const WRITE_EVERY_MS = 60_000;
/** What is older says nothing any more: it is forgotten at the next start. */
const KEPT_MS = 14 * 86_400_000;
/** Written at once; the others next time. */
const AT_ONCE = 500;

/** What sites were learnt to take from each exit, kept over restarts as marks: the relay's as a whole, each worker its part. */
export class Ceilings {
  readonly #needs: CeilingsNeeds;
  readonly #known = new Map<string, Ceiling>();
  readonly #changed = new Map<string, Ceiling | null>();
  #wroteMs = Number.NEGATIVE_INFINITY;

  constructor(needs: CeilingsNeeds) {
    this.#needs = needs;
  }

  /** null: nothing is known, the policy alone holds. */
  of(site: string, exit: string): Ceiling | null {
    return this.#known.get(nameOf(site, exit)) ?? null;
  }

  learnt(site: string, exit: string, { limit, most, everyMs }: SiteFeedback): void {
    const name = nameOf(site, exit);
    const before = this.#known.get(name);
    if (limit === most && everyMs === 0) {
      if (before === undefined) return;
      this.#known.delete(name);
      this.#changed.set(name, null);
    } else if (before?.limit !== limit || before.everyMs !== everyMs) {
      this.#known.set(name, { limit, everyMs });
      this.#changed.set(name, { limit, everyMs });
    }
  }

  /** Reads what was learnt before. Rejects with `SpoolError`. */
  async read(): Promise<void> {
    const { marks, clock, workers } = this.#needs;
    if (marks === undefined) return;
    const old: string[] = [];
    for (const mark of await marks.marks(PREFIX)) {
      const ceiling = parsed(mark, workers());
      if (ceiling === null || clock.nowMs() - mark.atMs > KEPT_MS) old.push(mark.name);
      else if (!this.#changed.has(mark.name)) this.#known.set(mark.name, ceiling);
    }
    if (old.length > 0) await marks.unmark(old.slice(0, AT_ONCE));
  }

  /** Writes what changed, at most every minute. Rejects with `SpoolError`; what was not written is written next time. */
  async write({ now = false }: { readonly now?: boolean } = {}): Promise<void> {
    const { marks, clock, workers } = this.#needs;
    if (marks === undefined || this.#changed.size === 0) return;
    if (!now && clock.monotonicMs() - this.#wroteMs < WRITE_EVERY_MS) return;
    this.#wroteMs = clock.monotonicMs();
    const some = [...this.#changed].slice(0, AT_ONCE);
    const atMs = clock.nowMs();
    const made = some.flatMap(([name, ceiling]) =>
      ceiling === null ? [] : [{ name, text: textOf(ceiling, workers()), atMs }],
    );
    const gone = some.flatMap(([name, ceiling]) => (ceiling === null ? [name] : []));
    if (made.length > 0) await marks.mark(made);
    if (gone.length > 0) await marks.unmark(gone);
    for (const [name, ceiling] of some) if (this.#changed.get(name) === ceiling) this.#changed.delete(name);
  }
}

function nameOf(site: string, exit: string): string {
  return `${PREFIX}${site}:${exit}`;
}

function textOf({ limit, everyMs }: Ceiling, workers: number): string {
  return JSON.stringify({ connections: limit * workers, everyMs: Math.round(everyMs / workers) });
}

/** This worker's part of it; null: it cannot be read. */
function parsed({ text }: Mark, workers: number): Ceiling | null {
  try {
    const { connections, everyMs } = JSON.parse(text) as Record<string, unknown>;
    if (typeof connections !== 'number' || typeof everyMs !== 'number' || connections < 1 || everyMs < 0) return null;
    return { limit: Math.max(1, Math.floor(connections / workers)), everyMs: everyMs * workers };
  } catch {
    return null;
  }
}
