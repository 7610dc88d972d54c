import { simpleParser } from 'mailparser';
import { describe, expect, test } from 'vitest';
import { bounceOf, DAY_MS, DOMAINS, eachWithReturnPaths } from '../../tests/fakes/return-rig.ts';
import { aSettlement, aSubmission, deliveryOf } from '../../tests/fakes/submission.ts';

const fixture = eachWithReturnPaths();

describe('going out', () => {
  test('the From domain decides, the longest of the policy first, as for signatures', async () => {
    const rig = fixture();
    rig.inForce({
      domains: { ...DOMAINS, 'shop.example.com': {}, 'News.Example.COM': { returnPath: 'Back.Example.net' } },
    });
    const { message } = aSubmission({ atMs: rig.clock.nowMs() });
    const id = deliveryOf(aSubmission({ atMs: rig.clock.nowMs() }));
    const domainFor = (fromDomain: string | null): string =>
      rig.paths.reversePath({ ...message, fromDomain }, id).replace(/^b\+[0-9a-z-]+@/, 'verp@');
    expect(domainFor('example.com')).toBe('verp@bounces.example.com');
    expect(domainFor('deep.down.example.com')).toBe('verp@bounces.example.com');
    expect(domainFor('news.example.com')).toBe('verp@back.example.net');
    for (const other of ['shop.example.com', 'a.shop.example.com', 'example.net', 'com', 'badexample.com', null])
      expect(domainFor(other), String(other)).toBe('shop@example.com');
  });

  test('the null sender stays null, and each delivery has its own path, the same at every attempt', async () => {
    const rig = fixture();
    const submission = aSubmission({ atMs: rig.clock.nowMs(), to: ['a@one.test', 'b@two.test'] });
    const [one, two] = [1, 2].map((ordinal) => rig.pathOf(submission, deliveryOf(submission, ordinal)));
    expect(one).not.toBe(two);
    await rig.clock.advance(3 * DAY_MS);
    expect(rig.pathOf(submission, deliveryOf(submission))).toBe(one);
    const fromNobody = aSubmission({ atMs: rig.clock.nowMs(), sender: '' });
    expect(rig.pathOf(fromNobody, deliveryOf(fromNobody))).toBe('');
  });
});

describe('what comes to a return path', () => {
  test('is known for as long as mail and its bounces may take, and then no more', async () => {
    const rig = fixture();
    const submission = await rig.sent();
    const path = rig.pathOf(submission, deliveryOf(submission));
    expect(rig.paths.judge(path)).toBe('known');
    expect(rig.paths.judge(path.replace('@', '0@'))).toBe('unknown');
    expect(rig.paths.judge('shop@bounces.example.com')).toBe('unknown');
    expect(rig.paths.judge('shop@example.com')).toBe('elsewhere');
    await rig.clock.advance(30 * DAY_MS + rig.policy.retry.expireMs);
    expect(rig.paths.judge(path)).toBe('known');
    await rig.clock.advance(DAY_MS);
    expect(rig.paths.judge(path)).toBe('unknown');
    expect(await rig.take({ address: path, content: bounceOf('gone@dest.test') })).toMatchObject({ code: 550 });
  });

  test('of mail that waited for its hour counts from that hour', () => {
    const rig = fixture();
    const { message, ...submission } = aSubmission({ atMs: rig.clock.nowMs() });
    const scheduled = { ...message, sendAtMs: rig.clock.nowMs() + 30 * DAY_MS };
    const path = rig.paths.reversePath(scheduled, deliveryOf({ ...submission, message }));
    expect(path).not.toBe(rig.paths.reversePath(message, deliveryOf({ ...submission, message })));
  });

  test('is nothing of ours once its domain is no return path, or the keys cannot be had', async () => {
    const rig = fixture();
    const submission = await rig.sent();
    const path = rig.pathOf(submission, deliveryOf(submission));
    rig.keys = null;
    expect(rig.paths.judge(path)).toBe('unknown');
    expect(rig.pathOf(submission, deliveryOf(submission))).toBe('shop@example.com');
    rig.keys = [Buffer.alloc(32, 7)];
    rig.inForce({});
    expect(rig.paths.judge(path)).toBe('elsewhere');
    expect(rig.pathOf(submission, deliveryOf(submission))).toBe('shop@example.com');
  });
});

describe('a report of failure', () => {
  test('goes to the sender whom the client named, with the bounce as it came, and into the history', async () => {
    const rig = fixture();
    const submission = await rig.sent();
    const address = rig.pathOf(submission, deliveryOf(submission));
    const bounce = bounceOf('gone@dest.test');
    expect(await rig.take({ address, content: bounce })).toEqual({ code: 250, detail: '6.0', text: 'taken' });
    const [report, ...others] = await rig.told();
    expect(others).toEqual([]);
    expect(report?.to).toBe('shop@example.com');
    expect(report?.content).toContain(bounce.toString('latin1'));
    const parsed = await simpleParser(report?.content ?? '', { keepDeliveryStatus: true });
    expect(parsed.from?.text).toContain('MAILER-DAEMON@relay.test');
    expect(parsed.headers.get('auto-submitted')).toBe('auto-replied');
    expect(parsed.headers.get('in-reply-to')).toBe(submission.message.messageIdHeader);
    const status = parsed.attachments.find(({ contentType }) => contentType === 'message/delivery-status');
    expect(status?.content.toString()).toMatch(
      /Final-Recipient: rfc822; gone@dest\.test\r?\nAction: failed\r?\nStatus: 5\.1\.1/,
    );
    const story = await rig.spool.story(submission.message.id);
    expect(rig.events[0]).toMatchObject(story?.events.at(-1) ?? {});
    expect(rig.events).toMatchObject([
      {
        event: 'bounced-later',
        deliveryId: deliveryOf(submission),
        domain: 'dest.test',
        recipients: ['gone@dest.test'],
        reply: { code: 550, detail: '1.1', text: 'no such user' },
        host: 'mx.dest.test',
        egress: 'direct',
      },
    ]);
    expect((await rig.spool.audit()).finished).toMatchObject({ delivered: 1, bounced: 0 });
  });

  test('that comes again is told once; another one is another', async () => {
    const rig = fixture();
    const submission = await rig.sent();
    const address = rig.pathOf(submission, deliveryOf(submission));
    for (const note of ['1', '1', '2', '1']) {
      expect(await rig.take({ address, content: bounceOf('gone@dest.test', note) })).toMatchObject({ code: 250 });
    }
    expect((await rig.told()).length).toBe(2);
    expect(rig.events.length).toBe(2);
  });

  test('of a message whose crash left the report and not the note is noted then, and told once', async () => {
    const rig = fixture();
    const submission = await rig.sent();
    const mail = { address: rig.pathOf(submission, deliveryOf(submission)), content: bounceOf('gone@dest.test') };
    const note = rig.spool.note.bind(rig.spool);
    rig.spool.note = () => Promise.reject(new Error('died'));
    await expect(rig.take(mail)).rejects.toThrow('died');
    rig.spool.note = note;
    expect(await rig.take(mail)).toMatchObject({ code: 250 });
    expect((await rig.told()).length).toBe(1);
    expect(rig.events.length).toBe(1);
  });

  test('names only recipients of the delivery that the path names', async () => {
    const rig = fixture();
    const submission = await rig.sent({ to: ['gone@dest.test', 'ana@dest.test', 'luis@two.test'] });
    const address = rig.pathOf(submission, deliveryOf(submission));
    await rig.take({ address, content: bounceOf('luis@two.test') });
    expect(rig.events).toMatchObject([{ event: 'answered', what: 'other', recipients: [] }]);
    const [answer] = await rig.told();
    expect(answer?.to).toBe('shop@example.com');
    expect(answer?.content).toContain(bounceOf('luis@two.test').toString('latin1'));
  });

  test('of mail from nobody, or from a return path, stands in the history and is told to nobody', async () => {
    const rig = fixture();
    for (const sender of ['', 'old@bounces.example.com']) {
      const submission = aSubmission({ atMs: rig.clock.nowMs(), sender, to: ['gone@dest.test'] });
      // The path was made when there was a sender, or by another rule.
      const named = await rig.sent();
      await rig.spool.accept(submission);
      const claim = {
        nowMs: rig.clock.nowMs(),
        leaseUntilMs: rig.clock.nowMs() + 60_000,
        limit: 100,
        perLane: 100,
        exclude: [],
      };
      for (const leased of (await rig.spool.claim(claim)).leased)
        await rig.spool.settle(aSettlement(leased, { atMs: rig.clock.nowMs() }));
      const address = rig.paths.reversePath(named.message, deliveryOf(submission));
      expect(await rig.take({ address, content: bounceOf('gone@dest.test') })).toMatchObject({ code: 250 });
    }
    expect(await rig.told()).toEqual([]);
    expect(rig.events.map((event) => [event.event, 'report' in event && event.report])).toEqual([
      ['bounced-later', null],
      ['bounced-later', null],
    ]);
  });

  test('of a message that the history has forgotten is refused', async () => {
    const rig = fixture();
    const submission = await rig.sent();
    const address = rig.pathOf(submission, deliveryOf(submission));
    await rig.clock.advance(1_000);
    await rig.spool.prune(rig.clock.nowMs());
    expect(await rig.take({ address, content: bounceOf('gone@dest.test') })).toEqual({
      code: 550,
      detail: '1.1',
      text: 'no such message any more',
    });
    expect(await rig.told()).toEqual([]);
  });
});

test('a report of success, which the client asked for, stays one that programs can read', async () => {
  const rig = fixture();
  const submission = await rig.sent();
  const address = rig.pathOf(submission, deliveryOf(submission));
  const success = String(bounceOf('gone@dest.test')).replace('failed', 'delivered').replace('5.1.1', '2.0.0');
  await rig.take({ address, content: Buffer.from(success) });
  expect(rig.events).toMatchObject([{ event: 'answered', what: 'other' }]);
  const [answer] = await rig.told();
  const parsed = await simpleParser(answer?.content ?? '', { keepDeliveryStatus: true });
  expect(parsed.headers.get('content-type')).toMatchObject({ value: 'multipart/report' });
  const status = parsed.attachments.find(({ contentType }) => contentType === 'message/delivery-status');
  expect(status?.content.toString()).toContain('Action: delivered');
  expect(answer?.content).toContain(success);
});
