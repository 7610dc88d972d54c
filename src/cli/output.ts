/** How results are shown to people: aligned columns, ages, sizes. Never colours: what is printed may be piped. */
import { formatAge } from '../policy/units.ts';

/** Columns are as wide as their widest cell; the last is not padded. Control characters cannot leave their cell. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const cells = [header, ...rows].map((row) => row.map(printable));
  const widths = header.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  const lines = cells.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  return `${lines.join('\n')}\n`;
}

export function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** What came from mail or peers must not move the cursor of whoever looks at it. */
export function printable(text: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters are what is looked for
  return text.replaceAll(/[\u0000-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g, '?');
}

/** `in 5 min`, `now`. */
export function formatDue(inMs: number): string {
  return inMs <= 0 ? 'now' : `in ${formatAge(inMs)}`;
}

/** `512 B`, `4.0 KB`, `25 MB`: 1 KB = 1024 bytes, as in the policy. */
export function formatSize(sizeBytes: number): string {
  let size = sizeBytes;
  for (const unit of ['B', 'KB', 'MB', 'GB']) {
    if (size < 1024) return `${unit === 'B' || size >= 100 ? Math.round(size) : size.toFixed(1)} ${unit}`;
    size /= 1024;
  }
  return `${size.toFixed(1)} TB`;
}

/** `1 message`, `2 messages`. */
export function plural(count: number, noun: string): string {
  if (count === 1) return `1 ${noun}`;
  return `${count} ${/[^aeiou]y$/.test(noun) ? `${noun.slice(0, -1)}ies` : `${noun}s`}`;
}

/** At most `longest` characters, the cut marked. */
export function cut(text: string, longest: number): string {
  return text.length <= longest ? text : `${text.slice(0, longest - 1)}…`;
}
