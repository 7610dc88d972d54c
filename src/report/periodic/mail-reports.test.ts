import { simpleParser } from 'mailparser';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { MemoryMarks } from '../../../tests/fakes/marks.ts';
import type { Event } from '../../message/event.ts';
import { policySchema } from '../../policy/schema.ts';
import type { AlertMail } from '../alerting/delivery.ts';
import { mailReports } from './mail-reports.ts';
import { isDue, lastPeriod, type Period } from './period.ts';
import type { ReportFigures } from './report-text.ts';

const HOUR = 3_600_000;
const MINUTE = 60_000;

const FIGURES: ReportFigures = {
  accepted: 1_000,
  delivered: 990,
  failed: 10,
  deferred: 4,
  complained: 1,
  success: 0.99,
  queued: 3,
  exits: [{ egress: 'smtp-1', delivered: 990, failed: 10, success: 0.99, score: 92, cost: '12.30 EUR of 90.00 EUR' }],
  reasons: [{ text: '550 5.1.1 <b>no</b> such user', count: 7 }],
  costs: ['12.30 EUR, 30.00 EUR by its end'],
  month: null,
  alerts: [{ text: 'egress-down:smtp-1: down', from: '2026-11-21T08:00:00Z', until: null }],
  advice: ['3 servers warm up'],
};

/** Mail is composed in real time, however fast the clock goes. */
const sent = (clock: FakeClock, mails: readonly AlertMail[], count: number) =>
  clock.advanceUntil(() => mails.length >= count, { stepMs: 5 * MINUTE, withinMs: 26 * HOUR });

function world(reports: readonly object[]) {
  const clock = new FakeClock(Date.UTC(2026, 10, 22, 5));
  const marks = new MemoryMarks();
  const mails: AlertMail[] = [];
  const periods: Period[] = [];
  const events: Event[] = [];
  const state = { isAway: false };
  const policy = policySchema.parse({ hostname: 'relay.test', timeZone: 'Europe/Madrid', reports });
  const start = (isOurs = true) =>
    mailReports({
      policy: () => policy,
      clock,
      emit: (event) => void events.push(event),
      marks,
      isOurs: async () => isOurs,
      figures: async (period) => {
        if (state.isAway) throw new Error('away');
        periods.push(period);
        return FIGURES;
      },
      mail: async (mail) => {
        if (!mails.some(({ id }) => id === mail.id)) mails.push(mail);
      },
    });
  return { clock, marks, mails, periods, events, state, start };
}

test('a day is reported once after its time, to each, over restarts', async () => {
  const { clock, mails, periods, start } = world([{ every: 'day', at: '07:00', to: ['a@x.test', 'b@x.test'] }]);
  {
    await using _ = start();
    // What was before anybody asked is not reported.
    await clock.advance(3 * HOUR);
    expect(mails).toEqual([]);
    await clock.advance(21 * HOUR);
    expect(mails).toEqual([]);
    await sent(clock, mails, 2);
  }
  expect(mails.map(({ recipient }) => recipient)).toEqual(['a@x.test', 'b@x.test']);
  expect(periods.map(({ name }) => name)).toEqual(['2026-11-22/day']);
  await using _ = start();
  await clock.advance(10 * HOUR);
  expect(mails).toHaveLength(2);
  await sent(clock, mails, 4);
  expect(periods).toHaveLength(2);
});

test('a relay that did not run at the time reports once it does; another node reports nothing', async () => {
  const { clock, mails, start } = world([{ every: 'day', to: ['a@x.test'] }]);
  await start().look();
  await clock.advance(40 * HOUR);
  await using others = start(false);
  await others.look();
  expect(mails).toEqual([]);
  await using ours = start();
  await ours.look();
  expect(mails).toHaveLength(1);
});

test('a crash between queueing and the mark sends no second mail, and a store that fails is asked again', async () => {
  const { clock, marks, mails, events, state, start } = world([{ every: 'day', to: ['a@x.test'] }]);
  await using reports = start();
  await reports.look();
  const [first] = marks.all();
  await sent(clock, mails, 1);
  await marks.unmark([first?.name ?? '']);
  await marks.mark([first ?? { name: 'x', text: '', atMs: 0 }]);
  await reports.look();
  expect(mails).toHaveLength(1);
  state.isAway = true;
  await clock.advance(24 * HOUR);
  expect(mails).toHaveLength(1);
  expect(events).toContainEqual(expect.objectContaining({ event: 'failed', where: 'reports' }));
  state.isAway = false;
  await sent(clock, mails, 2);
});

test('a report has its figures in words, as text and as HTML in which markup is text', async () => {
  const { clock, mails, start } = world([{ every: 'week', at: '00:00', to: ['a@x.test'] }]);
  await using reports = start();
  await reports.look();
  await sent(clock, mails, 1);
  const content = mails[0]?.content ?? Buffer.alloc(0);
  expect(content.toString().replaceAll('\r\n', '')).not.toContain('\n');
  const { subject, text = '', html } = await simpleParser(content);
  expect(subject).toBe('[relay.test] Mail of the week from 2026-11-16 to 2026-11-22');
  expect(text).toMatch(/smtp-1 +990 +10 +99\.0 % +92 +12\.30 EUR of 90\.00 EUR/);
  expect(text).toContain('7      550 5.1.1 <b>no</b> such user');
  expect(html).toContain('&#60;b&#62;no&#60;/b&#62;');
});

test.each([
  ['day', '2026-03-30T08:00:00Z', '2026-03-29/day', 23],
  ['day', '2026-10-25T23:30:00Z', '2026-10-25/day', 25],
  ['week', '2026-11-22T22:59:00Z', '2026-11-09/week', 7 * 24],
  ['week', '2026-11-22T23:00:00Z', '2026-11-16/week', 7 * 24],
  ['month', '2026-01-01T00:00:00Z', '2025-12/month', 31 * 24],
] as const)('the last %s at %s is %s', (every, time, name, hours) => {
  const period = lastPeriod(every, Date.parse(time), 'Europe/Madrid');
  expect([period.name, (period.toMs - period.fromMs) / HOUR]).toEqual([name, hours]);
});

test('a report is due from its time on of the first day', () => {
  const period = lastPeriod('week', Date.parse('2026-11-23T05:59:00Z'), 'Europe/Madrid');
  const due = (time: string) => isDue(period, '07:00', { nowMs: Date.parse(time), zone: 'Europe/Madrid' });
  expect(['2026-11-23T05:59:00Z', '2026-11-23T06:00:00Z', '2026-11-24T01:00:00Z'].map(due)).toEqual([
    false,
    true,
    true,
  ]);
});
