/** Marks in Redis: their names in order, and a hash by name with time and text. */
import { checkExchange, checkMarks, type Mark, type MarkExchange, MARKS_AT_MOST, type MarkStore } from '../marks.ts';
import { rangeAfter, rangeOf, type Range } from './name-range.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import type { Written } from './stored.ts';

/** Of 64 KB each, at most. */
const READ_AT_ONCE = 100;
const ERASED_AT_ONCE = 1_000;

/** How an operation is asked of a store that may be closed. */
type Ask = <Answer>(ask: (store: Store) => Promise<Answer>) => Promise<Answer>;

/** The marks beside a spool. */
export class RedisMarks implements MarkStore {
  readonly #ask: Ask;

  constructor(ask: Ask) {
    this.#ask = ask;
  }

  async marks(prefix: string): Promise<readonly Mark[]> {
    const found: Mark[] = [];
    for (let range: Range | null = rangeOf(prefix); range !== null && found.length < MARKS_AT_MOST;) {
      const asked: Range = range;
      const page = await this.#ask((store) => marksIn(store, asked));
      for (const one of page.marks) found.push(one);
      range = page.next;
    }
    return found.slice(0, MARKS_AT_MOST);
  }

  async mark(marks: readonly Mark[]): Promise<void> {
    checkMarks(marks);
    if (marks.length === 0) return;
    const args = marks.flatMap(({ name, text, atMs }) => [name, atMs, text]);
    await this.#ask((store) => store.firmlyOnKeys(store.keys.marks, SCRIPTS.post, args));
  }

  async unmark(names: readonly string[]): Promise<void> {
    for (let from = 0; from < names.length; from += ERASED_AT_ONCE) {
      const some = names.slice(from, from + ERASED_AT_ONCE);
      await this.#ask((store) => store.firmlyOnKeys(store.keys.marks, SCRIPTS.unpost, some));
    }
  }

  async exchange(exchange: MarkExchange): Promise<boolean> {
    checkExchange(exchange);
    const { given, made, gone } = exchange;
    const args = [
      given.length,
      ...given.flatMap(({ name, text }) => [name, text === null ? '-' : '=', text ?? '']),
      made.length,
      ...made.flatMap(({ name, text, atMs }) => [name, atMs, text]),
      ...gone,
    ];
    return (await this.#ask((store) => store.firmlyOnKeys(store.keys.marks, SCRIPTS.exchange, args))) === 1;
  }
}

/** Some marks in the order of their names. */
export async function marksIn(
  store: Store,
  { from, to }: Range,
): Promise<{ readonly marks: readonly Mark[]; readonly next: Range | null }> {
  const [names, values] = listOf(await store.runOnKeys(store.keys.marks, SCRIPTS.posted, [from, to, READ_AT_ONCE])).map(
    (list) => listOf(list).map(textOf),
  );
  const marks = (names ?? []).map((name, place) => markOf(name, values?.[place] ?? ''));
  const last = marks.at(-1);
  return {
    marks,
    next: last === undefined || marks.length < READ_AT_ONCE ? null : rangeAfter(last.name, { from, to }),
  };
}

/** A mark from another store, unless a later one is here. Durable once it resolves. */
export async function writeMark(store: Store, { name, text, atMs }: Mark): Promise<Written> {
  const keys = [...store.keys.marks, store.keys.arrived(0)];
  return textOf(await store.durablyOnKeys(keys, SCRIPTS.repost, [name, atMs, text])) as Written;
}

function markOf(name: string, value: string): Mark {
  const gap = value.indexOf(' ');
  return { name, text: value.slice(gap + 1), atMs: Number(value.slice(0, gap)) };
}
