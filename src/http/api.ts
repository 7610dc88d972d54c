/** `/api/v1/…`: JSON for programs, which show a token. Whoever has none learns nothing, not even what there is. */
import type { Clock, Emit } from '../ports.ts';
import { SpoolError } from '../spool/spool.ts';
import { type Answer, json, problem } from './answer.ts';
import { SUPPRESSIONS_BODY_MOST, type SuppressionsPlace } from './suppressions.ts';
import { hashOf, type Scope, type Token, type TokenCheck } from './token.ts';

export type ApiAsk = {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  /** The field `Authorization`; null: there was none. */
  readonly authorization: string | null;
  readonly peer: string;
  /** Without `?`. Default: ''. */
  readonly query?: string;
  /** Reads what was sent with it, and answers as `use` does, or why it could not be read; null: the client is gone. */
  readonly withBody?: (of: {
    readonly mostBytes: number;
    readonly use: (body: Buffer) => Promise<Answer>;
  }) => Promise<Answer | null>;
};

/** Answers everything below `/api/`; never rejects. */
export type Api = (ask: ApiAsk) => Promise<Answer>;

export type ApiNeeds = {
  readonly clock: Clock;
  readonly emit: Emit;
  /** @throws SpoolError where it cannot be known now */
  readonly check: (hash: Buffer) => Promise<TokenCheck>;
  readonly attempts: AttemptLimits;
  /** What `relevo stats --json` prints. */
  readonly stats: () => Promise<unknown>;
  /** What `relevo egress list --json` prints. */
  readonly egress: () => Promise<unknown>;
  /** What `relevo message ID --json` prints, by an id of ours or of a provider; null: no such message is known. */
  readonly message: (id: string) => Promise<unknown>;
  /** Absent: there is no such path. */
  readonly suppressions?: SuppressionsPlace;
};

/** Failed attempts by address, within bounds. */
export type AttemptLimits = {
  isBarred(peer: string): boolean;
  failed(peer: string): void;
  /** After so many seconds at most one that is barred may try again. */
  barredSeconds(): number;
};

type Method = 'GET' | 'POST' | 'DELETE';

/** What a method needs, and how it is answered; others are 405. `name`: of those that have to be named. */
type Place = Readonly<
  Partial<Record<Method, { readonly scope: Scope; readonly answer: (ask: ApiAsk, name: string) => Promise<Answer> }>>
>;

const MESSAGES = '/api/v1/messages/ID';
const NAMED = /^\/api\/v1\/messages\/([^/]{1,1000})$/;
const REALM = 'Bearer realm="relevo"';

/** The API over what it reads. */
export function createApi(needs: ApiNeeds): Api {
  const { suppressions } = needs;
  const places: ReadonlyMap<string, Place> = new Map<string, Place>([
    ['/api/v1/stats', { GET: { scope: 'read', answer: told(shared(needs.stats)) } }],
    ['/api/v1/egress', { GET: { scope: 'read', answer: told(shared(needs.egress)) } }],
    [MESSAGES, { GET: { scope: 'read', answer: (_, name) => messageOf(needs, name) } }],
    ...(suppressions === undefined ? [] : [['/api/v1/suppressions', suppressing(suppressions)] as const]),
  ]);
  return async (ask) => {
    try {
      const admission = await admit(needs, ask);
      return admission.kind === 'refused' ? admission.answer : await answerTo(places, admission.token, ask);
    } catch (cause) {
      // Alerts say why: here it would be told to anybody.
      if (cause instanceof SpoolError) return problem(503, 'the store does not answer now');
      needs.emit({ event: 'failed', atMs: needs.clock.nowMs(), where: 'http', cause: String(cause) });
      return problem(500, 'the relay failed; its log says why');
    }
  };
}

type Admission =
  | { readonly kind: 'admitted'; readonly token: Token }
  | { readonly kind: 'refused'; readonly answer: Answer };

/**
 * A token that is good opens whatever others did from the same address, which may be that of a proxy before all of them: to
 * guess one of 256 bits is hopeless at any rate. What is limited is what those who fail cost and write into the log.
 */
async function admit({ check, attempts, clock, emit }: ApiNeeds, ask: ApiAsk): Promise<Admission> {
  if (ask.authorization === null) return refused(unauthorized(REALM, 'show a token: Authorization: Bearer rlv_…'));
  const shown = bearerOf(ask.authorization);
  const hash = shown === null ? null : hashOf(shown);
  const checked: TokenCheck = hash === null ? { kind: 'unknown' } : await check(hash);
  if (checked.kind === 'valid') return { kind: 'admitted', token: checked.token };
  if (attempts.isBarred(ask.peer)) {
    const retry = { 'retry-after': String(attempts.barredSeconds()) };
    return refused(problem(429, 'too many wrong tokens from this address: wait', retry));
  }
  attempts.failed(ask.peer);
  const reason = checked.kind === 'expired' ? 'the token has expired' : 'the token is not known';
  const user = checked.kind === 'expired' ? checked.token.name : '';
  emit({ event: 'auth-failed', atMs: clock.nowMs(), peer: ask.peer, user, reason: `API: ${reason}` });
  return refused(unauthorized(`${REALM}, error="invalid_token"`, reason));
}

function refused(answer: Answer): Admission {
  return { kind: 'refused', answer };
}

/** RFC 6750 §3. */
function unauthorized(challenge: string, detail: string): Answer {
  return problem(401, detail, { 'www-authenticate': challenge });
}

/** RFC 6750 §2.1: the only way to show one; in a query it would stand in logs. */
function bearerOf(authorization: string): string | null {
  return /^bearer +(\S+) *$/i.exec(authorization)?.[1] ?? null;
}

async function answerTo(places: ReadonlyMap<string, Place>, token: Token, ask: ApiAsk): Promise<Answer> {
  const name = NAMED.exec(ask.path)?.[1];
  const place = places.get(name === undefined ? ask.path : MESSAGES);
  if (place === undefined) return problem(404, `there is nothing here: ${[...places.keys()].join(', ')}`);
  const { method } = ask;
  const way = place[(method === 'HEAD' ? 'GET' : method) as Method];
  if (way === undefined || !Object.hasOwn(place, method === 'HEAD' ? 'GET' : method)) return notAllowed(place);
  if (!token.scopes.includes(way.scope)) {
    const challenge = `${REALM}, error="insufficient_scope", scope="${way.scope}"`;
    const detail = `the token "${token.name}" has not the scope ${way.scope}`;
    return problem(403, detail, { 'www-authenticate': challenge });
  }
  return way.answer(ask, decoded(name ?? ''));
}

function notAllowed(place: Place): Answer {
  const methods = Object.keys(place).flatMap((method) => (method === 'GET' ? ['GET', 'HEAD'] : [method]));
  return problem(405, `only ${methods.slice(0, -1).join(', ')} and ${methods.at(-1) ?? ''}`, {
    allow: methods.join(', '),
  });
}

function told(read: () => Promise<unknown>): () => Promise<Answer> {
  return async () => json(200, await read());
}

async function messageOf({ message }: ApiNeeds, id: string): Promise<Answer> {
  const found = await message(id);
  return found === null
    ? problem(404, 'no such message is known: never accepted, or older than the history')
    : json(200, found);
}

function suppressing(place: SuppressionsPlace): Place {
  const use = (body: Buffer): Promise<Answer> => place.add(body);
  return {
    GET: { scope: 'read', answer: ({ query = '' }) => place.list(query) },
    POST: {
      scope: 'operate',
      answer: async ({ withBody }) =>
        (await withBody?.({ mostBytes: SUPPRESSIONS_BODY_MOST, use })) ?? problem(400, 'there is no body'),
    },
    DELETE: { scope: 'operate', answer: ({ query = '' }) => place.remove(query) },
  };
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    return name;
  }
}

/** Those who ask while it is being read have the same answer: many who watch cost as much as one. */
function shared(read: () => Promise<unknown>): () => Promise<unknown> {
  let reading: Promise<unknown> | null = null;
  return () =>
    (reading ??= read().finally(() => {
      reading = null;
    }));
}
