/** Rows of lists that others exported, CSV or JSON, read as they come: memory does not grow with their number. */

export type Row = {
  /** From 1, of its first character. */
  readonly line: number;
  /** By name of the column in lower case; without a header by number, from `0`. */
  readonly fields: Readonly<Record<string, string>>;
};

/** A list that cannot be read on from that line. */
export class ListError extends Error {
  override readonly name = 'ListError';
}

/** More of one row, or one field, was not made by any exporter. */
const ROW_MOST = 64 * 1024;

/** @throws ListError */
export async function* rowsOf(chunks: AsyncIterable<string>): AsyncGenerator<Row> {
  const reader = chunks[Symbol.asyncIterator]();
  let start = '';
  while (start.trimStart() === '') {
    const next = await reader.next();
    if (next.done === true) return;
    start += next.value;
  }
  const all = rejoined(start.replace(/^\ufeff/, ''), reader);
  yield* /^\s*[[{]/.test(start.replace(/^\ufeff/, '')) ? jsonRows(all) : csvRows(all);
}

async function* rejoined(start: string, rest: AsyncIterator<string>): AsyncGenerator<string> {
  yield start;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

/** RFC 4180, with any of the usual separators. */
async function* csvRows(chunks: AsyncIterable<string>): AsyncGenerator<Row> {
  let names: readonly string[] | null = null;
  let isFirst = true;
  const splitter = new CsvSplitter();
  for await (const { line, cells } of splitter.rows(chunks)) {
    if (cells.length === 1 && cells[0] === '') continue;
    if (isFirst && cells.every((cell) => !cell.includes('@'))) {
      names = cells.map((cell) => cell.trim().toLowerCase());
      isFirst = false;
      continue;
    }
    isFirst = false;
    yield { line, fields: Object.fromEntries(cells.map((cell, at) => [names?.[at] ?? String(at), cell.trim()])) };
  }
}

class CsvSplitter {
  #line = 1;
  #startLine = 1;
  #separator: string | null = null;
  #cell = '';
  #cells: string[] = [];
  #size = 0;
  #state: 'plain' | 'quoted' | 'quote-seen' = 'plain';

  async *rows(chunks: AsyncIterable<string>): AsyncGenerator<{ readonly line: number; readonly cells: string[] }> {
    for await (const chunk of chunks) {
      for (const character of chunk) {
        if (this.#take(character)) yield this.#row();
      }
    }
    if (this.#state === 'quoted') throw new ListError(`line ${this.#startLine}: a quote is not closed`);
    if (this.#cell !== '' || this.#cells.length > 0) yield this.#row();
  }

  /** @returns whether a row is complete */
  #take(character: string): boolean {
    this.#size += 1;
    if (this.#size > ROW_MOST) throw new ListError(`line ${this.#startLine}: longer than ${ROW_MOST} characters`);
    if (character === '\n') this.#line += 1;
    if (this.#state === 'quoted') {
      if (character === '"') this.#state = 'quote-seen';
      else this.#cell += character;
      return false;
    }
    if (character === '"') {
      if (this.#state === 'quote-seen') this.#cell += '"';
      this.#state = 'quoted';
      return false;
    }
    this.#state = 'plain';
    if (character === '\n') return true;
    if (this.#separator === null && /[,;\t]/.test(character)) this.#separator = character;
    if (character === this.#separator) {
      this.#cells.push(this.#cell);
      this.#cell = '';
    } else if (character !== '\r') this.#cell += character;
    return false;
  }

  #row(): { readonly line: number; readonly cells: string[] } {
    const row = { line: this.#startLine, cells: [...this.#cells, this.#cell] };
    [this.#cells, this.#cell, this.#size, this.#startLine] = [[], '', 0, this.#line];
    return row;
  }
}

/** Objects in a list, in a list of an object, or one a line. */
async function* jsonRows(chunks: AsyncIterable<string>): AsyncGenerator<Row> {
  const finder = new ObjectFinder();
  for await (const chunk of chunks) {
    for (const character of chunk) {
      const found = finder.take(character);
      if (found !== null) yield parsed(found);
    }
  }
  if (finder.isInside) throw new ListError(`line ${finder.line}: it ends in the middle`);
}

type Found = { readonly line: number; readonly text: string };

/** Finds the innermost objects that are rows, without keeping more than one of them. */
class ObjectFinder {
  line = 1;
  readonly #stack: string[] = [];
  #startLine = 1;
  /** null: what is read is no part of a row. */
  #text: string | null = null;
  #depth = 0;
  #isString = false;
  #isEscaped = false;

  get isInside(): boolean {
    return this.#stack.length > 0;
  }

  take(character: string): Found | null {
    if (character === '\n') this.line += 1;
    if (!this.#isString && character === '{' && this.#isRow()) {
      [this.#text, this.#startLine, this.#depth] = ['', this.line, this.#stack.length];
    }
    if (this.#text !== null) {
      this.#text += character;
      if (this.#text.length > ROW_MOST) {
        if (this.#depth > 0) throw new ListError(`line ${this.#startLine}: longer than ${ROW_MOST} characters`);
        this.#text = null;
      }
    }
    return this.#structure(character);
  }

  /** An object of a list; or one at the top, as long as no list of objects is found in it. */
  #isRow(): boolean {
    const parent = this.#stack.at(-1);
    if (parent === undefined) return true;
    return parent === '[' && this.#stack.length <= 2;
  }

  #structure(character: string): Found | null {
    if (this.#isString) {
      if (this.#isEscaped) this.#isEscaped = false;
      else if (character === '\\') this.#isEscaped = true;
      else if (character === '"') this.#isString = false;
      return null;
    }
    if (character === '"') this.#isString = true;
    else if (character === '{' || character === '[') this.#stack.push(character);
    else if (character === '}' || character === ']') {
      this.#stack.pop();
      if (this.#text !== null && character === '}' && this.#stack.length === this.#depth) {
        const found = { line: this.#startLine, text: this.#text };
        this.#text = null;
        return found;
      }
    }
    return null;
  }
}

function parsed({ line, text }: Found): Row {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new ListError(`line ${line}: not JSON`);
  }
  const fields = Object.entries(value as Record<string, unknown>).map(([name, one]) => [
    name.toLowerCase(),
    one === null || one === undefined ? '' : typeof one === 'string' ? one : JSON.stringify(one),
  ]);
  return { line, fields: Object.fromEntries(fields) as Record<string, string> };
}
