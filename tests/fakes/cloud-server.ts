/**
 * The HTTP side of a mail provider, as its public documents describe it, and whatever may go wrong there. It takes what each
 * provider's request says it is; how it answers the next requests is the test's to say.
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

/** One request that came in whole, or as far as it came. */
export type CloudRequest = {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
};

/** `drop`: the connection is reset; `hang`: nothing more comes. Each once the request came in, or, `early`, before its body. */
export type CloudAct =
  | {
      readonly kind: 'answer';
      readonly status: number;
      readonly body?: string | Buffer;
      readonly headers?: Readonly<Record<string, string>>;
      /** Not before that. */
      readonly after?: Promise<void>;
    }
  | { readonly kind: 'drop' | 'hang'; readonly early?: true }
  | { readonly kind: 'usual' }
  /** The head, and then so much of the body. */
  | { readonly kind: 'cut' | 'trickle'; readonly status: number; readonly body: string };

export type CloudServer = AsyncDisposable & {
  readonly url: string;
  readonly port: number;
  /** All that came, whatever became of it. */
  readonly requests: readonly CloudRequest[];
  /** Connections that came so far. */
  readonly connections: number;
  /** Closes the connections that there are. */
  closeIdle(): void;
  /** For the requests to come that fit, in turn; the last holds on. Default: `usual`. */
  act(...acts: readonly CloudAct[]): void;
  /** No new connections, and none of the old ones. */
  breakDown(): Promise<void>;
};

/** @param usual how it answers where nothing else was said; null: 404 */
export async function startCloudServer(usual: (request: CloudRequest) => CloudAct | null): Promise<CloudServer> {
  const requests: CloudRequest[] = [];
  const sockets = new Set<Socket>();
  let acts: CloudAct[] = [];
  const nextAct = (request: CloudRequest): CloudAct => {
    const act = request.method === 'POST' ? (acts.length > 1 ? acts.shift() : acts[0]) : undefined;
    return (
      (act?.kind === 'usual' ? null : act) ??
      usual(request) ?? { kind: 'answer', status: 404, body: '404 page not found' }
    );
  };
  const server = createServer((incoming, outgoing) => {
    const isEarly = incoming.method === 'POST' && acts[0] !== undefined && 'early' in acts[0];
    const finish = (body: Buffer): void => {
      const request = requestOf(incoming, body);
      requests.push(request);
      perform(nextAct(request), outgoing);
    };
    if (isEarly) {
      finish(Buffer.alloc(0));
      return;
    }
    const chunks: Buffer[] = [];
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
    incoming.on('end', () => finish(Buffer.concat(chunks)));
  });
  let connections = 0;
  server.on('connection', (socket) => {
    connections += 1;
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy();
    await new Promise<void>((resolve) => {
      server.close(() => resolve());
    });
  };
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    requests,
    get connections() {
      return connections;
    },
    closeIdle: () => {
      for (const socket of sockets) socket.destroy();
    },
    act: (...next) => {
      acts = [...next];
    },
    breakDown: close,
    [Symbol.asyncDispose]: close,
  };
}

function requestOf(incoming: IncomingMessage, body: Buffer): CloudRequest {
  const url = new URL(incoming.url ?? '/', 'http://fake');
  const headers = Object.fromEntries(Object.entries(incoming.headers).map(([name, value]) => [name, String(value)]));
  return { method: incoming.method ?? '', path: url.pathname, query: url.searchParams, headers, body };
}

function perform(act: CloudAct, outgoing: ServerResponse): void {
  switch (act.kind) {
    case 'answer':
      void (act.after ?? Promise.resolve()).then(() => {
        outgoing.writeHead(act.status, { 'Content-Type': 'application/json', ...act.headers });
        outgoing.end(act.body ?? '');
      });
      return;
    case 'drop':
      outgoing.socket?.resetAndDestroy();
      return;
    case 'hang':
    case 'usual':
      return;
    case 'cut':
      outgoing.writeHead(act.status, { 'Content-Length': String(act.body.length + 100) });
      outgoing.write(act.body, () => outgoing.socket?.destroy());
      return;
    case 'trickle':
      outgoing.writeHead(act.status, { 'Content-Length': String(act.body.length + 100) });
      outgoing.write(act.body);
  }
}
