import type { IncomingMessage, Server, ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { httpRefusal } from '../policy/http-exposure.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import { type Answer, json, plain } from './answer.ts';
import type { App, AppAsk } from './app.ts';
import { bind, close, newServer, type OpenPair, type PairWatch } from './bound-server.ts';
import { Connections } from './connections.ts';
import { Bodies, type BodyBounds, type Place, type PlaceAsk, placeFor, type Places } from './posts.ts';
import type { Reply, StreamAnswer } from './reply.ts';
import { sendStream } from './send-stream.ts';
import { type Origin, originOf } from './sign-in/forwarded.ts';

export type HttpBinding =
  | { readonly kind: 'listening'; readonly address: string; readonly port: number }
  /** `cause` is for operators: what could not be bound and why. */
  | { readonly kind: 'failed'; readonly cause: string };

export type HttpListener = AsyncDisposable & {
  /**
   * Binds to `http.listen` of the policy in force; nothing changes when it is bound there already. When it cannot, the
   * earlier binding, if any, keeps serving. Call it at start and after each policy swap.
   */
  listen(): Promise<HttpBinding>;
};

export type HttpNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Why no mail can be taken now, in words for operators; empty: ready. Must be cheap and never throw. */
  readonly notReady: () => readonly string[];
  readonly scrape: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** What answers all else, the API and the pages; asked for at the first request for either, so that a relay at rest is small. */
  readonly app: () => Promise<App>;
  /** Opens the pair that `http.tls` names. Absent: there is no TLS here. */
  readonly openPair?: OpenPair;
  /** What others may post to, such as `/hooks/`. Default: nothing. */
  readonly places?: Places;
};

/** A client that still sends is let read the answer before its connection is closed. */
const LINGER_MS = 1_000;

const SECURITY = {
  'cache-control': 'no-store',
  'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
  'referrer-policy': 'no-referrer',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
} as const;

/** Of those who were admitted: longer, and in more time. A program that submits all mail of a company may take most of it. */
const ADMITTED: BodyBounds = { bytes: 64 * 1024 * 1024, ms: 60_000, share: 3 / 4, isReserved: true };

/**
 * Health, figures and what others post to over HTTP: `/livez`, `/readyz`, `/metrics`, `places`; everything else is for `app`.
 * Starts with `listen`.
 */
export function createHttp(given: HttpNeeds): HttpListener {
  const bodies = { strangers: new Bodies(given.clock), admitted: new Bodies(given.clock, ADMITTED) };
  const needs: Omit<Serving, 'connections'> = { places: new Map(), ...given, bodies };
  let bound: Bound | null = null;

  const listen = async (): Promise<HttpBinding> => {
    const { listen: wanted, tls } = needs.policy().http;
    const refusal = httpRefusal(needs.policy());
    if (refusal !== null) return { kind: 'failed', cause: `http.listen: ${refusal}` };
    const isTls = tls !== false;
    if (bound?.wanted === wanted && isTls === (bound.pair !== null)) {
      await bound.pair?.apply();
      return bindingOf(bound.server);
    }
    const made = await newServer(isTls ? (needs.openPair ?? null) : null);
    if (made.kind === 'failed') return { kind: 'failed', cause: `http.tls: ${made.cause}` };
    const { server, pair } = made;
    const serving = { ...needs, connections: new Connections(server) };
    const answer = (request: IncomingMessage, response: ServerResponse): void => void serve(serving, request, response);
    // Whoever asks before it sends a body (RFC 9110 §10.1.1) hears yes only where one is read.
    server.on('request', answer).on('checkContinue', answer);
    // The same port twice cannot be had, not even for a moment.
    if (bound?.wanted === wanted) await stop();
    const failure = await bind(server, wanted);
    if (failure !== null) {
      pair?.[Symbol.dispose]();
      return { kind: 'failed', cause: `http.listen ${wanted}: ${failure}` };
    }
    await stop();
    bound = { wanted, server, pair };
    return bindingOf(server);
  };

  const stop = async (): Promise<void> => {
    const ended = bound;
    bound = null;
    ended?.pair?.[Symbol.dispose]();
    if (ended !== null) await close(ended.server);
  };

  // One after the other: two that bind to one port at once would be in each other's way.
  let last: Promise<unknown> = Promise.resolve();
  const next = <Result>(run: () => Promise<Result>): Promise<Result> => {
    const turn = last.then(run, run);
    last = turn;
    return turn;
  };
  return { listen: () => next(listen), [Symbol.asyncDispose]: () => next(stop) };
}

type Bound = { readonly wanted: string; readonly server: Server; readonly pair: PairWatch | null };

function bindingOf(server: Server): HttpBinding {
  const { address, port } = server.address() as AddressInfo;
  return { kind: 'listening', address, port };
}

type Serving = HttpNeeds & {
  readonly places: Places;
  readonly bodies: Readonly<Record<'strangers' | 'admitted', Bodies>>;
  readonly connections: Connections;
};

async function serve(needs: Serving, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { clock, emit, connections } = needs;
  connections.serving(request, response);
  let answer: Reply | null;
  try {
    answer = await answerTo(needs, request, response);
  } catch (cause) {
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'http', cause: String(cause) });
    answer = plain(503, 'not available\n');
  }
  if (answer === null) {
    response.destroy();
    return;
  }
  const head = { ...SECURITY, 'content-type': answer.contentType, ...answer.headers };
  if ('stream' in answer)
    await sendStream(response, { head, stream: answer.stream, isHead: request.method === 'HEAD' });
  else send(needs, { request, response, answer, head });
}

type Sending = {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly answer: Exclude<Reply, StreamAnswer>;
  readonly head: Readonly<Record<string, string>>;
};

function send({ clock, connections }: Serving, { request, response, answer, head }: Sending): void {
  const { 'content-length': length, 'transfer-encoding': coding } = request.headers;
  const isWhole = request.readableEnded || (coding === undefined && (length === undefined || length === '0'));
  const content = answer.bytes ?? answer.text;
  response.writeHead(answer.status, {
    ...head,
    'content-length': Buffer.byteLength(content),
    // A body that nobody reads must not keep the connection.
    ...(isWhole ? {} : { connection: 'close' }),
  });
  if (request.method === 'HEAD') response.end();
  else if (isWhole || !connections.mayLinger(response)) response.end(content);
  else lastWords(clock, response, content);
}

/** Closed at once, with bytes on their way, the connection would be reset and the answer lost. */
function lastWords(clock: Clock, response: ServerResponse, content: string | Buffer): void {
  response.write(content);
  const cancel = clock.after(LINGER_MS, () => response.end());
  response.once('close', cancel);
}

/** @returns null: nobody is there any more */
async function answerTo(needs: Serving, request: IncomingMessage, response: ServerResponse): Promise<Reply | null> {
  const { method = '', url = '', headers } = request;
  const mark = url.indexOf('?');
  const [path, query] = mark < 0 ? [url, ''] : [url.slice(0, mark), url.slice(mark + 1)];
  const { peer } = cameFrom(needs, request);
  const found = placeFor(needs.places, path);
  if (found !== null) {
    const ask: PlaceAsk = { rest: found.rest, query, headers, peer };
    if (method !== 'POST') return gotten(found.place, ask, method);
    const refusal = found.place.refusal?.(ask) ?? null;
    if (refusal !== null) return refusal;
    const { mostBytes, post } = found.place;
    return needs.bodies.strangers.read(request, response, { peer, mostBytes, use: (body) => post(ask, body) });
  }
  const serves = ROUTES.get(path);
  if (serves === undefined) return appAnswer(needs, request, { response, path, query });
  if (method === 'GET' || method === 'HEAD') return serves(needs);
  return { ...plain(405, 'GET or HEAD\n'), headers: { allow: 'GET, HEAD' } };
}

type At = { readonly response: ServerResponse; readonly path: string; readonly query: string };

async function appAnswer(
  needs: Serving,
  request: IncomingMessage,
  { response, path, query }: At,
): Promise<Reply | null> {
  const { method = '', headers } = request;
  const app = await needs.app();
  const gone = new AbortController();
  response.once('close', () => gone.abort());
  // Whoever has not signed in yet takes no room of those who have.
  const origin = cameFrom(needs, request);
  const withBody: AppAsk['withBody'] = ({ isOpen, ...of }) =>
    needs.bodies[isOpen ? 'strangers' : 'admitted'].read(request, response, { ...of, peer: origin.peer });
  return app({ method, path, query, headers, ...origin, signal: gone.signal, withBody });
}

async function gotten({ get }: Place, ask: PlaceAsk, method: string): Promise<Answer> {
  if (get !== undefined && (method === 'GET' || method === 'HEAD')) return get(ask);
  const allow = get === undefined ? 'POST' : 'GET, HEAD, POST';
  return { ...plain(405, `${allow}\n`), headers: { allow } };
}

function cameFrom({ policy }: Serving, { socket, headers }: IncomingMessage): Origin {
  const field = (name: string): string | null => {
    const value = headers[name];
    return Array.isArray(value) ? value.join(',') : (value ?? null);
  };
  const address = peerOf(socket.remoteAddress);
  const [forwardedFor, forwardedProto] = [field('x-forwarded-for'), field('x-forwarded-proto')];
  const isTls = 'encrypted' in socket;
  return originOf({ address, isTls, forwardedFor, forwardedProto }, policy().http.trustedProxies);
}

/** A dual-stack socket reports IPv4 peers as `::ffff:192.0.2.1`. */
function peerOf(address: string | undefined): string {
  return (address ?? '').replace(/^::ffff:(?=\d+\.)/i, '');
}

type Route = (needs: HttpNeeds) => Answer | Promise<Answer>;

const ROUTES: ReadonlyMap<string, Route> = new Map<string, Route>([
  ['/livez', () => plain(200, 'ok\n')],
  ['/readyz', readiness],
  ['/metrics', figures],
]);

function readiness(needs: HttpNeeds): Answer {
  const reasons = needs.notReady();
  const ready = reasons.length === 0;
  return json(ready ? 200 : 503, { ready, reasons });
}

async function figures(needs: HttpNeeds): Promise<Answer> {
  const { contentType, text } = await needs.scrape();
  return { status: 200, contentType, text };
}
