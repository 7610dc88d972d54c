/** What is learnt of addresses, over every engine. */
import { describe, expect, test } from 'vitest';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import type { MessageEvent } from '../../message/event.ts';
import { deliveryIdOf, type MessageId } from '../../message/ids.ts';
import { policySchema, type PolicyInput } from '../../policy/schema.ts';
import type { Reply } from '../../message/reply.ts';
import { OWN_CLIENT } from '../../message/message.ts';
import { eachWith, type Engine } from '../../spool/engine.contract.ts';
import type { Suppression } from '../../spool/suppressions.ts';
import { isTally } from './tally.ts';
import { openSuppression } from './suppression.ts';

const DAY_MS = 86_400_000;
const GONE: Reply = { code: 550, detail: '1.1', text: 'no such user' };
const FULL: Reply = { code: 552, detail: '2.2', text: 'mailbox full' };
const ANN = 'Ann@dest.example';

export function testLearning(engine: Engine): void {
  describe(`${engine.name}: what is learnt of addresses`, () => {
    const fixture = eachWith(engine);

    async function opened(suppression: PolicyInput['suppression'] = {}) {
      const { spool, clock } = fixture();
      const policy = policySchema.parse({
        hostname: 'relay.example',
        suppression,
        egress: {
          direct: { type: 'mx' },
          own: { type: 'smtp', host: 'smtp.example' },
          ses: { type: 'ses', region: 'eu-west-1' },
        },
      });
      const suppressing = await openSuppression({ policy: () => policy, spool, clock, emit: () => undefined });
      return { suppressing, spool, clock };
    }
    type Opened = Awaited<ReturnType<typeof opened>>;

    async function mail({ spool, clock }: Opened, of: { client?: string; stream?: string; sender?: string } = {}) {
      const submission = aSubmission({ atMs: clock.nowMs(), client: 'shop', stream: 'news', to: [ANN], ...of });
      await spool.accept(submission);
      return submission.message.id;
    }

    const about = ({ clock }: Opened, messageId: MessageId) => ({
      atMs: clock.nowMs(),
      messageId,
      deliveryId: deliveryIdOf(messageId, 1),
      domain: 'dest.example',
      recipients: [ANN],
    });
    const bounce = (of: Opened, id: MessageId, reply: Reply): MessageEvent => ({
      event: 'bounced',
      reply,
      egress: 'direct',
      ...about(of, id),
    });
    const said = (of: Opened, id: MessageId, event: 'complained' | 'unsubscribed'): MessageEvent => ({
      event,
      source: 'report',
      detail: 'abuse',
      egress: null,
      ...about(of, id),
    });
    const refused = async ({ suppressing }: Opened, client = 'shop', stream = 'news') => {
      const ask = { addresses: [ANN], client, stream };
      if (!suppressing.screening.suspects(ask.addresses)) return null;
      return (await suppressing.screening.suppressedOf(ask)).get(ANN)?.text ?? null;
    };
    const kept = async ({ spool }: Opened): Promise<readonly Suppression[]> =>
      (await spool.suppressions.suppressions({}, { limit: 100, after: null })).entries;

    test('reports of the relay’s own go to a dead address all the same: it sent the mail that they are about', async () => {
      const of = await opened();
      await using _ = of.suppressing;
      await of.suppressing.learn([bounce(of, await mail(of), GONE)]);
      expect(await refused(of)).not.toBeNull();
      expect(await refused(of, OWN_CLIENT, 'transactional')).toBeNull();
    });

    test('a dead address is written to by nobody, for a year', async () => {
      const of = await opened();
      await using _ = of.suppressing;
      expect(await refused(of)).toBeNull();
      await of.suppressing.learn([bounce(of, await mail(of), GONE)]);
      const day = new Date(of.clock.nowMs()).toISOString().slice(0, 10);
      expect(await refused(of)).toBe(`suppressed: hard bounce on ${day}: 550 5.1.1 no such user`);
      expect(await refused(of, 'crm', 'other')).not.toBeNull();
      of.clock.jumpMs(365 * DAY_MS);
      expect(await refused(of)).toBeNull();
    });

    test('a complaint ends the mail of that client, and who unsubscribed gets no more of that stream', async () => {
      const of = await opened();
      await using _ = of.suppressing;
      const id = await mail(of);
      await of.suppressing.learn([said(of, id, 'unsubscribed')]);
      expect([await refused(of), await refused(of, 'shop', 'orders'), await refused(of, 'crm')]).toEqual([
        expect.stringContaining('unsubscribed'),
        null,
        null,
      ]);
      await of.suppressing.learn([said(of, id, 'complained')]);
      expect(await refused(of, 'shop', 'orders')).toContain('complaint');
      expect(await refused(of, 'crm')).toBeNull();
      of.clock.jumpMs(4_000 * DAY_MS);
      expect(await refused(of)).not.toBeNull();
    });

    test('the policy says for whom, for how long, and what not at all', async () => {
      const of = await opened({
        hardBounces: { scope: 'client', keep: '1d' },
        complaints: { scope: 'off' },
        unsubscribes: { scope: 'global' },
      });
      await using _ = of.suppressing;
      const id = await mail(of);
      await of.suppressing.learn([bounce(of, id, GONE), said(of, id, 'complained')]);
      expect([await refused(of), await refused(of, 'crm')]).toEqual([expect.stringContaining('hard bounce'), null]);
      expect(await kept(of)).toHaveLength(1);
      await of.suppressing.learn([said(of, id, 'unsubscribed')]);
      expect(await refused(of, 'crm')).toContain('unsubscribed');
    });

    test('what holds longer is not made to end sooner, and an operator’s word stays', async () => {
      const of = await opened({ complaints: { scope: 'global' } });
      await using _ = of.suppressing;
      const id = await mail(of);
      await of.suppressing.learn([said(of, id, 'complained')]);
      of.clock.jumpMs(1_000);
      await of.suppressing.learn([bounce(of, id, GONE)]);
      expect(await refused(of)).toContain('complaint');
      const manual = {
        address: ANN.toLowerCase(),
        client: null,
        stream: null,
        reason: 'manual',
        evidence: 'asked',
      } as const;
      of.clock.jumpMs(1_000);
      await of.spool.suppressions.suppress([{ ...manual, source: 'operator', atMs: of.clock.nowMs(), untilMs: null }]);
      of.clock.jumpMs(1_000);
      await of.suppressing.learn([said(of, id, 'complained')]);
      expect(await kept(of)).toMatchObject([{ reason: 'manual' }]);
    });

    test('soft bounces count up to the limit, and a delivery begins anew', async () => {
      const of = await opened({ softBounces: { count: 3, within: '30d', keep: '2d' } });
      await using _ = of.suppressing;
      const full = async (): Promise<void> => {
        of.clock.jumpMs(DAY_MS);
        const event = bounce(of, await mail(of), FULL);
        // The same report twice counts once.
        await of.suppressing.learn([event, event]);
      };
      await full();
      await full();
      expect(await refused(of)).toBeNull();
      expect((await kept(of)).filter((one) => !isTally(one))).toEqual([]);
      const { messageId: _id, ...rest } = about(of, await mail(of));
      await of.suppressing.learn([{ event: 'delivered', reply: null, egress: 'direct', ...rest, messageId: _id }]);
      expect(await kept(of)).toEqual([]);
      await full();
      await full();
      expect(await refused(of)).toBeNull();
      await full();
      expect(await refused(of)).toContain('3 messages came to nothing, the last one: 552 5.2.2 mailbox full');
      expect((await kept(of)).filter((one) => !isTally(one))).toMatchObject([{ reason: 'soft-bounces', client: null }]);
      of.clock.jumpMs(2 * DAY_MS);
      expect(await refused(of)).toBeNull();
      // With none delivered in between one more is enough.
      await full();
      expect(await refused(of)).toContain('4 messages');
    });

    test('soft bounces that are learnt at one time, by two processes and several callers, count exactly', async () => {
      const of = await opened({ softBounces: { count: 12, within: '30d', keep: '2d' } });
      const other = await opened({ softBounces: { count: 12, within: '30d', keep: '2d' } });
      await using _ = of.suppressing;
      await using __ = other.suppressing;
      const bounces = await Promise.all(Array.from({ length: 12 }, async () => bounce(of, await mail(of), FULL)));
      const [last, ...others] = bounces;
      const learnt = others.map((event, at) => (at % 2 === 0 ? of : other).suppressing.learn([event]));
      await Promise.all([...learnt, other.suppressing.learn(others)]);
      expect(await refused(of)).toBeNull();
      if (last !== undefined) await other.suppressing.learn([last]);
      expect(await refused(other)).toContain('12 messages came to nothing');
      // A delivery that another process hears of takes all of it back.
      const delivered: MessageEvent = {
        event: 'delivered',
        reply: null,
        egress: 'direct',
        ...about(of, await mail(of)),
      };
      await of.suppressing.learn([delivered]);
      expect(await of.spool.ledger.counts('soft-bounces:', 0)).toEqual(
        Array.from({ length: 12 }, () => expect.objectContaining({ amount: 0 })),
      );
    });

    test('soft bounces that a provider tells of count, though it took each message first, until it says that one got through', async () => {
      const of = await opened({ softBounces: { count: 3, within: '30d', keep: '2d' } });
      await using _ = of.suppressing;
      const isHeard = { egress: 'ses', source: 'hook:ses' };
      const full = async (): Promise<void> => {
        of.clock.jumpMs(DAY_MS);
        const to = about(of, await mail(of));
        await of.suppressing.learn([{ event: 'delivered', reply: null, egress: 'ses', ...to }]);
        const later = { event: 'bounced-later', reply: FULL, host: null, report: null } as const;
        await of.suppressing.learn([{ ...later, ...isHeard, ...to }]);
      };
      const through = async (atMs: number): Promise<void> => {
        const to = { ...about(of, await mail(of)), atMs };
        await of.suppressing.learn([{ event: 'confirmed', detail: '', ...isHeard, ...to }]);
      };
      await full();
      await full();
      await through(of.clock.nowMs());
      expect(await kept(of)).toEqual([]);
      await full();
      await full();
      // Of before both of them, and told late.
      await through(of.clock.nowMs() - 2 * DAY_MS);
      expect(await refused(of)).toBeNull();
      await full();
      expect(await refused(of)).toContain('3 messages came to nothing');
    });

    test('soft bounces that a server of one’s own reports count, though it took each message first', async () => {
      const of = await opened({ softBounces: { count: 2, within: '30d', keep: '2d' } });
      await using _ = of.suppressing;
      for (let times = 0; times < 2; times++) {
        of.clock.jumpMs(DAY_MS);
        const to = about(of, await mail(of));
        await of.suppressing.learn([{ event: 'delivered', reply: null, egress: 'own', ...to }]);
        expect(await refused(of)).toBeNull();
        const later = {
          event: 'bounced-later',
          reply: FULL,
          host: 'mx.dest.example',
          egress: 'own',
          report: null,
        } as const;
        await of.suppressing.learn([{ ...later, ...to }]);
      }
      expect(await refused(of)).toContain('2 messages came to nothing');
    });

    test('soft bounces of long ago do not count', async () => {
      const of = await opened({ softBounces: { count: 2, within: '1d' } });
      await using _ = of.suppressing;
      for (let time = 0; time < 4; time++) {
        await of.suppressing.learn([bounce(of, await mail(of), FULL)]);
        of.clock.jumpMs(DAY_MS + 1);
      }
      expect((await kept(of)).filter((one) => !isTally(one))).toEqual([]);
    });

    test('reports of our own, and from the null sender, teach nothing', async () => {
      const of = await opened();
      await using _ = of.suppressing;
      const reports = [await mail(of, { client: 'relevo', sender: '' }), await mail(of, { sender: '' })];
      await of.suppressing.learn(reports.flatMap((id) => [bounce(of, id, GONE), bounce(of, id, FULL)]));
      expect(await kept(of)).toEqual([]);
    });

    test('another process hears of it within a second, and only then', async () => {
      const of = await opened();
      const other = await opened();
      await using _ = of.suppressing;
      await using __ = other.suppressing;
      await of.suppressing.learn([bounce(of, await mail(of), GONE)]);
      expect(other.suppressing.screening.suspects([ANN])).toBe(false);
      await other.suppressing.sieve.refresh();
      expect(await refused(other)).not.toBeNull();
      // What was taken back costs a question, and no more.
      await of.spool.suppressions.unsuppress([{ address: ANN, client: null, stream: null }]);
      expect(other.suppressing.screening.suspects([ANN])).toBe(true);
      expect(await refused(other)).toBeNull();
    });
  });
}
