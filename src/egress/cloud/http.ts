/**
 * One HTTP request and its answer, within bounds: one deadline for all of it, a largest body, no redirects, never a second
 * try. It says how far the request went, which decides whether a message is in doubt.
 */
import { type Agent, type IncomingHttpHeaders, type IncomingMessage, request as httpRequest } from 'node:http';
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { Clock } from '../../ports.ts';
import { plainText } from '../../message/plain-text.ts';
import type { Stage } from '../classify.ts';
import type { Recorder } from '../recorder.ts';
import { CloudAgent, ConnectError, type AgentPorts } from './agent.ts';

export type HttpRequest = {
  readonly method: string;
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer | null;
};

/** Of a request that carries a message. */
export type HttpWatch = {
  /** Ends it as long as nothing was written; later the answer is waited for. */
  readonly signal: AbortSignal;
  /** Asked before the first byte is written. */
  readonly mayGo?: () => boolean;
  readonly onStage?: (stage: Stage) => void;
  /** Told of the far end as soon as there is a connection. */
  readonly onPeer?: (peer: HttpPeer) => void;
  /** Hears what was asked, without its body and what signs it, and what was answered. */
  readonly recorder?: Recorder | undefined;
};

export type HttpPeer = { readonly address: string | null; readonly tls: string | null };

export type HttpAnswer = {
  readonly kind: 'answered';
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  /** As far as it came, at most `BODY_MOST` bytes. */
  readonly body: Buffer;
  /** It came to its end, in time. */
  readonly isWhole: boolean;
};

/** No answer. `sent`: of the request. `text` is a phrase: `connection refused`. */
export type HttpFailure = {
  readonly kind: 'failed';
  readonly sent: 'nothing' | 'part' | 'all';
  readonly why: 'timeout' | 'lost' | 'stopped';
  readonly text: string;
};

export type HttpResult = HttpAnswer | HttpFailure;

/** An answer is a few hundred bytes. */
export const BODY_MOST = 1_048_576;

export type HttpClientOptions = AgentPorts & {
  readonly clock: Clock;
  /** Of one request, from looking up the name to the last byte of the answer. */
  readonly timeoutMs: number;
  /** Connections that are kept. */
  readonly connections: number;
};

/** Connections to one provider. */
export class HttpClient implements AsyncDisposable {
  readonly #clock: Clock;
  readonly #timeoutMs: number;
  readonly #connections: number;
  readonly #plain: CloudAgent;
  readonly #secure: CloudAgent;

  constructor(options: HttpClientOptions) {
    this.#clock = options.clock;
    this.#timeoutMs = options.timeoutMs;
    this.#connections = options.connections;
    this.#plain = new CloudAgent(options, 'clear');
    this.#secure = new CloudAgent(options, 'tls');
  }

  /** Never rejects. A kept connection that turns out to be closed before anything was written is not used. */
  async ask(request: HttpRequest, watch: HttpWatch): Promise<HttpResult> {
    const agent = request.url.protocol === 'https:' ? this.#secure : this.#plain;
    const needs = { request, watch, agent, clock: this.#clock, timeoutMs: this.#timeoutMs };
    for (let left = this.#connections; ; left--) {
      const exchange = new Exchange(needs);
      const result = await exchange.run();
      if (watch.recorder !== undefined) record(watch.recorder, request, result);
      if (!exchange.isStale || left === 0) return result;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#plain.destroy();
    this.#secure.destroy();
  }
}

/** Of an answer so much is shown. */
const SHOWN_CHARACTERS = 1_500;

function record(recorder: Recorder, { method, url, body }: HttpRequest, result: HttpResult): void {
  recorder.sent(`${method} ${url.origin}${url.pathname} (${body?.length ?? 0} bytes)\r\n`);
  if (result.kind === 'failed') {
    recorder.note(`${result.text}; of the request was sent: ${result.sent}`);
    return;
  }
  const text = plainText(result.body.toString('utf8', 0, SHOWN_CHARACTERS), SHOWN_CHARACTERS);
  recorder.heard({ code: result.status, lines: [text] });
}

type ExchangeNeeds = {
  readonly request: HttpRequest;
  readonly watch: HttpWatch;
  readonly agent: Agent;
  readonly clock: Clock;
  readonly timeoutMs: number;
};

class Exchange {
  readonly #needs: ExchangeNeeds;
  readonly #done = Promise.withResolvers<HttpResult>();
  #sent: HttpFailure['sent'] = 'nothing';
  #answer: IncomingMessage | null = null;
  readonly #chunks: Buffer[] = [];
  #size = 0;
  #cancels: (() => void)[] = [];
  #isReused = false;

  constructor(needs: ExchangeNeeds) {
    this.#needs = needs;
  }

  /** The connection was one of before, and had gone. */
  isStale = false;

  run(): Promise<HttpResult> {
    const { request, watch, agent, clock, timeoutMs } = this.#needs;
    if (watch.signal.aborted) return Promise.resolve(this.#failure('stopped', 'stopped'));
    watch.onStage?.('connect');
    const { url, method, headers, body } = request;
    const outgoing = httpRequest({
      agent,
      method,
      // The agent does TLS where the URL asks for it.
      protocol: 'http:',
      host: url.hostname.replace(/^\[|\]$/g, ''),
      port: url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port),
      path: `${url.pathname}${url.search}`,
      headers: { ...headers, Host: url.host, ...(body === null ? {} : { 'Content-Length': String(body.length) }) },
      setHost: false,
    });
    const end = (result: HttpResult): void => {
      for (const cancel of this.#cancels.splice(0)) cancel();
      this.#done.resolve(result);
      if (result.kind === 'failed' || !result.isWhole) outgoing.destroy();
    };
    outgoing.on('error', (error) => end(this.#after(error)));
    outgoing.on('response', (answer) => this.#read(answer, end));
    outgoing.on('close', () => end(this.#after(new ConnectError('connection closed'))));
    outgoing.on('socket', (socket) => {
      watch.onPeer?.(peerOf(socket));
      this.#isReused = outgoing.reusedSocket;
      // What the far end said of a kept connection meanwhile is heard first: it may take a turn to be closed, and one to be heard.
      if (this.#isReused) setImmediate(() => setImmediate(begin));
      else begin();
    });
    const begin = (): void => {
      if (outgoing.destroyed) return;
      if (watch.signal.aborted || watch.mayGo?.() === false) {
        end(this.#failure('stopped', 'stopped'));
        return;
      }
      this.#sent = 'part';
      watch.onStage?.('content');
      outgoing.end(body ?? Buffer.alloc(0), () => {
        if (this.#answer !== null) return;
        this.#sent = 'all';
        watch.onStage?.('after-dot');
      });
    };
    const onAbort = (): void => {
      if (this.#sent === 'nothing') end(this.#failure('stopped', 'stopped'));
    };
    watch.signal.addEventListener('abort', onAbort, { once: true });
    this.#cancels = [
      () => watch.signal.removeEventListener('abort', onAbort),
      clock.after(timeoutMs, () => end(this.#after(null))),
    ];
    return this.#done.promise;
  }

  #read(answer: IncomingMessage, end: (result: HttpResult) => void): void {
    this.#answer = answer;
    answer.on('data', (chunk: Buffer) => {
      const room = BODY_MOST - this.#size;
      this.#chunks.push(chunk.length > room ? chunk.subarray(0, room) : chunk);
      this.#size += Math.min(chunk.length, room);
      if (chunk.length > room) end(this.#answered(answer, false));
    });
    answer.on('end', () => end(this.#answered(answer, answer.complete)));
    answer.on('error', () => end(this.#answered(answer, false)));
    answer.on('close', () => end(this.#answered(answer, answer.complete)));
  }

  /** @param error null: its time is over */
  #after(error: Error | null): HttpResult {
    if (this.#answer !== null) return this.#answered(this.#answer, false);
    if (error === null) return this.#failure('timeout', `no answer within ${this.#needs.timeoutMs / 1_000} s`);
    this.isStale = this.#isReused && this.#sent === 'nothing';
    return this.#failure('lost', wordsFor(error));
  }

  #answered(answer: IncomingMessage, isWhole: boolean): HttpAnswer {
    const { statusCode: status = 0, headers } = answer;
    return { kind: 'answered', status, headers, body: Buffer.concat(this.#chunks), isWhole };
  }

  #failure(why: HttpFailure['why'], text: string): HttpFailure {
    return { kind: 'failed', sent: this.#sent, why, text };
  }
}

function peerOf(socket: Socket): HttpPeer {
  return {
    address: socket.remoteAddress ?? null,
    tls: socket instanceof TLSSocket ? (socket.getProtocol() ?? null) : null,
  };
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'connection refused',
  ECONNRESET: 'connection reset',
  EPIPE: 'connection closed',
  ETIMEDOUT: 'no answer to the connection',
  EHOSTUNREACH: 'no route to host',
  ENETUNREACH: 'network unreachable',
};

function wordsFor(error: Error): string {
  if (error instanceof ConnectError) return error.message;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : '';
  if (code.startsWith('HPE_')) return 'what came back is no HTTP';
  return WORDS[code] ?? (code === '' ? error.message : code);
}
