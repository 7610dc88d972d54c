/** What operators do with alerts: over the store, whether a relay runs on it or not; a test needs one that runs. */
import { factsOfAlert, kindOfAlert, subjectOfAlert } from '../message/alert-kind.ts';
import type { Severity } from '../message/severity.ts';
import type { Clock } from '../ports.ts';
import { keyOf, readState } from '../report/alerting/alert-state.ts';
import type { TestResult } from '../report/alerting/alerting.ts';
import { acknowledgedMark, nodeAlertsOf } from '../report/alerting/board.ts';
import { HISTORY_MARK, type PastAlert, pastAlerts } from '../report/alerting/past-alerts.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import { OperationsError } from './operations.ts';

/** An alert that is in force. Times are wall ms. */
export type ShownAlert = {
  readonly name: string;
  readonly kind: string;
  /** An exit, a domain, a client …; '' for the relay itself. */
  readonly about: string;
  /** The node that it is about; null: it is about all. */
  readonly node: string | null;
  readonly severity: Severity;
  readonly text: string;
  /** What is to be done. */
  readonly todo: string;
  readonly sinceMs: number;
  /** When people were told last; null: they were not yet, or nobody is to be told. */
  readonly toldAtMs: number | null;
  readonly acknowledged: { readonly by: string; readonly atMs: number } | null;
};

export type AlertList = {
  /** In force, the oldest first. */
  readonly alerts: readonly ShownAlert[];
  /** Over, the last first. */
  readonly past: readonly PastAlert[];
};

export type AlertOperations = {
  alertList(): Promise<AlertList>;
  /** Nobody is told of it any more until it is over. `changed`: how many of that name (one for each node) are in force, and were not acknowledged. */
  acknowledgeAlert(ask: {
    readonly name: string;
    readonly by: string;
  }): Promise<{ readonly changed: number; readonly known: number }>;
  /** Sends a test notice to everybody whom the policy names. */
  testAlerts(): Promise<readonly TestResult[]>;
};

function unknown(): Promise<never> {
  return Promise.reject(new OperationsError('alerts are not known here'));
}

/** Where the store is not. */
export const UNKNOWN_ALERTS: AlertOperations = { alertList: unknown, acknowledgeAlert: unknown, testAlerts: unknown };

export type AlertOperationsNeeds = {
  readonly marks: Pick<Marks, 'marks' | 'mark'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly isShared: boolean;
  /** null: no relay runs. */
  readonly test: (() => Promise<readonly TestResult[]>) | null;
};

export function alertOperations(needs: AlertOperationsNeeds): AlertOperations {
  const { marks, clock, isShared, test } = needs;
  return {
    alertList: async () => {
      const all = await marks.marks('alert:');
      const past = pastAlerts(all.find(({ name }) => name === HISTORY_MARK)?.text ?? '');
      return { alerts: inForce(all, isShared).map(({ shown }) => shown), past };
    },
    acknowledgeAlert: async ({ name, by }) => {
      const found = inForce(await marks.marks('alert:'), isShared).filter(
        ({ key, shown }) => key === name || shown.name === name,
      );
      const open = found.filter(({ shown }) => shown.acknowledged === null);
      const atMs = clock.nowMs();
      const who = by.replaceAll(/\s+/g, ' ').slice(0, 200);
      if (open.length > 0)
        await marks.mark(open.map(({ key }) => ({ name: acknowledgedMark(key), text: `${who}\n${atMs}`, atMs })));
      return { changed: open.length, known: found.length };
    },
    testAlerts: async () => {
      if (test === null) throw new OperationsError('no relay is running: nobody could be told');
      return test();
    },
  };
}

type Found = { readonly key: string; readonly shown: ShownAlert };

/** As whoever tells people has it, and what was raised a moment ago. */
function inForce(marks: readonly Mark[], isShared: boolean): readonly Found[] {
  const found = new Map<string, Found>();
  for (const { name, node, severity, text, sinceMs, overAtMs } of nodeAlertsOf(marks)) {
    const key = keyOf(name, node, isShared);
    if (overAtMs !== null || found.has(key)) continue;
    const facts = { ...factsShown(name), node: key === name ? null : node, severity, text, sinceMs };
    found.set(key, { key, shown: { ...facts, toldAtMs: null, acknowledged: acknowledgedIn(marks, key) } });
  }
  for (const mark of marks) {
    const state = readState(mark);
    const known = state === null ? undefined : found.get(state.key);
    if (state === null || known === undefined) continue;
    const { severity, text, sinceMs, told } = state;
    found.set(state.key, {
      ...known,
      shown: { ...known.shown, severity, text, sinceMs, toldAtMs: told?.atMs ?? null },
    });
  }
  return [...found.values()].toSorted((one, other) => one.shown.sinceMs - other.shown.sinceMs);
}

function factsShown(name: string): Pick<ShownAlert, 'name' | 'kind' | 'about' | 'todo'> {
  return { name, kind: kindOfAlert(name), about: subjectOfAlert(name), todo: factsOfAlert(name).todo };
}

function acknowledgedIn(marks: readonly Mark[], key: string): ShownAlert['acknowledged'] {
  const mark = marks.find(({ name }) => name === acknowledgedMark(key));
  const [by = '', atMs = '0'] = mark?.text.split('\n') ?? [];
  return mark === undefined ? null : { by, atMs: Number(atMs) };
}
