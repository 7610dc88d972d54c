import { chmod } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { z } from 'zod';
import type { Clock, Emit } from '../ports.ts';
import { SpoolError } from '../spool/spool.ts';
import { connectControl } from './client.ts';
import { newControlPath, removeControl } from './path.ts';
import { ASKS, MAX_ASK_BYTES, unframe, type ControlAnswer, USER_FIELD } from './wire.ts';
import type { Actor, Audit } from '../http/audit.ts';
import { auditedOperations } from '../operations/audited-operations.ts';
import { OperationsError, type Operations } from '../operations/operations.ts';

export type ControlNeeds = {
  readonly dataFolder: string;
  readonly operations: Operations;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Default: nothing is written down. */
  readonly audit?: Audit;
  /** The largest message that `submit` takes: the policy's `limits.messageSize`. */
  readonly messageSizeBytes: () => number;
};

export type ControlBinding =
  | { readonly kind: 'listening'; readonly control: AsyncDisposable }
  /** Another relay answers there, or the socket cannot be made; `cause` is for operators. */
  | { readonly kind: 'failed'; readonly cause: string };

type Answered = { readonly status: number; readonly answer: ControlAnswer };

const MOST_CONNECTIONS = 64;

/**
 * The control socket of the running relay: `relevo.sock` in the data folder, for its owner only. What a dead relay left
 * there is replaced; a living one is not. Disposing ends open requests and removes the socket.
 */
export async function startControl(needs: ControlNeeds): Promise<ControlBinding> {
  const { dataFolder } = needs;
  const other = await connectControl(dataFolder);
  if (other.kind === 'connected') return { kind: 'failed', cause: `another relay is running on ${dataFolder}` };
  if (other.kind === 'failed') return other;
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 60_000, maxHeaderSize: 8 * 1024, connectionsCheckingInterval: 5_000 },
    (request, response) => void serve(needs, request, response),
  );
  server.maxConnections = MOST_CONNECTIONS;
  try {
    await listen(server, await newControlPath(dataFolder));
  } catch (cause) {
    return { kind: 'failed', cause: `cannot make the control socket in ${dataFolder}: ${String(cause)}` };
  }
  return {
    kind: 'listening',
    control: {
      [Symbol.asyncDispose]: async () => {
        await new Promise<void>((resolve) => {
          server.close(() => resolve());
          server.closeAllConnections();
        });
        await removeControl(dataFolder);
      },
    },
  };
}

async function listen(server: Server, path: string): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    // The socket is made in this very call: it never exists with other rights.
    const before = process.umask(0o177);
    server.listen(path, resolve);
    process.umask(before);
  });
  server.removeAllListeners('error');
  server.on('error', () => {});
  await chmod(path, 0o600);
}

async function serve(needs: ControlNeeds, request: IncomingMessage, response: ServerResponse): Promise<void> {
  let answered: Answered;
  try {
    answered = await answerTo(needs, request);
  } catch (cause) {
    if (cause instanceof SpoolError || cause instanceof OperationsError) {
      answered = { status: 409, answer: { error: cause.message } };
    } else {
      const told = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
      needs.emit({ event: 'failed', atMs: needs.clock.nowMs(), where: 'control', cause: told });
      answered = { status: 500, answer: { error: 'the relay failed; its log says why' } };
    }
  }
  const body = Buffer.from(JSON.stringify(answered.answer));
  response.writeHead(answered.status, {
    'content-type': 'application/json',
    'content-length': body.length,
    // What was not read of a refused request ends with its connection.
    ...(request.complete ? {} : { connection: 'close' }),
  });
  response.end(body);
}

async function answerTo(needs: ControlNeeds, request: IncomingMessage): Promise<Answered> {
  const name = (request.url ?? '').slice(1);
  if (request.method !== 'POST' || !isOperation(name)) return refused(404, `this relay knows no operation "${name}"`);
  const mostBytes = MAX_ASK_BYTES + (name === 'submit' ? needs.messageSizeBytes() : 0);
  const body = await readBody(request, mostBytes);
  if (body === null) return refused(413, `larger than ${mostBytes} bytes`);
  const framed = unframe(body);
  if (framed === null) return refused(400, 'not a request of relevo');
  const { operations, audit } = needs;
  return call(audit === undefined ? operations : auditedOperations(operations, actorOf(request), audit), name, framed);
}

/** Only the owner of the relay and root can connect, and what they say of themselves is believed. */
function actorOf({ headers }: IncomingMessage): Actor {
  const given = String(headers[USER_FIELD] ?? '').slice(0, 300);
  return { kind: 'operator', name: decoded(given), from: 'control socket' };
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

type Name = keyof typeof ASKS;

function isOperation(name: string): name is Name {
  return Object.hasOwn(ASKS, name);
}

async function call(
  operations: Operations,
  name: Name,
  { ask, content }: { readonly ask: unknown; readonly content: Buffer },
): Promise<Answered> {
  const parsed = ASKS[name].safeParse(ask);
  if (!parsed.success) return refused(400, z.prettifyError(parsed.error));
  if (name === 'submit') {
    const mail = ASKS.submit.parse(ask);
    return { status: 200, answer: { value: await operations.submit({ ...mail, content }) } };
  }
  // The ask was parsed by the schema of this very name.
  const operation = operations[name] as (ask: unknown) => Promise<unknown>;
  return { status: 200, answer: { value: await operation(parsed.data) } };
}

function refused(status: number, error: string): Answered {
  return { status, answer: { error } };
}

/** @returns null when there is more than `mostBytes` */
async function readBody(request: IncomingMessage, mostBytes: number): Promise<Buffer | null> {
  if (Number(request.headers['content-length'] ?? 0) > mostBytes) return null;
  const chunks: Buffer[] = [];
  let sizeBytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    sizeBytes += chunk.length;
    if (sizeBytes > mostBytes) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks, sizeBytes);
}
