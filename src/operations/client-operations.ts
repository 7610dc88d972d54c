/** What operators do with clients: how each is, and that what the guard holds may go. */
import { guardTermsOf, type HourFigures, HOUR_MS, NO_HOUR, usualAt } from '../clients/baseline.ts';
import { BASE_MARKS, readKnown } from '../clients/guard.ts';
import { GUARD_ACCOUNTS, hoursByClient } from '../clients/guard-book.ts';
import { type HeldMailNeeds } from '../clients/held-mail.ts';
import { HOLD_MARKS, type Hold, holdOf } from '../clients/holds.ts';
import { habitsByClient, type Profile, profileOf } from '../clients/profile.ts';
import { releaseClient } from '../clients/release.ts';
import { HABIT_ACCOUNTS } from '../message/habit.ts';
import type { Marks } from '../spool/marks.ts';
import type { Tallies } from '../spool/tallies.ts';
import { OperationsError } from './operations.ts';

/** Times are wall ms. */
export type ClientStatus = {
  readonly client: string;
  readonly stream: string;
  /** Its bulk mail is held; null: it is not. */
  readonly held: Pick<Hold, 'sinceMs' | 'reason'> | null;
  /** In this hour so far. */
  readonly hour: HourFigures;
  readonly guard: {
    readonly enabled: boolean;
    /** null: nothing is known of it yet. */
    readonly knownSinceMs: number | null;
    /** From then on it is judged. */
    readonly judgesFromMs: number | null;
    /** Recipients: in this hour of the week, and in the busiest of weeks. */
    readonly usual: number;
    readonly busiest: number;
    /** 0 to 1. */
    readonly newRecipients: number;
    readonly bounces: number;
  };
  /** What its software does, of the last 30 days. */
  readonly profile: Profile;
};

export type ClientOperations = {
  /** In the order of the policy. */
  clientStatuses(): Promise<readonly ClientStatus[]>;
  /** Lets go what the guard holds of a client. `released` false: it holds nothing of it. */
  releaseClient(ask: { readonly name: string; readonly by: string }): Promise<{ readonly released: boolean }>;
};

function unknown(): Promise<never> {
  return Promise.reject(new OperationsError('the clients are not known here'));
}

/** Where the policy is not. */
export const UNKNOWN_CLIENTS: ClientOperations = { clientStatuses: unknown, releaseClient: unknown };

export type ClientOperationsNeeds = HeldMailNeeds & {
  readonly marks: Pick<Marks, 'marks' | 'mark' | 'unmark'>;
  readonly tallies: Pick<Tallies, 'counts'>;
};

const PROFILE_MS = 30 * 24 * HOUR_MS;

export function clientOperations(needs: ClientOperationsNeeds): ClientOperations {
  return {
    clientStatuses: () => statuses(needs),
    releaseClient: async ({ name, by }) => {
      if (!Object.hasOwn(needs.policy().clients, name)) throw new OperationsError(`the policy has no client ${name}`);
      return { released: await releaseClient(needs, { client: name, id: null, by }) };
    },
  };
}

async function statuses({ policy, marks, tallies, clock }: ClientOperationsNeeds): Promise<readonly ClientStatus[]> {
  const nowMs = clock.nowMs();
  const hourMs = Math.floor(nowMs / HOUR_MS) * HOUR_MS;
  const [bases, holds, hours, habits] = await Promise.all([
    marks.marks(BASE_MARKS),
    marks.marks(HOLD_MARKS),
    tallies.counts(GUARD_ACCOUNTS, hourMs),
    tallies.counts(HABIT_ACCOUNTS, nowMs - PROFILE_MS),
  ]);
  const held = holds.map(holdOf).filter((hold) => hold !== null);
  const figures = hoursByClient(hours);
  const profiles = habitsByClient(habits);
  return Object.entries(policy().clients).map(([client, { stream }]): ClientStatus => {
    const hold = held.find((one) => one.client === client);
    const base = readKnown(bases.find(({ name }) => name === `${BASE_MARKS}${client}`)?.text ?? '')?.base ?? null;
    const terms = guardTermsOf(policy(), client);
    return {
      client,
      stream,
      held: hold === undefined ? null : { sinceMs: hold.sinceMs, reason: hold.reason },
      hour: figures.get(client)?.get(hourMs) ?? NO_HOUR,
      guard: {
        enabled: terms.enabled,
        knownSinceMs: base?.firstMs ?? null,
        judgesFromMs: base === null || !terms.enabled ? null : base.firstMs + terms.learn,
        usual: base === null ? 0 : Math.round(usualAt(base, hourMs)),
        busiest: Math.round(base?.busiest ?? 0),
        newRecipients: base?.freshShare ?? 0,
        bounces: base?.bouncedShare ?? 0,
      },
      profile: profileOf(profiles.get(client) ?? new Map()),
    };
  });
}
