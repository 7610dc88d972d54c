import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { startTraceCollector, type TraceCollector } from '../../../tests/fakes/trace-collector.ts';
import { type AttemptRecord, type Event, ofMail } from '../../message/event.ts';
import { deliveryIdOf, newMessageId } from '../../message/ids.ts';
import type { Message } from '../../message/message.ts';
import { policySchema, type TracesPolicy } from '../../policy/schema.ts';
import { openTraces, type Traces } from './traces.ts';
import { traceNamesOf } from './trace-id.ts';

const NOW = Date.UTC(2026, 10, 22);
const PARENT = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
const TELLER = { version: '1.2.3', node: 'node-1', hostname: 'relay.test' };

let clock: FakeClock;
let collector: TraceCollector;
let told: Event[];
beforeEach(async () => {
  clock = new FakeClock(NOW);
  collector = await startTraceCollector();
  told = [];
});
afterEach(() => collector[Symbol.asyncDispose]());

type World = Traces & { set(traces: Partial<TracesPolicy> | null): Promise<void> };

async function opened(first: Partial<TracesPolicy> | null = {}, more: { most?: number } = {}): Promise<World> {
  const policyWith = (traces: Partial<TracesPolicy> | null) => {
    const policy = policySchema.parse({ hostname: 'a', traces: traces === null ? null : { url: collector.url } });
    return { ...policy, traces: policy.traces === null ? null : { ...policy.traces, ...traces } };
  };
  let policy = policyWith(first);
  const random = { fraction: () => 0.5, bytes: (count: number) => randomBytes(count) };
  const emit = (event: Event): void => void told.push(event);
  const traces = await openTraces({ policy: () => policy, clock, random, emit, teller: TELLER, postMs: 200, ...more });
  return Object.assign(traces, {
    set: async (next: Partial<TracesPolicy> | null) => {
      policy = policyWith(next);
      await traces.follow();
    },
  });
}

function aMessage(terms: Partial<Message> = {}, to: readonly string[] = ['bob@dest.test']) {
  const { message, received } = aSubmission({ atMs: NOW, to, id: newMessageId(NOW, randomBytes(10)), terms });
  const of = { messageId: message.id, deliveryId: deliveryIdOf(message.id, 1), domain: 'dest.test', recipients: to };
  return { message, received: ofMail(received, message), of };
}

const REFUSAL = { code: 450, detail: '2.1', text: 'bob@dest.test: come back later' };
const ATTEMPT: AttemptRecord = {
  number: 1,
  egress: 'ip-1',
  route: 'all',
  host: 'mx1.dest.test',
  address: '192.0.2.25',
  source: '198.51.100.7',
  tls: 'TLSv1.3',
  reply: REFUSAL,
  tookMs: 700,
};

/** Accepted, put off, and delivered an hour later. */
function storyOf({ message, received, of }: ReturnType<typeof aMessage>): Event[] {
  const taken = { code: 250, detail: '2.0', text: 'ok bob@dest.test' };
  const laterMs = NOW + 3_600_000;
  return [
    received,
    ofMail({ event: 'attempted', atMs: NOW + 900, attempt: ATTEMPT, ...of }, message),
    ofMail(
      { event: 'deferred', atMs: NOW + 900, dueAtMs: laterMs, reason: '450 4.2.1 bob@dest.test: later', ...of },
      message,
    ),
    ofMail({ event: 'attempted', atMs: laterMs, attempt: { ...ATTEMPT, number: 2, reply: taken }, ...of }, message),
    ofMail({ event: 'delivered', atMs: laterMs, reply: taken, egress: 'ip-1', ...of }, message),
  ];
}

describe('a message that is delivered at the second try', () => {
  test('is one trace: its acceptance, and all else as children of that', async () => {
    await using traces = await opened();
    const mail = aMessage();
    for (const event of storyOf(mail)) traces.sink(event);
    await clock.advanceUntil(() => collector.spans.length === 5);
    const [accept, ...others] = collector.spans;
    const { traceId, rootId } = traceNamesOf(mail.message.id);
    expect(accept).toMatchObject({ name: 'accept', kind: 2, traceId, spanId: rootId, parentSpanId: undefined });
    expect(accept?.attributes).toMatchObject({ 'network.protocol.name': 'smtp', 'client.address': '192.0.2.1' });
    expect(others.map(({ name, kind }) => [name, kind])).toEqual([
      ['attempt', 3],
      ['deferred', 1],
      ['attempt', 3],
      ['delivered', 1],
    ]);
    expect(others.every((span) => span.traceId === traceId && span.parentSpanId === rootId)).toBe(true);
    expect(new Set(collector.spans.map(({ spanId }) => spanId)).size).toBe(5);
    expect(accept?.resource).toEqual({
      'service.name': 'relevo',
      'service.version': '1.2.3',
      'service.instance.id': 'node-1',
      'host.name': 'relay.test',
    });
    expect(traces.counts()).toEqual({ exported: 5, failed: 0, dropped: 0 });
    expect(traces.counts()).toEqual({ exported: 0, failed: 0, dropped: 0 });
  });

  test('tells how long each attempt took, where it went and what came of it', async () => {
    await using traces = await opened();
    for (const event of storyOf(aMessage({ tag: 'welcome' }))) traces.sink(event);
    await clock.advanceUntil(() => collector.spans.length === 5);
    const [first, second] = collector.named('attempt');
    expect(first).toMatchObject({ startMs: NOW + 200, endMs: NOW + 900, isError: true, failure: '450 4.2.1' });
    expect(first?.attributes).toMatchObject({
      'relevo.egress': 'ip-1',
      'relevo.route': 'all',
      'relevo.site': 'dest.test',
      'relevo.destination.domain': 'dest.test',
      'relevo.client': 'shop',
      'relevo.tag': 'welcome',
      'server.address': 'mx1.dest.test',
      'network.peer.address': '192.0.2.25',
      'network.local.address': '198.51.100.7',
      'tls.protocol.version': '1.3',
      'relevo.reply.code': 450,
      'relevo.reply.enhanced_code': '4.2.1',
      'error.type': '4.2.1',
    });
    expect(second).toMatchObject({ isError: false });
    const [end] = collector.named('delivered');
    expect([end?.startMs, end?.endMs]).toEqual([NOW, NOW + 3_600_000]);
  });

  test('shows nobody’s address, nor what servers said, unless the policy has it', async () => {
    await using traces = await opened();
    const quiet = storyOf(aMessage({ subject: 'our secret' }));
    for (const event of quiet) traces.sink(event);
    await clock.advanceUntil(() => collector.spans.length === 5);
    expect(collector.text).not.toMatch(/bob@|shop@example|come back later|our secret/);
    await traces.set({ addresses: true });
    for (const event of storyOf(aMessage({ subject: 'our secret' }))) traces.sink(event);
    await clock.advanceUntil(() => collector.spans.length === 10);
    expect(collector.text).toMatch(/bob@dest\.test: come back later/);
    expect(collector.text).not.toMatch(/our secret/);
  });
});

describe('a message whose client has a trace', () => {
  test('is part of it, on every node and for events that do not say so', async () => {
    await using first = await opened();
    await using second = await opened();
    const mail = aMessage({ traceparent: PARENT });
    const story = storyOf(mail);
    story.slice(0, 3).forEach(first.sink);
    first.sink({ event: 'held', atMs: NOW + 950, reason: 'an operator', ...mail.of });
    story.slice(3).forEach(second.sink);
    await clock.advanceUntil(() => collector.spans.length === 6);
    expect(new Set(collector.spans.map(({ traceId }) => traceId))).toEqual(new Set([PARENT.slice(3, 35)]));
    const { rootId } = traceNamesOf(mail.message.id);
    expect(collector.named('accept')).toMatchObject([{ spanId: rootId, parentSpanId: PARENT.slice(36, 52) }]);
    expect(collector.named('delivered')).toMatchObject([{ parentSpanId: rootId }]);
  });

  test('is kept or not as its client has it, whatever the share; where the policy asks nobody, by its own', async () => {
    await using traces = await opened({ sample: 0 });
    const [kept, left] = [aMessage({ traceparent: PARENT }), aMessage({ traceparent: PARENT.replace(/01$/, '00') })];
    [kept, left, aMessage()].forEach(({ received }) => traces.sink(received));
    await clock.advanceUntil(() => collector.spans.length > 0);
    await traces.set({ sample: 100, parents: false });
    traces.sink(left.received);
    await clock.advanceUntil(() => collector.spans.length > 1);
    expect(collector.spans.map(({ traceId }) => traceId)).toEqual([
      PARENT.slice(3, 35),
      traceNamesOf(left.message.id).traceId,
    ]);
  });
});

test('a share of messages is kept whole, and two nodes keep the same', async () => {
  await using one = await opened({ sample: 50 });
  await using other = await opened({ sample: 50 });
  const mails = Array.from({ length: 40 }, () => aMessage());
  for (const mail of mails) {
    const [received, ...later] = storyOf(mail);
    if (received !== undefined) one.sink(received);
    later.forEach(other.sink);
  }
  await clock.advanceUntil(() => {
    const begun = collector.named('accept').length;
    return begun > 0 && collector.spans.length === 5 * begun;
  });
  const traces = Map.groupBy(collector.spans, ({ traceId }) => traceId);
  expect(traces.size).toBeGreaterThan(4);
  expect(traces.size).toBeLessThan(36);
  expect([...traces.values()].every((spans) => spans.length === 5)).toBe(true);
});

describe('a collector that fails', () => {
  test.each([
    ['refuses', 401, 'it answered 401'],
    ['redirects', 302, 'it answered 302'],
    ['hangs up', 'cut', /ECONNRESET|did not answer/],
    ['says nothing', 'silent', 'did not answer'],
    ['has too much to do', 503, 'asked to come later'],
  ] as const)('and %s is told of once, and its spans are counted', async (_, answer, cause) => {
    const headers = { authorization: 'Bearer hush' };
    await using traces = await opened({ headers, url: `${collector.url}?key=hidden` });
    collector.answer = answer;
    traces.sink(aMessage().received);
    await clock.advanceUntil(() => told.length > 0);
    expect(told).toMatchObject([{ event: 'failed', where: 'traces', cause: expect.stringMatching(cause) as string }]);
    expect(JSON.stringify(told)).not.toMatch(/hush|hidden/);
    expect(collector.posts[0]).toMatchObject({ authorization: 'Bearer hush', path: '/v1/traces?key=hidden' });
    traces.sink(aMessage().received);
    let failed = traces.counts()?.failed ?? 0;
    await clock.advanceUntil(() => (failed += traces.counts()?.failed ?? 0) === 2);
    expect(told).toHaveLength(1);
    collector.answer = 200;
    traces.sink(aMessage().received);
    await clock.advanceUntil(() => collector.spans.length === 1);
  });

  test('and fills memory gets what there is room for; the rest is counted', async () => {
    await using traces = await opened({}, { most: 10 });
    const many = Array.from({ length: 80 }, (_, at) => `p${at}@dest.test`);
    traces.sink(aMessage({}, many).received);
    for (let more = 0; more < 5; more++) traces.sink(aMessage().received);
    await clock.advanceUntil(() => collector.spans.length > 0);
    expect(traces.counts()).toEqual({ exported: 1, failed: 0, dropped: 5 });
    traces.sink(aMessage().received);
    await clock.advanceUntil(() => collector.spans.length === 2);
  });

  test('does not keep the relay from ending', async () => {
    const traces = await opened();
    collector.answer = 'silent';
    traces.sink(aMessage().received);
    const ending = { isOver: false };
    const ended = traces[Symbol.asyncDispose]().then(() => (ending.isOver = true));
    await clock.advance(2_000);
    await ended;
    expect(ending.isOver).toBe(true);
    expect(clock.pending).toBeLessThanOrEqual(1);
  });
});

test('what was not told yet is told when the relay ends', async () => {
  const traces = await opened();
  traces.sink(aMessage().received);
  await traces[Symbol.asyncDispose]();
  expect(collector.named('accept')).toHaveLength(1);
});

test('traces go on and off with the policy, and to another collector', async () => {
  await using traces = await opened(null);
  traces.sink(aMessage().received);
  expect(traces.counts()).toBeNull();
  await traces.set({});
  traces.sink(aMessage().received);
  await clock.advanceUntil(() => collector.spans.length === 1);
  await using other = await startTraceCollector();
  await traces.set({ url: other.url, headers: { 'x-scope-orgid': 'mail' } });
  traces.sink(aMessage().received);
  await clock.advanceUntil(() => other.spans.length === 1);
  expect(other.posts).toMatchObject([{ 'x-scope-orgid': 'mail', 'content-type': 'application/json' }]);
  await traces.set(null);
  traces.sink(aMessage().received);
  await clock.advance(5_000);
  expect([collector.spans.length, other.spans.length]).toEqual([1, 1]);
});

test('every kind of event makes a span that a collector takes', async () => {
  await using traces = await opened({ addresses: true });
  const { of } = aMessage();
  const reply = { code: 550, detail: '1.1', text: 'no such user' };
  const ends = ['bounced', 'expired', 'suppressed', 'discarded'] as const;
  const moments = ['in-doubt', 'quarantined', 'warned', 'held', 'released', 'retried', 'rescheduled'] as const;
  const said = ['confirmed', 'put-off', 'complained', 'unsubscribed', 'opened', 'clicked'] as const;
  const atMs = NOW + 5_000;
  const events: Event[] = [
    ...ends.map((event) => ({ event, atMs, reply: event === 'discarded' ? null : reply, egress: null, ...of })),
    ...moments.map((event) => ({ event, atMs, reason: 'why', ...of })),
    ...said.map((event) => ({ event, atMs, source: 'hook:ses', detail: 'x', egress: 'ses', ...of })),
    { event: 'bounced-later', atMs, reply, host: 'mx.dest.test', egress: 'ip-1', report: null, ...of },
    { event: 'answered', atMs, what: 'vacation', report: null, ...of },
  ];
  for (const event of events) traces.sink(event);
  traces.sink({ event: 'started', atMs, text: 'is nothing about a message' });
  await clock.advanceUntil(() => collector.spans.length === events.length);
  expect(collector.spans.map(({ name }) => name)).toEqual(events.map(({ event }) => event));
  const errors = collector.spans.filter(({ isError }) => isError).map(({ name }) => name);
  expect(errors).toEqual(['bounced', 'expired', 'in-doubt', 'quarantined', 'bounced-later']);
  expect(collector.named('bounced')[0]).toMatchObject({ failure: '550 5.1.1 no such user', startMs: NOW, endMs: atMs });
});
