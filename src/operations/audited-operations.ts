/** Operations by somebody: each that changes something is written down. */
import type { Actor, Audit } from '../http/audit.ts';
import type { Change } from '../http/route.ts';
import type { MessageId } from '../message/ids.ts';
import type { QueueFilter } from '../spool/spool.ts';
import type { Operations, QueueAction } from './operations.ts';

type Tell<Name extends keyof Operations> =
  /** It only looks; or what it takes in has a history of its own, such as mail. */
  | null
  | ((
      ask: NonNullable<Parameters<Operations[Name]>[0]>,
      result: Awaited<ReturnType<Operations[Name]>>,
    ) => Change | null);

/** Of each action on the queue. */
const STATES: Readonly<Record<QueueAction, { readonly before: string; readonly after: string }>> = {
  hold: { before: 'queued', after: 'held' },
  release: { before: 'held or quarantined', after: 'queued' },
  retry: { before: 'queued', after: 'due now' },
  bounce: { before: 'waiting', after: 'bounced' },
  discard: { before: 'waiting', after: 'discarded' },
  cancel: { before: 'scheduled', after: 'cancelled' },
};
/** Of messages that are moved together. */
const TIMES_TOLD = 20;

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
  setUserDisabled: ({ name, isDisabled }) => ({
    what: isDisabled ? 'user.disable' : 'user.enable',
    on: name,
    after: { isDisabled },
  }),
  removeUser: ({ name }) => ({ what: 'user.remove', on: name }),
  confirmSecondFactor: ({ name }) => ({ what: 'user.second-factor.add', on: name, after: { secondFactor: true } }),
  renewRecoveryCodes: ({ name }) => ({ what: 'user.recovery-codes', on: name }),
  removeSecondFactor: ({ name }) => ({ what: 'user.second-factor.remove', on: name, after: { secondFactor: false } }),
  endSessions: ({ id, user }, after) => ({ what: 'session.end', on: user ?? id ?? '', after }),
  change: ({ action, filter }, { changed, busy }) => ({
    what: `queue.${action}`,
    on: filterText(filter),
    before: { state: STATES[action].before },
    after: { state: STATES[action].after, changed, busy },
  }),
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
  acknowledgeAlert: ({ name, by }, { changed }) =>
    changed === 0 ? null : { what: 'alert.acknowledge', on: name, after: { acknowledgedBy: by } },
  releaseClient: ({ name }, { released }) =>
    released ? { what: 'client.release', on: name, after: { held: null } } : null,
  sendReport: (_, sent) => ({ what: 'report.send', on: firstOf(sent.map(({ to }) => to)) }),
  testAlerts: () => ({ what: 'alert.test', on: 'alerts' }),
  resumeWebhook: ({ name }, after) => ({ what: 'webhook.resume', on: name, after }),
  replayWebhook: ({ name, fromMs, untilMs }) => ({ what: 'webhook.replay', on: name, after: { fromMs, untilMs } }),
};

type Look = (operations: Operations, ask: never) => Promise<unknown>;

/** What was before, where the change itself does not know. */
const BEFORES: { readonly [Name in keyof Operations]?: Look } = {
  setUserRole: userBefore,
  setUserDisabled: userBefore,
  removeUser: userBefore,
  confirmSecondFactor: userBefore,
  removeSecondFactor: userBefore,
  rotateToken: tokenBefore,
  revokeToken: tokenBefore,
  releaseClient: async (operations, { name }: { name: string }) => {
    const held = (await operations.clientStatuses()).find(({ client }) => client === name)?.held;
    return held === undefined ? undefined : { held };
  },
  resumeWebhook: async (operations, { name }: { name: string }) => {
    const state = (await operations.webhooks()).find((one) => one.name === name)?.state;
    return state === undefined ? undefined : { state };
  },
  endSessions: async (operations, { id }: { id: string | null }) => {
    const session = (await operations.sessions({ user: null })).find((one) => one.id === id);
    return session === undefined ? undefined : { name: session.name, peer: session.peer };
  },
  reschedule: async (operations, { ids }: { ids: readonly MessageId[] }) => {
    const found = await operations.list({ filter: { ids }, limit: TIMES_TOLD, after: null });
    return { dueAtMs: found.map(({ delivery }) => delivery.dueAtMs) };
  },
};

async function userBefore(operations: Operations, { name }: { name: string }): Promise<unknown> {
  const user = (await operations.users()).find((one) => one.name === name);
  if (user === undefined) return undefined;
  const { role, isDisabled, secondFactorSinceMs } = user;
  return { role, isDisabled, secondFactor: secondFactorSinceMs !== null };
}

async function tokenBefore(operations: Operations, { name }: { name: string }): Promise<unknown> {
  return (await operations.tokens()).find((one) => one.name === name);
}

/** Runs one of them. @returns what came of it, and what it changed: for the audit log */
export async function changing<Name extends keyof Operations>(
  operations: Operations,
  name: Name,
  ask: NonNullable<Parameters<Operations[Name]>[0]>,
): Promise<{ readonly result: Awaited<ReturnType<Operations[Name]>>; readonly change: Change | null }> {
  // That it is not known is no reason not to change it.
  const before = await BEFORES[name]?.(operations, ask as never).catch(() => undefined);
  const run = operations[name] as (given: unknown) => Promise<Awaited<ReturnType<Operations[Name]>>>;
  const result = await run(ask);
  const tell = CHANGES[name] as ((given: unknown, result: unknown) => Change | null) | null;
  const change = tell === null ? null : tell(ask, result);
  return { result, change: change === null || before === undefined ? change : { before, ...change } };
}

/** @returns the same operations, each change of theirs audited before its result is told */
export function auditedOperations(operations: Operations, actor: Actor, audit: Audit): Operations {
  const audited = (Object.keys(CHANGES) as (keyof Operations)[]).map((name) => {
    const run = async (ask: never): Promise<unknown> => {
      const { result, change } = await changing(operations, name, ask);
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
function firstOf(names: readonly string[]): string {
  const [first = 'nothing', ...others] = names;
  return others.length === 0 ? first : `${first} and ${others.length} more`;
}
