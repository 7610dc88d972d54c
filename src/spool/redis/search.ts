/**
 * See `Search`. What is queued has an order by its ids, what has ended one by its end: both are walked downwards, in all shards, and
 * merged by those times. Mail that ended long after the time that is searched comes behind all other.
 */
import { type MessageId, messageTimeMs } from '../../message/ids.ts';
import {
  firstIdAt,
  type FoundMail,
  foundMail,
  isQueuedOnly,
  LOOKED_AT_MOST,
  needlesOf,
  type SearchAsk,
  type SearchFilter,
  type SearchPage,
} from '../search.ts';
import { parseEvent } from './event-lines.ts';
import { linesOf } from './events.ts';
import { queuedOf } from './operate.ts';
import { STATES } from './records.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import { type FoundMessage, readWindow } from './walk.ts';

/** Looked at in one go of the server: a millisecond or two. */
const AT_ONCE = 400;
/** Mail ends within so long, mostly. */
const SOON_MS = 3_600_000;

/** A place in the merged order, which falls: everything above it was looked at. */
type Key = { readonly atMs: number; readonly id: string };

type Cursor = Key & { readonly phase: 'main' | 'late' };

type Candidate = Key & { readonly found: FoundMessage };

/** One order of one shard, read window by window. */
type Source = {
  readonly shard: number;
  readonly mode: 'open' | 'ended';
  /** As the script takes them; '': there is none. */
  from: string;
  behind: string;
  readonly least: string;
  /** Read, and not given yet. */
  candidates: Candidate[];
  /** The last that was looked at; null: nothing was. */
  frontier: Key | null;
  isDone: boolean;
};

const TOP: Key = { atMs: Number.POSITIVE_INFINITY, id: '' };

/** See `Search`. A message that ends meanwhile may come on two pages. */
export async function search(
  store: Store,
  { filter, limit, cursor, looksAt = LOOKED_AT_MOST }: SearchAsk,
): Promise<SearchPage> {
  const start: Cursor = (cursor === null ? null : parseCursor(cursor)) ?? { phase: 'main', ...TOP };
  const { phase } = start;
  const merge = new Merge(store, filter, { start, sources: sourcesOf(store, filter, start) });
  const messages = new Map<MessageId, FoundMail>();
  for (;;) {
    const next = await merge.next(looksAt);
    if (next === 'enough') break;
    if (next === null) {
      const late = phase === 'main' && filter.untilMs !== undefined && !isQueuedOnly(filter);
      return {
        messages: [...messages.values()],
        next: late ? cursorOf({ phase: 'late', ...TOP }) : null,
        isWhole: !late,
      };
    }
    const mail = await mailOf(store, next.found, filter);
    if (mail !== null) messages.set(mail.id, mail);
    if (messages.size >= limit)
      return {
        messages: [...messages.values()],
        next: cursorOf({ phase, atMs: next.atMs, id: next.id }),
        isWhole: true,
      };
  }
  return { messages: [...messages.values()], next: cursorOf({ phase, ...merge.reached() }), isWhole: false };
}

/** null: it cannot be read, was forgotten meanwhile, or is not what is searched for. */
async function mailOf(store: Store, { of, deliveries }: FoundMessage, filter: SearchFilter): Promise<FoundMail | null> {
  const { message } = of;
  const lines = message === null ? null : await linesOf(store, of);
  if (message === null || lines === null) return null;
  const events = lines.flatMap((line) => parseEvent(line, of.id, message) ?? []);
  return foundMail({ message, events, queued: deliveries.map(queuedOf) }, filter);
}

class Merge {
  /** Messages, so far. */
  looked = 0;
  readonly #store: Store;
  readonly #args: readonly (string | number)[];
  readonly #start: Key;
  readonly #sources: readonly Source[];

  constructor(
    store: Store,
    filter: SearchFilter,
    { start, sources }: { readonly start: Key; readonly sources: readonly Source[] },
  ) {
    this.#store = store;
    this.#start = start;
    this.#sources = sources;
    const { inMessage, inEvents } = needlesOf(filter);
    const state = STATES.findIndex((one) => one === filter.state);
    const ends = state === -1 && filter.state !== undefined ? [`"event":"${filter.state}"`] : [];
    this.#args = [state === -1 ? '' : state, inMessage.length, AT_ONCE, ...inMessage, ...inEvents, ...ends];
  }

  /** The next one in order; null: there is none. `enough`: there may be, but so many were looked at. */
  async next(looksAt: number): Promise<Candidate | 'enough' | null> {
    for (;;) {
      const next = this.#given();
      if (next === null || 'found' in next) return next;
      // Of each at least something: otherwise the next question would begin where this one did.
      const isBegun = this.#sources.every(({ frontier, isDone }) => frontier !== null || isDone);
      if (isBegun && this.looked >= looksAt) return 'enough';
      await this.#read(next);
    }
  }

  /** The next one in order; a source: it has to be read before. null: there is none. */
  #given(): Candidate | Source | null {
    const [blind] = this.#sources
      .filter(({ candidates, isDone }) => candidates.length === 0 && !isDone)
      .toSorted((left, right) => compare(right.frontier ?? TOP, left.frontier ?? TOP));
    const [best] = this.#sources
      .filter(({ candidates }) => candidates.length > 0)
      .toSorted((left, right) => compare(right.candidates[0] ?? TOP, left.candidates[0] ?? TOP));
    const candidate = best?.candidates[0];
    if (candidate !== undefined && (blind === undefined || compare(candidate, blind.frontier ?? TOP) >= 0)) {
      best?.candidates.shift();
      return candidate;
    }
    return blind ?? null;
  }

  /** Everything from here upwards was looked at, and given. */
  reached(): Key {
    const heads = this.#sources.flatMap(({ candidates, frontier, isDone }) => {
      // What waits to be given is below the frontier of another, and is looked at again.
      if (candidates.length > 0 || isDone) return [];
      return [frontier ?? this.#start];
    });
    return heads.toSorted(compare).at(-1) ?? this.#start;
  }

  async #read(source: Source): Promise<void> {
    const { shard, mode, from, behind, least } = source;
    const reply = listOf(await this.#store.run(shard, SCRIPTS.search, [mode, from, behind, least, ...this.#args]));
    const looked = Number(reply[0]);
    this.looked += looked;
    const id = textOf(reply[1]);
    if (id === '') {
      source.isDone = true;
      return;
    }
    const rows = listOf<readonly unknown[]>(reply[3]);
    source.candidates = readWindow(shard, rows).flatMap((found, place): Candidate[] => {
      const key = keyOf(found.of.id, mode === 'ended' ? textOf(rows[place]?.[3]) : null);
      const isAsked = compare(key, this.#start) < 0 && (mode === 'open' || !isBelow(key.atMs, least));
      return isAsked ? [{ ...key, found }] : [];
    });
    source.frontier = keyOf(id, mode === 'ended' ? textOf(reply[2]) : null);
    source.from = mode === 'open' ? `(${id}` : textOf(reply[2]);
    source.behind = mode === 'open' ? '' : id;
    // By its place it is read on beyond what was asked for.
    if (mode === 'ended' && isBelow(source.frontier.atMs, least)) source.isDone = true;
  }
}

function isBelow(atMs: number, least: string): boolean {
  if (least === '-inf') return false;
  return least.startsWith('(') ? atMs <= Number(least.slice(1)) : atMs < Number(least);
}

function keyOf(id: string, endedAt: string | null): Key {
  return { atMs: endedAt === null ? messageTimeMs(id as MessageId) : Number(endedAt), id };
}

function compare(left: Key, right: Key): number {
  return left.atMs - right.atMs || (left.id < right.id ? -1 : Number(left.id > right.id));
}

function sourcesOf(store: Store, filter: SearchFilter, start: Cursor): Source[] {
  const fresh = () => ({ candidates: [], frontier: null, isDone: false });
  return store.shards.flatMap((shard): Source[] => {
    const open: Source = { ...fresh(), shard, mode: 'open', ...openRange(filter, start) };
    const ended: Source = { ...fresh(), shard, mode: 'ended', ...endedRange(filter, start) };
    if (start.phase === 'late') return [ended];
    return isQueuedOnly(filter) ? [open] : [open, ended];
  });
}

function openRange({ sinceMs, untilMs }: SearchFilter, { atMs, id }: Key): Pick<Source, 'from' | 'behind' | 'least'> {
  const bounds = [...(untilMs === undefined ? [] : [firstIdAt(untilMs)]), ...belowKey(atMs, id)].toSorted();
  return {
    from: bounds[0] === undefined ? '+' : `(${bounds[0]}`,
    behind: '',
    least: sinceMs === undefined ? '-' : `[${firstIdAt(Math.floor(sinceMs))}`,
  };
}

/** What all ids that are below a place of the merged order sort before; nothing: all are. */
function belowKey(atMs: number, id: string): string[] {
  if (!Number.isFinite(atMs)) return [];
  if (!Number.isInteger(atMs)) return [firstIdAt(Math.floor(atMs) + 1)];
  const prefix = firstIdAt(atMs);
  if (id.startsWith(prefix)) return [id];
  return [id < prefix ? prefix : firstIdAt(atMs + 1)];
}

function endedRange(
  { sinceMs, untilMs }: SearchFilter,
  { phase, atMs, id }: Cursor,
): Pick<Source, 'from' | 'behind' | 'least'> {
  const soonMs = untilMs === undefined ? Number.POSITIVE_INFINITY : untilMs + SOON_MS;
  const fromMs = phase === 'late' ? atMs : Math.min(atMs, soonMs);
  const least = phase === 'late' ? `(${soonMs}` : sinceMs === undefined ? '-inf' : String(sinceMs);
  const isExact = Number.isFinite(fromMs);
  return { from: isExact ? String(fromMs) : '+inf', behind: isExact && fromMs === atMs ? id : '', least };
}

function cursorOf({ phase, atMs, id }: Cursor): string {
  return Number.isFinite(atMs) ? `${phase}:${atMs}:${id}` : phase;
}

/** null: it is none of ours. */
function parseCursor(text: string): Cursor | null {
  const [, phase, at, id] = /^(main|late)(?::(-?[0-9.e+]+):([0-9A-Z]{0,26}))?$/.exec(text) ?? [];
  if (phase !== 'main' && phase !== 'late') return null;
  if (at === undefined || id === undefined) return { phase, ...TOP };
  return Number.isFinite(Number(at)) ? { phase, atMs: Number(at), id } : null;
}
