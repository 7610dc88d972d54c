/** The thread that receives: an SMTP server on bare sockets that notes each message's number and forgets the rest. */
import { createServer, type Server, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { Board, NUMBER_FIELD, type BoardMemory } from './board.ts';

/** `hang`: takes connections and never says a word. */
export type SinkOrder =
  | { readonly kind: 'listen'; readonly address: string; readonly port: number; readonly hangs: boolean }
  | { readonly kind: 'close'; readonly address: string; readonly port: number };

export type SinkReply = { readonly port: number; readonly failure: string | null };

const END = Buffer.from('\r\n.\r\n');
const SIGNATURE = Buffer.from('DKIM-Signature:');
const FIELD = Buffer.from(`${NUMBER_FIELD}: `);
/** Fields of the relay's own come before ours. */
const MOST_HEADER_BYTES = 65_536;
const EHLO = '250-sink.bench.example\r\n250-PIPELINING\r\n250-8BITMIME\r\n250 SIZE 104857600\r\n';
const NO_BYTES = Buffer.alloc(0);

const board = new Board(workerData as BoardMemory);
const servers = new Map<string, { readonly server: Server; readonly sockets: Set<Socket> }>();

/** One connection to the sink. */
class Reception {
  readonly #socket: Socket;
  #text = '';
  #inData = false;
  /** Of the message under way: until its number is known; then the last octets only. */
  #bytes: Buffer = NO_BYTES;
  #number: number | null = null;
  #out = '';

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.write('220 sink.bench.example ESMTP\r\n');
    socket.on('data', (chunk: Buffer) => this.#take(chunk));
  }

  #take(chunk: Buffer): void {
    let rest: Buffer | null = chunk;
    while (rest !== null && rest.length > 0) rest = this.#inData ? this.#content(rest) : this.#commands(rest);
    if (this.#out === '') return;
    this.#socket.write(this.#out, 'latin1');
    this.#out = '';
  }

  /** Returns what comes after the message; null: it goes on. */
  #content(chunk: Buffer): Buffer | null {
    const bytes: Buffer = this.#bytes.length === 0 ? chunk : Buffer.concat([this.#bytes, chunk]);
    if (this.#number === null) {
      this.#number = numberIn(bytes);
      // Relays put theirs in front.
      if (this.#number !== null && bytes.includes(SIGNATURE)) board.tellSigned();
    }
    const end = bytes.indexOf(END);
    if (end === -1) {
      const isKept = this.#number === null && bytes.length < MOST_HEADER_BYTES;
      this.#bytes = isKept ? bytes : bytes.subarray(Math.max(0, bytes.length - END.length + 1));
      return null;
    }
    if (this.#number !== null) board.tellArrived(this.#number);
    this.#inData = false;
    this.#bytes = NO_BYTES;
    this.#out += '250 2.0.0 kept\r\n';
    return bytes.subarray(end + END.length);
  }

  #commands(chunk: Buffer): Buffer | null {
    const from = this.#text.length;
    const text = this.#text + chunk.toString('latin1');
    let start = 0;
    for (let end; (end = text.indexOf('\n', start)) !== -1;) {
      const verb = text.slice(start, start + 4).toUpperCase();
      start = end + 1;
      if (verb === 'DATA') {
        this.#text = '';
        this.#inData = true;
        this.#number = null;
        this.#out += '354 go on\r\n';
        return chunk.subarray(start - from);
      }
      this.#out += replyTo(verb);
      if (verb === 'QUIT') {
        this.#socket.end(this.#out, 'latin1');
        this.#out = '';
      }
    }
    this.#text = text.slice(start);
    return null;
  }
}

function replyTo(verb: string): string {
  if (verb === 'EHLO') return EHLO;
  return verb === 'QUIT' ? '221 2.0.0 bye\r\n' : '250 2.0.0 well\r\n';
}

function numberIn(bytes: Buffer): number | null {
  const at = bytes.indexOf(FIELD);
  const end = at === -1 ? -1 : bytes.indexOf(13, at);
  if (end === -1) return null;
  const number = Number(bytes.toString('latin1', at + FIELD.length, end));
  return Number.isInteger(number) && number < board.size ? number : null;
}

function listen(order: Extract<SinkOrder, { kind: 'listen' }>): void {
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true }, (socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
    socket.on('error', () => {});
    if (!order.hangs) new Reception(socket);
  });
  server.once('error', (error) => reply({ port: 0, failure: error.message }));
  server.listen({ port: order.port, host: order.address, backlog: 1_024 }, () => {
    const bound = server.address();
    const port = bound !== null && typeof bound === 'object' ? bound.port : 0;
    servers.set(`${order.address}:${port}`, { server, sockets });
    reply({ port, failure: null });
  });
}

function close({ address, port }: Extract<SinkOrder, { kind: 'close' }>): void {
  const open = servers.get(`${address}:${port}`);
  servers.delete(`${address}:${port}`);
  for (const socket of open?.sockets ?? []) socket.destroy();
  if (open === undefined) reply({ port, failure: 'nothing is open there' });
  else open.server.close(() => reply({ port, failure: null }));
}

function reply(result: SinkReply): void {
  parentPort?.postMessage(result);
}

parentPort?.on('message', (order: SinkOrder) => {
  if (order.kind === 'listen') listen(order);
  else close(order);
});
