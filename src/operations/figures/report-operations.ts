/** Reports by mail, on demand: as the policy has them sent by themselves, now. */
import type { MessageId } from '../../message/ids.ts';
import { newMessageId } from '../../message/ids.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Ports } from '../../ports.ts';
import type { AlertMail } from '../../report/alerting/delivery.ts';
import { reportMail } from '../../report/periodic/mail-reports.ts';
import { lastPeriod, type Period, type ReportEvery } from '../../report/periodic/period.ts';
import type { ReportFigures } from '../../report/periodic/report-text.ts';
import { OperationsError } from '../operations.ts';

export const REPORT_PERIODS = ['day', 'week', 'month'] as const satisfies readonly ReportEvery[];
/** Addresses that a report is sent to at once. */
export const REPORT_TO_MOST = 20;

export type SendReportAsk = {
  /** Of the last one that is over. null: of each that the policy has reports of; where it has none, the day. */
  readonly every: ReportEvery | null;
  /** null, or nobody: whom the policy names for such reports. */
  readonly to: readonly string[] | null;
};

/** One mail that was queued. `period`: what it is about, such as `the day 2026-11-21`. */
export type SentReport = { readonly period: string; readonly to: string; readonly messageId: MessageId };

export type ReportOperations = {
  /** Queues the mails, each time anew; those that are due by themselves are sent all the same. */
  sendReport(ask: SendReportAsk): Promise<readonly SentReport[]>;
};

/** Where no relay runs. */
export const NO_REPORTS: ReportOperations = {
  sendReport: () => Promise.reject(new OperationsError('no relay is running: nothing could be sent')),
};

export type ReportOperationsNeeds = Pick<Ports, 'clock' | 'random'> & {
  readonly policy: () => Policy;
  readonly figures: (period: Period) => Promise<ReportFigures>;
  /** Queues it durably. */
  readonly mail: (mail: AlertMail) => Promise<void>;
};

export function reportOperations(needs: ReportOperationsNeeds): ReportOperations {
  const { policy, clock, random, figures, mail } = needs;
  return {
    sendReport: async (ask) => {
      const asked = whatTo(policy(), ask);
      const sent: SentReport[] = [];
      const nowMs = clock.nowMs();
      for (const [every, addresses] of asked) {
        const period = lastPeriod(every, nowMs, policy().timeZone);
        const found = await figures(period);
        for (const to of addresses) {
          const id = newMessageId(nowMs, random.bytes(10));
          const content = await reportMail(found, { id, to, period, policy: policy(), atMs: nowMs });
          await mail({ id, recipient: to, content, avoids: [], expiresAtMs: null });
          sent.push({ period: period.title, to, messageId: id });
        }
      }
      return sent;
    },
  };
}

/** Who gets which. */
function whatTo({ reports }: Policy, { every, to }: SendReportAsk): ReadonlyMap<ReportEvery, ReadonlySet<string>> {
  const named = REPORT_PERIODS.filter((one) => reports.some((report) => report.every === one));
  const wanted = every !== null ? [every] : named.length > 0 ? named : (['day'] as const);
  const asked = new Map<ReportEvery, ReadonlySet<string>>();
  for (const one of wanted) {
    const byPolicy = reports.filter((report) => report.every === one).flatMap((report) => report.to);
    const addresses = new Set(to !== null && to.length > 0 ? to : byPolicy);
    if (addresses.size === 0)
      throw new OperationsError(
        `the policy names nobody for reports of the ${one} (reports): add them there, or say to whom it is to go`,
      );
    asked.set(one, addresses);
  }
  return asked;
}
