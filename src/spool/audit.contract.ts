/** What every engine keeps of `Spool`: the proof, forgetting, and its own health. */
import { describe, expect, test } from 'vitest';
import { aSettlement, aSubmission, deliveryOf } from '../../tests/fakes/submission.ts';
import { accepted, eachWith, type Engine, kinds } from './engine.contract.ts';

export function testAudit(engine: Engine): void {
  describe(`${engine.name}: audit and prune`, () => {
    const fixture = eachWith(engine);

    test('every recipient is in one place: the proof holds', async () => {
      const { spool, nowMs } = fixture();
      await accepted(fixture(), { to: ['a@one.test', 'b@one.test', 'c@two.test'] });
      const leased = (await fixture().claimed()).find(({ delivery }) => delivery.domain === 'one.test');
      if (leased === undefined) throw new Error('one.test was due');
      await spool.settle(aSettlement(leased, { atMs: nowMs, addresses: ['a@one.test'], state: 'bounced' }));
      expect(await spool.audit()).toEqual({
        messages: 1,
        accepted: 3,
        finished: { delivered: 0, bounced: 1, expired: 0, suppressed: 0, discarded: 0 },
        queued: 2,
        possibleDuplicates: 0,
        violations: [],
      });
    });

    test('names who vanished, who ended twice, and who was accepted twice', async () => {
      const { spool, nowMs } = fixture();
      const vanished = await accepted(fixture(), { to: ['v@dest.test'] });
      await spool.settle({ ...aSettlement(await fixture().oneClaimed(), { atMs: nowMs }), events: [] });
      const twice = await accepted(fixture(), { to: ['t@dest.test'] });
      const settlement = aSettlement(await fixture().oneClaimed(), { atMs: nowMs });
      await spool.settle({ ...settlement, events: [...settlement.events, ...settlement.events] });
      const doubled = await accepted(fixture(), { to: ['d@dest.test', 'd@dest.test'] });
      const { violations } = await spool.audit();
      expect(new Set(violations.map(({ messageId, recipient }) => `${messageId} ${recipient}`))).toEqual(
        new Set([
          `${vanished.message.id} v@dest.test`,
          `${twice.message.id} t@dest.test`,
          `${doubled.message.id} d@dest.test`,
        ]),
      );
    });

    test('forgets finished messages from before, and nothing that is queued', async () => {
      const { spool, nowMs } = fixture();
      const old = await accepted(fixture(), {});
      await spool.settle(aSettlement(await fixture().oneClaimed(), { atMs: nowMs }));
      const recent = await accepted(fixture(), {});
      await spool.settle(aSettlement(await fixture().oneClaimed(), { atMs: nowMs + 1_000 }));
      const queued = await accepted(fixture(), {});
      expect(await spool.prune(nowMs + 1_000)).toBe(1);
      expect(await spool.prune(nowMs + 1_000)).toBe(0);
      expect(await spool.story(old.message.id)).toBeNull();
      expect(await spool.story(recent.message.id)).not.toBeNull();
      expect(await spool.story(queued.message.id)).not.toBeNull();
      expect(await spool.audit()).toMatchObject({ messages: 2, violations: [] });
    });

    test('what came back is added to the history of a message, queued or finished, and changes no sum', async () => {
      const { spool, nowMs } = fixture();
      const submission = await accepted(fixture(), { to: ['a@one.test', 'b@two.test'] });
      const { id: messageId } = submission.message;
      const of = { atMs: nowMs, messageId, deliveryId: deliveryOf(submission), domain: 'one.test' };
      const reply = { code: 550, detail: '1.1', text: 'no such user' };
      const bounced = { event: 'bounced-later', reply, host: null, egress: 'direct', report: null } as const;
      const answered = { event: 'answered', what: 'other', report: null, ...of, recipients: [] } as const;
      expect(await spool.note([{ ...bounced, ...of, recipients: ['a@one.test'] }])).toBe('noted');
      for (const leased of await fixture().claimed()) await spool.settle(aSettlement(leased, { atMs: nowMs }));
      expect(await spool.note([{ ...bounced, ...of, recipients: ['a@one.test'] }, answered])).toBe('noted');
      expect(await kinds(fixture(), submission)).toEqual([
        'received',
        'bounced-later',
        'delivered',
        'delivered',
        'bounced-later',
        'answered',
      ]);
      expect((await spool.story(messageId))?.events.at(-1)).toEqual(answered);
      expect(await spool.audit()).toMatchObject({
        accepted: 2,
        finished: { delivered: 2, bounced: 0 },
        violations: [],
      });
      expect(await spool.prune(nowMs + 1)).toBe(1);
      expect(await spool.note([answered])).toBe('unknown');
      expect(await spool.story(messageId)).toBeNull();
    });

    test('a healthy store has no trouble, a closed one has, and refuses', async () => {
      const { spool, nowMs } = fixture();
      expect(spool.trouble()).toBeNull();
      const pending = spool.accept(aSubmission({ atMs: nowMs }));
      await spool[Symbol.asyncDispose]();
      expect(await pending).toMatchObject({ kind: 'accepted' });
      expect(spool.trouble()).not.toBeNull();
      await expect(spool.accept(aSubmission({ atMs: nowMs }))).rejects.toMatchObject({ kind: 'unavailable' });
    });
  });
}
