import { afterEach, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { openScheduling, type Scheduling } from '../../tests/fakes/scheduling.ts';
import { aSubmission } from '../../tests/fakes/submission.ts';
import { MemoryMarks } from '../../tests/fakes/marks.ts';
import type { Event } from '../message/event.ts';
import { policySchema } from '../policy/schema.ts';
import { systemRandom } from '../system.ts';
import type { Count, Tally } from '../spool/tallies.ts';
import { releaseMail } from './held-mail.ts';
import { HOUR_MS } from './baseline.ts';
import { ClientGuard } from './guard.ts';
import { screeningWith, watchHolds } from './holds.ts';
import { currentHold, releaseClient } from './release.ts';

const GUARD = { least: 100, learn: '7d' };

function world(guard: object = GUARD) {
  const clock = new FakeClock(Date.UTC(2026, 0, 1));
  const marks = new MemoryMarks();
  const tallies: Tally[] = [];
  const told: string[] = [];
  const texts: string[] = [];
  const held: object[] = [];
  const state = { isOurs: true };
  const clients = { crm: { networks: ['10.0.0.0/24'], senders: ['*'] } };
  const policy = policySchema.parse({ hostname: 'relay.test', clients, guard });
  const mail = {
    policy: () => policy,
    clock,
    marks,
    wake: () => {},
    spool: {
      hold: async (filter: object) => held.push(filter),
      release: async () => 0,
      list: async () => [],
      story: async () => null,
    },
  };
  const needs = {
    ...mail,
    random: systemRandom,
    emit: (event: Event) => {
      if (event.event !== 'alert') return;
      told.push(`${event.name} ${event.raised}`);
      texts.push(event.text);
    },
    tallies: {
      count: async (entries: readonly Tally[]) => void tallies.push(...entries),
      counts: async (prefix: string, sinceMs: number): Promise<readonly Count[]> =>
        tallies.filter(({ account, startsAtMs }) => account.startsWith(prefix) && startsAtMs >= sinceMs),
    },
    isOurs: async () => state.isOurs,
  };
  let number = 0;
  /** So many recipients, each in a message of its own, and so many of them new. */
  const send = (guardian: ClientGuard, count: number, fresh = 0): void => {
    const to = Array.from({ length: count }, (_, place) =>
      place < fresh ? `new${(number += 1)}@d.test` : `known${place % 50}@d.test`,
    );
    guardian.heard({ ...aSubmission({ atMs: clock.nowMs(), client: 'crm', stream: 'marketing', to }).received });
  };
  const hour = async (guardian: ClientGuard, count: number, fresh = 0): Promise<void> => {
    send(guardian, count, fresh);
    await guardian.look();
    clock.jumpMs(HOUR_MS);
  };
  const days = async (guardian: ClientGuard, count: number): Promise<void> => {
    for (let at = 0; at < count * 24; at++) await hour(guardian, at % 24 === 9 ? 200 : at % 24 > 7 ? 20 : 0);
  };
  return { clock, marks, told, texts, held, state, policy, needs, mail, send, hour, days };
}

const guards: ClientGuard[] = [];
afterEach(async () => {
  for (const one of guards.splice(0)) await one[Symbol.asyncDispose]();
});
const guardOf = ({ needs }: Pick<ReturnType<typeof world>, 'needs'>): ClientGuard => {
  const made = new ClientGuard(needs);
  guards.push(made);
  return made;
};

test('a client that sends ten times what is usual has its bulk mail held, and is told of once', async () => {
  const place = world();
  const guardian = guardOf(place);
  await place.days(guardian, 8);
  expect(place.told).toEqual([]);
  place.send(guardian, 350);
  await guardian.look();
  expect(place.told).toEqual([]);
  place.send(guardian, 1_650);
  await guardian.look();
  await guardian.look();
  expect(place.told).toEqual(['client-anomaly:crm true']);
  expect(place.texts[0]).toContain('crm: 2000 recipients in this hour, where 20 are usual and');
  expect(place.held[0]).toEqual({ client: 'crm', stream: 'marketing', state: 'queued' });
  expect(JSON.stringify(place.held)).not.toContain('transactional');
});

test('nothing is judged before a client is known for long enough, nor of hours with few', async () => {
  const young = world();
  const guardian = guardOf(young);
  await young.days(guardian, 3);
  young.send(guardian, 50_000);
  await guardian.look();
  expect(young.told).toEqual([]);
  const few = world({ ...GUARD, least: 5_000 });
  const other = guardOf(few);
  await few.days(other, 8);
  few.send(other, 4_999);
  await other.look();
  expect(few.told).toEqual([]);
});

test('a newsletter that comes every week at its hour is usual', async () => {
  const place = world();
  const guardian = guardOf(place);
  for (let week = 0; week < 3; week++) {
    await place.days(guardian, 6);
    for (let at = 0; at < 24; at++) await place.hour(guardian, at === 10 ? 5_000 : 10);
  }
  // The first of them came before anything was judged.
  expect(place.told).toEqual([]);
});

test('a list of strangers is unlike a client that writes to those it knows', async () => {
  const place = world();
  const guardian = guardOf(place);
  await place.days(guardian, 8);
  place.send(guardian, 150, 120);
  await guardian.look();
  expect(place.texts[0]).toContain('80 % of 150 recipients in this hour are such as it never wrote to');
});

test('what somebody released was fine: it is learnt, and not held again', async () => {
  const place = world();
  const guardian = guardOf(place);
  await place.days(guardian, 8);
  await place.hour(guardian, 3_000);
  expect(place.told).toEqual(['client-anomaly:crm true']);
  const hold = await currentHold(place, 'crm');
  expect(await releaseClient(place.mail, { client: 'crm', id: 'another', by: 'x' })).toBe(false);
  expect(await releaseClient(place.mail, { client: 'crm', id: hold?.id ?? '', by: 'ana' })).toBe(true);
  expect(await releaseClient(place.mail, { client: 'crm', id: hold?.id ?? '', by: 'ana' })).toBe(false);
  await place.hour(guardian, 3_000);
  expect(place.told).toEqual(['client-anomaly:crm true', 'client-anomaly:crm false']);
  await place.days(guardian, 2);
  place.send(guardian, 3_500);
  await guardian.look();
  expect(place.told).toHaveLength(2);
});

test('what is known of clients outlives a restart, and another node goes on with it', async () => {
  const place = world();
  const first = guardOf(place);
  await place.days(first, 8);
  await first[Symbol.asyncDispose]();
  guards.length = 0;
  const next = guardOf(place);
  await next.look();
  place.send(next, 2_000);
  await next.look();
  expect(place.told).toEqual(['client-anomaly:crm true']);
  place.state.isOurs = false;
  await next.look();
  const other = guardOf({ needs: { ...place.needs, isOurs: async () => true } });
  await other.look();
  expect(place.told.at(-1)).toBe('client-anomaly:crm true');
});

test('a client that is not to be watched is not', async () => {
  const place = world({ ...GUARD, enabled: false });
  const guardian = guardOf(place);
  await place.days(guardian, 8);
  place.send(guardian, 50_000);
  await guardian.look();
  expect(place.told).toEqual([]);
});

test('of a client that is held bulk mail waits, new and queued, all other mail flows, and all of it goes once it is released', async () => {
  const marks = new MemoryMarks();
  const policies: Pick<Scheduling, 'policy'>[] = [];
  const clock = new FakeClock();
  const policyNow = () => policies[0]?.policy ?? policySchema.parse({ hostname: 'relay.test' });
  await using holds = await watchHolds({ policy: policyNow, clock, marks });
  await using scheduling = await openScheduling({
    policy: { egress: { out: { type: 'mx' } }, routes: [{ name: 'all', use: ['out'] }] },
    needs: { screening: screeningWith(null, holds) },
  });
  policies.push(scheduling);
  const hold = { client: 'crm', id: 'x', sinceMs: clock.nowMs(), reason: '9000 recipients' };
  await marks.mark([{ name: 'guard-hold:crm', text: JSON.stringify(hold), atMs: 1 }]);
  await clock.advance(3_000);
  await scheduling.accept({ client: 'crm', stream: 'marketing' });
  await scheduling.store({ client: 'crm', stream: 'marketing' });
  await scheduling.accept({ client: 'crm', stream: 'transactional' });
  await scheduling.accept({ client: 'other', stream: 'marketing' });
  scheduling.scheduler.wake();
  await scheduling.elapsed(20_000);
  expect(scheduling.exit('out').attempts).toHaveLength(2);
  expect((await scheduling.spool.overview()).byState.held).toBe(2);
  // By an operator, for another reason.
  await scheduling.store({ client: 'crm', stream: 'marketing', dueAtMs: scheduling.clock.nowMs() + 1_000_000 });
  await scheduling.spool.hold({ client: 'crm', state: 'queued' }, scheduling.clock.nowMs());
  const { spool } = scheduling;
  const needs = {
    policy: () => scheduling.policy,
    clock: scheduling.clock,
    spool,
    marks,
    wake: () => scheduling.scheduler.wake(),
  };
  expect(await releaseClient(needs, { client: 'crm', id: null, by: 'ana' })).toBe(true);
  await clock.advance(3_000);
  // As the guard does for a minute: the scheduler may have held some more before it heard of it.
  await releaseMail(needs, 'crm');
  await scheduling.elapsed(20_000);
  expect(scheduling.exit('out').attempts).toHaveLength(4);
  expect((await scheduling.spool.overview()).byState.held).toBe(1);
});

test('a client that sends very much at once is judged within a second, and not again until it is twice as much', async () => {
  const place = world();
  const guardian = guardOf(place);
  await place.days(guardian, 8);
  await place.clock.advance(1_000);
  let looks = 0;
  const { isOurs } = place.needs;
  const counted = guardOf({ needs: { ...place.needs, isOurs: async () => (looks++, await isOurs()) } });
  await counted.look();
  place.send(counted, 99);
  await place.clock.advance(2_000);
  expect(looks).toBe(1);
  place.send(counted, 2_000);
  await place.clock.advance(1_000);
  expect([looks, place.told]).toEqual([2, ['client-anomaly:crm true']]);
  place.send(counted, 2_000);
  await place.clock.advance(2_000);
  expect(looks).toBe(2);
  place.send(counted, 200);
  await place.clock.advance(1_000);
  expect(looks).toBe(3);
});

test('whom a client wrote to is kept later where the store does not take it', async () => {
  const place = world();
  const guardian = guardOf(place);
  place.send(guardian, 50);
  await guardian.look();
  const mark = place.marks.mark.bind(place.marks);
  place.marks.mark = () => Promise.reject(new Error('the disk is full'));
  const kept = () => place.marks.all().filter(({ name }) => name.startsWith('guard-known:crm:')).length;
  await place.clock.advance(320_000);
  expect(kept()).toBe(0);
  place.marks.mark = mark;
  await place.clock.advance(320_000);
  expect(kept()).toBe(1);
});

test('mail that is let go is not held again by a thread that did not hear of it', async () => {
  const place = world();
  await using holds = await watchHolds(place.needs);
  const of = { client: 'crm', stream: 'marketing' };
  const hold = { client: 'crm', id: 'x', sinceMs: 0, reason: '9000 recipients' };
  await place.marks.mark([{ name: 'guard-hold:crm', text: JSON.stringify(hold), atMs: 1 }]);
  expect(holds.reasonFor(of)).toBeNull();
  expect(await holds.confirmed(of)).toContain('9000 recipients');
  const screening = screeningWith(null, holds);
  await place.marks.unmark(['guard-hold:crm']);
  expect(screening.holds?.(of)).toContain('9000 recipients');
  expect(await Promise.all([1, 2, 3].map(async () => await screening.holdsNow?.(of)))).toEqual([null, null, null]);
  expect(holds.reasonFor(of)).toBeNull();
  await place.marks.mark([{ name: 'guard-hold:crm', text: JSON.stringify(hold), atMs: 2 }]);
  await holds.confirmed(of);
  place.marks.isAway = true;
  expect(await holds.confirmed(of)).toContain('9000 recipients');
});
