/** What every engine does of the figures of several relays. */
import { randomBytes } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { deliveryIdOf, newMessageId } from '../../message/ids.ts';
import { eachWith, type Engine } from '../../spool/engine.contract.ts';
import type { MarkExchange, MarkStore } from '../../spool/marks.ts';
import { SpoolError } from '../../spool/spool.ts';
import { RollupBook } from './book.ts';
import { figuresOf } from './figures.ts';
import { readRows } from './read.ts';
import { HOUR_MS, LEVELS, MINUTE_MS } from './stretch.ts';
import { keepUp } from './upkeep.ts';
import { RollupWriter } from './writer.ts';

const NODES = ['one', 'two', 'three', 'four'];

/** Marks of a process that is killed at one of its exchanges: just before or just after the store does it. */
class CutMarks implements Pick<MarkStore, 'marks' | 'unmark' | 'exchange'> {
  readonly #marks: MarkStore;
  #left: number;
  readonly #isDone: boolean;

  constructor(marks: MarkStore, at: number, isDone: boolean) {
    this.#marks = marks;
    this.#left = at;
    this.#isDone = isDone;
  }

  get isKilled(): boolean {
    return this.#left < 0;
  }

  async marks(prefix: string) {
    return this.#marks.marks(prefix);
  }

  async unmark(names: readonly string[]): Promise<void> {
    return this.#marks.unmark(names);
  }

  async exchange(exchange: MarkExchange): Promise<boolean> {
    this.#left -= 1;
    if (this.#left >= 0) return this.#marks.exchange(exchange);
    if (this.#isDone) await this.#marks.exchange(exchange);
    throw new SpoolError('unavailable', 'killed');
  }
}

export function testFolds(engine: Engine): void {
  describe(`${engine.name}: figures of several relays`, () => {
    const fixture = eachWith(engine);

    /** In the middle of an hour. The store's own clock stands still. */
    const aClock = (): FakeClock => new FakeClock(Math.floor(fixture().nowMs / HOUR_MS) * HOUR_MS + 10 * MINUTE_MS);

    async function relays(clock: FakeClock) {
      const { store } = fixture();
      return Promise.all(
        NODES.map(async (node) => {
          const { marks } = (await store.beside?.()) ?? store.spool;
          const book = new RollupBook();
          const writer = new RollupWriter({ marks, clock, node, policy: () => ({ timeZone: 'UTC' }) });
          const count = (domain: string, recipients: number, atMs: number): void => {
            const messageId = newMessageId(atMs - 400, randomBytes(10));
            book.sink({
              event: 'delivered',
              atMs,
              messageId,
              deliveryId: deliveryIdOf(messageId, 1),
              domain,
              recipients: Array.from({ length: recipients }, (_, n) => `r${n}@${domain}`),
              reply: null,
              egress: 'ip-1',
              mail: { client: 'shop', stream: 'news', tag: 'spring', sizeBytes: 100 },
            });
          };
          const write = () => writer.write(book.take(), { countedMs: clock.nowMs(), isOpen: true });
          return { node, marks, count, write };
        }),
      );
    }

    /** As minutes, hours and days tell it: they have to agree. */
    async function sums(clock: FakeClock): Promise<Readonly<Record<string, number>>> {
      const nowMs = clock.nowMs();
      const told: Record<string, number>[] = [];
      for (const level of LEVELS) {
        const found: Record<string, number> = {};
        const ask = { dimension: 'destination', level, fromMs: nowMs - 60 * HOUR_MS, toMs: nowMs + HOUR_MS } as const;
        for await (const { row } of readRows(fixture().spool.marks, ask))
          for (const [name, cell] of row) found[name] = (found[name] ?? 0) + figuresOf(cell).delivered;
        told.push(found);
      }
      for (const one of told) expect(one).toEqual(told[0]);
      return told[0] ?? {};
    }

    const rowsOf = async (head: string) =>
      (await fixture().spool.marks.marks(`rollup:${head}`)).map(({ name }) => name);

    test(
      'become one row an hour after their stretch, whoever is killed at it and wherever',
      { timeout: 30_000 },
      async () => {
        const { spool } = fixture();
        const clock = aClock();
        const nodes = await relays(clock);
        const startMs = clock.nowMs();
        for (const [n, { count, write }] of nodes.entries()) {
          count('a.test', 10 ** n, startMs);
          count('b.test', 1, startMs + n * MINUTE_MS);
          await write();
        }
        expect(await rowsOf('all:m:')).toHaveLength(7);
        const all = { 'a.test': 1111, 'b.test': 4 };
        expect(await sums(clock)).toEqual(all);

        await clock.advance(3 * HOUR_MS);
        let kills = 0;
        for (let at = 0; ; at++) {
          const [node = '', isDone] = [NODES[at % 4], at % 2 === 0];
          const marks = new CutMarks(spool.marks, at, isDone);
          await keepUp({ marks, node, nowMs: clock.nowMs() }).catch(() => undefined);
          expect(await sums(clock)).toEqual(all);
          if (!marks.isKilled) break;
          kills += 1;
          // Whoever is next does not wait for long.
          await clock.advance(11 * MINUTE_MS);
        }
        expect(kills).toBeGreaterThan(4);
        await clock.advance(28 * HOUR_MS);
        await keepUp({ marks: spool.marks, node: 'two', nowMs: clock.nowMs() });
        expect(await sums(clock)).toEqual(all);
        for (const dimension of ['all', 'destination', 'exit', 'client', 'stream', 'tag']) {
          expect(await rowsOf(`${dimension}:m:`)).toHaveLength(4);
          expect(await rowsOf(`${dimension}:h:`)).toHaveLength(1);
          expect(await rowsOf(`${dimension}:d:`)).toHaveLength(1);
        }
      },
    );

    test('that come late, by all at once, are in the one row that there is', async () => {
      const { spool } = fixture();
      const clock = aClock();
      const nodes = await relays(clock);
      const startMs = clock.nowMs();
      for (const { count, write } of nodes) {
        count('a.test', 1, startMs);
        await write();
      }
      await clock.advance(4 * HOUR_MS);
      await Promise.all([
        ...nodes.map(async ({ count, write }, n) => {
          count('a.test', 10 ** (n + 1), startMs);
          count('late.test', 1, startMs - 2 * HOUR_MS);
          for (let isWritten = false; !isWritten;) isWritten = await write().then(() => true);
        }),
        keepUp({ marks: spool.marks, node: 'one', nowMs: clock.nowMs() }),
      ]);
      expect(await sums(clock)).toEqual({ 'a.test': 11114, 'late.test': 4 });
      for (const level of ['m', 'h']) expect(await rowsOf(`exit:${level}:`)).toHaveLength(2);
    });
  });
}
