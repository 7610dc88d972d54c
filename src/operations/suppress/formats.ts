/** What a row of a list says: of our own, of a plain list, or as SendGrid, Mailgun or Amazon SES export theirs. Pure. */
import { formatMailbox, parseMailbox } from '../../message/address.ts';
import { bounceKindOf } from '../../message/bounce-kind.ts';
import { plainText } from '../../message/plain-text.ts';
import { unguarded } from '../../report/csv.ts';
import {
  SUPPRESSION_REASONS,
  type Suppression,
  suppressionAddress,
  type SuppressionReason,
} from '../../spool/suppressions.ts';
import type { Row } from './rows.ts';

/** For whom entries hold that do not say so themselves, why, and for how long. */
export type ImportTerms = {
  readonly client: string | null;
  readonly stream: string | null;
  /** Whoever imports said that they hold for everybody, or for whom. */
  readonly isScoped: boolean;
  /** null: as the list says. */
  readonly reason: SuppressionReason | null;
  readonly keepMs: number | null;
  readonly nowMs: number;
};

export type RowResult =
  | { readonly kind: 'entry'; readonly entry: Suppression; readonly format: string }
  /** It says nothing of the address: it was the mail or the sender that was refused. */
  | { readonly kind: 'skipped' }
  | { readonly kind: 'bad'; readonly problem: string };

type Said = {
  readonly format: string;
  readonly address: string;
  readonly reason: SuppressionReason;
  readonly evidence: string;
  /** As it was written; '' : not known. */
  readonly at: string;
};

type Fields = Row['fields'];

export function entryOf({ fields }: Row, terms: ImportTerms): RowResult {
  const has = (...names: readonly string[]): boolean => names.every((name) => Object.hasOwn(fields, name));
  if (has('address', 'client', 'stream', 'reason')) return own(fields);
  const said = saidIn(fields, has);
  if (said === null) return bad('no address: it has the columns of no list that is known');
  if (said === 'not-about-the-address' && terms.reason === null) return { kind: 'skipped' };
  const {
    format,
    reason: written,
    evidence,
    at,
    address,
  } = said === 'not-about-the-address' ? sendgridBounce(fields, 'soft-bounces') : said;
  const canonical = canonicalOf(address);
  if (canonical === null) return bad(`${JSON.stringify(address.slice(0, 100))} is no address`);
  const atMs = timeOf(at, terms.nowMs);
  if (atMs === null) return bad(`${JSON.stringify(at.slice(0, 50))} is no time`);
  const reason = terms.reason ?? written;
  if (!terms.isScoped && (reason === 'complaint' || reason === 'unsubscribe'))
    return bad(`${reason}s of which list? Say for whom they hold: --client, --stream, or --global for all mail`);
  const entry: Suppression = {
    address: canonical,
    client: terms.client,
    stream: terms.stream,
    reason,
    evidence: plainText(evidence, 1_000),
    source: 'import',
    atMs: Math.min(atMs, terms.nowMs),
    untilMs: terms.keepMs === null ? null : terms.nowMs + terms.keepMs,
  };
  return { kind: 'entry', entry, format };
}

function saidIn(fields: Fields, has: (...names: readonly string[]) => boolean): Said | 'not-about-the-address' | null {
  const of = (name: string): string => fields[name] ?? '';
  if (has('emailaddress', 'reason')) return ses(of('emailaddress'), of('reason'), of('lastupdatetime'));
  if (has('email', 'reason')) return isDead(fields) ? sendgridBounce(fields, 'hard-bounce') : 'not-about-the-address';
  if (has('email', 'ip')) return { ...sendgridBounce(fields, 'complaint'), format: 'SendGrid spam reports' };
  if (has('email', 'created')) return { ...sendgridBounce(fields, 'unsubscribe'), format: 'SendGrid unsubscribes' };
  const mailgun = { address: of('address'), at: of('created_at') || of('createdat') };
  if (has('address', 'code')) {
    const evidence = [of('code'), of('error')].filter((text) => text !== '').join(' ');
    return { ...mailgun, format: 'Mailgun bounces', reason: 'hard-bounce', evidence };
  }
  if (has('address', 'tags') || has('address', 'tag'))
    return { ...mailgun, format: 'Mailgun unsubscribes', reason: 'unsubscribe', evidence: of('tags') || of('tag') };
  if (has('address', 'created_at'))
    return { ...mailgun, format: 'Mailgun complaints', reason: 'complaint', evidence: '' };
  if (/^(?:BOUNCE|COMPLAINT)$/.test(of('1'))) return ses(of('0'), of('1'), '');
  const address = fields['address'] ?? fields['email'] ?? fields['0'];
  return address === undefined ? null : { format: 'plain list', address, reason: 'manual', evidence: '', at: '' };
}

/** `aws sesv2 list-suppressed-destinations`. */
function ses(address: string, reason: string, at: string): Said {
  const isComplaint = reason.toUpperCase() === 'COMPLAINT';
  return { format: 'Amazon SES', address, at, evidence: reason, reason: isComplaint ? 'complaint' : 'hard-bounce' };
}

/** Bounces, invalid addresses and blocks have the same columns; a block is about the mail or its sender. */
function isDead(fields: Fields): boolean {
  const { code, detail, text } = replyIn(fields);
  if (code === 0) return true;
  const kind = bounceKindOf({ code, detail, text });
  return kind === 'hard' || kind === 'unknown-user';
}

function replyIn(fields: Fields) {
  const [status, reason] = [fields['status'] ?? '', fields['reason'] ?? ''];
  const said = /^(\d{3})?[ -]*(?:([245])\.(\d{1,3}\.\d{1,3}))?\s*/.exec(reason);
  const [, ownClass, ownDetail] = /^([245])\.(\d{1,3}\.\d{1,3})$/.exec(status) ?? [];
  const digit = said?.[1]?.[0] ?? said?.[2] ?? ownClass;
  const code = said?.[1] === undefined ? (digit === undefined ? 0 : Number(digit) * 100 + 50) : Number(said[1]);
  return { code, detail: said?.[3] ?? ownDetail ?? null, text: reason.slice(said?.[0].length ?? 0) };
}

function sendgridBounce(fields: Fields, reason: SuppressionReason): Said {
  const evidence = [fields['status'], fields['reason']].filter((text) => text !== undefined && text !== '').join(' ');
  const address = fields['email'] ?? '';
  return { format: 'SendGrid bounces', address, reason, evidence, at: fields['created'] ?? '' };
}

function own(fields: Fields): RowResult {
  // As CSV it has `at`, as JSON `atMs`.
  const read = Object.hasOwn(fields, 'at') ? unguarded : String;
  const of = (name: string): string => read(fields[name] ?? '');
  const canonical = canonicalOf(of('address'));
  if (canonical === null) return bad(`${JSON.stringify(of('address').slice(0, 100))} is no address`);
  const reason = SUPPRESSION_REASONS.find((one) => one === of('reason'));
  if (reason === undefined) return bad(`unknown reason ${JSON.stringify(of('reason').slice(0, 50))}`);
  const [at, until] = [of('at') || of('atms'), of('until') || of('untilms')];
  const [atMs, untilMs] = [timeOf(at, Number.NaN), until === '' ? null : timeOf(until, Number.NaN)];
  if (atMs === null || Number.isNaN(atMs)) return bad(`${JSON.stringify(at.slice(0, 50))} is no time`);
  if (until !== '' && untilMs === null) return bad(`${JSON.stringify(until.slice(0, 50))} is no time`);
  const entry: Suppression = {
    address: canonical,
    client: of('client') === '' ? null : of('client'),
    stream: of('stream') === '' ? null : of('stream'),
    reason,
    evidence: plainText(of('evidence'), 1_000),
    source: of('source') === '' ? 'import' : of('source'),
    atMs,
    untilMs,
  };
  return { kind: 'entry', entry, format: 'relevo' };
}

/** null: it is no address. */
function canonicalOf(text: string): string | null {
  // oxlint-disable-next-line no-control-regex -- a line end in a cell is dropped where a domain is read
  const mailbox = /[\u0000-\u001f\u007f]/.test(text) ? null : parseMailbox(text);
  return mailbox === null ? null : suppressionAddress(formatMailbox(mailbox));
}

/** Seconds or ms since 1970, or a date as people and programs write it. @returns null: it is no time */
function timeOf(text: string, absentMs: number): number | null {
  if (text === '') return absentMs;
  const number = Number(text);
  // Seconds until the year 5138; ms since 1973.
  if (Number.isFinite(number)) return Math.round(number < 1e11 ? number * 1_000 : number);
  const atMs = Date.parse(text);
  return Number.isNaN(atMs) ? null : atMs;
}

function bad(problem: string): RowResult {
  return { kind: 'bad', problem };
}
