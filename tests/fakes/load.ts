/** Sends messages with ids of their own over several sessions and remembers which ones were answered 250. */
import { randomBytes } from 'node:crypto';
import { connect, type Socket } from 'node:net';

export type Load = {
  /** Ids answered 250. */
  readonly acknowledged: ReadonlySet<string>;
  /** Ids whose final dot went out and whose reply never came. */
  readonly unanswered: ReadonlySet<string>;
  /** Refusals, at the final dot or before, counted by code. */
  readonly refused: ReadonlyMap<string, number>;
  stop(): Promise<void>;
};

export type LoadOptions = {
  /** Where to; asked anew at each connection, so that it may change. */
  readonly port: () => number;
  readonly sessions: number;
  readonly prefix: string;
  readonly sizeBytes?: number;
  /** Content that no compression makes small. Default: the same line over and over. */
  readonly isDense?: boolean;
  readonly sender?: string;
  readonly recipient?: (id: string) => string;
  /** Messages over one connection. */
  readonly perConnection?: number;
  /** Stop by itself after so many messages. */
  readonly count?: number;
};

type Tally = {
  acknowledged: Set<string>;
  unanswered: Set<string>;
  refused: Map<string, number>;
  stopped: boolean;
  sent: number;
};

export function startLoad(options: LoadOptions): Load & { readonly finished: Promise<void> } {
  const tally: Tally = { acknowledged: new Set(), unanswered: new Set(), refused: new Map(), stopped: false, sent: 0 };
  const finished = Promise.all(Array.from({ length: options.sessions }, () => session(options, tally))).then(
    () => undefined,
  );
  return {
    ...tally,
    finished,
    async stop() {
      tally.stopped = true;
      await finished;
    },
  };
}

async function session(options: LoadOptions, tally: Tally): Promise<void> {
  while (!tally.stopped && tally.sent < (options.count ?? Number.POSITIVE_INFINITY)) {
    try {
      await connection(options, tally);
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

async function connection(options: LoadOptions, tally: Tally): Promise<void> {
  const socket = connect({ port: options.port(), host: '127.0.0.1', noDelay: true });
  const replies = readReplies(socket);
  const say = async (text: string): Promise<string> => {
    socket.write(text);
    return replies();
  };
  try {
    await replies();
    await say('EHLO load.test\r\n');
    for (let n = 0; n < (options.perConnection ?? 20) && !tally.stopped; n++) {
      if (tally.sent >= (options.count ?? Number.POSITIVE_INFINITY)) break;
      const id = `${options.prefix}-${tally.sent++}`;
      const envelope = [
        `MAIL FROM:<${options.sender ?? 'sender@load.test'}>\r\n`,
        `RCPT TO:<${options.recipient?.(id) ?? 'rcpt@dest.test'}>\r\n`,
        'DATA\r\n',
      ];
      for (const command of envelope) {
        const reply = await say(command);
        if (/^[23]/.test(reply)) continue;
        count(tally, reply);
        throw new Error(reply);
      }
      tally.unanswered.add(id);
      const reply = await say(`${messageOf(id, options)}.\r\n`);
      tally.unanswered.delete(id);
      if (reply.startsWith('250')) tally.acknowledged.add(id);
      else count(tally, reply);
    }
    socket.end('QUIT\r\n');
  } finally {
    socket.destroy();
  }
}

function count({ refused }: Tally, reply: string): void {
  const code = reply.slice(0, 3);
  refused.set(code, (refused.get(code) ?? 0) + 1);
}

function messageOf(id: string, { sizeBytes = 4096, isDense = false }: LoadOptions): string {
  const line = `${'x'.repeat(76)}\r\n`;
  const lines = Math.ceil(sizeBytes / line.length);
  const dense = (): string => `${randomBytes(57).toString('base64')}\r\n`;
  return (
    `From: <sender@load.test>\r\nTo: <rcpt@dest.test>\r\nSubject: load ${id}\r\nDate: Mon, 02 Nov 2026 10:00:00 +0000\r\n` +
    `Message-ID: <${id}@load.test>\r\nX-Load-Id: ${id}\r\n\r\n${isDense ? Array.from({ length: lines }, dense).join('') : line.repeat(lines)}`
  );
}

/** Each call resolves with the next whole reply; rejects once the connection is gone. */
function readReplies(socket: Socket): () => Promise<string> {
  let buffered = '';
  let failed: Error | null = null;
  let wanted: { resolve(reply: string): void; reject(error: Error): void } | null = null;
  const serve = (): void => {
    const match = /^(?:\d{3}-[^\n]*\n)*\d{3}(?: [^\n]*)?\n/.exec(buffered);
    if (wanted === null) return;
    const asked = wanted;
    if (match !== null) {
      wanted = null;
      buffered = buffered.slice(match[0].length);
      asked.resolve(match[0]);
    } else if (failed !== null) {
      wanted = null;
      asked.reject(failed);
    }
  };
  socket.on('data', (chunk: Buffer) => {
    buffered += chunk.toString('latin1');
    serve();
  });
  const lost = (error?: Error): void => {
    failed ??= error ?? new Error('connection closed');
    serve();
  };
  socket.on('error', lost);
  socket.on('close', () => lost());
  return () =>
    new Promise((resolve, reject) => {
      wanted = { resolve, reject };
      serve();
    });
}
