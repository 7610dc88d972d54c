/** What operators may ask of a relay that runs, put together. */
import type { Foundation } from '../foundation/foundation.ts';
import type { MailPath } from '../mail-path.ts';
import type { Screening } from '../message/screening.ts';
import { alertOperations } from '../operations/alert-operations.ts';
import type { AuditLog } from '../operations/audit-log.ts';
import { clientOperations } from '../operations/client-operations.ts';
import type { ExitOperations } from '../operations/exits/exit-operations.ts';
import { figuresOverStore } from '../operations/figures/figures-over-store.ts';
import { liveRelay } from '../operations/live-relay.ts';
import type { NodeStatus } from '../operations/node-status.ts';
import type { Operations, RelayStatus } from '../operations/operations.ts';
import { reportOperations } from '../operations/figures/report-operations.ts';
import { routeOperation } from '../operations/mail/route-operation.ts';
import { createOperations } from '../operations/store-operations.ts';
import { egressTrials } from '../operations/exits/try-egress.ts';
import { webhookOperations } from '../operations/webhook-operations.ts';
import type { Alerting } from '../report/alerting/alerting.ts';
import { canSendFrom } from '../system.ts';
import { periodFigures } from '../watches/period-figures.ts';
import type { Access } from './access.ts';

export type RelayOperationsNeeds = Foundation & {
  readonly path: MailPath;
  readonly exits: ExitOperations;
  readonly access: Access;
  readonly log: AuditLog;
  readonly alerting: Pick<Alerting, 'test'>;
  readonly screening: Screening;
  readonly nodes: () => Promise<readonly NodeStatus[]>;
  readonly status: () => RelayStatus;
};

export function relayOperations(needs: RelayOperationsNeeds): Operations {
  const { policy, spool, emit, ports, path, exits, access, log, nodes, status, rollups } = needs;
  const { clock } = ports;
  const operations: Operations = createOperations({
    spool,
    clock,
    showsSubjects: () => policy().log.subjects,
    furthestMs: () => policy().limits.futureReleaseMs,
    emit,
    nodes,
    auditLog: (ask) => log.page(ask),
    tryEgress: egressTrials({ policy, clock, dns: ports.dns, dial: ports.dial, canSendFrom }),
    exits,
    tokens: access.tokens,
    users: access.signIn.users,
    clients: clientOperations({
      policy,
      clock,
      marks: spool.marks,
      tallies: spool.ledger,
      spool,
      wake: () => path.wake(),
    }),
    alerts: alertOperations({
      marks: spool.marks,
      clock,
      isShared: spool.nodes !== undefined,
      test: () => needs.alerting.test(),
    }),
    figures: figuresOverStore({
      policy,
      clock,
      marks: spool.marks,
      ledger: spool.ledger,
      flush: () => rollups.flush(),
    }),
    reports: reportOperations({
      policy,
      clock,
      random: ports.random,
      figures: (period) => periodFigures(operations, period),
      mail: (given) => path.submitOwn({ ...given, endsMail: false }),
    }),
    webhooks: webhookOperations({ policy, marks: spool.marks, clock }),
    route: routeOperation({ policy, explainMail: (facts) => path.explainMail(facts), screening: needs.screening }),
    live: liveRelay({ policy, spool, path, clock, status }),
  });
  return operations;
}
