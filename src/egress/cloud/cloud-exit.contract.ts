import { describe, expect, test, vi } from 'vitest';
import { awkwardBodies } from '../../../tests/fakes/mail.ts';
import { type CloudRig, type CloudRigOptions, firstOf, kindsOf, PASS } from '../../../tests/fakes/cloud-exits.ts';
import type { CloudAct } from '../../../tests/fakes/cloud-server.ts';
import { mailTo, NEVER } from '../../../tests/fakes/exits.ts';
import { testKeys, testThrottling } from './cloud-keys.contract.ts';

/** A provider's answers, as its documents have them. */
export type CloudWords = {
  readonly keyRefused: CloudAct;
  readonly throttled: (retryAfter: string | null) => CloudAct;
  readonly paused: CloudAct;
  readonly senderNotVerified: CloudAct;
  readonly contentRefused: CloudAct;
  readonly recipientRefused: CloudAct;
  readonly ownFault: CloudAct;
};

export type CloudKind = {
  readonly name: string;
  readonly open: (options?: CloudRigOptions) => Promise<CloudRig>;
  readonly batchMost: number;
  /** `json`: the message is said anew, so that it does not arrive byte for byte. Default: `mime`. */
  readonly carries?: 'mime' | 'json';
  readonly words: CloudWords;
};

const HEADER = 'From: a@example.com\r\nTo: b@example.net\r\nMessage-ID: <1@example.com>\r\nSubject: x\r\n\r\n';
const HTML: CloudAct = { kind: 'answer', status: 502, body: '<html><h1>Bad Gateway</h1></html>' };

/** What every exit by a provider's API promises. */
export function testCloudExit(kind: CloudKind): void {
  describe(`${kind.name} exit`, () => {
    if (kind.carries !== 'json') testCarrying(kind);
    testRequests(kind);
    testKeys(kind);
    testThrottling(kind);
    testVerdicts(kind);
    testDoubt(kind);
  });
}

function testCarrying({ open, batchMost }: CloudKind): void {
  test.each([...awkwardBodies()])('%s arrive byte for byte', async (_, body) => {
    await using rig = await open();
    const content = Buffer.concat([Buffer.from(HEADER), body]);
    const result = await rig.egress.attempt(mailTo({ content, envelope: { eightBit: true } }), NEVER);
    expect(kindsOf(result)).toEqual(['delivered']);
    expect(rig.arrived()[0]?.content.equals(content)).toBe(true);
  });

  test('recipients are those of the envelope, whatever To says, and each has an outcome', async () => {
    await using rig = await open();
    const to = ['one@example.net', 'bcc@example.net'];
    const result = await rig.egress.attempt(mailTo({ to, content: `${HEADER}text\r\n` }), NEVER);
    expect(kindsOf(result)).toEqual(['delivered', 'delivered']);
    const [arrived] = rig.arrived();
    expect(arrived?.recipients).toEqual(to);
    expect(arrived?.content.toString()).toContain('\r\nTo: b@example.net\r\n');
    expect(result.providerId ?? result.peers?.[0]?.providerId).not.toBeUndefined();
  });

  test('more recipients than a request takes go in several', async () => {
    await using rig = await open();
    const to = Array.from({ length: batchMost + 1 }, (_, at) => `r${at}@example.net`);
    const result = await rig.egress.attempt(mailTo({ to }), NEVER);
    expect(new Set(kindsOf(result))).toEqual(new Set(['delivered']));
    expect(rig.arrived().map(({ recipients }) => recipients.length)).toEqual([batchMost, 1]);
    expect(new Set(result.peers?.map(({ providerId }) => providerId)).size).toBe(2);
  });

  test('where one request is in doubt, the next is not made, and nothing is in doubt of its recipients', async () => {
    await using rig = await open();
    rig.server.act({ kind: 'drop' }, PASS);
    const to = Array.from({ length: batchMost + 1 }, (_, at) => `r${at}@example.net`);
    const result = await rig.egress.attempt(mailTo({ to }), NEVER);
    expect(new Set(kindsOf(result).slice(0, batchMost))).toEqual(new Set(['in-doubt']));
    expect(result.outcomes[batchMost]).toMatchObject({ kind: 'deferred', own: true, scope: 'egress' });
    expect(rig.server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });
}

function testRequests({ open }: CloudKind): void {
  test('nothing leaves once it is called off, or when the right to send is gone', async () => {
    await using rig = await open();
    const aborted = await rig.egress.attempt(mailTo(), AbortSignal.abort());
    const forbidden = await rig.egress.attempt({ ...mailTo(), mayGo: () => false }, NEVER);
    for (const result of [aborted, forbidden])
      expect(firstOf(result)).toMatchObject({ kind: 'deferred', scope: 'message', own: true });
    expect(rig.arrived()).toEqual([]);
  });

  test('what is under way when it is closed is finished first', async () => {
    await using rig = await open();
    const attempt = rig.egress.attempt(mailTo(), NEVER);
    await rig.egress[Symbol.asyncDispose]();
    expect(kindsOf(await attempt)).toEqual(['delivered']);
  });

  test('as many as it takes at once arrive once each', async () => {
    await using rig = await open();
    const results = await Promise.all(Array.from({ length: 20 }, () => rig.egress.attempt(mailTo(), NEVER)));
    expect(results.flatMap((result) => [...kindsOf(result)])).toEqual(Array.from({ length: 20 }, () => 'delivered'));
    expect(rig.arrived()).toHaveLength(20);
  });
}

function testVerdicts({ open, words }: CloudKind): void {
  test.each([
    ['a paused account', words.paused],
    ['a sender that is not verified', words.senderNotVerified],
  ])('%s takes the exit out and says what to do', async (_, act) => {
    await using rig = await open();
    rig.server.act(act);
    const outcome = firstOf(await rig.egress.attempt(mailTo(), NEVER));
    expect(outcome).toMatchObject({ kind: 'deferred', scope: 'egress', own: true, reply: { detail: '7.1' } });
    expect(outcome).not.toHaveProperty('unfit');
    const [alert] = rig.alerts('exit-provider:cloud');
    expect(alert).toMatchObject({ raised: true });
    rig.server.act();
    await rig.egress.attempt(mailTo(), NEVER);
    expect(rig.alerts('exit-provider:cloud').at(-1)).toMatchObject({ raised: false });
  });

  test('an exit that takes other mail goes on, where one sender is not verified', async () => {
    await using rig = await open();
    await rig.egress.attempt(mailTo(), NEVER);
    rig.server.act(words.senderNotVerified);
    expect(firstOf(await rig.egress.attempt(mailTo(), NEVER))).toMatchObject({ kind: 'deferred', unfit: true });
  });

  test('refused content bounces, and does not come again', async () => {
    await using rig = await open();
    rig.server.act(words.contentRefused);
    const result = await rig.egress.attempt(mailTo(), NEVER);
    expect(firstOf(result)).toMatchObject({ kind: 'bounced', scope: 'message', reply: { code: 550 } });
    expect(rig.server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
  });

  test('of several recipients the refused one alone bounces', async () => {
    await using rig = await open();
    rig.server.act(words.recipientRefused, PASS, words.recipientRefused);
    const result = await rig.egress.attempt(mailTo({ to: ['b@example.net', 'bad@example.net'] }), NEVER);
    expect(kindsOf(result)).toEqual(['delivered', 'bounced']);
    expect(result.outcomes[1]).toMatchObject({ scope: 'recipient', reply: { code: 550, detail: '1.3' } });
  });

  test.each<[string, CloudAct]>([
    ['a fault of its own', words.ownFault],
    ['a page of somebody between', HTML],
    ['an error in broken JSON', { kind: 'answer', status: 500, body: '{"message": "int' }],
    ['a 403 of somebody between', { kind: 'answer', status: 407, body: '<html>proxy</html>' }],
    ['a redirect', { kind: 'answer', status: 307, headers: { Location: 'http://127.0.0.1:1/' }, body: '' }],
    ['an error whose body is cut off', { kind: 'cut', status: 503, body: '{' }],
  ])('%s is the exit’s trouble, and another exit may do', async (_, act) => {
    await using rig = await open();
    rig.server.act(act);
    const result = await rig.egress.attempt(mailTo(), NEVER);
    expect(firstOf(result)).toMatchObject({ kind: 'deferred', scope: 'egress', own: true });
    expect(firstOf(result)).not.toHaveProperty('restMs');
    expect(rig.server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1);
    expect(result.mailed).toBe(false);
  });

  test('a service that cannot be reached defers, and rejects nothing', async () => {
    await using rig = await open();
    await rig.server.breakDown();
    const result = await rig.egress.attempt(mailTo({ to: ['b@example.net', 'c@example.net'] }), NEVER);
    expect(kindsOf(result)).toEqual(['deferred', 'deferred']);
    expect(firstOf(result)).toMatchObject({ scope: 'egress', own: true });
    expect(firstOf(result).reply.text).toContain('refused');
  });

  test('a connection that breaks before the message is out leaves nothing in doubt', async () => {
    await using rig = await open();
    rig.server.act({ kind: 'drop', early: true });
    const content = Buffer.concat([Buffer.from(HEADER), Buffer.from('x'.repeat(76).concat('\r\n').repeat(200_000))]);
    expect(kindsOf(await rig.egress.attempt(mailTo({ content }), NEVER))).toEqual(['deferred']);
  });

  test('an answer without end is read no further', async () => {
    await using rig = await open();
    rig.server.act({ kind: 'answer', status: 500, body: Buffer.alloc(8 * 1024 * 1024, 0x20) });
    expect(kindsOf(await rig.egress.attempt(mailTo(), NEVER))).toEqual(['deferred']);
  });
}

function testDoubt({ open }: CloudKind): void {
  test.each<[string, CloudAct]>([
    ['a connection that is reset', { kind: 'drop' }],
    ['an answer that is cut off', { kind: 'cut', status: 200, body: '{"id": "' }],
    ['a success that is none of the provider’s', { kind: 'answer', status: 200, body: '<html>Welcome</html>' }],
    ['a success without an id', { kind: 'answer', status: 200, body: '{}' }],
    ['a gateway that gave up waiting', { kind: 'answer', status: 504, body: '<html>Gateway Timeout</html>' }],
  ])('%s after the message was sent leaves it in doubt', async (_, act) => {
    await using rig = await open();
    rig.server.act(act);
    const result = await rig.egress.attempt(mailTo(), NEVER);
    expect(firstOf(result)).toMatchObject({ kind: 'in-doubt', own: true });
    expect(result.mailed).toBe(true);
  });

  test.each<[string, CloudAct, string]>([
    ['no answer', { kind: 'hang' }, 'in-doubt'],
    ['an answer that trickles', { kind: 'trickle', status: 200, body: '{"id"' }, 'in-doubt'],
    ['an error that trickles', { kind: 'trickle', status: 500, body: '{"mess' }, 'deferred'],
  ])('%s is waited for as long as the policy says', async (_, act, outcome) => {
    await using rig = await open({ settings: { timeout: '20s' } });
    rig.server.act(act);
    const stages: string[] = [];
    const attempt = rig.egress.attempt({ ...mailTo(), onStage: (stage) => stages.push(stage) }, NEVER);
    await vi.waitFor(
      () => expect(rig.server.requests.filter(({ method }) => method === 'POST')).toHaveLength(1),
      10_000,
    );
    await vi.waitFor(() => expect(stages).toContain('content'), 10_000);
    let isOver = false;
    void attempt.then(() => (isOver = true));
    await rig.clock.advance(19_000);
    expect(isOver).toBe(false);
    await rig.clock.advance(1_000);
    expect(kindsOf(await attempt)).toEqual([outcome]);
  });
}
