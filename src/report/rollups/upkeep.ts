/**
 * Keeps rows of figures few and short: each hour, by one of the relays, those whose time is over are forgotten, and those of the
 * stretches that are over become one row of all relays, with no more names than are kept.
 */
import type { Mark, MarkStore } from '../../spool/marks.ts';
import { foldStretch } from './fold-stretch.ts';
import { groupsIn, groupStart, ROLLUP_UPKEEP, rowsOf, startIn, timeText } from './row-names.ts';
import { oneRow } from './fold.ts';
import { rowsIn } from './read.ts';
import { DIMENSIONS, HOUR_MS, KEPT_MS, type Level, LEVELS } from './stretch.ts';

export type UpkeepNeeds = {
  readonly marks: Pick<MarkStore, 'marks' | 'unmark' | 'exchange'>;
  readonly node: string;
  readonly nowMs: number;
};

/** How far all relays together are, and who is at it. Times are wall ms. */
type Upkeep = {
  /** What was over by then is one row. */
  readonly foldedMs: number;
  /** Rows of groups that began before are forgotten. */
  readonly forgottenMs: Readonly<Partial<Record<Level, number>>>;
  readonly node: string;
  /** Until then nobody else does it: one that is killed is not waited for longer. */
  readonly untilMs: number;
};

const CLAIMED_MS = 600_000;
/** Of relays that were off for long: the rest is done an hour later. */
const HOURS_AT_ONCE = 100;
/** A relay whose clock is behind adds to its own row for so much longer. */
const AGAIN_MS = 3 * HOUR_MS;
/** How long before the hour that is looked at those stretches began that are over with it: a day may have 25 hours. */
const BEGAN_BEFORE_MS: Readonly<Record<Level, number>> = { minute: 0, hour: 0, day: 26 * HOUR_MS };
/** An hour, as the names of what begins in it begin. */
const HOUR_LENGTH = 13;

/**
 * Does what is due, unless another relay is at it. Rejects with `SpoolError`: some may be done then; whoever is next goes on, and
 * nothing is lost or counted twice.
 */
export async function keepUp(needs: UpkeepNeeds): Promise<void> {
  const { marks, node, nowMs } = needs;
  const found = await marks.marks(ROLLUP_UPKEEP);
  const known = parseUpkeep(found[0]?.text) ?? (await firstUpkeep(needs));
  if (known.node !== node && known.untilMs > nowMs && known.untilMs <= nowMs + CLAIMED_MS) return;
  // An hour has its own rows and those of its minutes, and is over an hour later.
  const toMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS - HOUR_MS;
  if (found.length > 0 && known.foldedMs >= toMs) return;
  const claim = new Claim(needs, found[0]);
  if (!(await claim.note({ ...known, node, untilMs: nowMs + CLAIMED_MS }))) return;
  const forgottenMs: Partial<Record<Level, number>> = {};
  for (const level of LEVELS) forgottenMs[level] = await forget(needs, level, known.forgottenMs[level] ?? null);
  let foldedMs = Math.min(known.foldedMs, toMs);
  const endMs = Math.min(toMs, foldedMs + HOURS_AT_ONCE * HOUR_MS);
  for (let atMs = foldedMs - AGAIN_MS; atMs < endMs; atMs += HOUR_MS) {
    await foldHour(needs, atMs);
    foldedMs = Math.max(foldedMs, atMs + HOUR_MS);
  }
  await claim.note({ foldedMs, forgottenMs, node, untilMs: nowMs });
}

/** How far it is, as long as no other relay says otherwise. */
class Claim {
  readonly #needs: UpkeepNeeds;
  #text: string | null;

  constructor(needs: UpkeepNeeds, known: Mark | undefined) {
    this.#needs = needs;
    this.#text = known?.text ?? null;
  }

  /** @returns false: another relay is at it */
  async note(upkeep: Upkeep): Promise<boolean> {
    const { marks, nowMs } = this.#needs;
    const made = { name: ROLLUP_UPKEEP, text: JSON.stringify(upkeep), atMs: nowMs };
    const given = [{ name: ROLLUP_UPKEEP, text: this.#text }];
    this.#text = made.text;
    return marks.exchange({ given, made: [made], gone: [] });
  }
}

function parseUpkeep(text: string | undefined): Upkeep | null {
  try {
    const value: unknown = JSON.parse(text ?? 'null');
    const isUpkeep = typeof value === 'object' && value !== null && 'foldedMs' in value;
    return isUpkeep ? { forgottenMs: {}, node: '', untilMs: 0, ...(value as Pick<Upkeep, 'foldedMs'>) } : null;
  } catch {
    return null;
  }
}

/** What is there at the first look may be of relays that were here before. */
async function firstUpkeep({ marks, nowMs }: UpkeepNeeds): Promise<Upkeep> {
  const none: Upkeep = { foldedMs: nowMs, forgottenMs: {}, node: '', untilMs: 0 };
  const head = rowsOf('all', 'day');
  for (const group of groupsIn('day', nowMs - KEPT_MS.day, nowMs)) {
    const [first] = await marks.marks(head + group);
    const startsAtMs = first === undefined ? null : startIn(first.name.slice(head.length));
    if (startsAtMs !== null) return { ...none, foldedMs: Math.floor(startsAtMs / HOUR_MS) * HOUR_MS };
  }
  return none;
}

/** Rows of all relays: one that is gone for good forgets nothing. */
async function forget({ marks, nowMs }: UpkeepNeeds, level: Level, fromMs: number | null): Promise<number> {
  const untilMs = groupStart(level, nowMs - KEPT_MS[level]);
  const firstMs = fromMs ?? groupStart(level, untilMs - KEPT_MS[level]);
  for (const group of groupsIn(level, firstMs, untilMs)) {
    for (const dimension of DIMENSIONS) {
      const names = (await marks.marks(rowsOf(dimension, level) + group)).map(({ name }) => name);
      if (names.length > 0) await marks.unmark(names);
    }
  }
  return Math.max(firstMs, untilMs);
}

/** Rows of the stretches that are over with this hour. */
async function foldHour({ marks, nowMs }: UpkeepNeeds, atMs: number): Promise<void> {
  for (const level of LEVELS) {
    const hour = timeText(atMs - BEGAN_BEFORE_MS[level]).slice(0, HOUR_LENGTH);
    for (const dimension of DIMENSIONS) {
      const head = rowsOf(dimension, level);
      const found = await rowsIn(marks, head, hour);
      const stretches = Map.groupBy(found, ({ name }) => startIn(name.slice(head.length)));
      for (const [startsAtMs, known] of stretches) {
        if (startsAtMs === null) continue;
        const stretch = { dimension, level, startsAtMs };
        if (oneRow(known, { stretch, row: new Map(), nowMs }) !== null) await foldStretch(marks, stretch, nowMs);
      }
    }
  }
}
