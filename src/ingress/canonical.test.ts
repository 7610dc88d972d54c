import { describe, expect, test } from 'vitest';
import { formatReply } from '../message/reply.ts';
import type { MessageId } from '../message/ids.ts';
import { policySchema } from '../policy/schema.ts';
import { canonicalForm } from './canonical.ts';

const LIMITS = policySchema.parse({ hostname: 'relay.example' }).limits;
const RECEIVED = 'Received: by relay.example\r\n';
const ID = '01JABCDEFGHJKMNPQRSTVWXYZ0' as MessageId;
const AT_MS = Date.UTC(2026, 10, 20, 10);
const DATE = 'Date: Fri, 20 Nov 2026 10:00:00 +0000\r\n';

/** What became of it. */
function canonical(text: string, sender?: string) {
  const outcome = outcomeOf(text, sender);
  if (typeof outcome === 'string') throw new Error(outcome);
  return outcome;
}

function outcomeOf(text: string, sender = 'ana@shop.example') {
  const raw = Buffer.from(text, 'latin1');
  const result = canonicalForm({
    raw,
    sender,
    id: ID,
    atMs: AT_MS,
    hostname: 'relay.example',
    received: RECEIVED,
    limits: LIMITS,
  });
  if (result.kind === 'refused') return formatReply(result.reply);
  const { fields, body, ...rest } = result.canonical;
  return {
    ...rest,
    header: fields.map((field) => field.raw).join(''),
    names: fields.map((field) => field.name),
    body: body.toString('latin1'),
  };
}

const COMPLETE = `From: Ana <ana@shop.example>\r\n${DATE}Message-ID: <x@shop.example>\r\n`;

test('a complete message gets nothing but the trace field', () => {
  expect(canonical(`${COMPLETE}Subject: hi\r\n there\r\n\r\nbody\r\n`)).toMatchObject({
    header: `${RECEIVED}${COMPLETE}Subject: hi\r\n there\r\n`,
    body: 'body\r\n',
    from: ['ana@shop.example'],
    messageIdHeader: '<x@shop.example>',
    submittedMessageId: '<x@shop.example>',
    subject: 'hi there',
    directives: { stream: null, priority: null, tag: null, sendAtMs: null },
  });
});

test('Date, Message-ID and From are added where they are missing or empty', () => {
  const added = `From: ana@shop.example\r\n${DATE}Message-ID: <${ID}@relay.example>\r\n`;
  expect(canonical('Subject: x\r\n\r\nbody\r\n')).toMatchObject({
    header: `${RECEIVED}Subject: x\r\n${added}`,
    from: ['ana@shop.example'],
    submittedMessageId: null,
    messageIdHeader: `<${ID}@relay.example>`,
  });
  expect(canonical('From:\r\nDate: \r\nMessage-ID:\r\n\t\r\nSubject: x\r\n\r\n').header).toBe(
    `${RECEIVED}Subject: x\r\n${added}`,
  );
  expect(canonical('Subject: x\r\n\r\n', '').names).toEqual(['received', 'subject', 'date', 'message-id']);
  expect(canonical('Subject: x\r\n\r\n', 'ñ@shop.example').header).toContain('From: \xc3\xb1@shop.example\r\n');
});

test('Bcc, Return-Path and X-Relevo fields do not leave, however they are spelt', () => {
  const { names, directives } = canonical(
    `${COMPLETE}bcc: secret@x.example,\r\n other@x.example\r\nBCC : a@b.example\r\nResent-Bcc: a@b.example\r\n` +
      'Return-Path: <a@b.example>\r\nX-Relevo-Stream: marketing\r\nx-relevo-priority: HIGH\r\n' +
      'X-Relevo-Tag: spring\r\nX-Relevo-Unknown: y\r\nX-Other: z\r\n\r\nBcc: in the body\r\n',
  );
  expect(names).toEqual(['received', 'from', 'date', 'message-id', 'x-other']);
  expect(directives).toEqual({ stream: 'marketing', priority: 'high', tag: 'spring', sendAtMs: null, expires: null });
});

test.each([
  ['X-Relevo-Send-At: tomorrow', '554 5.6.0 cannot read the X-Relevo-Send-At field'],
  ['X-Relevo-Send-At: 2026-11-22', '554 5.6.0 cannot read the X-Relevo-Send-At field'],
  ['X-Relevo-Priority: urgent', '554 5.6.0 cannot read the X-Relevo-Priority field'],
  ['X-Relevo-Tag: two words', '554 5.6.0 cannot read the X-Relevo-Tag field'],
  ['no colon here', '554 5.6.0 header line 4 is not a header field'],
  ['bad name: x', '554 5.6.0 header line 4 is not a header field'],
  ['From: other@shop.example', '550 5.7.1 more than one From field'],
])('a header with %j is refused', (line, reply) => {
  expect(outcomeOf(`${COMPLETE}${line}\r\n\r\nbody\r\n`)).toBe(reply);
});

test('a header that begins with a fold is refused, since a field may hide in it', () => {
  expect(outcomeOf(` x\r\n${COMPLETE}\r\n`)).toBe('554 5.6.0 header line 1 is not a header field');
});

test('text without any header field is all body', () => {
  expect(canonical('hello there\r\nsecond line\r\n')).toMatchObject({ body: 'hello there\r\nsecond line\r\n' });
  expect(canonical('hello there\r\n\r\nBcc: not a header\r\n')).toMatchObject({
    body: 'hello there\r\n\r\nBcc: not a header\r\n',
  });
  expect(canonical('\r\nbody\r\n')).toMatchObject({
    body: 'body\r\n',
    names: ['received', 'from', 'date', 'message-id'],
  });
  expect(canonical('')).toMatchObject({ body: '' });
  expect(canonical(`${'x'.repeat(900)}\r\n`.repeat(1000)).body).toHaveLength(902_000);
});

test('an mbox line on top is taken off', () => {
  expect(canonical(`From ana@shop.example Fri Nov 20 10:00:00 2026\r\n${COMPLETE}\r\nbody\r\n`)).toMatchObject({
    header: RECEIVED + COMPLETE,
    body: 'body\r\n',
  });
});

test('a header without a body', () => {
  expect(canonical(COMPLETE)).toMatchObject({ header: RECEIVED + COMPLETE, body: '' });
});

test('header blocks over the limit, and loops, are refused', () => {
  const big = `${COMPLETE}${`X-Filler: ${'x'.repeat(980)}\r\n`.repeat(270)}\r\nbody\r\n`;
  expect(outcomeOf(big)).toBe('552 5.3.4 message header is too big');
  const received = 'Received: from a by b; x\r\n';
  expect(outcomeOf(`${received.repeat(51)}${COMPLETE}\r\n`)).toBe('554 5.4.6 too many Received fields: mail loop');
  expect(canonical(`${received.repeat(50)}${COMPLETE}\r\n`)).toHaveProperty('header');
});

test('what the From field says is read as UTF-8; what cannot be read is null', () => {
  const rest = `${DATE}Message-ID: <x@y>\r\n\r\n`;
  expect(canonical(`From: Ana <ana@b\xc3\xbccher.example>\r\n${rest}`).from).toEqual(['ana@xn--bcher-kva.example']);
  expect(canonical(`From: a@x.example, b@y.example\r\n${rest}`).from).toEqual(['a@x.example', 'b@y.example']);
  for (const nobody of ['<a@x.example', 'ceo@bank.example:;', '(ceo@bank.example)', ',', '""', '<>']) {
    expect(canonical(`From: ${nobody}\r\n${rest}`).from).toBeNull();
  }
  expect(canonical(rest, '').from).toEqual([]);
  expect(canonical(`From : a@x.example\r\n${rest}`).from).toEqual(['a@x.example']);
});

test('8-bit bytes stay as they are', () => {
  const text = `${COMPLETE}Subject: caf\xe9 \xff\r\n\r\n\x80\xff\r\n`;
  expect(canonical(text)).toMatchObject({
    header: `${RECEIVED}${COMPLETE}Subject: caf\xe9 \xff\r\n`,
    body: '\x80\xff\r\n',
  });
});

describe('a traceparent of the client', () => {
  const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
  const text = `${COMPLETE}Traceparent:\r\n ${PARENT}\r\nTraceparent: other\r\nTracestate: a=b\r\nX-Trace: 7\r\n\r\nHello\r\n`;
  const seen = (traces: { passOn: boolean } | null): { names: readonly string[]; given: unknown } => {
    const raw = Buffer.from(text);
    const terms = { raw, sender: 'ana@shop.example', id: ID, atMs: AT_MS, hostname: 'relay.example', limits: LIMITS };
    const result = canonicalForm({ ...terms, received: RECEIVED, traces });
    if (result.kind === 'refused') throw new Error(formatReply(result.reply));
    return { names: result.canonical.fields.map(({ name }) => name), given: result.canonical.traceparent };
  };

  test('is read and taken out while traces are on, with its state', () => {
    const { names, given } = seen({ passOn: false });
    expect(given).toBe(PARENT);
    expect(names).not.toContain('traceparent');
    expect(names).not.toContain('tracestate');
    expect(names).toContain('x-trace');
  });

  test('stays where the policy passes it on', () => {
    const { names, given } = seen({ passOn: true });
    expect([given, names.filter((name) => name.startsWith('trace'))]).toEqual([
      PARENT,
      ['traceparent', 'traceparent', 'tracestate'],
    ]);
  });

  test('is a field like any other while they are off', () => {
    const { names, given } = seen(null);
    expect([given, names.filter((name) => name.startsWith('trace')).length]).toEqual([null, 3]);
  });
});
