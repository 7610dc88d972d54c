/** Reports by mail: each period once, whatever restarts come in between, and by one of the nodes that share a store. */
import { createHash } from 'node:crypto';
import { newMessageId } from '../../message/ids.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Emit } from '../../ports.ts';
import { repeated } from '../../running/repeated.ts';
import type { Marks } from '../../spool/marks.ts';
import type { AlertMail } from '../alerting/delivery.ts';
import { isDue, lastPeriod, type Period } from './period.ts';
import { type ReportFigures, reportHtml, reportSubject, reportText } from './report-text.ts';

export type MailReportsNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly marks: Pick<Marks, 'marks' | 'mark'>;
  /** Whether it is for this relay to report. */
  readonly isOurs: () => Promise<boolean>;
  readonly figures: (period: Period) => Promise<ReportFigures>;
  /** Queues it durably; one with an id that is known is no second one. */
  readonly mail: (mail: AlertMail) => Promise<void>;
};

type Report = Policy['reports'][number];

const LOOK_MS = 60_000;
const MARKS = 'report:';

/** Looks every minute until it is disposed of. */
export function mailReports(needs: MailReportsNeeds): AsyncDisposable & { /** Looks now. */ look(): Promise<void> } {
  const looking = repeated(() => look(needs), { clock: needs.clock, everyMs: LOOK_MS });
  return Object.assign(looking, { look: () => look(needs) });
}

/** What fails is tried again a minute later. */
async function look(needs: MailReportsNeeds): Promise<void> {
  const { policy, clock, emit, isOurs } = needs;
  if (policy().reports.length === 0) return;
  try {
    if (!(await isOurs())) return;
    for (const report of policy().reports) await lookAt(needs, report);
  } catch (cause) {
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'reports', cause: String(cause) });
  }
}

async function lookAt(needs: MailReportsNeeds, report: Report): Promise<void> {
  const { policy, clock, marks } = needs;
  const { timeZone: zone } = policy();
  const nowMs = clock.nowMs();
  const period = lastPeriod(report.every, nowMs, zone);
  const name = markOf(report);
  const sent = (await marks.marks(name)).find((mark) => mark.name === name);
  if (sent?.text === period.name) return;
  // Nothing is reported of a time before anybody asked for reports.
  if (sent !== undefined) {
    if (!isDue(period, report.at, { nowMs, zone })) return;
    await send(needs, report, period);
  }
  await marks.mark([{ name, text: period.name, atMs: Math.max(nowMs, (sent?.atMs ?? 0) + 1) }]);
}

async function send(needs: MailReportsNeeds, report: Report, period: Period): Promise<void> {
  const figures = await needs.figures(period);
  for (const to of report.to) {
    // Of the same period to the same address there is one: a crash before the mark sends no second.
    const id = newMessageId(period.toMs, createHash('sha256').update(`${period.name} ${to}`).digest());
    const content = await reportMail(figures, { id, to, period, policy: needs.policy(), atMs: needs.clock.nowMs() });
    await needs.mail({ id, recipient: to, content, avoids: [], expiresAtMs: null });
  }
}

/** Its composer is loaded with the first report: a relay at rest does without. */
export async function reportMail(
  figures: ReportFigures,
  {
    id,
    to,
    period,
    policy,
    atMs,
  }: {
    readonly id: string;
    readonly to: string;
    readonly period: Period;
    readonly policy: Policy;
    readonly atMs: number;
  },
): Promise<Buffer> {
  const { default: MailComposer } = await import('nodemailer/lib/mail-composer');
  const { hostname, http } = policy;
  const terms = { hostname, period, publicUrl: http.publicUrl };
  const composed = new MailComposer({
    from: { name: 'relevo reports', address: `MAILER-DAEMON@${hostname}` },
    to,
    subject: reportSubject(terms),
    text: reportText(figures, terms),
    html: reportHtml(figures, terms),
    date: new Date(atMs),
    messageId: `<report.${id}@${hostname}>`,
    headers: { 'Auto-Submitted': 'auto-generated' },
    newline: 'windows',
    disableFileAccess: true,
    disableUrlAccess: true,
  });
  return await composed.compile().build();
}

/** By what the policy says of it: with other recipients it is another one. */
function markOf({ every, at, to }: Report): string {
  return `${MARKS}${createHash('sha256')
    .update(JSON.stringify([every, at, to.toSorted()]))
    .digest('hex')
    .slice(0, 24)}`;
}
