/**
 * The thread that sends: SMTP sessions on bare sockets, one command at a time as most clients do it. Cheap, so that a fast
 * relay is not measured by its load.
 */
import { connect, type Socket } from 'node:net';
import { parentPort, workerData } from 'node:worker_threads';
import { Board, monotonicMs, NUMBER_FIELD, type BoardMemory } from './board.ts';

/** What one call of the thread sends. */
export type Volley = {
  readonly port: number;
  /** Further ones; sessions are spread over all of them. */
  readonly otherPorts?: readonly number[];
  /** Number of the first message; the others follow it. */
  readonly from: number;
  readonly count: number;
  readonly sessions: number;
  /** Of the body. */
  readonly bodyBytes: number;
  /** Messages over one connection; null: all. */
  readonly perConnection: number | null;
  /** Recipients' domains, in turns. */
  readonly domains: readonly string[];
  /** More lines of the header, each with CRLF. */
  readonly header: string;
  /** Between two messages of one session, ms. */
  readonly pauseMs: number;
};

export type VolleyResult = { readonly failure: string | null };

type State = 'greeting' | 'ehlo' | 'mail' | 'rcpt' | 'data' | 'dot' | 'quit';

const EXPECTED: Readonly<Record<State, string>> = {
  greeting: '220',
  ehlo: '250',
  mail: '250',
  rcpt: '250',
  data: '354',
  dot: '250',
  quit: '221',
};
const QUIET_MS = 120_000;
/** A refusal for now is tried again, as clients do, but not for ever. */
const AGAIN_MS = 250;
const MOST_REFUSALS = 240;

const board = new Board(workerData as BoardMemory);

/** Lines of 64 octets, none of which begins with a dot. */
function bodyOf(bytes: number): string {
  const line = 'The quick brown fox jumps over the lazy dog, then naps a while.\r\n';
  const text = line.repeat(Math.ceil(bytes / line.length)).slice(0, Math.max(0, bytes - 2));
  return text.endsWith('\r') ? text.slice(0, -1) : text;
}

/** Sends its share of a volley over one connection after the other. */
class Session {
  readonly #volley: Volley;
  readonly #next: () => number | null;
  readonly #tail: string;
  readonly #port: number;
  #socket: Socket | null = null;
  #state: State = 'greeting';
  #left = 0;
  #number: number | null = null;
  #pending = '';
  /** In a row. */
  #refusals = 0;
  #settle: (failure: string | null) => void = () => {};

  /** @param place among the sessions, which are dealt to the ports in turn */
  constructor(volley: Volley, { tail, place }: { tail: string; place: number }, next: () => number | null) {
    this.#volley = volley;
    const ports = [volley.port, ...(volley.otherPorts ?? [])];
    this.#port = ports[place % ports.length] ?? volley.port;
    this.#tail = tail;
    this.#next = next;
  }

  run(): Promise<string | null> {
    return new Promise((resolve) => {
      this.#settle = resolve;
      this.#number = this.#next();
      if (this.#number === null) resolve(null);
      else this.#connect();
    });
  }

  #connect(): void {
    this.#state = 'greeting';
    this.#pending = '';
    this.#left = this.#volley.perConnection ?? Number.POSITIVE_INFINITY;
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true });
    this.#socket = socket;
    socket.setEncoding('latin1');
    socket.setTimeout(QUIET_MS, () => this.#fail(`silence in ${this.#state}`));
    socket.on('data', (text: string) => this.#read(text));
    socket.on('error', (error) => this.#fail(`${this.#state}: ${error.message}`));
    socket.on('close', () => this.#fail(`closed in ${this.#state}`));
  }

  #fail(text: string): void {
    if (this.#socket === null) return;
    this.#letGo();
    this.#settle(text);
  }

  #letGo(): void {
    const socket = this.#socket;
    this.#socket = null;
    socket?.removeAllListeners('close');
    socket?.on('error', () => {});
    socket?.destroy();
  }

  #read(text: string): void {
    this.#pending += text;
    for (let end; (end = this.#pending.indexOf('\n')) !== -1;) {
      const line = this.#pending.slice(0, end);
      this.#pending = this.#pending.slice(end + 1);
      if (line[3] !== '-') this.#answer(line);
      if (this.#socket === null) return;
    }
  }

  #answer(line: string): void {
    if (!line.startsWith(EXPECTED[this.#state])) {
      this.#refused(line);
      return;
    }
    switch (this.#state) {
      case 'greeting':
        return this.#say('ehlo', 'EHLO load.bench.example\r\n');
      case 'ehlo':
        return this.#begin();
      case 'mail':
        return this.#say('rcpt', `RCPT TO:<${this.#recipient()}>\r\n`);
      case 'rcpt':
        return this.#say('data', 'DATA\r\n');
      case 'data':
        board.sentMs[this.#number ?? 0] = monotonicMs();
        return this.#say('dot', this.#content());
      case 'dot':
        board.tellAcknowledged(this.#number ?? 0);
        this.#refusals = 0;
        return this.#afterMessage();
      case 'quit':
        this.#letGo();
        if (this.#number === null) this.#settle(null);
        else this.#connect();
    }
  }

  #refused(line: string): void {
    board.tellRefused();
    this.#refusals += 1;
    if (!line.startsWith('4') || this.#refusals > MOST_REFUSALS) {
      this.#fail(`${this.#state}: ${line.trim()}`);
      return;
    }
    this.#letGo();
    setTimeout(() => this.#connect(), AGAIN_MS);
  }

  #begin(): void {
    this.#say('mail', 'MAIL FROM:<sender@bench.example>\r\n');
  }

  #afterMessage(): void {
    this.#number = this.#next();
    this.#left -= 1;
    if (this.#number === null || this.#left <= 0) this.#say('quit', 'QUIT\r\n');
    else if (this.#volley.pauseMs === 0) this.#begin();
    else setTimeout(() => this.#begin(), this.#volley.pauseMs);
  }

  #recipient(): string {
    const { domains } = this.#volley;
    return `rcpt@${domains[(this.#number ?? 0) % domains.length] ?? ''}`;
  }

  #content(): string {
    const number = this.#number ?? 0;
    return (
      `${NUMBER_FIELD}: ${number}\r\nMessage-ID: <${number}.${process.pid}@bench.example>\r\n` +
      `To: <${this.#recipient()}>\r\n${this.#tail}`
    );
  }

  #say(next: State, text: string): void {
    this.#state = next;
    this.#socket?.write(text, 'latin1');
  }
}

async function send(volley: Volley): Promise<VolleyResult> {
  const tail =
    `${volley.header}From: Bench <sender@bench.example>\r\nSubject: a message of the benchmark\r\n` +
    `Date: ${new Date().toUTCString().replace('GMT', '+0000')}\r\n\r\n${bodyOf(volley.bodyBytes)}\r\n.\r\n`;
  let at = 0;
  let failure: string | null = null;
  const next = (): number | null => (at < volley.count && failure === null ? volley.from + at++ : null);
  const sessions = Array.from({ length: volley.sessions }, async (_, place) => {
    failure = (await new Session(volley, { tail, place }, next).run()) ?? failure;
  });
  await Promise.all(sessions);
  return { failure };
}

parentPort?.on('message', (volley: Volley) => {
  void send(volley).then((result) => parentPort?.postMessage(result));
});
