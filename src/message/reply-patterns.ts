/** What refusals say, as a table: the first row that fits a reply says what it is about. Order matters: see `REPLY_PATTERNS`. */
import { COMMON_REPLIES } from './common-replies.ts';
import { PROVIDER_REPLIES } from './provider-replies.ts';
import { row, type ReplyPattern } from './reply-pattern.ts';

/**
 * What is about the sender's domain, the content or one mailbox only comes first, so that a word such as “reputation” in it
 * is not held against the sending address; then providers in their own words; then words that many use, and bare codes.
 */
export const REPLY_PATTERNS: readonly ReplyPattern[] = [
  row(
    'greylisted',
    { by: 'postgrey, rspamd, milters', code: '4', text: /gr[ea]y-?\s?list/i, means: 'says so itself' },
    '450 4.2.0 <a@example.org>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help/example.org.html',
    '451 4.7.1 Greylisting in action, please come back in 00:05:00',
    '451 4.7.1 Greylisted, please try again in 300 seconds',
  ),
  row(
    'greylisted',
    { by: 'Yahoo', code: '421', text: /\[GL01\]/, means: 'a sender that it has not met yet' },
    '421 4.7.0 [GL01] Message from (192.0.2.1) temporarily deferred',
  ),
  row(
    'greylisted',
    {
      by: 'postscreen',
      code: '450',
      detail: /^3\.2$/,
      text: /^service currently unavailable/i,
      means: 'the address passed its tests just now and may come again',
    },
    '450 4.3.2 Service currently unavailable',
  ),
  row(
    'greylisted',
    {
      by: 'Mimecast',
      code: '451',
      text: /internal resources are temporarily unavailable/i,
      means: 'its words for greylisting',
    },
    '451 Internal resources are temporarily unavailable - https://community.mimecast.com/docs/DOC-1369#451',
  ),
  row(
    'mailbox-full',
    { by: 'everyone', code: '', detail: /^2\.2$/, means: 'RFC 3463 §3.3: the mailbox is full' },
    "452 4.2.2 The recipient's inbox is out of storage space and inactive. https://support.google.com/mail/?p=OverQuotaTemp",
    '552 5.2.2 <a@icloud.com>: user is over quota',
    '554 5.2.2 mailbox full; STOREDRV.Deliver.Exception:QuotaExceededException',
  ),
  row(
    'mailbox-full',
    { by: 'Orange', code: '5', text: /\bOFR_?417\b|boite du destinataire pleine/i, means: 'a mailbox without room' },
    '552 5.1.1 Boite du destinataire pleine. Recipient overquota. OFR_417 [417]',
  ),
  row(
    'mailbox-full',
    {
      by: 'many',
      code: '',
      text: /over ?-?quota|(?:mailbox|inbox|account)(?: is| storage is)? (?:full|over (?:its )?(?:quota|limit))|quota (?:has been )?exceeded|exceeded (?:its |the |their )?(?:storage|mailbox|disk)?\s?quota|insufficient disk space for user/i,
      means: 'a mailbox without room',
    },
    '452 <a@example.net> Mailbox is full',
    '550 Mailbox quota exceeded',
    '552 1 Requested mail action aborted, mailbox over quota',
  ),
  row(
    'other',
    {
      by: 'Gmail',
      code: '450',
      detail: /^2\.1$/,
      text: /receiving (?:mail|e-?mail|messages) (?:at a rate|too quickly)/i,
      means: 'one mailbox gets too much mail, whoever sends it',
    },
    '450 4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional messages from being delivered.',
  ),
  row(
    'other',
    {
      by: 'Apple',
      code: '421',
      detail: /^7\.1$/,
      text: /^messages to .* deferred due to excessive volume/i,
      means: 'one mailbox gets too much mail, whoever sends it',
    },
    '421 4.7.1 Messages to a@icloud.com deferred due to excessive volume. Try again later',
  ),
  row(
    'other',
    { by: 'Exchange', code: '432', text: /STOREDRV/, means: 'one mailbox gets too much mail, whoever sends it' },
    '432 4.3.2 STOREDRV.Deliver; recipient thread limit exceeded',
  ),
  row(
    'policy',
    {
      by: 'Gmail',
      code: '',
      text: /(?:low|poor) reputation of the sending domain|your domain.{0,40}(?:low|poor) reputation/i,
      means: 'of the domain in From: no address helps',
    },
    '550 5.7.1 Our system has detected that this message is likely suspicious due to the very low reputation of the sending domain.',
  ),
  row(
    'policy',
    {
      by: 'Spamhaus DBL, SURBL, URIBL',
      code: '',
      text: /\b(?:dbl|zrd)\.spamhaus|spamhaus (?:dbl|zrd)|\bsurbl\b|\buribl\b/i,
      means: 'a domain in the message is in a list: no address helps',
    },
    '550 5.7.1 Your email was rejected due to having a domain present in the Spamhaus DBL -- see https://www.spamhaus.org/dbl/',
    '554 5.7.1 Service unavailable; Sender address [a@example.com] blocked using dbl.spamhaus.org',
  ),
  row(
    'policy',
    {
      by: 'many',
      code: '',
      text: /unauthenticated|\b(?:dmarc|dkim|spf)\b|authentication (?:checks|requirements|information)|(?:not|n't) (?:pass|meet).{0,60}authentication/i,
      means: 'SPF, DKIM or DMARC',
    },
    '550 5.7.26 Your email has been blocked because the sender is unauthenticated. Gmail requires all senders to authenticate with either SPF or DKIM.',
    "550 5.7.515 Access denied, sending domain EXAMPLE.COM doesn't meet the required authentication level.",
    '550 Reject due to SPF policy. The originating IP of the message is not permitted by the domain owner',
    '550 5.7.1 Your message was rejected due to example.com DMARC policy.',
  ),
  ...PROVIDER_REPLIES,
  ...COMMON_REPLIES,
];
