import { expect } from 'vitest';
import { scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { after, OUTCOMES, type ScriptedEgress } from '../../../tests/fakes/scripted-egress.ts';
import type { SubmissionOptions } from '../../../tests/fakes/submission.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;

async function acceptMany(
  scheduling: Scheduling,
  count: number,
  options: (place: number) => Partial<SubmissionOptions>,
) {
  for (let start = 0; start < count; start += 500) {
    const some = Math.min(500, count - start);
    await Promise.all(Array.from({ length: some }, (_, place) => scheduling.accept(options(start + place))));
  }
}

function sendersOf(exit: ScriptedEgress): string[] {
  return exit.attempts.map(({ mail }) => mail.sender);
}

const RESET: Partial<SubmissionOptions> = { client: 'shop', priority: 'high', sender: 'reset@example.com' };
const NEWSLETTER: Partial<SubmissionOptions> = { client: 'crm', priority: 'low', sender: 'news@example.com' };

scheduled('a password reset leaves before 10,000 newsletters to the same domain', async (scheduling) => {
  const { clock } = scheduling;
  const exit = scheduling.exit('direct');
  exit.answer = after(clock, SECOND);
  await acceptMany(scheduling, 10_000, () => NEWSLETTER);
  await clock.advanceUntil(() => exit.attempts.length > 100, { stepMs: SECOND, withinMs: 5 * MINUTE });
  const before = exit.attempts.length;
  await scheduling.accept(RESET);
  await clock.advanceUntil(() => sendersOf(exit).includes('reset@example.com'), { stepMs: 100 });
  // The connections in use come first, then at most the one newsletter whose turn it is.
  expect(sendersOf(exit).indexOf('reset@example.com') - before).toBeLessThanOrEqual(10);
});

scheduled(
  'a password reset leaves at once although newsletters to many domains wait for the only exit',
  async (scheduling) => {
    const { clock } = scheduling;
    const exit = scheduling.exit('direct');
    exit.concurrency = 5;
    exit.answer = after(clock, SECOND);
    await acceptMany(scheduling, 3_000, (place) => ({ ...NEWSLETTER, to: [`a@d${place % 700}.test`] }));
    await clock.advanceUntil(() => exit.attempts.length > 50, { stepMs: SECOND, withinMs: 5 * MINUTE });
    const before = exit.attempts.length;
    await scheduling.accept({ ...RESET, to: ['a@d3.test'] });
    await clock.advanceUntil(() => sendersOf(exit).includes('reset@example.com'), { stepMs: 100 });
    expect(sendersOf(exit).indexOf('reset@example.com') - before).toBeLessThanOrEqual(5);
  },
);

scheduled(
  'newsletters move on although there is always urgent mail: one turn in seventeen is theirs',
  async (scheduling) => {
    const { clock } = scheduling;
    const exit = scheduling.exit('direct');
    exit.concurrency = 1;
    exit.answer = after(clock, SECOND);
    await acceptMany(scheduling, 100, () => NEWSLETTER);
    await acceptMany(scheduling, 200, () => RESET);
    await clock.advanceUntil(() => exit.attempts.length > 120, { stepMs: SECOND, withinMs: 5 * MINUTE });
    const news = sendersOf(exit)
      .slice(3, 105)
      .filter((sender) => sender.startsWith('news'));
    expect(news.length).toBe(6);
  },
);

scheduled('one client is not stuck behind another’s thousand', async (scheduling) => {
  const { clock } = scheduling;
  const exit = scheduling.exit('direct');
  exit.concurrency = 1;
  exit.answer = after(clock, SECOND);
  await acceptMany(scheduling, 1_000, () => ({ client: 'loud', sender: 'loud@example.com' }));
  await clock.advanceUntil(() => exit.attempts.length > 5, { stepMs: SECOND });
  const before = exit.attempts.length;
  // The lane is behind by now: what comes goes through the store, and its turn comes all the same.
  await acceptMany(scheduling, 5, () => ({ client: 'quiet', sender: 'quiet@example.com' }));
  await clock.advanceUntil(() => sendersOf(exit).filter((sender) => sender.startsWith('quiet')).length === 5, {
    stepMs: SECOND,
    withinMs: 30 * MINUTE,
  });
  const places = sendersOf(exit).flatMap((sender, place) => (sender.startsWith('quiet') ? [place - before] : []));
  expect(Math.max(...places)).toBeLessThanOrEqual(256);
});

scheduled('fresh mail does not overtake what came before it and waits in the store', async (scheduling) => {
  const { clock } = scheduling;
  const exit = scheduling.exit('direct');
  exit.concurrency = 1;
  exit.answer = after(clock, SECOND);
  await acceptMany(scheduling, 600, () => ({ sender: 'old@example.com' }));
  while (exit.attempts.length < 150) {
    await clock.advance(SECOND);
    await scheduling.accept({ sender: 'new@example.com' });
  }
  exit.answer = () => OUTCOMES.delivered;
  await scheduling.drained();
  expect(sendersOf(exit).indexOf('new@example.com')).toBeGreaterThanOrEqual(600);
});

scheduled('clients that wait in a lane take turns', async (scheduling) => {
  const exit = scheduling.exit('direct');
  exit.concurrency = 1;
  exit.answer = after(scheduling.clock, SECOND);
  await acceptMany(scheduling, 30, (place) => ({
    client: `c${Math.floor(place / 10)}`,
    sender: `c${Math.floor(place / 10)}@example.com`,
  }));
  await scheduling.drained();
  // The first is under way before the others come.
  expect(
    sendersOf(exit)
      .slice(1, 13)
      .map((sender) => sender.slice(0, 2))
      .toSorted(),
  ).toEqual([
    ...Array.from({ length: 4 }, () => 'c0'),
    ...Array.from({ length: 4 }, () => 'c1'),
    ...Array.from({ length: 4 }, () => 'c2'),
  ]);
});

scheduled('a client of large messages gets no more of the line than one of small ones', async (scheduling) => {
  const exit = scheduling.exit('direct');
  exit.concurrency = 1;
  exit.answer = after(scheduling.clock, SECOND);
  const large = Buffer.concat([Buffer.from('Subject: x\r\n\r\n'), Buffer.alloc(640_000, 'x'), Buffer.from('\r\n')]);
  await acceptMany(scheduling, 10, () => ({ client: 'large', sender: 'large@example.com', content: large }));
  await acceptMany(scheduling, 100, () => ({ client: 'small', sender: 'small@example.com' }));
  await scheduling.clock.advanceUntil(() => exit.attempts.length >= 60, { stepMs: SECOND, withinMs: 10 * MINUTE });
  const counts = sendersOf(exit)
    .slice(0, 60)
    .filter((sender) => sender.startsWith('large')).length;
  expect(counts).toBeLessThanOrEqual(7);
});

scheduled('a dead destination with a long queue delays nobody else', async (scheduling) => {
  const { clock } = scheduling;
  const exit = scheduling.exit('direct');
  const slowly = after(clock, 30 * SECOND, OUTCOMES.unreachable);
  exit.answer = (attempt, signal) =>
    attempt.mail.domain === 'dead.test' ? slowly(attempt, signal) : OUTCOMES.delivered;
  await acceptMany(scheduling, 2_000, () => ({ to: ['a@dead.test'] }));
  await clock.advance(5 * SECOND);
  const started = clock.nowMs();
  await acceptMany(scheduling, 50, (place) => ({ to: [`a@alive${place}.test`] }));
  const alive = (): number[] =>
    exit.attempts.flatMap(({ mail, atMs }) => (mail.domain.startsWith('alive') ? [atMs] : []));
  await clock.advanceUntil(() => alive().length === 50, { stepMs: 100 });
  expect(Math.max(...alive()) - started).toBeLessThanOrEqual(SECOND);
  expect(exit.attempts.filter(({ mail }) => mail.domain === 'dead.test').length).toBeLessThanOrEqual(10);
  // What waited for it is back in the store, and takes no room.
  await clock.advanceUntil(() => scheduling.scheduler.stats().restingLanes === 1);
  await clock.advanceUntil(() => scheduling.scheduler.stats().held === 0, { withinMs: 10 * SECOND });
});

scheduled(
  'a dead destination is asked ever less often, its queue is not charged for it, and drains when it is back',
  async (scheduling) => {
    const { clock, spool } = scheduling;
    const exit = scheduling.exit('direct');
    let alive = false;
    exit.answer = () => (alive ? OUTCOMES.delivered : OUTCOMES.unreachable);
    await acceptMany(scheduling, 1_000, () => ({ to: ['a@dead.test'] }));
    await scheduling.elapsed(60 * MINUTE);
    expect(exit.attempts.length).toBeLessThan(30);
    const queued = await spool.list({}, { limit: 1_000 });
    expect(queued.filter(({ delivery }) => delivery.attempts === 0).length).toBeGreaterThan(950);
    alive = true;
    exit.answer = after(clock, 200);
    await scheduling.drained(20 * MINUTE);
    expect(exit.mostInFlight).toBeLessThanOrEqual(10);
  },
);

scheduled(
  'a long queue for a dead destination is told of the delay and expires in time, without a try for each',
  async (scheduling) => {
    const { clock } = scheduling;
    const exit = scheduling.exit('direct');
    exit.answer = () => OUTCOMES.unreachable;
    await acceptMany(scheduling, 1_500, () => ({ to: ['a@dead.test'] }));
    await scheduling.elapsed(75 * MINUTE);
    expect(scheduling.notices.filter(({ kind }) => kind === 'delayed').length).toBe(1_500);
    await scheduling.drained(80 * MINUTE);
    expect(scheduling.notices.filter(({ kind }) => kind === 'expired').length).toBe(1_500);
    expect(exit.attempts.length).toBeLessThan(100);
    // Two hours, and the longest rest of a lane.
    expect(clock.monotonicMs()).toBeLessThan(132 * MINUTE);
  },
  { policy: { retry: { delays: ['1m', '10m'], expire: '2h', warnAfter: '1h' } } },
);

scheduled('lanes that stand still never fill the window: there is room for others', async (scheduling) => {
  const { clock } = scheduling;
  const exit = scheduling.exit('direct');
  exit.concurrency = 1_000;
  const forever = after(clock, 24 * 60 * MINUTE);
  exit.answer = (attempt, signal) =>
    attempt.mail.domain.startsWith('stuck') ? forever(attempt, signal) : OUTCOMES.delivered;
  await acceptMany(scheduling, 4_000, (place) => ({ to: [`a@stuck${place % 20}.test`] }));
  await clock.advance(5 * SECOND);
  await acceptMany(scheduling, 100, (place) => ({ to: [`a@d${place}.test`] }));
  await clock.advanceUntil(() => exit.attempts.filter(({ mail }) => mail.domain.startsWith('d')).length === 100, {
    stepMs: 100,
    withinMs: 10 * SECOND,
  });
  expect(scheduling.scheduler.stats().held).toBeLessThanOrEqual(2_000);
});

scheduled('connections to a destination open with its queue, and close when it says not now', async (scheduling) => {
  const { clock } = scheduling;
  const exit = scheduling.exit('direct');
  exit.answer = after(clock, SECOND);
  await acceptMany(scheduling, 10, () => ({}));
  expect(exit.inFlight).toBe(2);
  await acceptMany(scheduling, 100, () => ({}));
  await clock.advance(10);
  expect(exit.inFlight).toBe(9);
  exit.answer = () => OUTCOMES.refused;
  await clock.advance(2 * SECOND);
  exit.answer = after(clock, SECOND);
  await clock.advance(5 * SECOND);
  exit.mostInFlight = 0;
  await acceptMany(scheduling, 100, () => ({}));
  await clock.advance(3 * SECOND);
  expect(exit.mostInFlight).toBeLessThanOrEqual(6);
});

scheduled('large messages from the store to slow destinations keep nobody else waiting', async (scheduling) => {
  const { clock } = scheduling;
  const exit = scheduling.exit('direct');
  exit.concurrency = 20;
  const slow = after(clock, 10 * MINUTE);
  exit.answer = (attempt, signal) =>
    attempt.mail.domain.startsWith('slow') ? slow(attempt, signal) : OUTCOMES.delivered;
  const large = Buffer.alloc(25 * 1024 ** 2, 'large\r\n');
  for (let count = 0; count < 6; count++) await scheduling.store({ to: [`a@slow${count}.test`], content: large });
  scheduling.scheduler.wake();
  await clock.advanceUntil(() => exit.inFlight >= 4, { stepMs: 50 });
  for (let count = 0; count < 40; count++) await scheduling.store({ to: [`a@small${count}.test`] });
  scheduling.scheduler.wake();
  await scheduling.accept({ to: ['a@fresh.test'] });
  await clock.advanceUntil(() => exit.attempts.length === 4 + 41, { stepMs: 50, withinMs: 5_000 });
  expect(exit.attempts.filter(({ mail }) => mail.domain.startsWith('slow')).length).toBe(4);
  // The other large ones go when the first are through.
  await scheduling.drained(HOUR);
  expect(exit.attempts.length).toBe(47);
  expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 47 } });
});
