/** Operations by somebody: each that changes something is written down. */
import type { Actor, Audit } from '../http/audit.ts';
import type { Change } from '../http/route.ts';
import type { QueueFilter } from '../spool/spool.ts';
import type { Operations } from './operations.ts';

type Tell<Name extends keyof Operations> =
  /** It only looks; or what it takes in has a history of its own, such as mail. */
  | null
  | ((
      ask: NonNullable<Parameters<Operations[Name]>[0]>,
      result: Awaited<ReturnType<Operations[Name]>>,
    ) => Change | null);

/** What each operation changes, by its name; null from one of them: nothing this time. */
export const CHANGES: { readonly [Name in keyof Operations]: Tell<Name> } = {
  status: null,
  overview: null,
  list: null,
  shape: null,
  story: null,
  find: null,
  explain: null,
  route: null,
  submit: null,
  audit: null,
  auditLog: null,
  nodes: null,
  stats: null,
  exits: null,
  exitPasts: null,
  tryEgress: null,
  traffic: null,
  tokens: null,
  suppressions: null,
  webhooks: null,
  alertList: null,
  clientStatuses: null,
  series: null,
  table: null,
  costs: null,
  search: null,
  preview: null,
  transcripts: null,
  users: null,
  sessions: null,
  // Nothing is changed until it is confirmed.
  beginSecondFactor: null,
  addUser: (_, { password: ___, ...after }) => ({ what: 'user.add', on: after.name, after }),
  setUserPassword: ({ name }) => ({ what: 'user.password', on: name }),
  setUserRole: ({ name, role }) => ({ what: 'user.role', on: name, after: { role } }),
  setUserDisabled: ({ name, isDisabled }) => ({ what: isDisabled ? 'user.disable' : 'user.enable', on: name }),
  removeUser: ({ name }) => ({ what: 'user.remove', on: name }),
  confirmSecondFactor: ({ name }) => ({ what: 'user.second-factor', on: name, after: { secondFactor: true } }),
  renewRecoveryCodes: ({ name }) => ({ what: 'user.recovery-codes', on: name }),
  removeSecondFactor: ({ name }) => ({ what: 'user.second-factor', on: name, after: { secondFactor: false } }),
  endSessions: ({ id, user }, after) => ({ what: 'session.end', on: user ?? id ?? '', after }),
  change: ({ action, filter }, after) => ({ what: `queue.${action}`, on: filterText(filter), after }),
  reschedule: ({ ids, toMs }, { changed, busy }) => ({
    what: 'queue.reschedule',
    on: filterText({ ids }),
    after: { toMs, changed, busy },
  }),
  pause: ({ egress, reason }, { changed }) => ({
    what: 'egress.pause',
    on: egress,
    before: { paused: !changed },
    after: { paused: true, reason },
  }),
  resume: ({ egress, forget }, { changed }) => ({
    what: 'egress.resume',
    on: egress,
    before: { paused: changed },
    after: { paused: false, forget },
  }),
  createToken: (_, { token: ___, secretAccessKey: ____, ...after }) => ({
    what: 'token.create',
    on: after.name,
    after,
  }),
  rotateToken: ({ name, overlapMs }, { token: ___, secretAccessKey: ____, ...after }) => ({
    what: 'token.rotate',
    on: name,
    after: { ...after, overlapMs },
  }),
  revokeToken: ({ name }) => ({ what: 'token.revoke', on: name }),
  suppress: ({ entries }) => ({
    what: 'suppression.add',
    on: firstOf(entries.map(({ address }) => address)),
    after: entries.length === 1 ? entries[0] : { entries: entries.length },
  }),
  unsuppress: ({ keys }, { removed }) => ({
    what: 'suppression.remove',
    on: firstOf(keys.map(({ address }) => address)),
    before: keys.length === 1 ? keys[0] : { entries: keys.length },
    after: { removed },
  }),
  acknowledgeAlert: ({ name }, { changed }) => (changed === 0 ? null : { what: 'alert.acknowledge', on: name }),
  releaseClient: ({ name }, { released }) => (released ? { what: 'client.release', on: name } : null),
  testAlerts: () => ({ what: 'alert.test', on: 'alerts' }),
  resumeWebhook: ({ name }, after) => ({ what: 'webhook.resume', on: name, after }),
  replayWebhook: ({ name, fromMs, untilMs }) => ({ what: 'webhook.replay', on: name, after: { fromMs, untilMs } }),
};

/** @returns the same operations, each change of theirs audited before its result is told */
export function auditedOperations(operations: Operations, actor: Actor, audit: Audit): Operations {
  const audited = Object.keys(CHANGES).map((name) => {
    const operation = operations[name as keyof Operations] as (ask: unknown) => Promise<unknown>;
    const tell = CHANGES[name as keyof Operations] as ((ask: unknown, result: unknown) => Change | null) | null;
    const run = async (ask: unknown): Promise<unknown> => {
      const result = await operation(ask);
      const change = tell === null ? null : tell(ask, result);
      if (change !== null) await audit({ actor, ...change });
      return result;
    };
    return [name, run] as const;
  });
  // Every operation has its line above.
  return Object.fromEntries(audited) as unknown as Operations;
}

/** Such as `domain=dest.example, state=held`; `all` for one that names everything. */
export function filterText(filter: QueueFilter): string {
  const parts = Object.entries(filter).map(([key, value]) =>
    Array.isArray(value) ? firstOf(value.map(String)) : `${key}=${String(value)}`,
  );
  return parts.length === 0 ? 'all' : parts.join(', ');
}

/** The first by its name, and how many more. */
export function firstOf(names: readonly string[]): string {
  const [first = 'nothing', ...others] = names;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
