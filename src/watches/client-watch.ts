/** What a relay does about its clients once, however many workers and nodes there are: watches what they send, and lets it go again. */
import { createFile } from '../running/whole-file.ts';
import { ClientGuard } from '../clients/guard.ts';
import type { HeldMailNeeds } from '../clients/held-mail.ts';
import { QuotaRelease } from '../clients/quota-release.ts';
import { RetryBook } from '../clients/retry-book.ts';
import { currentHold, RELEASE_PATH, releaseClient, type ReleaseKeys, releaseToken } from '../clients/release.ts';
import { openVerpKeys } from '../feedback/verp-keys.ts';
import type { Foundation } from '../foundation/foundation.ts';
import type { Place } from '../http/posts.ts';
import type { Audit } from '../http/audit.ts';
import { releasePlace } from '../http/release.ts';
import { createKeyReader } from '../http/unsubscribe.ts';
import { HabitBook } from '../ingress/habit-book.ts';
import type { MailPath } from '../mail-path.ts';
import { kindOfAlert, subjectOfAlert } from '../message/alert-kind.ts';

export type ClientWatchNeeds = {
  readonly path: Pick<MailPath, 'wake'>;
  /** Whether it is for this relay to judge. */
  readonly isOurs: () => Promise<boolean>;
};

/** Goes on until `stack` is disposed of. */
export function watchClients(
  foundation: Foundation,
  { path, isOurs }: ClientWatchNeeds,
  stack: AsyncDisposableStack,
): void {
  const { ports, policy, emit, hooks, spool } = foundation;
  const { clock, random } = ports;
  const { marks, ledger: tallies } = spool;
  const needs = { ...heldMailNeeds(foundation, path), policy, clock, random, emit, marks, tallies, isOurs };
  const guard = stack.use(new ClientGuard(needs));
  const release = stack.use(new QuotaRelease({ ...needs, ledger: tallies }));
  const habits = stack.use(new HabitBook({ tallies, clock }));
  const retries = new RetryBook(habits);
  const { heard } = hooks;
  hooks.heard = (event) => {
    heard(event);
    guard.heard(event);
    release.heard(event);
    retries.heard(event);
  };
}

/** @returns the link by which whoever hears of an alert lets that client's mail go; null: it is about something else, or nobody would reach it */
export function releaseLinks({
  policy,
  ports: { clock, random },
  spool: { marks },
}: Foundation): (alert: string) => Promise<string | null> {
  const read = createKeyReader({ path: () => policy().returnPathKeys, clock });
  // Where nothing else needed keys there are none yet.
  const made = async (): Promise<ReleaseKeys> => {
    const opened = await openVerpKeys(policy().returnPathKeys, { random, createFile });
    return opened.kind === 'read' ? opened.keys : [];
  };
  const keys = async (): Promise<ReleaseKeys> => {
    const known = await read();
    return known.length > 0 ? known : await made();
  };
  return async (alert) => {
    const { publicUrl } = policy().http;
    if (publicUrl === null || kindOfAlert(alert) !== 'client-anomaly') return null;
    const hold = await currentHold({ marks }, subjectOfAlert(alert));
    const token = hold === null ? null : releaseToken(hold, await keys());
    return token === null ? null : `${publicUrl}${RELEASE_PATH}${token}`;
  };
}

/** What those links lead to. */
export function releasing(foundation: Foundation, path: Pick<MailPath, 'wake'>, audit: Audit): Place {
  const { policy, ports, emit, spool } = foundation;
  const { clock } = ports;
  const { marks } = spool;
  return releasePlace({
    keys: createKeyReader({ path: () => policy().returnPathKeys, clock }),
    holdOf: (client) => currentHold({ marks }, client),
    release: async ({ client, id }, peer) => {
      const needs = { ...heldMailNeeds(foundation, path), clock, marks };
      const isReleased = await releaseClient(needs, { client, id, by: `the link of the alert, from ${peer}` });
      const actor = { kind: 'nobody', name: 'release link', from: peer } as const;
      if (isReleased) await audit({ actor, what: 'client.release', on: client });
      return isReleased;
    },
    clock,
    emit,
  });
}

function heldMailNeeds({ policy, ports: { clock }, spool }: Foundation, path: Pick<MailPath, 'wake'>): HeldMailNeeds {
  return { policy, clock, spool, wake: () => path.wake() };
}
