/** The API and the pages: who may ask what, what was sent, and what runs. Loaded at the first request for either. */
import type { IncomingHttpHeaders } from 'node:http';
import { OperationsError } from '../operations/operations.ts';
import type { Clock, Emit } from '../ports.ts';
import { SpoolError } from '../spool/spool.ts';
import { type Admission, type AdmissionNeeds, admit, bearerOf, csrfRefusal, scopeRefusal } from './admission.ts';
import { whileAdmitted } from './admitted-stream.ts';
import { type Answer, json, problem } from './answer.ts';
import type { Audit } from './audit.ts';
import { bodyOf, NO_BODY, queryOf, wrongType } from './faults.ts';
import type { Page } from './page.ts';
import { type PageNeeds, renderPage, signInFirst } from './pages/render.ts';
import type { Principal } from './principal.ts';
import type { Reply } from './reply.ts';
import type { ApiReply, ApiRoute, Method } from './route.ts';
import { routerOf } from './router.ts';
import { hashOf } from './token.ts';

export type AppAsk = {
  readonly method: string;
  /** As it was sent, without its query. */
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly peer: string;
  /** It came by TLS, to here or to a proxy that is trusted. */
  readonly isSecure: boolean;
  /** Aborted when whoever asked is gone. */
  readonly signal: AbortSignal;
  /** Reads what was sent with it, and answers as `use` does, or why it could not be read; null: the client is gone. */
  readonly withBody: (of: {
    /** Nobody knows who sends it. */
    readonly isOpen: boolean;
    readonly mostBytes: number;
    readonly use: (body: Buffer) => Promise<Reply>;
  }) => Promise<Reply | null>;
};

/** Answers all that is not health, figures or a place of strangers; null: nobody is there any more. Never rejects. */
export type App = (ask: AppAsk) => Promise<Reply | null>;

/** What is below `/assets/`; null: there is nothing. */
export type Assets = (path: string, headers: IncomingHttpHeaders) => Promise<Answer | null>;

export type AppNeeds = AdmissionNeeds &
  Omit<PageNeeds, 'clock'> & {
    readonly clock: Clock;
    readonly emit: Emit;
    readonly routes: readonly ApiRoute[];
    readonly assets: Assets;
    readonly audit: Audit;
    /** Whether a request's Host is a name of ours. */
    readonly isOwnHost: (host: string | undefined) => boolean;
  };

type Place =
  | { readonly kind: 'routes'; readonly byMethod: ReadonlyMap<string, ApiRoute> }
  | { readonly kind: 'page'; readonly page: Page };

type Find = ReturnType<typeof routerOf<Place>>;

const MOST_BYTES = 64 * 1024;
const ASSETS = '/assets/';

export function createApp(needs: AppNeeds): App {
  const find = routerOf(placesOf(needs));
  return async (ask) => {
    try {
      return await answerTo(needs, find, ask);
    } catch (cause) {
      return failure(needs, cause);
    }
  };
}

function placesOf({ routes, pages }: AppNeeds): ReadonlyMap<string, Place> {
  const byPath = Map.groupBy(routes, ({ path }) => path);
  return new Map<string, Place>([
    ...pages.map((page) => [page.path, { kind: 'page', page }] as const),
    ...[...byPath].map(([path, those]) => {
      const byMethod = new Map<string, ApiRoute>(those.map((route) => [route.method, route]));
      return [path, { kind: 'routes', byMethod }] as const;
    }),
  ]);
}

async function answerTo(needs: AppNeeds, find: Find, ask: AppAsk): Promise<Reply | null> {
  const { path, method } = ask;
  if (path.startsWith(ASSETS)) return assetAt(needs, ask);
  const found = find(path);
  const misdirected = hostRefusal(needs, found?.place ?? null, ask);
  if (misdirected !== null) return misdirected;
  if (found?.place.kind === 'page') return pageAt(needs, found.place.page, { ask, params: found.params });
  const route = found?.place.byMethod.get(method === 'HEAD' ? 'GET' : method);
  const wrong = route?.wrong ?? ((answer: Answer) => answer);
  if (route?.isOpen === true) return run(needs, route, { ask, params: found?.params ?? {}, principal: nobody(ask) });
  // Whoever is not known is not told what there is.
  if (found === null && !path.startsWith('/api/')) return problem(404, 'there is nothing here');
  const admission = await admissionOf(needs, ask, route);
  if (admission.kind !== 'admitted') {
    await auditRefusal(needs, ask, admission);
    return wrong(admission.answer);
  }
  if (found === null) return problem(404, 'there is nothing here: /api/v1/openapi.json has what there is');
  if (route === undefined) return notAllowed([...found.place.byMethod.keys()]);
  const { principal, csrf } = admission;
  const refusal =
    scopeRefusal(principal, route.scope) ?? (route.method === 'GET' ? null : csrfRefusal(csrf, ask.headers));
  if (refusal !== null) {
    await audited(needs, principal, { what: 'refused', on: `${method} ${path}`, after: { scope: route.scope } });
    return wrong(refusal);
  }
  const reply = await run(needs, route, { ask, params: found.params, principal });
  if (reply === null || !('stream' in reply)) return reply;
  const isStill = (): Promise<boolean> => isStillAdmitted(needs, ask, { scope: route.scope, bySession: csrf !== null });
  return { ...reply, stream: whileAdmitted(reply.stream, { clock: needs.clock, isStill }) };
}

/** For what goes on. A request counts once, however long it takes. */
async function isStillAdmitted(
  { sessionOf, check }: AppNeeds,
  { headers, peer, isSecure }: AppAsk,
  { scope, bySession }: { readonly scope: ApiRoute['scope']; readonly bySession: boolean },
): Promise<boolean> {
  if (bySession) {
    const session = await sessionOf({ headers, peer, isSecure });
    return session !== null && scopeRefusal(session.principal, scope) === null;
  }
  const hash = hashOf(bearerOf(headers.authorization) ?? '');
  return hash === null || (await check(hash)).kind === 'valid';
}

/** A page of somebody else, whose name was made to lead here (DNS rebinding), knows no token. */
function hostRefusal({ isOwnHost }: AppNeeds, place: Place | null, { method, headers }: AppAsk): Answer | null {
  const isOpen = place?.kind === 'page' ? place.page.isOpen : place?.byMethod.get(method)?.isOpen;
  if (isOwnHost(headers.host) || (headers.authorization !== undefined && isOpen !== true)) return null;
  return problem(421, 'this relay is not known by that name: http.names of its policy has those by which it is');
}

async function admissionOf(needs: AppNeeds, ask: AppAsk, route: ApiRoute | undefined): Promise<Admission> {
  const { headers, peer, isSecure } = ask;
  const own = await route?.admission?.(ask);
  if (own !== undefined && own !== null) return own;
  const shown =
    route?.tokenOf === undefined ? bearerOf(headers.authorization) : route.tokenOf((name) => fieldOf(headers, name));
  return admit(needs, { headers, peer, isSecure }, shown);
}

type Run = {
  readonly ask: AppAsk;
  readonly params: Readonly<Record<string, string>>;
  readonly principal: Principal;
};

async function run(needs: AppNeeds, route: ApiRoute, { ask, params, principal }: Run): Promise<Reply | null> {
  const wrong = route.wrong ?? ((answer) => answer);
  const query = queryOf(route.query, ask.query);
  if (query.kind === 'bad') return wrong(query.answer);
  const { headers, isSecure, signal } = ask;
  const header = (name: string): string | null => fieldOf(headers, name);
  const call = { principal, params, query: query.value, header, isSecure, signal };
  const done = async (body: unknown): Promise<Reply> => {
    try {
      const reply = await route.run({ ...call, body });
      const change = changeOf(route, ask, reply);
      if (change !== null) await audited(needs, principal, change);
      return replyOf(reply);
    } catch (cause) {
      return wrong(failure(needs, cause));
    }
  };
  const body = route.body ?? (route.method === 'GET' || !hasBody(headers) ? undefined : NO_BODY);
  if (body === undefined) return done(undefined);
  const refusal = wrongType(body, headers['content-type'] ?? '');
  if (refusal !== null) return wrong(refusal);
  const use = async (sent: Buffer): Promise<Reply> => {
    const held = bodyOf(body, sent);
    return held.kind === 'good' ? done(held.value) : wrong(held.answer);
  };
  const reply = await ask.withBody({
    isOpen: route.isOpen === true,
    mostBytes: route.mostBytes?.() ?? MOST_BYTES,
    use,
  });
  // What reads bodies for strangers says in a line of text why it did not.
  if (reply === null || 'stream' in reply || reply.status < 400 || !reply.contentType.startsWith('text/plain'))
    return reply;
  return wrong(problem(reply.status, reply.text.trimEnd(), reply.headers));
}

/** What of it goes into the audit log; null: nothing. No call that changes something can forget it. */
function changeOf(route: ApiRoute, { method, path }: AppAsk, reply: ApiReply): Change | null {
  if (reply.kind === 'stream') return null;
  if (reply.change !== undefined) return reply.change;
  const isDone = reply.kind === 'json' || reply.answer.status < 300;
  return isDone && route.method !== 'GET' && route.unaudited === undefined
    ? { what: 'call', on: `${method} ${path}` }
    : null;
}

/** As far as its head says. */
function hasBody(headers: IncomingHttpHeaders): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

function replyOf(reply: ApiReply): Reply {
  switch (reply.kind) {
    case 'json': {
      const answer = json(reply.status ?? 200, reply.value);
      return reply.headers === undefined ? answer : { ...answer, headers: reply.headers };
    }
    case 'answer':
      return reply.answer;
    case 'stream':
      // A proxy before it is not to wait for more: nginx does.
      return {
        status: 200,
        contentType: reply.contentType,
        stream: reply.stream,
        headers: { 'x-accel-buffering': 'no' },
      };
  }
}

async function pageAt(needs: AppNeeds, page: Page, { ask, params }: Omit<Run, 'principal'>): Promise<Reply> {
  if (ask.method !== 'GET' && ask.method !== 'HEAD') return notAllowed(['GET']);
  if (page.isOpen === true) return renderPage(needs, page, { ask, params, principal: nobody(ask), csrf: null });
  const { headers, peer, isSecure } = ask;
  const admission = await admit(needs, { headers, peer, isSecure }, bearerOf(headers.authorization));
  if (admission.kind === 'unknown') return signInFirst(ask);
  if (admission.kind === 'refused') {
    await auditRefusal(needs, ask, admission);
    return admission.answer;
  }
  const { principal, csrf } = admission;
  const refusal = scopeRefusal(principal, page.scope);
  if (refusal === null) return renderPage(needs, page, { ask, params, principal, csrf });
  await audited(needs, principal, { what: 'refused', on: `GET ${ask.path}`, after: { scope: page.scope } });
  return refusal;
}

/** One who is known and is not let: such as a token from where it is not to be used. */
async function auditRefusal(needs: AppNeeds, { method, path }: AppAsk, admission: Admission): Promise<void> {
  if (admission.kind !== 'refused' || admission.by === undefined || admission.answer.status !== 403) return;
  await audited(needs, admission.by, { what: 'refused', on: `${method} ${path}`, after: { from: admission.by.peer } });
}

async function assetAt({ assets }: AppNeeds, { method, path, headers }: AppAsk): Promise<Reply> {
  if (method !== 'GET' && method !== 'HEAD') return notAllowed(['GET']);
  return (await assets(path.slice(ASSETS.length), headers)) ?? problem(404, 'there is nothing here');
}

function audited(
  { audit }: AppNeeds,
  { kind, name, peer }: Principal,
  change: Parameters<Audit>[0] | Change,
): Promise<void> {
  const actor = { kind: name === '' ? 'nobody' : kind, name, from: peer } as const;
  return audit({ actor, ...change });
}

type Change = Omit<Parameters<Audit>[0], 'actor'>;

function nobody({ peer }: AppAsk): Principal {
  return { kind: 'user', name: '', scopes: [], peer };
}

function fieldOf(headers: IncomingHttpHeaders, name: string): string | null {
  const field = headers[name.toLowerCase()];
  return Array.isArray(field) ? field.join(', ') : (field ?? null);
}

function failure({ emit, clock }: AppNeeds, cause: unknown): Answer {
  // Alerts say why: here it would be told to anybody.
  if (cause instanceof SpoolError) return problem(503, 'the store does not answer now');
  if (cause instanceof OperationsError) return problem(409, cause.message);
  const text = cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause);
  emit({ event: 'failed', atMs: clock.nowMs(), where: 'http', cause: text });
  return problem(500, 'the relay failed; its log says why');
}

const ORDER: readonly Method[] = ['GET', 'POST', 'PUT', 'PATCH', 'DELETE'];

function notAllowed(given: readonly string[]): Answer {
  const methods = ORDER.filter((method) => given.includes(method)).flatMap((method) =>
    method === 'GET' ? ['GET', 'HEAD'] : [method],
  );
  const allow = methods.join(', ');
  return problem(405, `only ${allow}`, { allow });
}
