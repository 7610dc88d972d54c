/**
 * SendGrid's v3 API on loopback, built from its public documents: keys, the checks of Mail Send with their error bodies,
 * Email Activity, scopes. It goes wrong where it is told to.
 */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type ApiError, errorsIn, recipientsOf, type V3Body } from './sendgrid-checks.ts';

export type V3Request = {
  readonly key: string;
  readonly body: V3Body;
  readonly id: string;
};

export type Scripted =
  | {
      readonly status: number;
      readonly headers?: Readonly<Record<string, string>>;
      readonly errors?: readonly ApiError[];
      readonly text?: string;
    }
  /** It reads the request, takes it, and says nothing; or cuts the connection. */
  | 'silence'
  | 'reset';

export class SendGridServer implements AsyncDisposable {
  readonly accepted: V3Request[] = [];
  /** Every request as `POST /v3/mail/send SG.one`. */
  readonly asked: string[] = [];
  readonly keys = new Set(['SG.one']);
  /** The account has Email Activity. */
  hasActivity = true;
  /** What answers next, in turn; nothing: as the documents say. */
  readonly script: Scripted[] = [];
  port = 0;
  readonly #server = createServer((request, response) => {
    this.#answer(request, response).catch(() => request.socket.destroy());
  });

  get endpoint(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  async listen(): Promise<void> {
    this.#server.listen(this.port, '127.0.0.1');
    await once(this.#server, 'listening');
    const bound = this.#server.address();
    if (bound !== null && typeof bound === 'object') this.port = bound.port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    this.#server.closeAllConnections();
    await closed;
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const key = request.headers.authorization?.replace(/^Bearer /, '') ?? '';
    const url = new URL(request.url ?? '/', this.endpoint);
    this.asked.push(`${request.method} ${url.pathname} ${key}`);
    const scripted = this.script.shift();
    if (scripted === 'reset') request.socket.destroy();
    if (scripted === 'silence') this.#take(key, Buffer.concat(chunks));
    if (typeof scripted === 'string') return;
    if (scripted !== undefined) return refuse(response, scripted);
    if (!this.keys.has(key))
      return refuse(response, {
        status: 401,
        errors: [{ message: 'The provided authorization grant is invalid, expired, or revoked', field: null }],
      });
    if (url.pathname === '/v3/scopes') return json(response, 200, { scopes: ['mail.send'] });
    if (url.pathname === '/v3/messages') return this.#activity(response, url.searchParams.get('query') ?? '');
    if (url.pathname !== '/v3/mail/send')
      return refuse(response, { status: 404, errors: [{ message: 'not found', field: 'null' }] });
    const errors = errorsIn(JSON.parse(Buffer.concat(chunks).toString()) as V3Body);
    if (errors.length > 0) return refuse(response, { status: 400, errors });
    const id = this.#take(key, Buffer.concat(chunks));
    response.writeHead(202, { 'X-Message-Id': id }).end();
  }

  #take(key: string, body: Buffer): string {
    const id = `id-${this.accepted.length + 1}_gwKPCg`;
    this.accepted.push({ key, body: JSON.parse(body.toString()) as V3Body, id });
    return id;
  }

  #activity(response: ServerResponse, query: string): void {
    if (!this.hasActivity)
      return refuse(response, { status: 403, errors: [{ message: 'access forbidden', field: null }] });
    const [, name = '', value = ''] = /unique_args\['([^']+)'\]="([^"]+)"/.exec(query) ?? [];
    const messages = this.accepted
      .filter(({ body }) => body.custom_args[name] === value)
      .flatMap(({ body, id }) =>
        recipientsOf(body).map(({ email }) => ({
          msg_id: `${id}.recvd-77b9f5-1`,
          to_email: email,
          from_email: body.from.email,
          subject: body.subject,
          status: 'processed',
        })),
      );
    json(response, 200, { messages });
  }
}

/** One that listens. */
export async function startSendGrid(): Promise<SendGridServer> {
  const server = new SendGridServer();
  await server.listen();
  return server;
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'Content-Type': 'application/json' }).end(JSON.stringify(body));
}

function refuse(response: ServerResponse, { status, headers = {}, errors, text }: Exclude<Scripted, string>): void {
  const body = text ?? JSON.stringify({ errors: (errors ?? []).map((error) => ({ ...error, help: null })) });
  response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(body);
}
