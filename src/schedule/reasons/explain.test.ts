import { describe, expect, test } from 'vitest';
import { scheduled } from '../../../tests/fakes/scheduling.ts';
import { after, OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import type { MessageId } from '../../message/ids.ts';
import { reasonText } from './gate-text.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const DAY = 24 * HOUR;

test('a check that is overdue is told of without negative times', () => {
  const down = { egress: 's1', pool: null, gate: 'down', cause: 'no answer', untilMs: 1_000, others: [] } as const;
  expect(reasonText(down, 14_000)).toBe('s1 is down: no answer, looked at again now');
  expect(reasonText(down, 500)).toBe('s1 is down: no answer, looked at again in 1 s');
  expect(reasonText({ ...down, gate: 'resting' }, 14_000)).toBe('s1 rests after a failure: no answer, for 0 s more');
});

describe('nothing waits silently', () => {
  scheduled('a lane with work and no progress for ten minutes is an alert, until it moves', async (scheduling) => {
    const { clock } = scheduling;
    scheduling.exit('direct').answer = after(clock, 12 * MINUTE);
    await scheduling.accept();
    const alerts = () =>
      scheduling.events.flatMap((event) => (event.event === 'alert' ? [[event.name, event.raised]] : []));
    await clock.advanceUntil(() => clock.monotonicMs() > 9.9 * MINUTE, { stepMs: 5 * SECOND, withinMs: HOUR });
    expect(alerts()).toEqual([]);
    await clock.advanceUntil(() => alerts().length === 1, { stepMs: 5 * SECOND, withinMs: MINUTE });
    await clock.advanceUntil(() => alerts().length === 2, { stepMs: 5 * SECOND, withinMs: 3 * MINUTE });
    expect(alerts()).toEqual([
      ['lane-stalled', true],
      ['lane-stalled', false],
    ]);
  });

  scheduled('each queued delivery says why, wherever it is', async (scheduling) => {
    const { clock, scheduler, spool } = scheduling;
    const exit = scheduling.exit('direct');
    exit.concurrency = 2;
    exit.answer = ({ mail }, signal) => {
      if (mail.domain === 'grey.test') return OUTCOMES.notNow;
      if (mail.domain === 'dead.test') return OUTCOMES.unreachable;
      return after(clock, HOUR)({ mail, atMs: 0, number: 0 }, signal);
    };
    const grey = await scheduling.accept({ to: ['a@grey.test'] });
    const dead = [];
    for (let count = 0; count < 12; count++) dead.push(await scheduling.accept({ to: ['a@dead.test'] }));
    await clock.advanceUntil(() => scheduler.stats().held === 0);
    const flying = await scheduling.accept({ to: ['a@busy.test'] });
    const waiting = await scheduling.accept({ to: ['b@busy.test'] });
    const blocked = await scheduling.accept({ to: ['b@other.test', 'b@third.test'] });
    const later = await scheduling.store({ dueAtMs: clock.nowMs() + DAY });
    const held = await scheduling.store();
    await spool.hold({ ids: [held.message.id] }, clock.nowMs());
    await clock.advance(10);
    const whyOf = async (of: { message: { id: typeof grey.message.id } }) => {
      const [first] = await scheduler.explain(of.message.id);
      return [first?.state, first?.why[0]];
    };
    expect(await whyOf(grey)).toEqual(['queued', 'waits for its next try, in 60 s']);
    expect(await whyOf(dead.at(-1) ?? grey)).toEqual([
      'queued',
      expect.stringMatching(/^dead\.test did not answer several times: its lane rests for \d+ s more$/),
    ]);
    // What it was told stands in the store, and is said from there.
    expect((await scheduler.explain(grey.message.id))[0]?.why.join()).not.toContain('mailbox busy');
    expect(await whyOf(flying)).toEqual(['in flight', 'under way by direct for 1 s']);
    expect(await whyOf(waiting)).toEqual([
      'waiting in its lane',
      'its lane has 1 of 1 connections open, and 1 deliveries wait',
    ]);
    expect(await whyOf(later)).toEqual(['queued', 'not to be sent before its time, in 24 h']);
    expect(await whyOf(held)).toEqual(['held', 'held until an operator releases it']);
    await spool.release({ state: 'held' }, scheduling.clock.nowMs() - 1);
    await spool.hold({ ids: [held.message.id] }, scheduling.clock.nowMs(), 'over its quota of 5/d: it goes by itself');
    expect(await whyOf(held)).toEqual(['held', 'held: over its quota of 5/d: it goes by itself']);
    const [, third] = await scheduler.explain(blocked.message.id);
    expect(third).toMatchObject({ state: 'waiting in its lane', exits: [{ egress: 'direct', gate: 'busy' }] });
    expect(third?.why).toContain('direct has no free connection: all 2 are in use');
    expect(await scheduler.explain(third?.deliveryId ?? grey.message.id)).toEqual([third]);
    const facts = {
      client: 'shop',
      stream: 'x',
      priority: 'low',
      senderDomain: 'a',
      recipientDomain: 'b',
      tag: null,
      sizeBytes: 1,
    } as const;
    expect(scheduler.explainRoute(facts)).toMatchObject({
      route: 'default',
      exits: [{ egress: 'direct', gate: 'busy' }],
    });
  });

  scheduled('what is due but still in the store says what it waits for', async (scheduling) => {
    const { clock, scheduler } = scheduling;
    const exit = scheduling.exit('direct');
    const whyOf = async ({ message }: { message: { id: MessageId } }) =>
      (await scheduler.explain(message.id)).flatMap(({ why }) => why);
    expect(await whyOf(await scheduling.store())).toEqual(['due: about to be taken out of the store']);
    await clock.advanceUntil(() => exit.attempts.length === 1);

    exit.answer = ({ mail }, signal) => after(clock, HOUR)({ mail, atMs: 0, number: 0 }, signal);
    for (let count = 0; count < 130; count++) await scheduling.accept({ to: ['a@busy.test'] });
    expect(await whyOf(await scheduling.store({ to: ['b@busy.test'] }))).toEqual([
      'due: waits in the store, 130 deliveries to busy.test come first',
    ]);

    exit.answer = () => OUTCOMES.signInRefused;
    await scheduling.accept({ to: ['a@other.test'] });
    await clock.advanceUntil(() => scheduling.events.some(({ event }) => event === 'alert'));
    expect(await whyOf(await scheduling.store({ to: ['b@other.test'] }))).toEqual([
      'due: waits in the store for an exit',
      expect.stringMatching(/^direct rests after a failure/),
    ]);
  });

  scheduled(
    'each limit of an exit is told with its figure, and when the next message may go',
    async (scheduling) => {
      const last = await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.drained();
      const why = () => scheduling.scheduler.explainRoute({ ...FACTS }).exits.map((exit) => exit.why);
      expect(why()).toEqual(['one waits for its rate 60/h, delay 5 s, for 60 s more', 'two may send now (rate 100/m)']);
      await scheduling.elapsed(MINUTE - 10 * SECOND);
      expect(why()[0]).toBe('one waits for its rate 60/h, delay 5 s, for 10 s more');
      expect(await scheduling.scheduler.explain(last.message.id)).toEqual([]);
    },
    {
      policy: {
        egress: {
          one: { type: 'mx', rate: '60/h', delay: '5s' },
          two: { type: 'mx', rate: '100/m' },
        },
        routes: [{ name: 'all', use: ['one', 'two'] }],
      },
    },
  );

  scheduled(
    'an idle exit with a limit may send, before its first message and after a restart',
    async (scheduling) => {
      const whyNow = async () =>
        (await scheduling.scheduler.explainMail(FACTS)).exits.map(({ gate, why }) => [gate, why]);
      expect(await whyNow()).toEqual([
        ['ready', 'one may send now (daily limit 0/30)'],
        ['ready', 'two may send now (hourly limit 0/5, rate 100/m)'],
      ]);
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.drained();
      await scheduling.restart();
      expect((await whyNow())[0]).toEqual(['ready', 'one may send now (daily limit 1/30)']);
    },
    {
      policy: {
        egress: {
          one: { type: 'mx', dailyLimit: 30 },
          two: { type: 'mx', hourlyLimit: 5, rate: '100/m' },
        },
        routes: [{ name: 'all', use: ['one', 'two'] }],
      },
    },
  );

  scheduled(
    'what waits for a limit says when that opens, and not only when it is looked at again',
    async (scheduling) => {
      const { clock, scheduler } = scheduling;
      await scheduling.accept({ to: ['a@one.test'] });
      const second = await scheduling.accept({ to: ['b@one.test'] });
      await clock.advanceUntil(() => scheduler.stats().held === 0, { stepMs: SECOND, withinMs: MINUTE });
      const [one] = await scheduler.explain(second.message.id);
      expect(one?.why[0]).toMatch(
        /^waits for an exit: one opens in 2[34] h \d+ m \(looked at again in \d+ (?:s|min)\)$/,
      );
      const nextMidnightMs = (Math.floor(clock.nowMs() / DAY) + 1) * DAY;
      expect(one?.nextTryAtMs).toBe(nextMidnightMs);
    },
    { policy: { egress: { one: { type: 'mx', dailyLimit: 1 } }, routes: [{ name: 'all', use: ['one'] }] } },
  );
});

const FACTS = {
  client: 'shop',
  stream: 'transactional',
  priority: 'normal',
  senderDomain: 'a.test',
  recipientDomain: 'b.test',
  tag: null,
  sizeBytes: 1,
} as const;
