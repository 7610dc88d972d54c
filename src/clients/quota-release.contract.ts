/** What every engine lets go, and keeps, of mail that waits for the quota of its client. */
import { describe, expect, test } from 'vitest';
import { aSubmission, deliveryOf } from '../../tests/fakes/submission.ts';
import type { Event } from '../message/event.ts';
import type { MessageId } from '../message/ids.ts';
import { heldEvents, overQuotaReply, overQuotaText, quotaAccount } from '../message/over-quota.ts';
import { type Policy, policySchema } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import { eachWith, type Engine, type Fixture } from '../spool/engine.contract.ts';
import type { Submission } from '../spool/spool.ts';
import { QuotaRelease } from './quota-release.ts';
import { QuotaWaits, waitMarks } from './quota-waits.ts';

const HOUR_MS = 3_600_000;

function policyOf(client: object = { quota: '3/h', overQuota: 'hold' }): Policy {
  const clients = { shop: { networks: ['10.0.0.0/24'], senders: ['*'], ...client } };
  return policySchema.parse({ hostname: 'relay.test', clients });
}

/** The clock of the store; nothing runs by itself. */
function stillClock(clock: Clock): Clock {
  const sleep = (_: number, signal?: AbortSignal): Promise<void> =>
    new Promise((_resolve, reject) => {
      const end = (): void => reject(signal?.reason as Error);
      if (signal?.aborted === true) end();
      else signal?.addEventListener('abort', end);
    });
  return { nowMs: () => clock.nowMs(), monotonicMs: () => clock.monotonicMs(), sleep, after: () => () => {} };
}

/** Who lets mail go, and what a thread that takes mail knows, over the store as it is now. */
class World implements AsyncDisposable {
  readonly release: QuotaRelease;
  readonly waits: QuotaWaits;
  readonly told: string[] = [];
  policy = policyOf();
  isOurs = true;
  readonly #fixture: Fixture;

  constructor(fixture: Fixture) {
    this.#fixture = fixture;
    const { spool } = fixture;
    const common = { policy: () => this.policy, clock: stillClock(fixture.clock), marks: spool.marks };
    this.waits = new QuotaWaits(common);
    const emit = (event: Event): void => {
      if (event.event === 'alert') this.told.push(`${event.name} ${event.raised}`);
      if (event.event === 'released') this.told.push(`${event.event}: ${event.reason}`);
      if (event.event === 'failed') throw new Error(event.cause);
    };
    const isOurs = async (): Promise<boolean> => this.isOurs;
    this.release = new QuotaRelease({ ...common, emit, spool, ledger: spool.ledger, isOurs, wake: () => {} });
  }

  /** A message that is held as ingress holds it. */
  async held(count = 1): Promise<Submission> {
    const to = Array.from({ length: count }, (_, at) => `r${at}@dest.test`);
    const plain = aSubmission({ atMs: this.#fixture.nowMs, client: 'shop', to });
    const why = overQuotaText('3/h');
    const deliveries = plain.deliveries.map((one) => ({ ...one, lastReply: overQuotaReply(why) }));
    await this.waits.expect('shop', plain.message.id);
    const submission = { ...plain, deliveries, held: heldEvents(plain.message, deliveries, why) };
    await this.#fixture.spool.accept(submission);
    await this.#fixture.clock.advance(1);
    return submission;
  }

  async draw(amount: number): Promise<string> {
    const { spool, nowMs } = this.#fixture;
    const draw = { account: quotaAccount('shop'), amount, limit: 3, windowMs: HOUR_MS, nowMs };
    return (await spool.ledger.draw(draw)).kind;
  }

  /** Places, among those given, of the messages that wait no more. */
  async gone(submissions: readonly Submission[]): Promise<number[]> {
    const held = await this.#fixture.spool.list({ state: 'held' }, { limit: 100 });
    const ids = new Set(held.map(({ delivery }) => delivery.messageId));
    return submissions.flatMap(({ message }, place) => (ids.has(message.id) ? [] : [place]));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.release[Symbol.asyncDispose]();
    await this.waits[Symbol.asyncDispose]();
  }
}

export function testQuotaRelease(engine: Engine): void {
  describe(`${engine.name}: mail over the quota of its client`, () => {
    const fixture = eachWith(engine);

    test('goes by itself, the oldest first, so much as each window has room for, over a restart too', async () => {
      const { clock } = fixture();
      let world = new World(fixture());
      expect(await world.draw(2)).toBe('granted');
      const mail = [await world.held(), await world.held(2), await world.held(), await world.held(3)];
      await world.release.look();
      // One more has room; the next, of two, has not, and none passes it.
      expect(await world.gone(mail)).toEqual([0]);
      expect(world.told).toEqual(['released: its quota has room', 'quota-held:shop true']);
      await world.waits.look();
      expect(world.waits.isWaiting('shop')).toBe(true);
      expect([world.waits.isFull('shop', 4), world.waits.isFull('shop', 3)]).toEqual([false, true]);
      await world[Symbol.asyncDispose]();
      fixture().store = await fixture().store.reopened();
      world = new World(fixture());
      await world.release.look();
      expect(await world.gone(mail)).toEqual([0]);
      await clock.advance(HOUR_MS);
      await world.release.look();
      expect(await world.gone(mail)).toEqual([0, 1, 2]);
      expect(await world.draw(1)).toBe('refused');
      await clock.advance(HOUR_MS);
      await world.release.look();
      await world.waits.look();
      expect(await world.gone(mail)).toEqual([0, 1, 2, 3]);
      expect(world.waits.isWaiting('shop')).toBe(false);
      expect(world.told.at(-1)).toBe('quota-held:shop false');
      expect(await fixture().spool.marks.marks('quota-')).toEqual([]);
      expect(await fixture().claimed()).toHaveLength(4);
      await world[Symbol.asyncDispose]();
    });

    test('is never more than the quota, though two let it go at once', async () => {
      await using one = new World(fixture());
      await using other = new World(fixture());
      const mail = [];
      for (let n = 0; n < 7; n++) mail.push(await one.held());
      for (let hour = 1; hour <= 4; hour++) {
        await Promise.all([one.release.look(), other.release.look()]);
        const gone = await one.gone(mail);
        expect(gone.length).toBeLessThanOrEqual(3 * hour);
        expect(gone).toEqual(gone.map((_, place) => place));
        await fixture().clock.advance(HOUR_MS);
      }
      await one.release.look();
      expect(await one.gone(mail)).toHaveLength(7);
    });

    test('that an operator let go, or ended, uses up none of it, and what was never accepted is forgotten', async () => {
      await using world = new World(fixture());
      const { spool, nowMs, clock } = fixture();
      await world.draw(3);
      const mail = [await world.held(), await world.held(), await world.held()];
      await world.release.look();
      await spool.release({ ids: [deliveryOf(mail[0]!)] }, nowMs);
      await spool.discard({ ids: [deliveryOf(mail[1]!)] }, nowMs);
      await world.waits.expect('shop', aSubmission({ atMs: nowMs }).message.id as MessageId);
      await clock.advance(HOUR_MS);
      const late = aSubmission({ atMs: fixture().nowMs }).message.id;
      await world.waits.expect('shop', late);
      await world.release.look();
      expect(await world.gone(mail)).toEqual([0, 1, 2]);
      expect(await world.draw(2)).toBe('granted');
      // It may be accepted at any moment.
      const [left, ...others] = await spool.marks.marks(waitMarks('shop'));
      expect([left?.name, others]).toEqual([`${waitMarks('shop')}${late}`, []]);
    });

    test('that an operator holds stays, and nothing waits behind it', async () => {
      await using world = new World(fixture());
      const { spool, nowMs } = fixture();
      await world.draw(3);
      const mail = [await world.held(), await world.held()];
      await world.release.look();
      const kept = { ids: [deliveryOf(mail[0]!)] };
      expect(await spool.hold(kept, nowMs)).toBe(1);
      expect(await spool.hold(kept, nowMs)).toBe(0);
      expect(await spool.hold({}, nowMs, 'of another reason')).toBe(0);
      await fixture().clock.advance(HOUR_MS);
      await world.release.look();
      expect(await world.gone(mail)).toEqual([1]);
      const story = await spool.story(mail[0]!.message.id);
      expect(story?.events.at(-1)).toMatchObject({ event: 'held', reason: 'an operator held it' });
      // What it was told is over, for what was let go too.
      expect((await spool.list({}, { limit: 9 })).map(({ delivery }) => delivery.lastReply)).toEqual([null, null]);
      expect((await spool.overview()).byState).toEqual({ queued: 1, held: 1, quarantined: 0 });
      expect(await spool.audit()).toMatchObject({ accepted: 2, queued: 2, violations: [] });
    });

    test('goes at once when the quota is gone', async () => {
      await using world = new World(fixture());
      await world.draw(3);
      const mail = [await world.held(), await world.held()];
      await world.release.look();
      expect(await world.gone(mail)).toEqual([]);
      world.policy = policySchema.parse({
        hostname: 'relay.test',
        clients: { shop: { networks: ['192.0.2.0/24'], senders: ['*'] } },
      });
      await world.release.look();
      expect(await world.gone(mail)).toEqual([0, 1]);
      expect(await fixture().spool.marks.marks('quota-')).toEqual([]);
    });

    test('of a client that was taken out of the policy is for an operator', async () => {
      await using world = new World(fixture());
      const { spool, clock } = fixture();
      await world.draw(3);
      const mail = [await world.held(), await world.held()];
      await world.release.look();
      world.policy = policySchema.parse({ hostname: 'relay.test' });
      await clock.advance(HOUR_MS);
      await world.release.look();
      expect(await world.gone(mail)).toEqual([]);
      expect(world.told.at(-1)).toBe('quota-held:shop true');
      await spool.release({ ids: [deliveryOf(mail[0]!)] }, fixture().nowMs);
      await spool.discard({ ids: [deliveryOf(mail[1]!)] }, fixture().nowMs);
      await clock.advance(HOUR_MS);
      await world.release.look();
      expect(world.told.at(-1)).toBe('quota-held:shop false');
      expect(await spool.marks.marks('quota-')).toEqual([]);
    });

    test('that goes in the first look after a restart ends what was said before it', async () => {
      let world = new World(fixture());
      await world.draw(3);
      const mail = [await world.held()];
      await world.release.look();
      expect(world.told).toEqual(['quota-held:shop true']);
      await world[Symbol.asyncDispose]();
      fixture().store = await fixture().store.reopened();
      await fixture().clock.advance(HOUR_MS);
      world = new World(fixture());
      await world.release.look();
      expect(await world.gone(mail)).toEqual([0]);
      expect(world.told.at(-1)).toBe('quota-held:shop false');
      await world[Symbol.asyncDispose]();
    });

    test('that is more than all of the quota stays, and nothing waits for it', async () => {
      await using world = new World(fixture());
      const mail = [await world.held(3), await world.held(), await world.held()];
      world.policy = policyOf({ quota: '2/h', overQuota: 'hold' });
      await world.release.look();
      expect(await world.gone(mail)).toEqual([1, 2]);
      expect(world.told.filter((text) => text.startsWith('quota'))).toEqual([]);
      world.policy = policyOf({ quota: '5/h' });
      await fixture().clock.advance(60_000);
      await world.release.look();
      expect(await world.gone(mail)).toEqual([0, 1, 2]);
    });

    test('is left to whom it is for', async () => {
      await using world = new World(fixture());
      world.isOurs = false;
      const mail = [await world.held()];
      await world.release.look();
      expect(await world.gone(mail)).toEqual([]);
      world.isOurs = true;
      await world.release.look();
      expect(await world.gone(mail)).toEqual([0]);
    });
  });
}
