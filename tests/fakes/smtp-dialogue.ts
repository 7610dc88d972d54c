import { connect, type Socket } from 'node:net';
import { type ConnectionOptions, connect as connectTls, type TLSSocket } from 'node:tls';

/** An SMTP client that says exactly what it is told, and hands back what it hears. */
export class SmtpDialogue implements AsyncDisposable {
  #socket: Socket;
  #heard = '';
  #ended = false;
  #waiting: (() => void)[] = [];

  private constructor(socket: Socket) {
    this.#socket = socket;
    this.#listen();
  }

  /** Without waiting for the greeting. */
  static async open(
    port: number,
    options: { readonly tls?: boolean; readonly localAddress?: string } = {},
  ): Promise<SmtpDialogue> {
    const from = options.localAddress === undefined ? {} : { localAddress: options.localAddress };
    const target = { port, host: '127.0.0.1', allowHalfOpen: true, ...from };
    const socket = options.tls === true ? connectTls({ ...target, rejectUnauthorized: false }) : connect(target);
    const dialogue = new SmtpDialogue(socket);
    await new Promise((resolve, reject) => {
      socket.once(options.tls === true ? 'secureConnect' : 'connect', resolve);
      socket.once('error', reject);
    });
    return dialogue;
  }

  /** A connection that has been greeted. */
  static async greeted(port: number, options: Parameters<typeof SmtpDialogue.open>[1] = {}): Promise<SmtpDialogue> {
    const dialogue = await SmtpDialogue.open(port, options);
    await dialogue.reply();
    return dialogue;
  }

  /** The next reply: its lines, joined with a line feed; '' once the server has closed. */
  async reply(): Promise<string> {
    for (;;) {
      const match = /^(?:\d{3}-[^\r\n]*\r\n)*\d{3}(?: [^\r\n]*)?\r\n/.exec(this.#heard);
      if (match !== null) {
        this.#heard = this.#heard.slice(match[0].length);
        return match[0].slice(0, -2).replaceAll('\r\n', '\n');
      }
      if (this.#ended) return '';
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
  }

  /** Sends a line and waits for the reply. */
  async say(line: string): Promise<string> {
    this.write(`${line}\r\n`);
    return await this.reply();
  }

  /** As `say`, for several; the replies. */
  async all(...lines: readonly string[]): Promise<string[]> {
    const replies: string[] = [];
    for (const line of lines) replies.push(await this.say(line));
    return replies;
  }

  /** Bytes as they are; a string is one character a byte. */
  write(bytes: string | Buffer): void {
    if (!this.#socket.destroyed) this.#socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes);
  }

  /** As `write`; resolves once the kernel has it, so that large messages do not pile up here. */
  async send(bytes: Buffer): Promise<void> {
    if (this.#socket.destroyed || this.#socket.write(bytes)) return;
    const socket = this.#socket;
    await new Promise<void>((resolve) => {
      const done = () => {
        socket.off('drain', done);
        socket.off('close', done);
        resolve();
      };
      socket.on('drain', done);
      socket.on('close', done);
    });
  }

  /** Closes this side; what the server says is still heard. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  /** STARTTLS and the handshake. */
  async startTls(options: Pick<ConnectionOptions, 'maxVersion'> = {}): Promise<string> {
    const reply = await this.say('STARTTLS');
    if (!reply.startsWith('220')) return reply;
    await this.handshake(options);
    return reply;
  }

  async handshake(options: Pick<ConnectionOptions, 'maxVersion'> = {}): Promise<TLSSocket> {
    this.#socket.removeAllListeners('data');
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false, ...options });
    await new Promise((resolve, reject) => {
      secure.once('secureConnect', resolve);
      secure.once('error', reject);
    });
    this.#socket = secure;
    this.#listen();
    return secure;
  }

  /** Resolves once the server has closed; what it said before is left to `reply`. */
  async closed(): Promise<void> {
    while (!this.#ended) await new Promise<void>((resolve) => this.#waiting.push(resolve));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#socket.destroy();
  }

  #listen(): void {
    this.#socket.on('data', (bytes) => {
      this.#heard += bytes.toString('latin1');
      this.#wake();
    });
    const over = () => {
      this.#ended = true;
      this.#wake();
    };
    this.#socket.on('end', over);
    this.#socket.on('close', over);
    this.#socket.on('error', over);
  }

  #wake(): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const wake of waiting) wake();
  }
}
