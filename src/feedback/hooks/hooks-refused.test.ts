/** Posts that come to nothing: what is answered, and what is told of them. The store is not asked. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { MemoryMarks } from '../../../tests/fakes/marks.ts';
import { FakeSns, type ProviderPost, sendgridKeys, sendgridPost, TOPIC } from '../../../tests/fakes/provider-posts.ts';
import type { Event } from '../../message/event.ts';
import { type Policy, policySchema } from '../../policy/schema.ts';
import { systemRandom } from '../../system.ts';
import { type Hooks, openHooks } from './hooks.ts';
import { Topics } from './topics.ts';

const keys = sendgridKeys();
const POLICY = policySchema.parse({
  hostname: 'relay.test',
  egress: {
    direct: { type: 'mx' },
    grid: { type: 'sendgrid', apiKeys: ['k'], webhook: { publicKey: keys.publicKey } },
    off: { type: 'sendgrid', enabled: false, apiKeys: ['k'], webhook: { publicKey: keys.publicKey } },
    quiet: { type: 'sendgrid', apiKeys: ['k'] },
    gun: { type: 'mailgun', apiKeys: ['k'], domain: 'mg.test', webhook: { signingKey: 'k' } },
    ses: { type: 'ses', region: 'eu-west-1', webhook: { topicArns: [TOPIC] } },
  },
});

let sns: FakeSns;
let clock: FakeClock;
let events: Event[];
let hooks: Hooks;
beforeAll(async () => {
  sns = await FakeSns.start();
});
afterAll(() => sns[Symbol.asyncDispose]());
beforeEach(() => {
  clock = new FakeClock();
  events = [];
  const notAsked = (): Promise<never> => Promise.reject(new Error('the store is not asked'));
  hooks = openHooks({
    policy: () => POLICY,
    spool: {
      story: notAsked,
      note: notAsked,
      byProviderId: notAsked,
      take: notAsked,
      list: notAsked,
      giveBack: notAsked,
    },
    tallies: { count: notAsked, counts: notAsked },
    quotas: { takeBlock: notAsked, spend: notAsked, returnBlock: notAsked, takeSlot: notAsked },
    random: systemRandom,
    marks: new MemoryMarks(),
    fetch: sns.fetch,
    learn: notAsked,
    endNow: notAsked,
    tellReturned: notAsked,
    tags: { message: 'relevo-message', delivery: 'relevo-delivery', deliveryOf: (value) => value },
    clock,
    emit: (event) => void events.push(event),
  });
});

const post = (name: string, { headers, body }: ProviderPost, peer = '198.51.100.7') =>
  hooks.take({ name, headers, body, peer });
const forged = (): ProviderPost =>
  sendgridPost([{ event: 'spamreport', email: 'ceo@dest.test' }], {
    privateKey: sendgridKeys().privateKey,
    atMs: clock.nowMs(),
  });
const unsigned: ProviderPost = { headers: {}, body: Buffer.from('{}') };

test('only exits of providers with a webhook are listened to, used or not', async () => {
  const names = ['direct', 'grid', 'off', 'quiet', 'gun', 'ses', 'nobody', '', '__proto__', 'constructor', 'grid/'];
  expect(names.filter((name) => hooks.has(name))).toEqual(['grid', 'off', 'gun', 'ses']);
  expect(await post('quiet', forged())).toMatchObject({ status: 404 });
});

test('what is refused has its answer by why', async () => {
  const answers: unknown[] = [];
  for (const [name, made] of [
    ['grid', forged()],
    ['grid', unsigned],
    ['gun', unsigned],
    ['gun', { headers: {}, body: Buffer.from('no JSON') }],
    ['ses', { headers: {}, body: Buffer.from('no JSON') }],
    ['grid', { headers: {}, body: Buffer.from('no JSON') }],
    ['gun', { headers: {}, body: Buffer.alloc(300_000, '1') }],
    ['ses', unsigned],
    ['ses', sns.post('x', { atMs: clock.nowMs(), topicArn: `${TOPIC}-2` })],
  ] as const)
    answers.push((await post(name, made)).status);
  expect(answers).toEqual([401, 401, 401, 401, 400, 401, 413, 401, 401]);
});

test('refused posts are told summed up, without what was in them', async () => {
  for (let n = 0; n < 500; n++) await post('grid', forged(), `198.51.100.${n % 250}`);
  await post('grid', unsigned);
  const told = () => events.map((event) => (event.event === 'hook-refused' ? [event.reason, event.count] : event));
  expect(told()).toEqual([
    ['signature', 1],
    ['unsigned', 1],
  ]);
  await clock.advance(10_000);
  expect(told().slice(2)).toEqual([['signature', 499]]);
  await clock.advance(60_000);
  expect(told()).toHaveLength(3);
  await post('grid', forged());
  expect(told().at(-1)).toEqual(['signature', 1]);
  expect(JSON.stringify(events)).not.toMatch(/ceo@|spamreport/);
});

describe('subscriptions', () => {
  const confirm = (token: string): ProviderPost =>
    sns.post('subscribe', { atMs: clock.nowMs(), type: 'SubscriptionConfirmation', token });
  const calls = (): number => sns.asked.filter(({ url }) => url.includes('ConfirmSubscription')).length;

  test('that end are told of until there is another, and nobody has them confirmed again and again', async () => {
    const alerts = () => events.flatMap((event) => (event.event === 'alert' ? [[event.name, event.raised]] : []));
    const url = 'https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription';
    sns.answers.set(`${url}&TopicArn=${TOPIC}&Token=a-token`, { status: 200, body: Buffer.from('<ok/>') });
    expect(await post('ses', confirm('one'))).toMatchObject({ status: 200 });
    const before = calls();
    const ended = sns.post('bye', { atMs: clock.nowMs(), type: 'UnsubscribeConfirmation' });
    expect(await post('ses', ended)).toMatchObject({ status: 200 });
    expect(alerts().at(-1)).toEqual(['hook-unsubscribed:ses', true]);
    for (const token of ['two', 'three', 'four'])
      expect(await post('ses', confirm(token))).toMatchObject({ status: 503 });
    expect(calls()).toBe(before);
    await clock.advance(60_000);
    expect(await post('ses', confirm('two'))).toMatchObject({ status: 200 });
    expect([calls(), alerts().at(-1)]).toEqual([before + 1, ['hook-unsubscribed:ses', false]]);
  });

  test('that are ended are told of after a restart, by every node, and no more once the policy has them no more', async () => {
    const told: Event[] = [];
    let policy = POLICY;
    const marks = new MemoryMarks();
    const topics = (): Topics =>
      new Topics({ policy: () => policy, marks, fetch: sns.fetch, clock, emit: (event) => void told.push(event) });
    const ended = { type: 'UnsubscribeConfirmation', id: 'x', text: '', token: 't', subscribeUrl: '' } as const;
    await topics().ended('ses', { ...ended, topicArn: TOPIC });
    await topics().ended('ses', { ...ended, topicArn: TOPIC });
    const raised = {
      event: 'alert',
      name: 'hook-unsubscribed:ses',
      raised: true,
      text: expect.stringContaining(TOPIC),
    };
    expect(told).toMatchObject([raised, raised]);
    told.length = 0;
    const stop = new AbortController();
    const watching = topics().watch(stop.signal);
    await clock.advanceUntil(() => told.length === 1);
    await clock.advance(60_000);
    expect(told).toMatchObject([raised]);
    marks.isAway = true;
    await clock.advance(60_000);
    marks.isAway = false;
    policy = { ...POLICY, egress: { direct: POLICY.egress['direct'] as NonNullable<Policy['egress'][string]> } };
    await clock.advanceUntil(() => told.length === 2);
    expect(told[1]).toMatchObject({ name: 'hook-unsubscribed:ses', raised: false });
    policy = POLICY;
    await clock.advanceUntil(() => told.length === 3);
    expect(told[2]).toMatchObject(raised);
    // Another node hears that there is another subscription; one that fails ends nothing.
    const confirmation = { ...ended, type: 'SubscriptionConfirmation', topicArn: TOPIC, token: 'new' } as const;
    const url = `https://sns.eu-west-1.amazonaws.com/?Action=ConfirmSubscription&TopicArn=${TOPIC}&Token=new`;
    expect(await topics().confirm('ses', { ...confirmation, subscribeUrl: url })).toMatchObject({ kind: 'later' });
    await clock.advance(60_000);
    expect(told.filter(({ event }) => event === 'alert')).toHaveLength(3);
    sns.answers.set(url, { status: 200, body: Buffer.from('<ok/>') });
    expect(await topics().confirm('ses', { ...confirmation, subscribeUrl: url })).toEqual({ kind: 'done' });
    await clock.advanceUntil(() => told.length === 4);
    expect(told[3]).toMatchObject({ name: 'hook-unsubscribed:ses', raised: false });
    stop.abort();
    await watching;
  });

  test('that cannot be confirmed are told of now and then', async () => {
    sns.answers.clear();
    await sns.become('sns.amazonaws.com');
    for (let n = 0; n < 20; n++) expect(await post('ses', confirm(`t${n}`))).toMatchObject({ status: 503 });
    const failed = events.filter(({ event }) => event === 'failed');
    expect(failed).toMatchObject([{ where: 'hooks', cause: expect.stringContaining('Amazon answered 404') }]);
  });
});
