/** The SDK of AWS over this relay's HTTP: within its bounds, and with what became of the request beside what the SDK makes of it. */
import { Readable } from 'node:stream';
import type { HttpAnswer, HttpClient, HttpFailure, HttpWatch } from '../cloud/http.ts';

/** One request of the SDK; handed to `send` as an option, and back to the transport with the request. */
export class SdkExchange {
  readonly watch: HttpWatch;
  /** null: none came. */
  answer: HttpAnswer | null = null;

  constructor(watch: HttpWatch) {
    this.watch = watch;
  }
}

/** No answer: thrown to the SDK, which hands it on as it is. */
export class TransportError extends Error {
  readonly failure: HttpFailure;

  constructor(failure: HttpFailure) {
    super(failure.text);
    this.name = 'TransportError';
    this.failure = failure;
  }
}

/** As much of the SDK's requests as is used here. */
type SdkRequest = {
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number;
  readonly method: string;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
};

type SdkResponse = { readonly statusCode: number; readonly headers: Record<string, string>; readonly body: Readable };

/** A `requestHandler` of the SDK. */
export class SdkTransport {
  readonly #http: HttpClient;

  constructor(http: HttpClient) {
    this.#http = http;
  }

  async handle(request: SdkRequest, options?: unknown): Promise<{ readonly response: SdkResponse }> {
    const exchange = exchangeOf(options);
    const result = await this.#http.ask(
      {
        method: request.method,
        url: urlOf(request),
        headers: withoutHost(request.headers),
        body: bodyOf(request.body),
      },
      exchange.watch,
    );
    if (result.kind === 'failed') throw new TransportError(result);
    exchange.answer = result;
    const headers = Object.entries(result.headers).map(([name, value]) => [name, String(value ?? '')] as const);
    return {
      response: {
        statusCode: result.status,
        headers: Object.fromEntries(headers),
        body: Readable.from([result.body], { objectMode: false }),
      },
    };
  }

  updateHttpClientConfig(): void {}

  // architecture: the SDK's name for it
  httpHandlerConfigs(): Record<string, never> {
    return {};
  }
}

function exchangeOf(options: unknown): SdkExchange {
  const given = typeof options === 'object' && options !== null && 'exchange' in options ? options.exchange : null;
  return given instanceof SdkExchange ? given : new SdkExchange({ signal: new AbortController().signal });
}

function urlOf({ protocol, hostname, port, path, query = {} }: SdkRequest): URL {
  const url = new URL(`${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}`);
  for (const [name, value] of Object.entries(query))
    for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one ?? ''));
  return url;
}

function withoutHost(headers: Readonly<Record<string, string>>): Record<string, string> {
  const SET_HERE: ReadonlySet<string> = new Set(['host', 'content-length']);
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !SET_HERE.has(name.toLowerCase())));
}

function bodyOf(body: unknown): Buffer | null {
  if (body === undefined || body === null) return null;
  if (typeof body === 'string') return Buffer.from(body);
  if (body instanceof Uint8Array) return Buffer.from(body.buffer, body.byteOffset, body.byteLength);
  throw new Error('a body of the SDK that is neither text nor bytes');
}
