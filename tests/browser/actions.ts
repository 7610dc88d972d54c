/** Every action that the pages offer, and what of it a test in a browser has to have done: `tests/page-actions.test.ts` finds what is left out. */
import type { afterAll } from 'vitest';
import { wasDone } from './deeds.ts';
import type { BrowserRig } from './rig.ts';

export type Action = {
  /** The file of `src/http/` that has it. */
  readonly of: string;
  /** As it is written there. */
  readonly as: string;
  /** The test that takes it. */
  readonly tried: 'access' | 'alerts' | 'exits' | 'policy' | 'records';
  /** All that is to be done, as `wasDone` has it. */
  readonly does: readonly string[];
};

const QUEUE_ACTIONS = ['retry', 'hold', 'release', 'bounce', 'discard', 'cancel'] as const;
const queue = (after: string, actions: readonly string[] = QUEUE_ACTIONS): string[] =>
  actions.map((action) => `POST /api/v1/queue/${action} ${after}`);

type Line = readonly [of: string, tried: Action['tried'], as: string, ...does: readonly string[]];

/** A form that calls the API. */
function form(...[of, tried, api, ...does]: Line): Action {
  const as = api.startsWith('${') ? `data-api="${api}"` : api;
  return { of: `pages/${of}.ts`, as, tried, does: does.length === 0 ? [api] : does };
}

/** A button or link that the page's own scripts know. */
function button(...[of, tried, as, ...does]: Line): Action {
  return { of: `pages/${of}.ts`, as, tried, does };
}

/** A call that a script makes. */
function call(...[of, tried, as, ...does]: Line): Action {
  return { of: `assets/${of}.js`, as, tried, does };
}

const ACCESS: readonly Action[] = [
  form('access-account', 'access', 'DELETE /api/v1/sessions/${id}', 'DELETE /api/v1/sessions/{id}'),
  form('access-account', 'access', 'POST /api/v1/account/password', 'POST /api/v1/account/password current password'),
  form('access-account', 'access', 'POST /api/v1/account/recovery-codes'),
  form('access-account', 'access', 'POST /api/v1/account/second-factor'),
  form('access-account', 'access', 'POST /api/v1/account/second-factor/confirm'),
  form('access-account', 'access', 'POST /api/v1/account/second-factor/remove'),
  button('access-audit', 'access', 'data-filter', 'GET /access who what'),
  form('access-tokens', 'access', 'DELETE ${api}', 'DELETE /api/v1/tokens/{name}'),
  form('access-tokens', 'access', 'POST /api/v1/tokens', 'POST /api/v1/tokens name scopes withAccessKey'),
  form('access-tokens', 'access', 'POST /api/v1/tokens/{name}/rotate'),
  form('access-users', 'access', 'DELETE ${api}', 'DELETE /api/v1/users/{name}'),
  form('access-users', 'access', 'DELETE ${api}/second-factor', 'DELETE /api/v1/users/{name}/second-factor'),
  form('access-users', 'access', 'PATCH ${api}', 'PATCH /api/v1/users/{name} role'),
  form('access-users', 'access', 'PATCH ${api}', 'PATCH /api/v1/users/{name} isDisabled'),
  form('access-users', 'access', 'POST ${api}/password', 'POST /api/v1/users/{name}/password'),
  form('access-users', 'access', 'POST /api/v1/users', 'POST /api/v1/users name role'),
  form('frame', 'access', 'POST /api/v1/sign-out'),
  form('sign-in', 'access', 'POST /api/v1/sign-in', 'POST /api/v1/sign-in name password'),
  form('sign-in', 'access', 'POST /api/v1/sign-in', 'POST /api/v1/sign-in token'),
  form('sign-in', 'access', 'POST /api/v1/sign-in/code'),
  form('sign-in', 'access', '${api}', 'POST /api/v1/sign-in', 'POST /api/v1/sign-in/code'),
  call('access', 'access', '/api/v1/sessions', 'GET /api/v1/sessions'),
];

const STATE: readonly Action[] = [
  form(
    'alerts',
    'alerts',
    'POST ${API}/${encodeURIComponent(name)}/acknowledge',
    'POST /api/v1/alerts/{name}/acknowledge',
  ),
  form('alerts', 'alerts', 'POST ${API}/test', 'POST /api/v1/alerts/test'),
  form(
    'clients-part',
    'alerts',
    'POST /api/v1/clients/${encodeURIComponent(client)}/release',
    'POST /api/v1/clients/{name}/release',
  ),
  button('charts', 'exits', 'data-range="${range}"', 'click range 24h', 'click range 30d', 'click range 1h'),
  form(
    'exit-actions',
    'exits',
    "${api(egress, 'pause')}",
    'POST /api/v1/egress/{name}/pause reason @/exits',
    'POST /api/v1/egress/{name}/pause reason @/exits/',
  ),
  form(
    'exit-actions',
    'exits',
    "${api(egress, 'resume')}",
    'POST /api/v1/egress/{name}/resume @/exits',
    'POST /api/v1/egress/{name}/resume @/exits/',
  ),
  form(
    'exit-actions',
    'exits',
    "${api(egress, 'test')}",
    'POST /api/v1/egress/{name}/test @/exits',
    'POST /api/v1/egress/{name}/test @/exits/',
  ),
  button('exit-actions', 'exits', 'data-dialog="pausing-${at}"', 'click dialog', 'click close'),
  form(
    'exit-actions',
    'exits',
    'POST /api/v1/egress/${encodeURIComponent(egress)}/${what}',
    'POST /api/v1/egress/{name}/pause',
  ),
  button('frame', 'exits', 'href="/language/${one}', 'GET /language/{name}'),
  button('access-audit', 'exits', 'rel="next"', 'GET /access before'),
  button('messages', 'exits', 'rel="next"', 'GET /messages cursor domain'),
  button('queue-deliveries', 'exits', 'rel="next"', 'GET /queue after'),
  button('suppression', 'exits', 'rel="next"', 'GET /suppression after domain'),
  call('charts', 'exits', '/api/v1/stats/series', 'GET /api/v1/stats/series @/', 'GET /api/v1/stats/series @/exits/'),
];

const RECORDS: readonly Action[] = [
  form('message-waiting', 'records', '${queueApi(action)}', ...queue('ids @/messages/', ['retry', 'hold', 'release'])),
  form(
    'message-waiting',
    'records',
    '${queueApi(action)}',
    ...queue('ids @/messages/', ['bounce', 'discard', 'cancel']),
  ),
  form('message-waiting', 'records', '${RESCHEDULE_API}', 'POST /api/v1/queue/reschedule ids to @/messages/'),
  button('messages', 'records', 'data-filter', 'GET /messages address state'),
  form('queue-deliveries', 'records', '${queueApi(action)}', ...queue('ids @/queue')),
  form('queue-deliveries', 'records', '${queueApi(action)}', ...queue('domain @/queue')),
  form('queue-deliveries', 'records', '${RESCHEDULE_API}', 'POST /api/v1/queue/reschedule ids to @/queue'),
  form('queue-api', 'records', 'POST /api/v1/queue/${action}', ...queue('')),
  form('queue-api', 'records', 'POST /api/v1/queue/reschedule'),
  button('queue', 'records', 'data-filter', 'GET /queue domain'),
  form('report-send', 'records', 'POST /api/v1/reports/send', 'POST /api/v1/reports/send every to'),
  button(
    'report-parts',
    'records',
    'download',
    'GET /api/v1/reports/bounces format',
    'GET /api/v1/reports/costs format',
    'click download',
  ),
  button('report-parts', 'records', 'method="get"', 'GET /reports', 'GET /reports/costs'),
  form('suppression', 'records', 'DELETE ${API}', 'DELETE /api/v1/suppressions address'),
  form('suppression', 'records', 'POST ${API}', 'POST /api/v1/suppressions address evidence until'),
  form(
    'suppression',
    'records',
    'POST ${API}/import',
    'POST /api/v1/suppressions/import text',
    'POST /api/v1/suppressions/import text reason',
  ),
  button('suppression', 'records', 'data-filter', 'GET /suppression domain'),
  button('suppression', 'records', 'download', 'GET /api/v1/suppressions/export format domain'),
];

const POLICY: readonly Action[] = [
  button('policy', 'policy', 'data-policy="review"', 'click policy review', 'click close'),
  button('policy', 'policy', 'data-policy="simulate"', 'click policy simulate'),
  button('policy', 'policy', 'data-policy="${action}"', 'click policy compare', 'click policy rollback'),
  call('policy', 'policy', '/api/v1/policy/check', 'POST /api/v1/policy/check'),
  call('policy', 'policy', '/api/v1/policy/complete', 'POST /api/v1/policy/complete'),
  call('policy-save', 'policy', '/api/v1/policy', 'PUT /api/v1/policy comment'),
  call('policy-save', 'policy', '/api/v1/policy/diff', 'POST /api/v1/policy/diff text'),
  call('policy-save', 'policy', '/api/v1/policy/diff', 'POST /api/v1/policy/diff from text'),
  call('policy-save', 'policy', '/api/v1/policy/diff', 'POST /api/v1/policy/diff to'),
  call('policy-save', 'policy', '/api/v1/policy/simulate', 'POST /api/v1/policy/simulate text hours'),
  call('policy-save', 'policy', '/api/v1/policy/versions/${id}/rollback', 'POST /api/v1/policy/versions/{id}/rollback'),
  form('policy-settings', 'policy', 'POST /api/v1/policy/settings'),
  form('policy-settings', 'policy', '${SAVE}', 'POST /api/v1/policy/settings preset limits alerts exits'),
  form('policy-provider-forms', 'policy', '${api}', 'POST /api/v1/policy/settings added'),
  button('wizard', 'policy', 'data-do="add"', 'click do add'),
  button('wizard', 'policy', 'data-do="apply"', 'click do apply'),
  button('wizard', 'policy', 'data-do="back"', 'click do back'),
  button('wizard', 'policy', 'data-do="next"', 'click do next'),
  button('wizard', 'policy', 'data-do="test"', 'click do test'),
  button('wizard', 'policy', 'data-remove', 'click remove'),
  call('wizard', 'policy', '/api/v1/policy/wizard', 'POST /api/v1/policy/wizard'),
  call('wizard', 'policy', '/api/v1/policy/wizard/check', 'POST /api/v1/policy/wizard/check'),
  call('wizard', 'policy', '/api/v1/policy/wizard/test', 'POST /api/v1/policy/wizard/test'),
];

export const ACTIONS: readonly Action[] = [...ACCESS, ...STATE, ...RECORDS, ...POLICY];

/**
 * To be run after all tests of a file: that they did all that is theirs.
 * @throws Error with what nobody did; says nothing where only some of the tests ran
 */
export function allDone(
  tried: Action['tried'],
  rig: () => BrowserRig | undefined,
): Parameters<typeof afterAll<object>>[0] {
  // What it is handed first has to be taken apart.
  // oxlint-disable-next-line no-empty-pattern
  return ({}, { tasks }) => {
    if (tasks.some(({ result }) => result?.state !== 'pass')) return;
    const deeds = rig()?.deeds ?? [];
    const left = ACTIONS.filter((action) => action.tried === tried).flatMap(({ does }) =>
      does.filter((one) => !wasDone(one, deeds)),
    );
    if (left.length > 0) throw new Error(`no test did: ${left.join('; ')}`);
  };
}
