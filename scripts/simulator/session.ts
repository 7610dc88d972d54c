/** One connection to a simulated provider. */
import type { Socket } from 'node:net';
import { domainOf, matchesGlob } from '../../src/message/address.ts';
import type { Clock } from '../../src/ports.ts';
import type { Provider } from './description.ts';
import { refusalText, type Refusal } from './manners.ts';
import type { ProviderMemory } from './memory.ts';

export type TakenMail = {
  readonly client: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly content: Buffer;
};

export type SessionNeeds = {
  readonly provider: Provider;
  readonly memory: ProviderMemory;
  readonly clock: Clock;
  readonly client: string;
  /** `isAnswered`: false where the connection is cut instead. */
  readonly taken: (mail: TakenMail, isAnswered: boolean) => void;
  readonly refused: (
    reply: string,
    about: { readonly sender: string | null; readonly recipient: string | null },
  ) => void;
};

const MOST_LINE_BYTES = 8_192;
const MOST_CONTENT_BYTES = 50 * 1024 ** 2;

export class ProviderSession {
  readonly #needs: SessionNeeds;
  readonly #socket: Socket;
  #pending: Buffer = Buffer.alloc(0);
  #isWorking = false;
  #isInContent = false;
  #sender: string | null = null;
  #recipients: string[] = [];
  #messages = 0;

  constructor(socket: Socket, needs: SessionNeeds) {
    this.#socket = socket;
    this.#needs = needs;
  }

  /** Greets, or turns the client away. */
  async start(): Promise<void> {
    const { memory, client, provider } = this.#needs;
    this.#socket.on('data', (chunk: Buffer) => {
      this.#pending = Buffer.concat([this.#pending, chunk]);
      void this.#work();
    });
    const block = memory.blockOf(client);
    this.#isWorking = true;
    if (block === 'listed') await this.#leave('listed');
    else if (memory.isOverRate(client)) await this.#leave('rate');
    else await this.#say(`220 ${provider.name} ESMTP`);
    this.#isWorking = false;
    await this.#work();
  }

  /** For one that has too many. */
  async turnAway(): Promise<void> {
    await this.#leave('connections');
  }

  async #work(): Promise<void> {
    if (this.#isWorking) return;
    this.#isWorking = true;
    while (this.#socket.writable) {
      const end = this.#pending.indexOf(this.#isInContent ? '\r\n.\r\n' : '\r\n');
      if (end === -1) break;
      const whole = this.#pending.subarray(0, end);
      this.#pending = this.#pending.subarray(end + (this.#isInContent ? 5 : 2));
      if (this.#isInContent) await this.#content(whole);
      else await this.#command(whole.toString('utf8'));
    }
    this.#isWorking = false;
    if (this.#pending.length > (this.#isInContent ? MOST_CONTENT_BYTES : MOST_LINE_BYTES)) this.#socket.destroy();
  }

  async #command(line: string): Promise<void> {
    const [verb = '', ...rest] = line.split(' ');
    const text = rest.join(' ');
    switch (verb.toUpperCase()) {
      case 'EHLO':
        this.#reset();
        return this.#say(
          `250-${this.#needs.provider.name}\r\n250-PIPELINING\r\n250-8BITMIME\r\n250-ENHANCEDSTATUSCODES\r\n250 SIZE ${MOST_CONTENT_BYTES}`,
        );
      case 'HELO':
        this.#reset();
        return this.#say(`250 ${this.#needs.provider.name}`);
      case 'MAIL':
        return this.#mail(text);
      case 'RCPT':
        return this.#rcpt(text);
      case 'DATA':
        return this.#data();
      case 'RSET':
        this.#reset();
        return this.#say('250 2.0.0 done');
      case 'NOOP':
        return this.#say('250 2.0.0 done');
      case 'QUIT':
        await this.#say('221 2.0.0 bye');
        this.#socket.end();
        return;
      default:
        return this.#say('502 5.5.1 command not known');
    }
  }

  async #mail(text: string): Promise<void> {
    const { memory, client, provider } = this.#needs;
    const sender = pathIn(text);
    if (sender === null) return this.#say('501 5.5.4 expected MAIL FROM:<address>');
    this.#reset();
    if (memory.isOverRate(client)) return this.#leave('rate');
    if (this.#messages >= (provider.perConnection ?? Number.POSITIVE_INFINITY)) return this.#leave('perConnection');
    this.#sender = sender;
    return this.#say('250 2.1.0 sender ok');
  }

  async #rcpt(text: string): Promise<void> {
    const { memory, client, provider } = this.#needs;
    const recipient = pathIn(text);
    const sender = this.#sender;
    if (sender === null) return this.#say('503 5.5.1 MAIL first');
    if (recipient === null || recipient === '') return this.#say('501 5.5.4 expected RCPT TO:<address>');
    const isOne = (globs: readonly string[]): boolean => globs.some((glob) => matchesGlob(glob, recipient));
    const domains = provider.domains.map((domain) => domain.toLowerCase());
    if (domains.length > 0 && !domains.includes(domainOf(recipient).toLowerCase()))
      return this.#refuse('relay', recipient);
    const block = memory.blockOf(client);
    if (block !== null) return this.#refuse(block, recipient);
    if (isOne(provider.unknown)) return this.#refuse('unknown', recipient);
    if (isOne(provider.full)) return this.#refuse('full', recipient);
    const waitMs = memory.greylisted({ client, sender, recipient });
    if (waitMs > 0) return this.#refuse('greylisted', recipient, waitMs);
    this.#recipients.push(recipient);
    return this.#say('250 2.1.5 recipient ok');
  }

  async #data(): Promise<void> {
    if (this.#recipients.length === 0) return this.#say('554 5.5.1 no recipients');
    this.#isInContent = true;
    // An empty message is a dot alone.
    this.#pending = Buffer.concat([Buffer.from('\r\n'), this.#pending]);
    return this.#say('354 go ahead');
  }

  async #content(stuffed: Buffer): Promise<void> {
    const { memory, client, provider } = this.#needs;
    this.#isInContent = false;
    const text = stuffed.toString('latin1').replaceAll('\r\n..', '\r\n.');
    const content = Buffer.from(text === '' ? '' : `${text.slice(2)}\r\n`, 'latin1');
    const mail: TakenMail = { client, sender: this.#sender ?? '', recipients: this.#recipients, content };
    const number = memory.took(client);
    this.#messages++;
    this.#reset();
    const isDropped = provider.dropAfterDot !== undefined && number % provider.dropAfterDot === 0;
    this.#needs.taken(mail, !isDropped);
    if (isDropped) this.#socket.destroy();
    else await this.#say(`250 2.0.0 taken as ${number}`);
  }

  #reset(): void {
    this.#sender = null;
    this.#recipients = [];
  }

  async #refuse(refusal: Refusal, recipient: string, waitMs = 0): Promise<void> {
    const { provider, client } = this.#needs;
    const seconds = Math.ceil(waitMs / 1_000);
    const reply = refusalText(refusal, { manner: provider.manner, client, recipient, seconds });
    this.#needs.refused(reply, { sender: this.#sender, recipient });
    await this.#say(reply);
    if (reply.startsWith('421')) this.#socket.end();
  }

  /** Says why, and ends the connection. */
  async #leave(refusal: Refusal): Promise<void> {
    const { provider, client } = this.#needs;
    const reply = refusalText(refusal, { manner: provider.manner, client });
    this.#needs.refused(reply, { sender: this.#sender, recipient: null });
    await this.#say(reply);
    this.#socket.end();
  }

  async #say(reply: string): Promise<void> {
    const { tarpit } = this.#needs.provider;
    if (tarpit > 0) await this.#needs.clock.sleep(tarpit);
    if (this.#socket.writable) this.#socket.write(`${reply}\r\n`);
  }
}

/** `FROM:<a@b> SIZE=12` → `a@b`; null where there is none. */
function pathIn(text: string): string | null {
  return /^(?:FROM|TO):\s*<([^<>]*)>/i.exec(text)?.[1] ?? null;
}
