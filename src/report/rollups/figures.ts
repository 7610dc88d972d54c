/** What is counted of mail in each stretch of time, as one list of sums, and what can be told from such sums. Pure. */

/** In the order in which a cell has them. Never moved: rows that are stored name them by the letter of their place. */
const SUMS = [
  'accepted',
  'recipients',
  'acceptedBytes',
  'delivered',
  'sentBytes',
  'attempts',
  'deferred',
  'bounced',
  'returned',
  'hard',
  'soft',
  'block',
  'mailboxFull',
  'unknownUser',
  'policy',
  'expired',
  'suppressed',
  'discarded',
  'inDoubt',
  'complained',
  'unsubscribed',
  'opened',
  'clicked',
  'confirmed',
  'putOff',
] as const;

/**
 * `accepted`: messages; `attempts`: conversations with a next hop; all others but bytes: recipients, as often as it happened to
 * them. `returned`: bounced after a server had taken the mail. `hard` … `policy`: what bounces of both ways mean for the address.
 * `inDoubt`: a copy may exist. `confirmed`, `putOff`: as a provider told.
 */
export type Figure = (typeof SUMS)[number];
export const FIGURES: readonly Figure[] = SUMS;
export type Figures = Readonly<Record<Figure, number>>;

/** The figures that say what a bounce means. */
export const BOUNCE_FIGURES = ['hard', 'soft', 'block', 'mailboxFull', 'unknownUser', 'policy'] as const;

/** Upper ends of the stretches that times from acceptance to delivery are counted in, ms; beyond the last there is one more. */
const BOUNDS_MS = [
  100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000, 900_000, 3_600_000, 14_400_000, 86_400_000,
] as const;

const LATENCY_SUM = SUMS.length;
const LATENCY_BUCKETS = LATENCY_SUM + 1;
const QUEUE_SAMPLES = LATENCY_BUCKETS + BOUNDS_MS.length + 1;
const QUEUE_SUM = QUEUE_SAMPLES + 1;
/** From here on a sum is the greatest of its parts. */
const FIRST_MOST = QUEUE_SUM + 1;
const LATENCY_MOST = FIRST_MOST;
const QUEUE_MOST = FIRST_MOST + 1;
const QUEUE_OLDEST = FIRST_MOST + 2;
const CELL_SIZE = FIRST_MOST + 3;

/** What is known of one stretch of time and one name: numbers by place, of which only this file knows what they are. */
export type Cell = number[];

const NOTHING: Cell = Array.from({ length: CELL_SIZE }, () => 0);
const PLACES = new Map(SUMS.map((figure, place) => [figure, place]));

export function emptyCell(): Cell {
  return NOTHING.slice();
}

/** The place of a figure in a cell. */
export function placeOf(figure: Figure): number {
  return PLACES.get(figure) ?? 0;
}

/** Adds what came to a cell. */
export function addTo(cell: Cell, place: number, amount: number): void {
  cell[place] = (cell[place] ?? 0) + amount;
}

/** So many recipients were reached so long after their mail was accepted. */
export function addLatency(cell: Cell, waitedMs: number, recipients: number): void {
  addTo(cell, LATENCY_SUM, waitedMs * recipients);
  addTo(cell, bucketOf(waitedMs), recipients);
  if (waitedMs > (cell[LATENCY_MOST] ?? 0)) cell[LATENCY_MOST] = waitedMs;
}

function bucketOf(waitedMs: number): number {
  let bucket = 0;
  while (bucket < BOUNDS_MS.length && waitedMs > (BOUNDS_MS[bucket] ?? 0)) bucket += 1;
  return LATENCY_BUCKETS + bucket;
}

/** What waited at one moment. */
export function addQueue(cell: Cell, of: { readonly deliveries: number; readonly oldestMs: number }): void {
  addTo(cell, QUEUE_SAMPLES, 1);
  addTo(cell, QUEUE_SUM, of.deliveries);
  cell[QUEUE_MOST] = Math.max(cell[QUEUE_MOST] ?? 0, of.deliveries);
  cell[QUEUE_OLDEST] = Math.max(cell[QUEUE_OLDEST] ?? 0, of.oldestMs);
}

/** Adds a whole cell. */
export function merge(into: Cell, from: Cell): void {
  for (let place = 0; place < FIRST_MOST; place++) into[place] = (into[place] ?? 0) + (from[place] ?? 0);
  for (let place = FIRST_MOST; place < CELL_SIZE; place++) into[place] = Math.max(into[place] ?? 0, from[place] ?? 0);
}

/** What is to be added to `stored` so that its sums are those of `counted`. */
export function correction(counted: Cell, stored: Cell): Cell {
  return counted.map((amount, place) => (place < FIRST_MOST ? amount - (stored[place] ?? 0) : amount));
}

export function isEmpty(cell: Cell): boolean {
  return cell.every((amount) => amount === 0);
}

/** By how much a name counts among the others. */
export function weightOf(cell: Cell): number {
  return (cell[0] ?? 0) + (cell[3] ?? 0) + (cell[6] ?? 0) + (cell[7] ?? 0) + (cell[8] ?? 0) + (cell[15] ?? 0);
}

export function figuresOf(cell: Cell): Figures {
  return Object.fromEntries(SUMS.map((figure, place) => [figure, cell[place] ?? 0])) as Record<Figure, number>;
}

/** Of the recipients whose story ended by an answer, those that were reached, 0 to 1; null: none ended. */
export function successOf({ delivered, bounced, expired }: Figures): number | null {
  const ended = delivered + bounced + expired;
  return ended === 0 ? null : delivered / ended;
}

/** Times from acceptance to delivery, ms. `p50` … are right to the width of their stretch. */
export type Latency = {
  readonly count: number;
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
};

/** null: nothing was delivered. */
export function latencyOf(cell: Cell): Latency | null {
  const buckets = cell.slice(LATENCY_BUCKETS, QUEUE_SAMPLES);
  const count = buckets.reduce((sum, amount) => sum + amount, 0);
  if (count <= 0) return null;
  const max = cell[LATENCY_MOST] ?? 0;
  const at = (share: number): number => quantile(buckets, { wanted: share * count, max });
  return { count, mean: (cell[LATENCY_SUM] ?? 0) / count, p50: at(0.5), p95: at(0.95), p99: at(0.99), max };
}

/** As if what is in a stretch were spread evenly over it. */
function quantile(buckets: readonly number[], { wanted, max }: { readonly wanted: number; readonly max: number }) {
  let below = 0;
  for (const [bucket, amount] of buckets.entries()) {
    if (below + amount < wanted || amount === 0) {
      below += amount;
      continue;
    }
    const from = Math.min(max, BOUNDS_MS[bucket - 1] ?? 0);
    const to = Math.min(max, BOUNDS_MS[bucket] ?? max);
    return Math.round(from + ((to - from) * (wanted - below)) / amount);
  }
  return max;
}

/** What waited: deliveries, on average and at most, and the age of the oldest, ms; null: nobody looked. */
export function queueOf(cell: Cell): { readonly mean: number; readonly max: number; readonly oldestMs: number } | null {
  const samples = cell[QUEUE_SAMPLES] ?? 0;
  if (samples === 0) return null;
  return { mean: (cell[QUEUE_SUM] ?? 0) / samples, max: cell[QUEUE_MOST] ?? 0, oldestMs: cell[QUEUE_OLDEST] ?? 0 };
}
