import { needsSmtpUtf8 } from '../message/address.ts';
import { formatMailDate } from '../message/date.ts';
import type { Notice, NoticeKind, NoticeRecipient } from '../message/notice.ts';
import { formatReply, statusOf } from '../message/reply.ts';
import { decodeXtext, field } from './report-field.ts';

const ACTIONS = {
  failed: 'failed',
  expired: 'failed',
  delayed: 'delayed',
  relayed: 'relayed',
  returned: 'failed',
} as const satisfies Record<NoticeKind, string>;

/** The RFC 3463 status that a report gives a recipient. */
export function reportedStatus(kind: NoticeKind, { reply }: NoticeRecipient): string {
  const given = reply === null ? null : statusOf(reply);
  // Delivery time expired: what the servers said meanwhile stands in Diagnostic-Code. 5.4.7: its sender had set an end.
  if (kind === 'expired') return given === '5.4.7' ? given : '4.4.7';
  if (kind === 'returned') return given?.startsWith('2') === false ? given : '5.0.0';
  const digit = { failed: '5', delayed: '4', relayed: '2' }[kind];
  return given?.startsWith(digit) === true ? given : `${digit}${given === null ? '.0.0' : given.slice(1)}`;
}

/** The machine-readable part (RFC 3464 §2), with the fields of RFC 6533 §3 where `utf8`. */
export function deliveryStatus(
  notice: Notice,
  { hostname, utf8 }: { readonly hostname: string; readonly utf8: boolean },
): string {
  const { envelope, receivedAtMs, deliverBy } = notice.message;
  const format = { utf8 };
  const head =
    field('Reporting-MTA', `dns; ${hostname}`, format) +
    (envelope.envid === null ? '' : field('Original-Envelope-Id', decodeXtext(envelope.envid), format)) +
    field('Arrival-Date', formatMailDate(receivedAtMs), format) +
    // RFC 2852.
    (deliverBy === undefined ? '' : field('Deliver-By-Date', formatMailDate(deliverBy.atMs), format));
  return [head, ...notice.recipients.map((one) => recipientFields(notice, one, format))].join('\r\n');
}

function recipientFields(notice: Notice, one: NoticeRecipient, format: { readonly utf8: boolean }): string {
  const { recipient, reply, host } = one;
  const isUtf8 = needsSmtpUtf8(recipient.address);
  return (
    (recipient.orcpt === null ? '' : field('Original-Recipient', originalRecipient(recipient.orcpt), format)) +
    field('Final-Recipient', `${isUtf8 ? 'utf-8' : 'rfc822'}; ${recipient.address}`, format) +
    field('Action', ACTIONS[notice.kind], format) +
    field('Status', reportedStatus(notice.kind, one), format) +
    (host === null ? '' : field('Remote-MTA', `dns; ${host}`, format)) +
    // RFC 3464 §2.3.6: `smtp` is for what another server replied.
    (reply === null
      ? ''
      : field('Diagnostic-Code', `${host === null ? 'X-Relevo' : 'smtp'}; ${formatReply(reply)}`, format)) +
    (reply === null ? '' : field('Last-Attempt-Date', formatMailDate(notice.atMs), format)) +
    (notice.retryUntilMs === null ? '' : field('Will-Retry-Until', formatMailDate(notice.retryUntilMs), format))
  );
}

/** `rfc822;a+2Bb@c` → `rfc822; a+b@c` (RFC 3461 §4.2). */
function originalRecipient(orcpt: string): string {
  const semicolon = orcpt.indexOf(';');
  if (semicolon < 1) return `rfc822; ${decodeXtext(orcpt)}`;
  return `${orcpt.slice(0, semicolon)}; ${decodeXtext(orcpt.slice(semicolon + 1))}`;
}
