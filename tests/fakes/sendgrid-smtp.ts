/** SendGrid's SMTP server on loopback: the user `apikey`, its replies as its documents have them. */
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { SMTPServer } from 'smtp-server';

export type SmtpRefusal = { readonly code: number; readonly text: string };

export type TakenMail = {
  readonly key: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly content: Buffer;
};

export class SendGridSmtpServer implements AsyncDisposable {
  readonly taken: TakenMail[] = [];
  readonly keys = new Set(['SG.one']);
  /** Sign-ins as they came. */
  readonly signIns: string[] = [];
  /** What AUTH, RCPT or the final dot is answered next; once each. */
  refuses: { auth?: SmtpRefusal; rcpt?: SmtpRefusal; dot?: SmtpRefusal } = {};
  /** Takes messages and never says so. */
  isMute = false;
  readonly #server = new SMTPServer({
    disabledCommands: ['STARTTLS'],
    disableReverseLookup: true,
    hideENHANCEDSTATUSCODES: true,
    authMethods: ['PLAIN', 'LOGIN'],
    size: 31_457_280,
    onAuth: ({ username, password }, _session, callback) => {
      this.signIns.push(`${username} ${password}`);
      const refusal = this.#next('auth');
      if (refusal !== null) return callback(refusal);
      if (username === 'apikey' && this.keys.has(password ?? '')) return callback(null, { user: password });
      callback(replyError(535, 'Authentication failed: Bad username / password'));
    },
    onRcptTo: (_address, _session, callback) => callback(this.#next('rcpt')),
    onData: (stream, session, callback) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const refusal = this.#next('dot');
        if (refusal !== null) return callback(refusal);
        const { mailFrom, rcptTo } = session.envelope;
        this.taken.push({
          key: String(session.user),
          sender: mailFrom === false ? '' : mailFrom.address,
          recipients: rcptTo.map(({ address }) => address),
          content: Buffer.concat(chunks),
        });
        if (!this.isMute) callback(null, `Ok: queued as id-${this.taken.length}_c5cVN9Xw`);
      });
    },
  });

  get endpoint(): string {
    return `smtp://127.0.0.1:${(this.#server.server.address() as AddressInfo).port}`;
  }

  async listen(): Promise<void> {
    this.#server.on('error', () => {});
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server.server, 'listening');
  }

  /** Stops, and drops what is open. */
  async stop(): Promise<void> {
    const closed = new Promise<void>((resolve) => this.#server.close(() => resolve()));
    for (const connection of this.#server.connections) connection.close();
    await closed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.server.listening) await this.stop();
  }

  #next(stage: 'auth' | 'rcpt' | 'dot'): Error | null {
    const refusal = this.refuses[stage];
    if (refusal === undefined) return null;
    delete this.refuses[stage];
    return replyError(refusal.code, refusal.text);
  }
}

function replyError(responseCode: number, text: string): Error {
  return Object.assign(new Error(text), { responseCode });
}

/** One that listens. */
export async function startSendGridSmtp(): Promise<SendGridSmtpServer> {
  const server = new SendGridSmtpServer();
  await server.listen();
  return server;
}
