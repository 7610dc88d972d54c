import { simpleParser } from 'mailparser';
import { expect, test } from 'vitest';
import type { z } from 'zod';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { loaded } from '../../../tests/fakes/policy-text.ts';
import { reportRoutes } from '../../http/api/reports.ts';
import type { AlertMail } from '../../report/alerting/delivery.ts';
import type { Period } from '../../report/periodic/period.ts';
import type { ReportFigures } from '../../report/periodic/report-text.ts';
import { systemRandom } from '../../system.ts';
import { sendReportAsk } from './asks.ts';
import { type ReportOperations, reportOperations, type SendReportAsk } from './report-operations.ts';

const FIGURES: ReportFigures = {
  accepted: 1_000,
  delivered: 990,
  failed: 10,
  deferred: 4,
  complained: 1,
  success: 0.99,
  queued: 3,
  exits: [],
  reasons: [],
  costs: [],
  month: null,
  alerts: [],
  advice: [],
};

function world(reports: string) {
  const mails: AlertMail[] = [];
  const periods: Period[] = [];
  const operations = reportOperations({
    policy: () => loaded(`hostname: relay.test\ntimeZone: Europe/Madrid\nreports: ${reports}\n`).policy,
    clock: new FakeClock(Date.UTC(2026, 10, 22, 5)),
    random: systemRandom,
    figures: async (period) => {
      periods.push(period);
      return FIGURES;
    },
    mail: async (mail) => void mails.push(mail),
  });
  const send = async (ask: Partial<SendReportAsk>) => {
    mails.length = 0;
    const sent = await operations.sendReport({ every: null, to: null, ...ask });
    expect(mails.map(({ id, recipient }) => [id, recipient])).toEqual(sent.map(({ messageId, to }) => [messageId, to]));
    return sent.map(({ period, to }) => `${to}: ${period}`);
  };
  return { operations, send, mails, periods };
}

test('a report is sent to whom the policy names for it, once each, or to the addresses that are asked for', async () => {
  const { send, mails, periods } = world(
    '[{ every: day, to: [a@x.test] }, { every: day, at: "19:00", to: [b@x.test, a@x.test] }, { every: month, to: [c@x.test] }]',
  );
  const day = 'the day 2026-11-21';
  expect(await send({})).toEqual([`a@x.test: ${day}`, `b@x.test: ${day}`, 'c@x.test: the month 2026-10']);
  expect(await send({ every: 'day' })).toEqual([`a@x.test: ${day}`, `b@x.test: ${day}`]);
  periods.length = 0;
  expect(await send({ every: 'week', to: ['boss@y.test'] })).toEqual([
    'boss@y.test: the week from 2026-11-09 to 2026-11-15',
  ]);
  expect(periods.map(({ name }) => name)).toEqual(['2026-11-09/week']);
  const { subject, to, text } = await simpleParser(mails[0]?.content ?? '');
  expect([subject, to]).toMatchObject([
    '[relay.test] Mail of the week from 2026-11-09 to 2026-11-15',
    { text: 'boss@y.test' },
  ]);
  expect(text).toContain('990');
  // Each is a mail of its own, however often it is asked for.
  const [first] = mails;
  await send({ every: 'week', to: ['boss@y.test'] });
  expect(mails[0]?.id).not.toBe(first?.id);
  await expect(send({ every: 'week' })).rejects.toThrow('names nobody for reports of the week');
});

test('where the policy has no reports it is the last day, and somebody has to be named', async () => {
  const { send } = world('[]');
  expect(await send({ to: ['boss@y.test'] })).toEqual(['boss@y.test: the day 2026-11-21']);
  await expect(send({ to: [] })).rejects.toThrow('names nobody for reports of the day');
});

test('over HTTP a report is sent as well, and addresses that are none are refused with their place', async () => {
  const { operations, mails } = world('[{ every: day, to: [a@x.test] }]');
  const routes = reportRoutes({ operations: operations as ReportOperations as never, clock: new FakeClock() });
  const route = routes.find(({ path }) => path === '/api/v1/reports/send');
  const run = (body: object) => route?.run({ body } as never);
  expect(await run({ to: [] })).toMatchObject({
    value: { count: 1, sent: [{ to: 'a@x.test', period: 'the day 2026-11-21' }] },
    change: { what: 'report.send', on: 'a@x.test' },
  });
  expect(mails).toHaveLength(1);
  const body = route?.body as { readonly schema: z.ZodType };
  for (const wrong of [{ to: ['no address'] }, { every: 'year' }, { to: Array(21).fill('a@x.test') }, { from: 'x' }])
    expect(body.schema.safeParse(wrong).success).toBe(false);
  expect(sendReportAsk.safeParse({ every: null, to: ['<a@x.test>\r\nBcc: b@x.test'] }).success).toBe(false);
});
