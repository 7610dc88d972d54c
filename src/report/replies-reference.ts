import { REPLY_PATTERNS } from '../message/reply-patterns.ts';
import type { ReplyPattern } from '../message/reply-pattern.ts';
import { REFUSALS, type Refusal } from '../message/refusal.ts';

/** What comes of each refusal. */
const CONSEQUENCES: Readonly<Record<Refusal, string>> = {
  greylisted: 'The same exit, after the time that the reply names, or else 5 minutes; later as `retry.delays` says.',
  'rate-limited': 'The site is slowed down for that exit; the mail goes on a little later and uses up no try.',
  reputation:
    'The stream’s `onBlock` says what becomes of the mail: `move`, by another exit, and a bounce (5yz) when none is left that did not refuse it and none will be; `hold`, until an operator releases it. After three in a row that site is left alone by that exit for a while.',
  listed: 'As `reputation`.',
  'mailbox-full': '4yz, and 552 at RCPT: tried again after an hour, then more seldom. Other 5yz: a bounce.',
  'unknown-user': 'A bounce.',
  policy: '4yz: tried again as `retry.delays` says. 5yz: a bounce.',
  other: '4yz: tried again as `retry.delays` says. 5yz: a bounce.',
};

/** `docs/replies.md`, whole, made from the one table of reply patterns. */
export function repliesReference(): string {
  return [
    '# What servers say, and what comes of it',
    '',
    'Generated from `src/message/reply-patterns.ts` and its two parts by `npm run generate`; do not edit.',
    '',
    'Every reply of class 4yz or 5yz is read once, by the first row below that fits it. `code` is how the three digits',
    'begin, `enhanced` the enhanced code (RFC 3463) without its class, `text` a regular expression for the first 1,000',
    'characters without regard to case where it ends in `i`. What fits no row is `other`. [Sites](routing.md) has what is',
    'learnt from them.',
    '',
    '| refusal | what comes of it |',
    '| --- | --- |',
    ...REFUSALS.map((refusal) => `| \`${refusal}\` | ${CONSEQUENCES[refusal]} |`),
    '',
    '## The table',
    '',
    '| | refusal | who says so | code | enhanced | text | means | for example |',
    '| --- | --- | --- | --- | --- | --- | --- | --- |',
    ...REPLY_PATTERNS.map(rowOf),
    '',
  ].join('\n');
}

function rowOf({ refusal, by, code, detail, text, means, examples }: ReplyPattern, at: number): string {
  const cells = [
    String(at + 1),
    `\`${refusal}\``,
    by,
    code === '' ? 'any' : `${code}…`.replace(/^(\d{3})…$/, '$1'),
    detail === undefined ? '' : `\`${detail.source}\``,
    text === undefined ? '' : `\`${text.source}\`${text.flags}`,
    means,
    `\`${examples[0] ?? ''}\``,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}
