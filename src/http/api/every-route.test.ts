/** Whatever is asked wrongly, of every call that there is, over real HTTP. */
import { request } from 'node:http';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { openAccessRig } from '../../../tests/fakes/access-rig.ts';
import {
  bodyOf,
  type Call,
  callsOf,
  fieldsOf,
  isForeign,
  isOpen,
  pathOf,
  propertiesOf,
  queryOf,
  rawOf,
  takesJson,
  unlike,
  withField,
} from '../../../tests/fakes/every-call.ts';
import { SCOPES } from '../token.ts';

/** What a call with an unknown name in its path is sent, where nothing is not enough. */
const BODIES: Readonly<Record<string, object>> = {
  'PATCH /api/v1/users/{name}': { role: 'viewer' },
  'POST /api/v1/webhooks/{name}/replay': { since: '2026-01-31T08:00:00Z' },
};
/** Bounded by the body alone. */
const LONG_TEXTS = ['POST /api/v1/suppressions/import text'];
const HUGE = 60 * 1024 * 1024;
let rig: Awaited<ReturnType<typeof openAccessRig>>;
let calls: readonly Call[];
let all: string;
/** By the scope that it lacks. */
const lacking = new Map<string, string>();
const ours = (): readonly Call[] => calls.filter((call) => !isForeign(call));

beforeAll(async () => {
  rig = await openAccessRig();
  all = (await rig.issue('create', 'all', '--scopes', SCOPES.join())).token;
  for (const scope of SCOPES) {
    const others = SCOPES.filter((one) => one !== scope);
    lacking.set(scope, (await rig.issue('create', `no-${scope}`, '--scopes', others.join())).token);
  }
  calls = callsOf(await (await rig.get('/api/v1/openapi.json', all)).json());
});
afterAll(() => rig[Symbol.asyncDispose]());

type Sent = {
  readonly token?: string | null;
  readonly method?: string;
  readonly query?: string;
  readonly type?: string;
};

async function send(
  call: Call,
  body: string | undefined,
  { token = all, method, query = queryOf(call), type }: Sent = {},
) {
  const answer = await fetch(`${rig.base}${call.url}${query === '' ? '' : `?${query}`}`, {
    method: method ?? call.method,
    headers: {
      ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      ...(body === undefined ? {} : { 'content-type': type ?? 'application/json' }),
    },
    ...(body === undefined ? {} : { body }),
  });
  const text = await answer.text();
  return {
    at: call.at,
    status: answer.status,
    headers: answer.headers,
    type: answer.headers.get('content-type'),
    text,
  };
}

/** What of all calls is not as it should be, in one list: all of it is shown at once. */
async function wrongs(of: readonly Call[], look: (call: Call) => Promise<readonly string[]>): Promise<string[]> {
  const found: string[] = [];
  for (const call of of) for (const wrong of await look(call)) found.push(`${call.at}: ${wrong}`);
  return found;
}

test('there are calls of every part', () => {
  expect(calls.length).toBeGreaterThan(60);
});

test('who shows no token, or one that is not known, is told nothing', async () => {
  const closed = calls.filter((call) => !isOpen(call) && !isForeign(call));
  const found = await wrongs(closed, async (call) => {
    const none = await send(call, undefined, { token: null });
    const challenge = none.headers.get('www-authenticate') === 'Bearer realm="relevo"' ? [] : ['no challenge'];
    return [...unlike(none, 401), ...challenge];
  });
  expect(found).toEqual([]);
});

test('who has all scopes but the one that is asked for is refused, and that is written down', async () => {
  const scoped = calls.filter(({ security }) => (security[0]?.token ?? []).length > 0);
  const found = await wrongs(scoped, async (call) => {
    const scope = call.security[0]?.token?.[0] ?? '';
    rig.audited.length = 0;
    const answer = await send(call, call.requestBody === undefined ? undefined : '{', {
      token: lacking.get(scope) ?? '',
    });
    const challenge = answer.headers.get('www-authenticate') ?? '';
    const entry = rig.audited.find(({ what, on }) => what === 'refused' && on === `${call.method} ${call.url}`);
    return [
      ...(isForeign(call) ? (answer.status === 403 ? [] : [`${answer.status}`]) : unlike(answer, 403)),
      ...(isForeign(call) || challenge.includes(`scope="${scope}"`) ? [] : [`challenge ${challenge}`]),
      ...(entry?.actor.name === `no-${scope}` && entry.actor.from === '127.0.0.1' ? [] : ['not audited']),
    ];
  });
  expect(found).toEqual([]);
  expect(scoped.length).toBeGreaterThan(50);
});

test('another method is refused, with those that there are', async () => {
  const found = await wrongs(ours(), async (call) => {
    const there = calls.filter(({ path }) => path === call.path).map(({ method }) => method);
    const other = ['PUT', 'DELETE', 'PATCH', 'POST'].find((method) => !there.includes(method)) ?? '';
    const answer = await send(call, undefined, { method: other });
    const wanted = there.flatMap((one) => (one === 'GET' ? ['GET', 'HEAD'] : [one]));
    const allow = (answer.headers.get('allow') ?? '').split(', ');
    return [
      ...unlike(answer, 405),
      ...(allow.toSorted().join() === wanted.toSorted().join() ? [] : [`Allow: ${allow.join(', ')}`]),
    ];
  });
  expect(found).toEqual([]);
});

test('a field of the query that a call does not know, or that is there twice, is named', async () => {
  const found = await wrongs(ours(), async (call) => {
    const twice = fieldsOf(call).map(({ name }) => name);
    const answers = [unlike(await send(call, undefined, { query: 'nope=1' }), 400, ['query nope'])];
    for (const name of twice)
      answers.push(unlike(await send(call, undefined, { query: `${name}=1&${name}=1` }), 400, [`query ${name}`]));
    return answers.flat();
  });
  expect(found).toEqual([]);
});

test('a field of the query that is too long, too large, too small or of another kind is named', async () => {
  const found = await wrongs(ours(), async (call) => {
    const answers: (readonly string[])[] = [];
    for (const { name, schema } of fieldsOf(call)) {
      const bad = schema.type === 'integer' ? ['x', '0', '-1', '1.5', '1e9', '99999999', ''] : ['x'.repeat(7_000)];
      if (schema.enum !== undefined) bad.push('nope');
      for (const text of bad) {
        const answer = unlike(
          await send(call, rawOf(call), { query: withField(call, name, text), type: 'message/rfc822' }),
          400,
          [`query ${name}`],
        );
        answers.push(answer.map((why) => `${name}=${text.slice(0, 10)}: ${why}`));
      }
    }
    return answers.flat();
  });
  expect(found).toEqual([]);
});

test('a cursor that is none is named, not taken for the beginning', async () => {
  const cursors = ours().flatMap((call) =>
    fieldsOf(call)
      .filter(({ name }) => ['cursor', 'after', 'before'].includes(name))
      .map(({ name }) => ({ ...call, name })),
  );
  expect(cursors.map(({ at, name }) => `${at}?${name}`).toSorted()).toEqual([
    'GET /api/v1/audit?before',
    'GET /api/v1/messages?cursor',
    'GET /api/v1/queue?after',
    'GET /api/v1/suppressions?after',
  ]);
  for (const call of cursors)
    for (const text of ['zzz', '0', '1700000000000', 'a.b', '../x', '%00'])
      expect(
        unlike(await send(call, undefined, { query: `${call.name}=${text}` }), 400, [`query ${call.name}`]),
      ).toEqual([]);
});

test('a body of another type, one that is no JSON, and one that is too large are refused', async () => {
  const found = await wrongs(
    ours().filter(({ method }) => method !== 'GET'),
    async (call) => {
      const foreign = await send(call, 'a=b', { type: 'application/x-www-form-urlencoded' });
      const isJson = takesJson(call);
      const broken = await send(call, '{"a":');
      const list = await send(call, '[]');
      return [
        ...unlike(foreign, 415),
        ...(foreign.headers.has('accept') ? [] : ['no Accept']),
        ...(isJson ? [...unlike(broken, 400, ['body ']), ...unlike(list, 400, ['body '])] : []),
      ];
    },
  );
  expect(found).toEqual([]);
});

test('a body that is longer than any may be is not read', async () => {
  const found = await wrongs(
    ours().filter(({ method, requestBody }) => method !== 'GET' && requestBody !== undefined),
    async (call) => {
      const { hostname, port } = new URL(rig.base);
      const headers = {
        authorization: `Bearer ${all}`,
        'content-type': Object.keys(call.requestBody?.content ?? {})[0] ?? '',
        'content-length': HUGE,
      };
      const status = await new Promise<number>((resolve, reject) => {
        const sending = request({ hostname, port, method: call.method, path: pathOf(call), headers }, (answer) => {
          resolve(answer.headers['content-type'] === 'application/problem+json' ? (answer.statusCode ?? 0) : -1);
          sending.destroy();
        });
        sending.on('error', reject).flushHeaders();
      });
      return status === 413 ? [] : [`${status}`];
    },
  );
  expect(found).toEqual([]);
});

test('a field of the body that a call does not know, or that is of another kind, is named', async () => {
  const found = await wrongs(ours().filter(takesJson), async (call) => {
    const properties = propertiesOf(bodyOf(call));
    const answers = [unlike(await send(call, '{"nope":1}'), 400, ['body nope'])];
    for (const [name, schema] of Object.entries(properties)) {
      const text = JSON.stringify({ [name]: schema.type === 'object' ? 7 : { nope: [] } });
      answers.push(unlike(await send(call, text), 400, [`body ${name}`]).map((why) => `${text}: ${why}`));
    }
    return answers.flat();
  });
  expect(found).toEqual([]);
});

test('a text of the body that is too long is named', async () => {
  const found = await wrongs(
    ours().filter(({ method }) => method !== 'GET'),
    async (call) => {
      const answers: (readonly string[])[] = [];
      for (const [name, { type, maxLength }] of Object.entries(propertiesOf(bodyOf(call)))) {
        if (type !== 'string' || LONG_TEXTS.includes(`${call.at} ${name}`)) continue;
        const text = JSON.stringify({ [name]: 'x'.repeat((maxLength ?? 60_000) + 1) });
        answers.push(unlike(await send(call, text), 400, [`body ${name}`]).map((why) => `${name}: ${why}`));
      }
      return answers.flat();
    },
  );
  expect(found).toEqual([]);
});

test('what there is not is 404', async () => {
  // This one needs the alerts of a relay: `alerts.test.ts` asks it.
  const named = ours().filter(({ path }) => path.includes('{') && !path.includes('/acknowledge'));
  const found = await wrongs(named, async (call) => {
    const body = BODIES[call.at];
    return unlike(await send(call, body === undefined ? undefined : JSON.stringify(body)), 404);
  });
  expect(found).toEqual([]);
  expect(named.length).toBeGreaterThan(15);
  const nowhere = await rig.get('/api/v1/nothing', all);
  expect(nowhere.status).toBe(404);
});
