import type { MessageId } from '../../message/ids.ts';
import type { Clock } from '../../ports.ts';
import type { MoveMark, MoveStore, StoredMark, StoredPage, StoredRecord, WriteResult } from '../move.ts';
import { type AuditReport, SpoolError } from '../spool.ts';
import { packSuppressionKey, parseSuppressionCursor, suppressionCursor } from '../suppressions.ts';
import { audit } from './audit.ts';
import { overview } from './find.ts';
import { raiseForm } from './form.ts';
import type { RedisLink } from './link.ts';
import { marksIn, writeMark } from './marks.ts';
import { isClosing, type Marked, readMark, setFence, writeMark as writeMoveMark } from './move-mark.ts';
import { rangeAfter, rangeOf } from './name-range.ts';
import { heldLeases, reap } from './operate.ts';
import { SCRIPTS } from './scripts.ts';
import { openStore } from './spool.ts';
import { listOf, textOf, type Store } from './store.ts';
import { storedMessages, writeMessage, type Written } from './stored.ts';
import { suppressionsIn, writeSuppressions } from './suppressions.ts';
import { figuresIn, writeFigures } from './tallies.ts';
import { dropNames, namesOf, storedUnder, writeNamed } from './stored-names.ts';

const MESSAGES_AT_ONCE = 100;
const SUPPRESSIONS_AT_ONCE = 500;
/** Of a page, written side by side. */
const WRITES_AT_ONCE = 50;
type Kind = 'dedupe' | 'quota';

export type RedisMoveOptions = {
  /** Taken over: it ends with the store. */
  readonly link: RedisLink;
  readonly prefix: string;
  readonly shards?: number;
  readonly clock: Clock;
  /** In words for operators; see `MoveStore.name`. */
  readonly name: string;
  /** See `RedisSpoolOptions`. */
  readonly holdWhenInDoubt: () => readonly string[];
};

/**
 * Opens the spool under a prefix, made where there is none, for a move. Leases that have ended are freed, each in doubt.
 * @throws SpoolError `in-use` while somebody holds a lease that has not ended
 */
export async function openRedisMoveStore(options: RedisMoveOptions): Promise<RedisMoveStore> {
  const { clock, prefix, link } = options;
  const store = await openStore({ ...options, node: '', onEvents: () => undefined });
  await raiseForm(store, link, prefix);
  const { mark } = await readMark(link, prefix);
  const opened = new RedisMoveStore(store, options);
  if (isClosing(mark)) {
    // Who set it may have died before the fence stood everywhere.
    await setFence(store, true);
  } else {
    await reap(store, clock.nowMs());
    await opened.refuseWhileLeased();
  }
  return opened;
}

/** A spool on Redis as the end of a move. */
export class RedisMoveStore implements MoveStore {
  readonly name: string;
  readonly #store: Store;
  readonly #link: RedisLink;
  readonly #prefix: string;
  readonly #clock: Clock;
  /** Of this life: a server that was started anew does not know the cursors of its scans any more. */
  readonly #cursors = new Set<string>();

  constructor(store: Store, { link, prefix, clock, name }: RedisMoveOptions) {
    this.name = name;
    this.#store = store;
    this.#link = link;
    this.#prefix = prefix;
    this.#clock = clock;
  }

  /** @throws SpoolError `in-use` while somebody holds a lease */
  async refuseWhileLeased(): Promise<void> {
    if ((await overview(this.#store)).leased === 0) return;
    const { nodes, untilMs } = await heldLeases(this.#store);
    const seconds = Math.max(1, Math.ceil((untilMs - this.#clock.nowMs()) / 1_000));
    throw new SpoolError(
      'in-use',
      `${this.name} has deliveries under way by ${nodes.join(', ')}: stop these relays; of one that died, wait ${seconds} s`,
    );
  }

  async mark(): Promise<MoveMark | null> {
    return (await this.#marked()).mark;
  }

  async cursor(): Promise<string | null> {
    return (await this.#marked()).cursor;
  }

  async setMark(mark: MoveMark | null): Promise<void> {
    const before = await this.mark();
    if (mark === null) {
      // The fence first: a mark without it keeps relays out, a fence without a mark is known to nobody.
      await this.#forgetArrivals();
      await setFence(this.#store, false);
      await writeMoveMark(this.#link, this.#prefix, { mark: 'none', cursor: null });
      return;
    }
    await writeMoveMark(this.#link, this.#prefix, { mark, cursor: null });
    await setFence(this.#store, isClosing(mark));
    if (isClosing(before) || !isClosing(mark)) return;
    try {
      // A relay that was quicker than the fence.
      await this.refuseWhileLeased();
    } catch (error) {
      await setFence(this.#store, false);
      await writeMoveMark(this.#link, this.#prefix, { mark: before ?? 'none', cursor: null });
      throw error;
    }
  }

  async read(after: string | null): Promise<StoredPage> {
    const [section = 'open', ...rest] = (after ?? 'open ').split(' ');
    if (section === 'open') return this.#readOpen(rest[0] ?? '');
    if (section === 'marks') return this.#readMarks(rest.join(' '));
    if (section === 'figures') return this.#readFigures(rest.join(' '));
    if (section === 'suppressions') return this.#readSuppressions(rest[0] ?? '');
    const shard = Number(rest[0] ?? 0);
    if (section === 'finished') return this.#readFinished(shard, Number(rest[1] ?? 0));
    const kind = section === 'quota' ? 'quota' : 'dedupe';
    return after !== null && this.#cursors.has(after)
      ? this.#readNamed({ kind, shard, cursor: rest[1] ?? '0' })
      : this.#readNamed({ kind, shard: 0, cursor: '0' });
  }

  async write(records: readonly StoredRecord[], cursor: string | null): Promise<WriteResult> {
    const result = { written: 0, known: 0, conflicts: [] as MessageId[] };
    for (let from = 0; from < records.length; from += WRITES_AT_ONCE) {
      const some = records.slice(from, from + WRITES_AT_ONCE);
      const became = await Promise.all(some.map((record) => this.#write(record)));
      for (const [place, one] of became.entries()) {
        const record = some[place];
        if (one !== 'conflict') result[one] += 1;
        else if (record?.kind === 'message') result.conflicts.push(record.message.id);
      }
    }
    await writeMoveMark(this.#link, this.#prefix, { mark: null, cursor });
    return result;
  }

  async remove(which: 'all' | 'arrivals'): Promise<number> {
    for (const shard of this.#store.shards) {
      const args = [which, MESSAGES_AT_ONCE];
      const at = { shard, extra: this.#store.keys.arrived(shard) };
      const count = Number(await this.#store.firmly(at, SCRIPTS.vanish, args));
      if (count > 0) return count;
    }
    return which === 'all' ? this.#removeNamed() : 0;
  }

  audit(): Promise<AuditReport> {
    return audit(this.#store);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#link[Symbol.asyncDispose]();
  }

  #marked(): Promise<Marked> {
    return readMark(this.#link, this.#prefix);
  }

  #write(record: StoredRecord): Promise<Written> {
    if (record.kind === 'message') return writeMessage(this.#store, record);
    if (record.kind === 'mark') return writeMark(this.#store, record);
    if (record.kind === 'figures') return writeFigures(this.#store, record);
    if (record.kind === 'suppressions') return writeSuppressions(this.#store, record);
    return writeNamed(this.#store, record, this.#clock.nowMs());
  }

  /** The oldest of all shards, in order: the ids sort by age. */
  async #readOpen(after: string): Promise<StoredPage> {
    const from = after === '' ? '-' : `(${after}`;
    const lists = await Promise.all(this.#store.shards.map((shard) => this.#ids(shard, 'open', from)));
    const ids = lists.flat().toSorted().slice(0, MESSAGES_AT_ONCE);
    const records = await storedMessages(this.#store, ids);
    const last = records.at(-1)?.message.id;
    return { records, next: last === undefined ? 'finished 0 0' : `open ${last}` };
  }

  /** Nothing ends while the fence stands: ranks stay. */
  async #readFinished(shard: number, rank: number): Promise<StoredPage> {
    const ids = await this.#ids(shard, 'finished', rank);
    const records = await storedMessages(this.#store, ids);
    if (records.length > 0) return { records, next: `finished ${shard} ${rank + records.length}` };
    const isLast = shard + 1 >= this.#store.shards.length;
    return { records, next: isLast ? this.#cursor('dedupe', 0, '0') : `finished ${shard + 1} 0` };
  }

  async #readNamed(of: { readonly kind: Kind; readonly shard: number; readonly cursor: string }): Promise<StoredPage> {
    const { kind, shard } = of;
    const { names, cursor } = await namesOf(this.#store, of);
    const records = await storedUnder(this.#store, names, { shard, kind, nowMs: this.#clock.nowMs() });
    if (cursor !== '0') return { records, next: this.#cursor(kind, shard, cursor) };
    if (shard + 1 < this.#store.shards.length) return { records, next: this.#cursor(kind, shard + 1, '0') };
    return { records, next: kind === 'dedupe' ? this.#cursor('quota', 0, '0') : 'marks ' };
  }

  /** By name: these cursors outlive the server. */
  async #readMarks(after: string): Promise<StoredPage> {
    const { marks, next } = await marksIn(this.#store, after === '' ? rangeOf('') : rangeAfter(after, rangeOf('')));
    const records = marks.map((mark): StoredMark => ({ kind: 'mark', ...mark }));
    return { records, next: next === null ? 'figures ' : `marks ${marks.at(-1)?.name}` };
  }

  async #readFigures(after: string): Promise<StoredPage> {
    const [, startsAtMs = '', account = ''] = /^(-?\d+) (.*)$/s.exec(after) ?? [];
    const cursor = account === '' ? null : { account, startsAtMs: Number(startsAtMs) };
    const of = { prefix: '', sinceMs: Number.MIN_SAFE_INTEGER, after: cursor };
    const { records, next } = await figuresIn(this.#store, of);
    return { records, next: next === null ? 'suppressions ' : `figures ${next.startsAtMs} ${next.account}` };
  }

  async #readSuppressions(after: string): Promise<StoredPage> {
    const key = parseSuppressionCursor(after);
    const range = key === null ? rangeOf('') : rangeAfter(packSuppressionKey(key), rangeOf(''));
    const entries = await suppressionsIn(this.#store, { ...range, limit: SUPPRESSIONS_AT_ONCE });
    const last = entries.at(-1);
    if (last === undefined) return { records: [], next: null };
    const next = entries.length < SUPPRESSIONS_AT_ONCE ? null : `suppressions ${suppressionCursor(last)}`;
    return { records: [{ kind: 'suppressions', entries }], next };
  }

  #cursor(kind: Kind, shard: number, cursor: string): string {
    const text = `${kind} ${shard} ${cursor}`;
    this.#cursors.add(text);
    return text;
  }

  async #ids(shard: number, mode: 'open' | 'finished', from: string | number): Promise<readonly MessageId[]> {
    const args = [mode, from, MESSAGES_AT_ONCE];
    return listOf(await this.#store.run(shard, SCRIPTS.ids, args)).map((id) => textOf(id) as MessageId);
  }

  async #removeNamed(): Promise<number> {
    for (const shard of this.#store.shards) {
      for (const kind of ['dedupe', 'quota', 'slot', 'figures', 'turn'] as const) {
        // All figures are in one slot.
        if (kind === 'figures' && shard > 0) continue;
        for (let cursor = '0'; ;) {
          const found = await namesOf(this.#store, { shard, kind, cursor });
          const dropped = await dropNames(this.#store, found.names);
          if (dropped > 0) return dropped;
          cursor = found.cursor;
          if (cursor === '0') break;
        }
      }
    }
    for (const shard of this.#store.shards) await dropNames(this.#store, [this.#store.keys.feed(shard)]);
    const { accounts, marks, suppressions } = this.#store.keys;
    return dropNames(this.#store, [accounts, ...marks, ...suppressions]);
  }

  async #forgetArrivals(): Promise<void> {
    for (const shard of this.#store.shards) await dropNames(this.#store, [this.#store.keys.arrived(shard)]);
  }
}
