/** Requests to SendGrid's v3 API, made by its own package, and carried by the relay's own connections. */
import type { HttpAnswer, HttpClient, HttpFailure, HttpWatch } from '../cloud/http.ts';
import type { CloudKey } from '../cloud/provider.ts';

export type ApiRequest = {
  readonly method: 'GET' | 'POST';
  /** Below the endpoint: `/v3/mail/send`. */
  readonly path: string;
  readonly key: CloudKey;
  /** JSON; null: none. */
  readonly body: string | null;
  readonly watch: HttpWatch;
};

/** What of the package is used: its client, which its types keep to themselves. */
type Client = {
  setDefaultRequest(defaults: Readonly<Record<string, unknown>>): unknown;
  request(ask: {
    readonly method: string;
    readonly url: string;
    readonly body?: string;
    readonly headers: Readonly<Record<string, string>>;
  }): Promise<unknown>;
};

// architecture: the package's own name
type Sdk = { readonly MailService: new () => { readonly client: Client } };

/** What the package's HTTP client asks of an adapter. */
type Asked = {
  readonly url?: string;
  readonly method?: string;
  readonly headers: { toJSON(): Readonly<Record<string, unknown>> };
  readonly data?: unknown;
};

/**
 * Never rejects. The package would look names up, connect and time out by its own: it says of no failure how much had gone
 * out, which decides whether a message is in doubt.
 */
export async function askApi(http: HttpClient, endpoint: URL, request: ApiRequest): Promise<HttpAnswer | HttpFailure> {
  const { default: sdk } = (await import('@sendgrid/mail')) as unknown as { readonly default: Sdk };
  // One of its own a request: the package's default one is shared by all who use it, key and all.
  const { client } = new sdk.MailService();
  let result: HttpAnswer | HttpFailure = { kind: 'failed', sent: 'nothing', why: 'lost', text: 'nothing was asked' };
  client.setDefaultRequest({
    transformRequest: [(body: unknown) => body],
    adapter: async (asked: Asked) => {
      const { method = 'GET', headers, data } = asked;
      result = await http.ask(
        {
          method: method.toUpperCase(),
          url: new URL(`${endpoint.pathname.replace(/\/$/, '')}${request.path}`, endpoint),
          headers: textsOf(headers.toJSON()),
          body: typeof data === 'string' ? Buffer.from(data) : null,
        },
        request.watch,
      );
      return { status: 200, statusText: '', headers: {}, data: '', config: asked };
    },
  });
  await client.request({
    method: request.method,
    url: request.path,
    headers: { Authorization: `Bearer ${request.key.secret}` },
    ...(request.body === null ? {} : { body: request.body }),
  });
  return result;
}

function textsOf(headers: Readonly<Record<string, unknown>>): Record<string, string> {
  return Object.fromEntries(
    Object.entries(headers).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  );
}
