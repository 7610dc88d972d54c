/** One stored row of figures: what is known of one stretch of time, by name, as a compact text. Pure. */
import { deflateRawSync, inflateRawSync } from 'node:zlib';
import { type Cell, emptyCell, isEmpty, merge, weightOf } from './figures.ts';

/** By name; `REST`: all others. */
export type Row = Map<string, Cell>;

/** No name is empty: what the names that were too many come to is under it. */
export const REST = '';
const LONGEST_NAME = 200;

/** Of a cell's places, one letter each. */
const LETTERS = 'abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ';
/** Shorter ones are not worth it. */
const PACKED_FROM = 400;
const PACKED = '~';
/** A mark has 64 KB, and a letter of a name that is not packed may have three bytes. */
const TEXT_MOST = 60 * 1024;
/** A row is of at most 301 names; what was tampered with must not fill the memory. */
const UNPACKED_MOST = 1024 * 1024;

/** A name as it can be kept: on one line, and not too long. '' where it cannot be. */
export function keptName(name: string): string {
  const isPlain = name.length <= LONGEST_NAME && name.isWellFormed();
  // oxlint-disable-next-line no-control-regex -- a name stands on a line, before a tab
  return isPlain ? name.replace(/[\u0000-\u001f\u007f]/g, ' ') : REST;
}

/** A line a name: `shop.example a12b15d14`. Of names that are too long together the greatest: a row is always one that can be kept. */
export function rowText(row: Row): string {
  for (let most = row.size; ; most = Math.floor(most / 2)) {
    const text = packedText(trimmed(row, most));
    if (most === 0 || text.length <= TEXT_MOST) return text;
  }
}

function packedText(row: Row): string {
  const lines: string[] = [];
  for (const [name, cell] of row) if (!isEmpty(cell)) lines.push(`${name}\t${cellText(cell)}`);
  const text = lines.join('\n');
  return text.length < PACKED_FROM ? text : PACKED + deflateRawSync(text).toString('base64');
}

/** The inverse; of what cannot be read as much as can be. */
export function parseRow(text: string): Row {
  const row: Row = new Map();
  for (const line of unpacked(text).split('\n')) {
    const gap = line.lastIndexOf('\t');
    if (gap === -1) continue;
    const name = line.slice(0, gap);
    const cell = row.get(name) ?? emptyCell();
    merge(cell, parseCell(line.slice(gap + 1)));
    row.set(name, cell);
  }
  return row;
}

function unpacked(text: string): string {
  if (!text.startsWith(PACKED)) return text;
  try {
    const bytes = inflateRawSync(Buffer.from(text.slice(PACKED.length), 'base64'), { maxOutputLength: UNPACKED_MOST });
    return bytes.toString();
  } catch {
    // A store may be damaged: these are figures, and no mail hangs on them.
    return '';
  }
}

function cellText(cell: Cell): string {
  let text = '';
  for (const [place, amount] of cell.entries()) if (amount > 0) text += `${LETTERS[place] ?? ''}${Math.round(amount)}`;
  return text;
}

function parseCell(text: string): Cell {
  const cell = emptyCell();
  for (const [, letter = '', digits = ''] of text.matchAll(/([a-zA-Z])(\d{1,16})/g)) {
    const place = LETTERS.indexOf(letter);
    if (place < cell.length) cell[place] = Number(digits);
  }
  return cell;
}

/** Adds `from` to `into`. */
export function addRow(into: Row, from: Row): void {
  for (const [name, cell] of from) {
    const known = into.get(name);
    if (known === undefined) into.set(name, cell.slice());
    else merge(known, cell);
  }
}

/** The same with at most `most` names, those with the most mail; what the others had is in `REST`. */
export function trimmed(row: Row, most: number): Row {
  const names = [...row.keys()].filter((name) => name !== REST);
  if (names.length <= most) return row;
  const ranked = names
    .map((name) => ({ name, cell: row.get(name) ?? emptyCell() }))
    .sort((one, other) => weightOf(other.cell) - weightOf(one.cell) || (one.name < other.name ? -1 : 1));
  const kept: Row = new Map(ranked.slice(0, most).map(({ name, cell }) => [name, cell]));
  const rest = row.get(REST)?.slice() ?? emptyCell();
  for (const { cell } of ranked.slice(most)) merge(rest, cell);
  return kept.set(REST, rest);
}
