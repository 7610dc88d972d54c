/** The commands that open a transaction: MAIL, RCPT and their parameters. */
import { needsSmtpUtf8 } from '../../message/address.ts';
import { expiryOf } from '../../message/expiry.ts';
import type { Recipient } from '../../message/message.ts';
import type { Lack } from '../classify.ts';
import type { Mail } from '../egress.ts';
import type { Extensions } from './extensions.ts';

/**
 * What the peer would have to offer to take this message; null: nothing is missing.
 * 8BITMIME (RFC 6152) is not on the list: to a peer without it 8-bit content goes as it is. In practice they take it,
 * and a conversion would break the signatures.
 */
export function lackOf(mail: Mail, extensions: Extensions, when: When): Lack | null {
  if (isInternational(mail) && !extensions.smtpUtf8) return 'smtputf8';
  const late = timeLackOf(mail, extensions, when);
  if (late !== null) return late;
  const { sizeBytes } = extensions;
  return sizeBytes !== null && sizeBytes > 0 && mail.content.length > sizeBytes ? 'size' : null;
}

/** RFC 2852: mail to be returned when late goes to nobody who does not promise the same, or needs longer. */
function timeLackOf({ message }: Mail, { deliverByS }: Extensions, { nowMs, deliverBy }: When): Lack | null {
  if (message.deliverBy?.mode !== 'return') return null;
  if (deliverByS === null) return deliverBy === 'strict' ? 'deliver-by' : null;
  const leftS = secondsLeft(message.deliverBy.atMs, nowMs);
  return leftS <= 0 || leftS < deliverByS ? 'time' : null;
}

function secondsLeft(atMs: number, nowMs: number): number {
  return Math.max(-999_999_999, Math.min(999_999_999, Math.floor((atMs - nowMs) / 1000)));
}

/** What the policy says of times: `limits.deliverBy`, and the stream's `onLate`. */
export type TimePolicy = { readonly deliverBy: 'strict' | 'handover'; readonly onLate: 'return' | 'drop' };

/** `nowMs`: wall time. */
export type When = TimePolicy & { readonly nowMs: number };

/** The value of BY; null: none. An end of our own goes on as well, where what is late is to come back. */
function byOf({ message }: Mail, { deliverByS }: Extensions, { nowMs, onLate }: When): string | null {
  const { deliverBy } = message;
  if (deliverByS === null) return null;
  if (deliverBy?.mode === 'notify') return `${secondsLeft(deliverBy.atMs, nowMs)};N${deliverBy.trace ? 'T' : ''}`;
  const expiresAtMs = onLate === 'return' ? expiryOf(message) : null;
  const atMs = Math.min(deliverBy?.atMs ?? Number.POSITIVE_INFINITY, expiresAtMs ?? Number.POSITIVE_INFINITY);
  const leftS = secondsLeft(atMs, nowMs);
  if (atMs === Number.POSITIVE_INFINITY || leftS <= 0 || leftS < deliverByS) return null;
  return `${leftS};R${deliverBy?.trace === true ? 'T' : ''}`;
}

/**
 * With the parameters that the message needs and the peer offers: SIZE, BODY, SMTPUTF8, RET, ENVID, BY with what is left
 * of its time, MT-PRIORITY. A hold is over by now, and is nobody else's (RFC 4865).
 */
export function mailCommand(mail: Mail, extensions: Extensions, when: When): string {
  const { mtPriority } = mail.message;
  const { ret, envid, eightBit } = mail.message.envelope;
  let command = `MAIL FROM:<${mail.sender}>`;
  if (extensions.sizeBytes !== null) command += ` SIZE=${mail.content.length}`;
  if (eightBit && extensions.eightBitMime) command += ' BODY=8BITMIME';
  if (extensions.smtpUtf8 && isInternational(mail)) command += ' SMTPUTF8';
  if (extensions.dsn) {
    if (ret !== null) command += ` RET=${ret.toUpperCase()}`;
    if (envid !== null) command += ` ENVID=${envid}`;
  }
  const by = byOf(mail, extensions, when);
  if (by !== null) command += ` BY=${by}`;
  if (extensions.mtPriority && mtPriority !== undefined) command += ` MT-PRIORITY=${mtPriority}`;
  return `${command}\r\n`;
}

/** With NOTIFY and ORCPT (RFC 3461 §4.1, §4.2) where the peer offers DSN. */
export function rcptCommand({ address, notify, orcpt }: Recipient, extensions: Extensions): string {
  let command = `RCPT TO:<${address}>`;
  if (extensions.dsn) {
    if (notify !== null && notify.length > 0)
      command += ` NOTIFY=${notify === 'never' ? 'NEVER' : notify.join(',').toUpperCase()}`;
    if (orcpt !== null) command += ` ORCPT=${asciiOrcpt(orcpt)}`;
  }
  return `${command}\r\n`;
}

/** RFC 6533 §3: this form needs no SMTPUTF8, which the rest of the mail may not ask for. */
function asciiOrcpt(orcpt: string): string {
  return orcpt.replace(/\P{ASCII}/gu, (character) => `\\x{${character.codePointAt(0)?.toString(16).toUpperCase()}}`);
}

/** Whether these strings can stand in commands at all: a line end in one would be a command of its own. */
export function isSafe(mail: Mail): boolean {
  const { envid } = mail.message.envelope;
  const texts = [mail.sender, envid ?? '', ...mail.recipients.flatMap(({ address, orcpt }) => [address, orcpt ?? ''])];
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return texts.every((text) => !/[\x00-\x1f\x7f]/.test(text));
}

function isInternational(mail: Mail): boolean {
  return mail.message.envelope.smtpUtf8 || needsSmtpUtf8(mail.sender);
}
