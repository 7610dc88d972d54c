/** What people are told at once: one or many alerts, kept as a mark until every destination has it. Pure. */
import { createHash } from 'node:crypto';
import { rankOf, type Severity } from '../../message/severity.ts';
import type { AlertDestination } from '../../policy/schema/alerts.ts';
import type { AlertState, NoticeKind } from './alert-state.ts';

export type NoticeLine = Pick<AlertState, 'name' | 'node' | 'severity' | 'text' | 'sinceMs' | 'overAtMs'> & {
  readonly kind: NoticeKind;
};

export type AlertNotice = {
  /** Unlike that of any other. */
  readonly id: string;
  readonly atMs: number;
  /** Tries whether notices arrive. */
  readonly isTest: boolean;
  /** The worst first. */
  readonly lines: readonly NoticeLine[];
  /** Alerts that there was no room for, by kind. */
  readonly more: Readonly<Record<string, number>>;
  /** Exits by which it does not go. */
  readonly avoids: readonly string[];
  /** Keys of destinations that do not have it yet. */
  readonly left: readonly string[];
};

const OWED_MARKS = 'alert:owed:';
/** A mark has room for 64 KB, and nobody reads more. */
const LINES_MOST = 60;
const LINES_BYTES = 44_000;

/** By which it is known in marks, which have no secrets in them. */
export function destinationKey(destination: AlertDestination): string {
  if (destination.kind === 'mail') return `mail:${destination.address}`;
  return `url:${createHash('sha256').update(destination.url).digest('hex').slice(0, 24)}`;
}

/** For people: the address, or of a URL the host alone, for its path may be a secret. */
export function destinationName(destination: AlertDestination): string {
  return destination.kind === 'mail' ? destination.address : new URL(destination.url).host;
}

/** A notice of as many lines as there is room for. */
export function noticeOf(
  { id, atMs, avoids }: Pick<AlertNotice, 'id' | 'atMs' | 'avoids'>,
  lines: readonly NoticeLine[],
  to: readonly AlertDestination[],
): AlertNotice {
  const sorted = lines.toSorted((one, other) => badness(other) - badness(one) || one.name.localeCompare(other.name));
  let bytes = 0;
  const shown = sorted.slice(0, LINES_MOST).filter((line) => {
    bytes += Buffer.byteLength(JSON.stringify(line));
    return bytes <= LINES_BYTES;
  });
  const more: Record<string, number> = {};
  for (const { name } of sorted.slice(shown.length)) {
    const kind = name.split(':', 1)[0] ?? '';
    more[kind] = (more[kind] ?? 0) + 1;
  }
  const left = to.filter((destination) => wants(destination, sorted)).map(destinationKey);
  return { id, atMs, isTest: false, lines: shown, more, avoids, left };
}

/** Its part for one destination; null: there is nothing in it for that one. */
export function noticeFor(notice: AlertNotice, destination: AlertDestination): AlertNotice | null {
  if (notice.isTest) return notice;
  const lines = notice.lines.filter((line) => isFor(destination, line));
  return lines.length === 0 ? null : { ...notice, lines };
}

function wants(destination: AlertDestination, lines: readonly NoticeLine[]): boolean {
  return lines.some((line) => isFor(destination, line));
}

function isFor({ least }: AlertDestination, { severity }: { readonly severity: Severity }): boolean {
  return rankOf(severity) >= rankOf(least);
}

/** What is over comes behind what is not. */
function badness({ kind, severity }: NoticeLine): number {
  return rankOf(severity) + (kind === 'over' || kind === 'brief' ? 0 : 10);
}

export function owedMark({ id }: Pick<AlertNotice, 'id'>): string {
  return `${OWED_MARKS}${id}`;
}

/** null: it is no such mark, or cannot be read. */
export function readNotice(mark: { readonly name: string; readonly text: string }): AlertNotice | null {
  if (!mark.name.startsWith(OWED_MARKS)) return null;
  try {
    const value: unknown = JSON.parse(mark.text);
    return typeof value === 'object' && value !== null && 'lines' in value ? (value as AlertNotice) : null;
  } catch {
    return null;
  }
}
