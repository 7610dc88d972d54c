/** What comes of the posts of providers, over every engine: all that has to hold over restarts and nodes. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { HookRig, MAILGUN_KEY } from '../../../tests/fakes/hook-rig.ts';
import { FakeSns, mailgunPost, sendgridPost, sesEvent } from '../../../tests/fakes/provider-posts.ts';
import type { SubmissionOptions } from '../../../tests/fakes/submission.ts';
import { OWN_CLIENT } from '../../message/message.ts';
import type { Submission } from '../../spool/spool.ts';
import { eachWith, type Engine } from '../../spool/engine.contract.ts';

/** A list: once, by whichever node, however often. */
export function testHooks(engine: Engine): void {
  describe(`${engine.name}: what providers post`, () => {
    const fixture = eachWith(engine);
    let sns: FakeSns;
    let rig: HookRig;
    beforeAll(async () => {
      sns = await FakeSns.start();
    });
    afterAll(() => sns[Symbol.asyncDispose]());
    beforeEach(async () => {
      sns.asked.length = 0;
      rig = await HookRig.open(fixture(), sns);
    });
    afterEach(() => rig[Symbol.asyncDispose]());

    const now = (): number => rig.clock.nowMs();
    const grid = (events: readonly object[]) =>
      sendgridPost(events, { privateKey: rig.sendgrid.privateKey, atMs: now() });
    const said = (delivery: string, event: object) => ({
      email: 'ann@dest.test',
      timestamp: Math.floor(now() / 1_000),
      'relevo-message': delivery.slice(0, 26),
      'relevo-delivery': delivery,
      ...event,
    });

    test('is noted once, whoever hears it again', async () => {
      const { submission, delivery } = await rig.sent('grid');
      const post = grid([said(delivery, { event: 'delivered', sg_event_id: 'e1', response: '250 2.0.0 kept' })]);
      expect(await rig.post('grid', post)).toMatchObject({ status: 200 });
      expect(await rig.post('grid', post)).toMatchObject({ status: 200 });
      expect(await rig.post('grid', post, rig.another())).toMatchObject({ status: 200 });
      expect(await rig.noted(submission)).toEqual([
        expect.objectContaining({ event: 'confirmed', detail: '250 2.0.0 kept', egress: 'grid', source: 'hook:grid' }),
      ]);
      expect(rig.passedOver()).toEqual({ noted: 1, repeat: 2 });
      expect(rig.events.filter(({ event }) => event === 'confirmed')).toHaveLength(1);
    });

    test('is answered 200 only once it is stored, and half of a batch that was is no harm', async () => {
      const { submission, delivery } = await rig.sent('grid');
      const bounce = {
        event: 'bounce',
        type: 'bounce',
        sg_event_id: 'b',
        reason: '550 5.1.1 no such user',
        status: '5.1.1',
      };
      const post = grid([said(delivery, bounce)]);
      rig.away.note = true;
      expect(await rig.post('grid', post)).toMatchObject({ status: 503 });
      expect(await rig.noted(submission)).toEqual([]);
      rig.away.note = false;
      rig.away.learn = true;
      expect(await rig.post('grid', post)).toMatchObject({ status: 503 });
      expect([(await rig.noted(submission)).length, await rig.suppressed()]).toEqual([1, []]);
      rig.away.learn = false;
      expect(await rig.post('grid', post)).toMatchObject({ status: 200 });
      expect((await rig.noted(submission)).length).toBe(1);
      expect(await rig.suppressed()).toEqual(['ann@dest.test hard-bounce']);
    });

    test('a token of Mailgun is good for one event, on every node, for as long as it would be believed', async () => {
      const { submission, delivery } = await rig.sent('gun');
      const event = (id: string, what: string) => ({
        id,
        event: what,
        recipient: 'ann@dest.test',
        timestamp: now() / 1_000,
        'user-variables': { 'relevo-message': delivery.slice(0, 26), 'relevo-delivery': delivery },
      });
      const of = { signingKey: MAILGUN_KEY, atMs: now(), token: 'f'.repeat(50) };
      const first = mailgunPost(event('m1', 'delivered'), of);
      const forged = mailgunPost(event('m2', 'complained'), of);
      rig.away.note = true;
      expect(await rig.post('gun', first)).toMatchObject({ status: 503 });
      rig.away.note = false;
      expect(await rig.post('gun', first)).toMatchObject({ status: 200 });
      expect(await rig.post('gun', forged)).toMatchObject({ status: 401 });
      expect(await rig.post('gun', forged, rig.another())).toMatchObject({ status: 401 });
      expect(await rig.post('gun', first, rig.another())).toMatchObject({ status: 200 });
      await rig.clock.advance(8.9 * 3_600_000);
      expect(await rig.post('gun', forged, rig.another())).toMatchObject({ status: 401 });
      await rig.clock.advance(0.2 * 3_600_000);
      expect(await rig.post('gun', first)).toMatchObject({ status: 401 });
      expect((await rig.noted(submission)).map(({ event: what }) => what)).toEqual(['confirmed']);
      expect(await rig.suppressed()).toEqual([]);
      expect(rig.refused()).toEqual(['gun replay 1', 'gun replay 1', 'gun replay 1', 'gun old 1']);
    });

    test('of posts with one token of Mailgun at one moment, on two nodes, one event is believed', async () => {
      const { submission, delivery } = await rig.sent('gun');
      const event = (id: string) => ({
        id,
        event: 'opened',
        recipient: 'ann@dest.test',
        timestamp: now() / 1_000,
        'user-variables': { 'relevo-message': delivery.slice(0, 26), 'relevo-delivery': delivery },
      });
      const of = { signingKey: MAILGUN_KEY, atMs: now(), token: 'a'.repeat(50) };
      const posts = Array.from({ length: 12 }, (_, n) => mailgunPost(event(`m${n}`), of));
      const nodes = [rig.another(), rig.another()];
      // One that could not be stored leaves the token to the others.
      rig.away.note = true;
      expect(await rig.post('gun', mailgunPost(event('failed'), of), nodes[0])).toMatchObject({ status: 503 });
      rig.away.note = false;
      const send = async () => await Promise.all(posts.map((post, n) => rig.post('gun', post, nodes[n % 2])));
      const statuses = (await send()).map(({ status }) => status);
      expect(statuses.filter((status) => status === 200).length).toBe(1);
      expect(statuses.filter((status) => status === 503 || status === 401).length).toBe(11);
      const again = (await send()).map(({ status }) => status);
      expect(again).toEqual(statuses.map((status) => (status === 200 ? 200 : 401)));
      expect((await rig.noted(submission)).length).toBe(1);
    });

    test('a subscription is confirmed once, by one node, and a failed call is made again', async () => {
      const post = sns.post('You have chosen to subscribe', { atMs: now(), type: 'SubscriptionConfirmation' });
      const calls = () => sns.asked.filter(({ url }) => url.includes('ConfirmSubscription'));
      expect(await rig.post('ses', post)).toMatchObject({ status: 503 });
      const url = calls()[0]?.url ?? '';
      sns.answers.set(url, { status: 200, body: Buffer.from('<ok/>') });
      for (const hooks of [rig.another(), rig.another()])
        expect(await rig.post('ses', post, hooks)).toMatchObject({ status: 200 });
      expect(calls()).toHaveLength(2);
    });

    test('mail in doubt that its provider had is not sent once more', async () => {
      const submission = await rig.accepted({ to: ['ann@dest.test', 'bob@dest.test'] });
      const delivery = `${submission.message.id}.1`;
      await rig.attempted('ses', { addresses: [], rest: { doubtBy: 'ses', dueAtMs: now() + 600_000 } });
      const send = sesEvent('Send', { delivery, to: ['ann@dest.test'] });
      expect(await rig.post('ses', sns.post(send, { atMs: now() }))).toMatchObject({ status: 200 });
      const story = await rig.spool.story(submission.message.id);
      expect(
        story?.queued.map(({ delivery: { recipients, doubtBy } }) => [recipients.map((one) => one.address), doubtBy]),
      ).toEqual([[['bob@dest.test'], 'ses']]);
      expect(story?.events.at(-1)).toMatchObject({ event: 'delivered', egress: 'ses', recipients: ['ann@dest.test'] });
      const bounce = sesEvent('Bounce', {
        delivery,
        to: ['bob@dest.test'],
        more: {
          bounce: {
            bounceType: 'Permanent',
            bounceSubType: 'General',
            bouncedRecipients: [
              { emailAddress: 'bob@dest.test', status: '5.1.1', diagnosticCode: 'smtp; 550 5.1.1 gone' },
            ],
          },
        },
      });
      expect(await rig.post('ses', sns.post(bounce, { atMs: now(), id: 'two' }))).toMatchObject({ status: 200 });
      const ended = await rig.spool.story(submission.message.id);
      expect(ended?.queued).toEqual([]);
      expect(ended?.events.at(-1)).toMatchObject({
        event: 'bounced',
        recipients: ['bob@dest.test'],
        reply: { code: 550, detail: '1.1' },
      });
      expect((await rig.spool.audit()).violations).toEqual([]);
      expect(await rig.suppressed()).toEqual(['bob@dest.test hard-bounce']);
    });

    describe('the sender', () => {
      const bounce = (delivery: string, more: object = {}) =>
        grid([
          said(delivery, { event: 'bounce', type: 'bounce', sg_event_id: 'b', reason: '550 5.1.1 gone', ...more }),
        ]);
      /** What is in the queue for senders, as it goes out. */
      const reports = async () => {
        const found: string[] = [];
        for (const { message } of await rig.fixture.claimed()) {
          const content = await rig.spool.content(message.id);
          if (message.client !== OWN_CLIENT || content.kind !== 'found') continue;
          expect(message.envelope.sender).toBe('');
          found.push(content.content.toString());
        }
        return found;
      };
      const reported = async (submission: Submission) =>
        (await rig.noted(submission)).map((event) => 'report' in event && event.report);

      test('gets one report of a bounce, whoever hears of it again, and whatever failed meanwhile', async () => {
        const { submission, delivery } = await rig.sent('grid');
        rig.away.note = true;
        expect(await rig.post('grid', bounce(delivery))).toMatchObject({ status: 503 });
        rig.away.note = false;
        for (const hooks of [rig.another(), rig.another()])
          expect(await rig.post('grid', bounce(delivery), hooks)).toMatchObject({ status: 200 });
        // It was not tried again, for it had bounced: no other news.
        const dropped = bounce(delivery, { event: 'dropped', sg_event_id: 'd', reason: 'Bounced Address' });
        expect(await rig.post('grid', dropped)).toMatchObject({ status: 200 });
        const [report = '', ...more] = await reports();
        expect(more).toEqual([]);
        expect(report).toMatch(/^To: <shop@example\.com>\r$/m);
        expect(report).toContain(`In-Reply-To: ${submission.message.messageIdHeader}\r\n`);
        expect(report).toContain(
          'Final-Recipient: rfc822; ann@dest.test\r\nAction: failed\r\nStatus: 5.1.1\r\nDiagnostic-Code: X-Relevo; 550 5.1.1 gone\r\n',
        );
        expect(report).not.toContain('attached');
        const [id] = await reported(submission);
        expect([id, (await reported(submission)).length]).toEqual([expect.stringMatching(/^[0-9A-Z]{26}$/), 2]);
        expect(new Set(await reported(submission)).size).toBe(1);
        expect(report).toContain(`<report.${String(id)}@relay.test>`);
        expect((await rig.spool.audit()).violations).toEqual([]);
      });

      test('hears of what the provider never tried, for its own list has the address', async () => {
        const { submission, delivery } = await rig.sent('gun');
        const event = {
          id: 'm1',
          event: 'failed',
          severity: 'permanent',
          reason: 'suppress-complaint',
          recipient: 'ann@dest.test',
          timestamp: now() / 1_000,
          'delivery-status': { code: 607, message: 'Not delivering to a user who marked your messages as spam' },
          'user-variables': { 'relevo-message': delivery.slice(0, 26), 'relevo-delivery': delivery },
        };
        const post = mailgunPost(event, { signingKey: MAILGUN_KEY, atMs: now(), token: 'a'.repeat(50) });
        expect(await rig.post('gun', post)).toMatchObject({ status: 200 });
        expect(await reports()).toEqual([expect.stringContaining('Status: 5.7.1\r\n')]);
        expect(await reported(submission)).toEqual([expect.any(String)]);
      });

      test.each([
        ['is nobody', { sender: '' }],
        ['is a return path of the relay', { sender: 'v0=abc@bounce.shop.test' }],
        ['wants no mail of it', { client: 'quiet' }],
        ['is the relay itself', { client: OWN_CLIENT, sender: '' }],
        ['wants no report of this recipient', { unasked: ['ann@dest.test'] }],
      ])(
        'gets none where it %s',
        async (_, { unasked, ...options }: Partial<SubmissionOptions> & { unasked?: string[] }) => {
          const { submission, delivery } = await rig.sent(
            'grid',
            unasked === undefined ? options : { ...options, unasked },
          );
          expect(await rig.post('grid', bounce(delivery))).toMatchObject({ status: 200 });
          expect(await reports()).toEqual([]);
          expect(await reported(submission)).toEqual([null]);
        },
      );

      test('gets no mail of what is no bounce, and none of a bounce of a report', async () => {
        const { delivery } = await rig.sent('grid');
        const others = ['deferred', 'open', 'click', 'spamreport', 'unsubscribe', 'delivered'].map((event) =>
          said(delivery, { event, sg_event_id: event }),
        );
        expect(await rig.post('grid', grid(others))).toMatchObject({ status: 200 });
        expect(await reports()).toEqual([]);
        expect(await rig.post('grid', bounce(delivery))).toMatchObject({ status: 200 });
        // The report leaves by the provider as well, and bounces there.
        const [report] = await rig.attempted('grid');
        const again = bounce(report ?? '', { email: 'shop@example.com' });
        expect(await rig.post('grid', again)).toMatchObject({ status: 200 });
        expect([rig.passedOver()['noted'], await reports()]).toEqual([8, []]);
      });
    });

    test('what has no arguments is found by the provider’s own id', async () => {
      const { submission } = await rig.sent('grid', { providerId: 'sinT123' });
      const event = {
        email: 'Ann@dest.test',
        event: 'open',
        sg_event_id: 'o',
        sg_message_id: 'sinT123.recvd-5f-abc-0',
      };
      expect(await rig.post('grid', grid([event]))).toMatchObject({ status: 200 });
      expect(await rig.noted(submission)).toMatchObject([{ event: 'opened', recipients: ['ann@dest.test'] }]);
    });
  });
}
