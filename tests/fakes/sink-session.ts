/** One connection to an SMTP sink. */
import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import { DataReader } from './sink-data.ts';
import { act, isDelay } from './sink-act.ts';
import { signedInUser } from './sink-auth.ts';
import type { SinkAction, SinkStage } from './sink-faults.ts';
import { ALL_EXTENSIONS, type SinkBooks, type SunkMessage } from './sink-books.ts';

type Envelope = {
  sender: string;
  parameters: readonly string[];
  recipients: { address: string; parameters: readonly string[] }[];
};

export class SinkSession {
  readonly #sink: SinkBooks;
  readonly #number: number;
  #socket: Socket;
  #pending: Buffer = Buffer.alloc(0);
  #busy = false;
  #dead = false;
  #data: DataReader | null = null;
  #contentSeen = false;
  #envelope: Envelope | null = null;
  #helo = '';
  #user: string | null = null;
  #messages = 0;
  #lineWaits: ((line: string) => void) | null = null;

  constructor(sink: SinkBooks, socket: Socket, number: number) {
    this.#sink = sink;
    this.#socket = socket;
    this.#number = number;
  }

  start(): void {
    this.#socket.on('error', () => {});
    void this.#begin();
  }

  async #begin(): Promise<void> {
    if (await this.#wrong('connect', '')) return;
    if (this.#sink.options.tls?.mode === 'implicit' && !(await this.#secure())) return;
    this.#listen();
    await this.#answer('greeting', '220 sink.test ESMTP');
  }

  #listen(): void {
    this.#socket.on('error', () => {});
    this.#socket.on('data', this.#onBytes);
  }

  readonly #onBytes = (chunk: Buffer): void => {
    this.#pending = this.#pending.length === 0 ? chunk : Buffer.concat([this.#pending, chunk]);
    void this.#work();
  };

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    while (!this.#dead && this.#pending.length > 0) {
      if (this.#data !== null) {
        if (!(await this.#content(this.#data))) break;
        continue;
      }
      const end = this.#pending.indexOf('\r\n');
      if (end < 0) break;
      const line = this.#pending.toString('utf8', 0, end);
      this.#pending = this.#pending.subarray(end + 2);
      if (this.#lineWaits !== null) {
        const take = this.#lineWaits;
        this.#lineWaits = null;
        this.#note('*');
        take(line);
        // What the reply leads to goes on by itself.
        break;
      }
      this.#note(line);
      const command = this.#command(line);
      // AUTH reads lines of its own.
      if (/^AUTH/i.test(line)) {
        this.#busy = false;
        await command;
        this.#busy = true;
      } else await command;
    }
    this.#busy = false;
  }

  #note(text: string): void {
    this.#sink.commands.push(`${this.#number} ${text}`);
    this.#sink.stir();
  }

  async #command(line: string): Promise<void> {
    const verb = line.split(' ')[0]?.toUpperCase() ?? '';
    switch (verb) {
      case 'EHLO':
        if (this.#sink.options.extensions === null) return this.#say('502 5.5.1 command not known');
        this.#helo = line.slice(5);
        return this.#answer('ehlo', this.#offer());
      case 'HELO':
        this.#helo = line.slice(5);
        return this.#answer('ehlo', '250 sink.test');
      case 'STARTTLS':
        return this.#startTls();
      case 'AUTH':
        return this.#auth(line);
      case 'MAIL':
        return this.#mail(line);
      case 'RCPT':
        return this.#rcpt(line);
      case 'DATA':
        return this.#startData();
      case 'RSET':
        this.#envelope = null;
        return this.#answer('rset', '250 2.0.0 ok');
      case 'QUIT':
        await this.#answer('quit', '221 2.0.0 bye');
        this.#socket.end();
        return;
      default:
        return this.#say('500 5.5.2 command not known');
    }
  }

  #offer(): string {
    const { extensions = ALL_EXTENSIONS, tls, auth } = this.#sink.options;
    const lines = ['sink.test', ...(extensions ?? [])];
    if (tls?.mode === 'starttls' && !(this.#socket instanceof TLSSocket)) lines.push('STARTTLS');
    if (auth !== undefined) lines.push(`AUTH ${auth.mechanisms.join(' ')}`);
    return lines.map((line, at) => `250${at === lines.length - 1 ? ' ' : '-'}${line}`).join('\r\n');
  }

  async #startTls(): Promise<void> {
    if (await this.#wrong('starttls', '220 2.0.0 go ahead')) return;
    this.#socket.off('data', this.#onBytes);
    this.#pending = Buffer.alloc(0);
    await this.#say('220 2.0.0 go ahead');
    if (await this.#secure()) this.#listen();
  }

  async #secure(): Promise<boolean> {
    if (await this.#wrong('handshake', '')) return false;
    const { key = '', cert = '', clientCert = false } = this.#sink.options.tls ?? {};
    const demand = clientCert ? { requestCert: true, rejectUnauthorized: true } : {};
    this.#socket = new TLSSocket(this.#socket, { isServer: true, key, cert, ...demand });
    this.#socket.on('error', () => {});
    this.#helo = '';
    return true;
  }

  async #auth(line: string): Promise<void> {
    if (await this.#wrong('auth', '235 2.7.0 welcome')) return undefined;
    const users = this.#sink.options.auth?.users ?? {};
    this.#user = await signedInUser(line, { users, challenge: (text) => this.#challenge(text) });
    return this.#say(this.#user === null ? '535 5.7.8 no such user or password' : '235 2.7.0 welcome');
  }

  async #challenge(text: string): Promise<string> {
    const line = new Promise<string>((resolve) => {
      this.#lineWaits = resolve;
    });
    await this.#say(`334 ${Buffer.from(text).toString('base64')}`);
    return line;
  }

  async #mail(line: string): Promise<void> {
    const match = /^MAIL FROM:<([^>]*)>(.*)$/i.exec(line);
    if (match === null) return this.#say('501 5.5.4 syntax');
    if (this.#envelope !== null) return this.#say('503 5.5.1 nested MAIL');
    const { auth, maxMessages = Infinity } = this.#sink.options;
    if (auth !== undefined && this.#user === null) return this.#say('530 5.7.0 authentication required');
    if (this.#messages >= maxMessages) {
      await this.#say('421 4.7.0 enough for one connection');
      this.#socket.end();
      return;
    }
    const envelope: Envelope = { sender: match[1] ?? '', parameters: parametersOf(match[2]), recipients: [] };
    const action = this.#due('mail', [envelope.sender]);
    if (action === null || isDelay(action)) this.#envelope = envelope;
    await this.#perform(action, '250 2.1.0 ok');
  }

  async #rcpt(line: string): Promise<void> {
    const match = /^RCPT TO:<([^>]*)>(.*)$/i.exec(line);
    if (match === null) return this.#say('501 5.5.4 syntax');
    if (this.#envelope === null) return this.#say('503 5.5.1 MAIL first');
    const { maxRecipients = Infinity } = this.#sink.options;
    if (this.#envelope.recipients.length >= maxRecipients) return this.#say('452 4.5.3 too many recipients');
    const recipient = { address: match[1] ?? '', parameters: parametersOf(match[2]) };
    const action = this.#due('rcpt', [undefined, recipient.address]);
    if (action === null || isDelay(action)) this.#envelope.recipients.push(recipient);
    await this.#perform(action, '250 2.1.5 ok');
  }

  async #startData(): Promise<void> {
    if (this.#envelope === null || this.#envelope.recipients.length === 0)
      return this.#say('554 5.5.1 no valid recipients');
    const action = this.#due('data', this.#addresses());
    if (action === null || isDelay(action)) {
      this.#data = new DataReader();
      this.#contentSeen = false;
    }
    await this.#perform(action, '354 go ahead');
  }

  /** @returns whether there may be more to read */
  async #content(data: DataReader): Promise<boolean> {
    if (!this.#contentSeen) {
      this.#contentSeen = true;
      const action = this.#due('content', this.#addresses());
      if (action !== null) {
        await this.#perform(action, '250 2.0.0 too early');
        if (this.#dead) return false;
      }
    }
    const rest = data.push(this.#pending);
    this.#pending = rest ?? Buffer.alloc(0);
    if (rest === null) return false;
    this.#data = null;
    await this.#whole(data.content());
    return true;
  }

  async #whole(content: Buffer): Promise<void> {
    const envelope = this.#envelope;
    if (envelope === null) return;
    const action = this.#due('dot', this.#addresses());
    const { keepContent = true } = this.#sink.options;
    const message: SunkMessage = {
      ...envelope,
      content: keepContent ? content : Buffer.alloc(0),
      messageId: /^message-id:\s*(<[^>\r\n]*>)/im.exec(content.toString('latin1', 0, 65_536))?.[1] ?? '',
      answer: null,
      helo: this.#helo,
      tls: this.#socket instanceof TLSSocket ? this.#socket.getProtocol() : null,
      user: this.#user,
      session: this.#number,
    };
    this.#sink.messages.push(message);
    this.#sink.stir();
    this.#envelope = null;
    this.#messages += 1;
    await this.#perform(action, '250 2.0.0 kept');
    if (action === null || isDelay(action)) message.answer = 250;
    else if (typeof action === 'number') message.answer = action;
    this.#sink.stir();
  }

  #addresses(): readonly (string | undefined)[] {
    return [this.#envelope?.sender, ...(this.#envelope?.recipients.map(({ address }) => address) ?? [])];
  }

  #due(stage: SinkStage, addresses: readonly (string | undefined)[] = []): SinkAction | null {
    return this.#sink.faults.due(stage, addresses);
  }

  async #answer(stage: SinkStage, usual: string): Promise<void> {
    await this.#perform(this.#due(stage), usual);
  }

  /** @returns true when something went wrong, and the usual course is over */
  async #wrong(stage: SinkStage, usual: string): Promise<boolean> {
    const action = this.#due(stage);
    if (action !== null) await this.#perform(action, usual);
    return action !== null && !isDelay(action);
  }

  async #perform(action: SinkAction | null, usual: string): Promise<void> {
    if (action === null) return this.#say(usual);
    const { slowMs = 100 } = this.#sink.options;
    if (!this.#dead) this.#dead = (await act({ socket: this.#socket, action, usual, slowMs })) === 'over';
    return undefined;
  }

  #say(text: string): Promise<void> {
    if (!this.#dead && text !== '' && this.#socket.writable) this.#socket.write(`${text}\r\n`);
    return Promise.resolve();
  }
}

function parametersOf(text: string | undefined): readonly string[] {
  return (text ?? '').split(' ').filter((parameter) => parameter !== '');
}
