/** The arguments of MAIL and RCPT (RFC 5321 §4.1.1.2, §4.1.1.3), read and checked: pure. */
import { formatMailbox, needsSmtpUtf8, parseMailbox } from '../message/address.ts';
import type { Notify, Recipient } from '../message/message.ts';
import type { Reply } from '../message/reply.ts';
import { handlingParameter, type HandlingAsked, NOTHING_ASKED } from './handling-parameters.ts';
import { REPLIES } from './replies.ts';

export type MailCommand = HandlingAsked & {
  readonly sender: string;
  /** RFC 1870; null: not declared. */
  readonly sizeBytes: number | null;
  readonly smtpUtf8: boolean;
  readonly ret: 'full' | 'hdrs' | null;
  readonly envid: string | null;
  /** RFC 6152: BODY=8BITMIME. Absent: it did not say so. */
  readonly declaresEightBit?: true;
};

export type Parsed<T> =
  | { readonly kind: 'ok'; readonly value: T }
  | { readonly kind: 'refused'; readonly reply: Reply };

/** Which parameters of MAIL are known. */
export type MailOffer = {
  /** AUTH= (RFC 4954 §5); its value is ignored. */
  readonly auth: boolean;
  /** BY=, MT-PRIORITY=. */
  readonly handling: boolean;
  /** HOLDFOR=, HOLDUNTIL=. */
  readonly hold: boolean;
};

/** @param argument what follows `MAIL` */
export function parseMail(argument: string, offer: MailOffer): Parsed<MailCommand> {
  const parts = splitArgument(/^FROM:/i, argument);
  if (parts === null) return refused(REPLIES.badSender);
  if (parts.parameters === null) return refused(REPLIES.badParameter);
  let command: Omit<MailCommand, 'sender'> = {
    sizeBytes: null,
    smtpUtf8: false,
    ret: null,
    envid: null,
    ...NOTHING_ASKED,
  };
  for (const { name, value } of parts.parameters) {
    const read = mailParameter({ name, value }, offer, command);
    if (read.kind === 'refused') return read;
    command = { ...command, ...read.value };
  }
  if (parts.path === '') return ok({ sender: '', ...command });
  const mailbox = parseMailbox(parts.path);
  if (mailbox === null) return refused(REPLIES.badSender);
  const sender = formatMailbox(mailbox);
  if (!command.smtpUtf8 && needsSmtpUtf8(sender)) return refused(REPLIES.needsSmtpUtf8);
  return ok({ sender, ...command });
}

/**
 * @param argument what follows `RCPT`
 * @param options `smtpUtf8`: MAIL said so. `postmaster`: who gets mail for a bare `<postmaster>` (RFC 5321 §4.5.1)
 */
export function parseRcpt(
  argument: string,
  options: { readonly smtpUtf8: boolean; readonly postmaster: string },
): Parsed<Recipient> {
  const parts = splitArgument(/^TO:/i, argument);
  if (parts === null || parts.path === '') return refused(REPLIES.badRecipient);
  if (parts.parameters === null) return refused(REPLIES.badParameter);
  let notify: Notify = null;
  let orcpt: string | null = null;
  for (const { name, value } of parts.parameters) {
    if (name === 'NOTIFY') {
      const read = value === null ? undefined : parseNotify(value);
      if (read === undefined) return refused(REPLIES.badParameter);
      notify = read;
    } else if (name === 'ORCPT') {
      if (value === null || !isOrcpt(value)) return refused(REPLIES.badParameter);
      // RFC 6533 §3: without SMTPUTF8 it has to be in its ASCII form.
      if (!options.smtpUtf8 && needsSmtpUtf8(value)) return refused(REPLIES.needsSmtpUtf8);
      orcpt = value;
    } else return refused(REPLIES.unknownParameter);
  }
  const path = /^postmaster$/i.test(parts.path) ? options.postmaster : parts.path;
  const mailbox = parseMailbox(path);
  if (mailbox === null) return refused(REPLIES.badRecipient);
  const address = formatMailbox(mailbox);
  if (!options.smtpUtf8 && needsSmtpUtf8(address)) return refused(REPLIES.needsSmtpUtf8);
  return ok({ address, notify, orcpt });
}

function mailParameter(
  { name, value }: { readonly name: string; readonly value: string | null },
  offer: MailOffer,
  before: HandlingAsked,
): Parsed<Partial<Omit<MailCommand, 'sender'>>> {
  switch (name) {
    case 'SIZE':
      return value !== null && /^\d{1,20}$/.test(value)
        ? ok({ sizeBytes: Number(value) })
        : refused(REPLIES.badParameter);
    case 'BODY':
      // What is in the content decides, not what was announced.
      if (/^8BITMIME$/i.test(value ?? '')) return ok({ declaresEightBit: true });
      return /^7BIT$/i.test(value ?? '') ? ok({}) : refused(REPLIES.badParameter);
    case 'SMTPUTF8':
      return value === null ? ok({ smtpUtf8: true }) : refused(REPLIES.badParameter);
    case 'RET':
      if (/^FULL$/i.test(value ?? '')) return ok({ ret: 'full' });
      return /^HDRS$/i.test(value ?? '') ? ok({ ret: 'hdrs' }) : refused(REPLIES.badParameter);
    case 'ENVID':
      return value !== null && value.length <= 300 && isXtext(value)
        ? ok({ envid: value })
        : refused(REPLIES.badParameter);
    case 'AUTH':
      return offer.auth && value !== null ? ok({}) : refused(REPLIES.unknownParameter);
    default: {
      const isOffered = name.startsWith('HOLD') ? offer.hold : offer.handling;
      const read = isOffered ? handlingParameter(name, value, before) : undefined;
      if (read === undefined) return refused(REPLIES.unknownParameter);
      return 'code' in read ? refused(read) : ok(read);
    }
  }
}

/** RFC 3461 §4.1; undefined: not such a value. */
function parseNotify(value: string): Notify | undefined {
  const words = value.toLowerCase().split(',');
  if (words.length === 1 && words[0] === 'never') return 'never';
  const wanted = (['success', 'failure', 'delay'] as const).filter((word) => words.includes(word));
  return wanted.length === words.length ? wanted : undefined;
}

/** RFC 3461 §4.2: `rfc822;xtext`; RFC 6533 §3 adds `utf-8;`. At most 500 characters. */
function isOrcpt(value: string): boolean {
  const semicolon = value.indexOf(';');
  if (value.length > 500 || semicolon < 1 || semicolon === value.length - 1) return false;
  const [type, address] = [value.slice(0, semicolon), value.slice(semicolon + 1)];
  if (!/^[A-Za-z0-9-]+$/.test(type)) return false;
  return isXtext(address) || (/^utf-8$/i.test(type) && !/[\p{Cc}\s]/u.test(address));
}

/** RFC 3461 §4; what it stands for must be printable, since it will stand in reports. */
function isXtext(value: string): boolean {
  return /^(?:[!-*,-<>-~]|\+[2-7][0-9A-F])+$/.test(value) && !value.includes('+7F');
}

type Argument = {
  /** Without angle brackets and source route; '' for `<>`. */
  readonly path: string;
  /** Names in upper case, each once; null where they cannot be read so. */
  readonly parameters: readonly { readonly name: string; readonly value: string | null }[] | null;
};

/**
 * Old clients put spaces after the colon, or leave the angle brackets out; both are taken.
 * @returns null where there is no such argument
 */
function splitArgument(keyword: RegExp, argument: string): Argument | null {
  const match = keyword.exec(argument);
  if (match === null) return null;
  const text = trimmed(argument.slice(match[0].length));
  const end = endOfPath(text);
  if (end === -1 || (end < text.length && text[end] !== ' ' && text[end] !== '\t')) return null;
  const path = text.startsWith('<') ? trimmed(text.slice(1, end - 1)) : text.slice(0, end);
  if (path === '' && !text.startsWith('<')) return null;
  return { path: withoutRoute(path), parameters: splitParameters(text.slice(end).trim()) };
}

function splitParameters(text: string): Argument['parameters'] {
  if (text === '') return [];
  const parameters = [];
  const seen = new Set<string>();
  for (const word of text.split(/[ \t]+/)) {
    const parameter = /^([A-Za-z0-9][A-Za-z0-9-]*)(?:=(\S+))?$/.exec(word);
    const name = parameter?.[1]?.toUpperCase();
    if (name === undefined || seen.has(name)) return null;
    seen.add(name);
    parameters.push({ name, value: parameter?.[2] ?? null });
  }
  return parameters;
}

/** Only what SMTP calls white space goes: a local part may begin with U+2028 or the like. */
function trimmed(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '');
}

/** RFC 5321 §4.1.1.3, appendix C: a source route is accepted and ignored. */
function withoutRoute(path: string): string {
  const match = /^@[^\s,:@]+(?:,@[^\s,:@]+)*:/.exec(path);
  return match === null ? path : path.slice(match[0].length);
}

/** The offset after the path, quoted strings respected; -1 where it does not end. */
function endOfPath(text: string): number {
  const angle = text.startsWith('<');
  let quoted = false;
  for (let at = angle ? 1 : 0; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === '\\') at += 1;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (angle ? character === '>' : character === ' ' || character === '\t') return angle ? at + 1 : at;
  }
  return angle || quoted ? -1 : text.length;
}

function ok<T>(value: T): Parsed<T> {
  return { kind: 'ok', value };
}

function refused<T>(reply: Reply): Parsed<T> {
  return { kind: 'refused', reply };
}
