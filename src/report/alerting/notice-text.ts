/** A notice in words: as a mail, for chats, and for programs. Pure. */
import { isAscii } from 'node:buffer';
import { factsOfAlert, kindOfAlert, subjectOfAlert } from '../../message/alert-kind.ts';
import { formatMailDate } from '../../message/date.ts';
import type { MessageId } from '../../message/ids.ts';
import { formatAge } from '../../policy/units.ts';
import type { NoticeKind } from './alert-state.ts';
import type { AlertNotice, NoticeLine } from './notice.ts';
import { wallClockOf } from './wall-clock.ts';

export type NoticeTerms = {
  readonly hostname: string;
  readonly zone: string;
  /** Where pages are reached; null: not from outside. */
  readonly publicUrl: string | null;
  /** By name of the alert: where something can be done about it. */
  readonly links: ReadonlyMap<string, string>;
};

const KINDS: Readonly<Record<NoticeKind, string>> = {
  raised: '',
  worse: 'worse now',
  changed: 'changed',
  reminder: 'still so',
  brief: 'over already',
  over: 'over',
};

/** One line, for subjects and lists. */
function noticeTitle({ isTest, lines, more }: AlertNotice): string {
  if (isTest) return 'test: this is how alerts arrive';
  const count = lines.length + Object.values(more).reduce((sum, some) => sum + some, 0);
  const [first] = lines;
  if (first === undefined) return 'nothing';
  if (count === 1) return `${headOf(first)} ${first.name}`;
  const open = lines.filter(({ kind }) => !isOver(kind)).length;
  const worst = open === 0 ? 'over' : first.severity.toUpperCase();
  return `${worst}: ${count} alerts: ${first.name}, …`;
}

/** A whole mail, CR LF, from nobody whom an answer would reach; plain text alone, so that a pager shows it too. */
export function noticeMail(
  notice: AlertNotice,
  { id, to, terms }: { readonly id: MessageId; readonly to: string; readonly terms: NoticeTerms },
): Buffer {
  const body = noticeBody(notice, terms);
  const header = [
    `From: relevo alerts <MAILER-DAEMON@${terms.hostname}>`,
    `To: <${to}>`,
    `Subject: ${encodedWords(`[${terms.hostname}] ${noticeTitle(notice)}`.slice(0, 200))}`,
    `Date: ${formatMailDate(notice.atMs)}`,
    `Message-ID: <alert.${id}@${terms.hostname}>`,
    'Auto-Submitted: auto-generated',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'Content-Transfer-Encoding: base64',
  ];
  const content = Buffer.from(body.replaceAll('\n', '\r\n')).toString('base64');
  return Buffer.from(`${header.join('\r\n')}\r\n\r\n${content.replaceAll(/.{76}(?=.)/g, '$&\r\n')}\r\n`);
}

/** Lines end with a line feed. */
function noticeBody(notice: AlertNotice, terms: NoticeTerms): string {
  const { isTest, lines, more } = notice;
  const parts = isTest
    ? [`This is a test of ${terms.hostname}: alerts will arrive like this.\n`]
    : lines.map((line) => lineText(line, notice.atMs, terms));
  const others = Object.entries(more).map(([kind, count]) => `${count} of ${kind}`);
  if (others.length > 0) parts.push(`And ${others.join(', ')}: \`relevo alert list\` has them all.\n`);
  const link = terms.publicUrl === null ? '' : `${terms.publicUrl}/\n`;
  return `${parts.join('\n')}\n-- \nrelevo on ${terms.hostname}\n${link}`;
}

function lineText({ kind, ...line }: NoticeLine, nowMs: number, { zone, links }: NoticeTerms): string {
  const { name, node, text, sinceMs, overAtMs } = line;
  const since = `${wallClockOf(sinceMs, zone).text} (${zone})`;
  const lasted =
    overAtMs === null ? formatAge(Math.max(0, nowMs - sinceMs)) : formatAge(Math.max(0, overAtMs - sinceMs));
  const about = [
    `${headOf({ kind, ...line })} ${name}${node === null ? '' : ` on node ${node}`}`,
    `  ${oneLine(text)}`,
    overAtMs === null ? `  since ${since}, for ${lasted}` : `  from ${since}, for ${lasted}`,
  ];
  if (overAtMs === null) about.push(`  what to do: ${factsOfAlert(name).todo}`);
  const link = links.get(name);
  if (link !== undefined) about.push(`  ${link}`);
  return `${about.join('\n')}\n`;
}

function headOf({ kind, severity }: Pick<NoticeLine, 'kind' | 'severity'>): string {
  if (kind === 'over') return 'over:';
  const word = KINDS[kind];
  return `${severity.toUpperCase()}${word === '' ? '' : ` (${word})`}:`;
}

function isOver(kind: NoticeKind): boolean {
  return kind === 'over' || kind === 'brief';
}

/** For chats that take `{"text": …}`. */
export function noticeChat(notice: AlertNotice, terms: NoticeTerms): string {
  const text = `*${terms.hostname}* ${noticeTitle(notice)}\n${noticeBody(notice, terms)}`;
  // What servers say is in it: a link or a call for everybody is made of angle brackets there.
  return JSON.stringify({ text: text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;') });
}

/** For programs. docs/alerts.md has its form. */
export function noticeJson({ id, atMs, isTest, lines, more }: AlertNotice, { hostname, links }: NoticeTerms): string {
  return JSON.stringify({
    id,
    at: new Date(atMs).toISOString(),
    relay: hostname,
    test: isTest,
    alerts: lines.map(({ kind, name, node, severity, text, sinceMs, overAtMs }) => ({
      name,
      kind: kindOfAlert(name),
      about: subjectOfAlert(name),
      node,
      severity,
      state: overAtMs === null ? 'raised' : 'over',
      told: kind,
      text,
      since: new Date(sinceMs).toISOString(),
      over: overAtMs === null ? null : new Date(overAtMs).toISOString(),
      todo: factsOfAlert(name).todo,
      link: links.get(name) ?? null,
    })),
    more,
  });
}

function oneLine(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]+/gu, ' ').trim();
}

/** RFC 2047 §2: what is not ASCII, and nothing that could begin another field. */
function encodedWords(text: string): string {
  const plain = oneLine(text);
  if (isAscii(Buffer.from(plain))) return plain;
  const words: string[] = [];
  let word = '';
  for (const character of plain) {
    if (Buffer.byteLength(word + character) > 42) {
      words.push(word);
      word = '';
    }
    word += character;
  }
  return [...words, word].map((some) => `=?utf-8?B?${Buffer.from(some).toString('base64')}?=`).join('\r\n ');
}
