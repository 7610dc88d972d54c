/** People are told of alerts, and of how it went, by one relay of those that share a store; and what the rules for that need to know. */
import type { Foundation } from '../foundation/foundation.ts';
import type { MailPath } from '../mail-path.ts';
import type { Operations } from '../operations/operations.ts';
import type { Policy } from '../policy/schema.ts';
import { type Alerting, openAlerting } from '../report/alerting/alerting.ts';
import type { AlertMail } from '../report/alerting/delivery.ts';
import { type CertificateFile, watchCertificates } from '../report/alerting/rules/certificates.ts';
import { oldMail } from '../report/alerting/rules/queue-age.ts';
import { openRules } from '../report/alerting/rules/rules.ts';
import { mailReports } from '../report/periodic/mail-reports.ts';
import type { Period } from '../report/periodic/period.ts';
import { isUp, type Nodes } from '../spool/nodes.ts';
import { releaseLinks, watchClients } from './client-watch.ts';
import { watchDns } from './dns-watch.ts';
import { periodFigures } from './period-figures.ts';

export type TellPeopleNeeds = {
  /** This relay's name. */
  readonly node: string;
  readonly path: Pick<MailPath, 'submitOwn' | 'wake'>;
};

/** Goes on until `stack` is disposed of. */
export function tellPeople(
  foundation: Foundation,
  { node, path }: TellPeopleNeeds,
  stack: AsyncDisposableStack,
): Alerting {
  const { ports, policy, spool, emit, hooks, reporting } = foundation;
  const { clock, random, dns } = ports;
  const { marks, ledger: tallies, nodes } = spool;
  const turn = turnOf(nodes ?? null, { node, clock });
  const { isOurs } = turn;
  watchClients(foundation, { path, isOurs }, stack);
  const mail = (given: AlertMail): Promise<void> => path.submitOwn({ ...given, endsMail: false, priority: 'high' });
  const alerting = stack.use(
    openAlerting({
      policy,
      clock,
      random,
      emit,
      marks,
      node,
      isShared: nodes !== undefined,
      mail,
      fetch: ports.fetch,
      linkFor: releaseLinks(foundation),
      ...turn,
    }),
  );
  const old = (ageMs: number) => oldMail(spool, { ageMs, nowMs: clock.nowMs() });
  const rules = stack.use(openRules({ policy, clock, emit, tallies, oldMail: old, trouble: troubleOf(foundation) }));
  const { heard } = hooks;
  hooks.heard = (event) => {
    heard(event);
    rules.heard(event);
    alerting.heard(event);
  };
  // What was raised before anybody listened.
  for (const { name, text, sinceMs } of reporting.alerts.raised())
    alerting.heard({ event: 'alert', atMs: sinceMs, name, text, raised: true });
  stack.use(watchCertificates({ files: () => certificatesOf(policy()), clock, emit }));
  stack.use(watchDns({ policy, clock, dns, emit, marks, isOurs }));
  return alerting;
}

export type SendReportsNeeds = TellPeopleNeeds & { readonly operations: Operations };

/** Reports by mail, as the policy asks for them. Goes on until `stack` is disposed of. */
export function sendReports(
  { ports: { clock }, policy, spool, emit }: Foundation,
  { node, path, operations }: SendReportsNeeds,
  stack: AsyncDisposableStack,
): void {
  const { isOurs } = turnOf(spool.nodes ?? null, { node, clock });
  const mail = (given: AlertMail): Promise<void> => path.submitOwn({ ...given, endsMail: false });
  const figures = (period: Period) => periodFigures(operations, period);
  stack.use(mailReports({ policy, clock, emit, marks: spool.marks, isOurs, figures, mail }));
}

/** By the first, by name, of those that are up. */
function turnOf(
  nodes: Pick<Nodes, 'all'> | null,
  { node, clock }: { readonly node: string; readonly clock: { nowMs(): number } },
) {
  return {
    isOurs: async (): Promise<boolean> => {
      if (nodes === null) return true;
      const nowMs = clock.nowMs();
      const first = (await nodes.all()).find((one) => isUp(one, nowMs) && one.isStopping !== true);
      return first === undefined || first.name === node;
    },
    nodesUp: async (): Promise<ReadonlySet<string> | null> => {
      if (nodes === null) return null;
      const nowMs = clock.nowMs();
      return new Set((await nodes.all()).filter((one) => isUp(one, nowMs)).map(({ name }) => name));
    },
  };
}

/** Redis tells of its own troubles. */
function troubleOf({ policy, spool }: Foundation): () => string | null {
  return () => (policy().spool.engine === 'redis' ? null : spool.trouble());
}

/** The certificates that a relay uses, by what for. */
export function certificatesOf({ tls, http, listen }: Policy): readonly CertificateFile[] {
  const isUsed = listen.some((listener) => listener.tls !== 'none') || http.tls === true;
  return [
    ...(isUsed ? [{ what: 'smtp', path: tls.cert }] : []),
    ...(typeof http.tls === 'boolean' ? [] : [{ what: 'http', path: http.tls.cert }]),
  ];
}
