/** Mailbox providers that behave like real ones, on addresses of this machine. */
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { matchesGlob } from '../../src/message/address.ts';
import type { Clock } from '../../src/ports.ts';
import type { Description, Endpoint, Provider } from './description.ts';
import { sendLateBounce } from './late-bounce.ts';
import { ProviderMemory } from './memory.ts';
import { startNameServer } from './names.ts';
import { ProviderSession, type TakenMail } from './session.ts';

export type SimulatorEvent = { readonly atMs: number; readonly provider: string; readonly client: string } & (
  | {
      readonly event: 'taken' | 'dropped';
      readonly sender: string;
      readonly recipients: readonly string[];
      readonly sizeBytes: number;
    }
  | {
      readonly event: 'refused';
      readonly reply: string;
      readonly sender: string | null;
      readonly recipient: string | null;
    }
  | { readonly event: 'bounced-later' | 'bounce-failed'; readonly recipient: string; readonly cause?: string }
);

export type Simulator = AsyncDisposable & {
  /** Where each provider listens, in the order of the file; none for one that refuses. */
  readonly listening: ReadonlyMap<string, readonly Endpoint[]>;
  /** Where names are answered for; null: nowhere. */
  readonly dns: Endpoint | null;
  /** The most connections that each client address had at once, over all providers. */
  readonly most: ReadonlyMap<string, number>;
  /** Whatever was taken, whole, with the name of its provider; only where `keepsMail`. */
  readonly mail: readonly (TakenMail & { readonly provider: string })[];
};

export type SimulatorOptions = {
  readonly description: Description;
  readonly clock: Clock;
  readonly emit: (event: SimulatorEvent) => void;
  readonly keepsMail?: boolean;
};

/** Listens everywhere, or rejects with a Node system error and listens nowhere. */
export async function startSimulator(options: SimulatorOptions): Promise<Simulator> {
  await using stack = new AsyncDisposableStack();
  const listening = new Map<string, readonly Endpoint[]>();
  const mail: (TakenMail & { readonly provider: string })[] = [];
  const { providers, dns } = options.description;
  const company = new Company();
  for (const provider of providers) {
    const keep = (one: TakenMail): void => {
      if (options.keepsMail === true) mail.push({ ...one, provider: provider.name });
    };
    const place = stack.use(new ProviderPlace(provider, { ...options, company }, keep));
    listening.set(provider.name, await place.listen());
  }
  const names = dns === undefined ? null : stack.use(await startNameServer(dns, providers));
  const kept = stack.move();
  return {
    listening,
    dns: names?.endpoint ?? null,
    mail,
    most: company.most,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

/** Who is connected, with all providers together. */
class Company {
  readonly most = new Map<string, number>();
  readonly #now = new Map<string, number>();

  add(client: string, count: 1 | -1): void {
    const now = (this.#now.get(client) ?? 0) + count;
    this.#now.set(client, now);
    this.most.set(client, Math.max(now, this.most.get(client) ?? 0));
  }
}

class ProviderPlace implements AsyncDisposable {
  readonly #provider: Provider;
  readonly #options: SimulatorOptions & { readonly company: Company };
  readonly #keep: (mail: TakenMail) => void;
  readonly #memory: ProviderMemory;
  readonly #servers: Server[] = [];
  readonly #sockets = new Set<Socket>();
  readonly #cancels = new Set<() => void>();

  constructor(
    provider: Provider,
    options: SimulatorOptions & { readonly company: Company },
    keep: (mail: TakenMail) => void,
  ) {
    this.#provider = provider;
    this.#options = options;
    this.#keep = keep;
    this.#memory = new ProviderMemory(provider, options.clock);
  }

  async listen(): Promise<Endpoint[]> {
    if (this.#provider.dead === 'refuse') return [];
    const bound: Endpoint[] = [];
    for (const { host, port } of this.#provider.listen) {
      const server = createServer({ noDelay: true }, (socket) => this.#connected(socket));
      server.listen(port, host);
      await once(server, 'listening');
      this.#servers.push(server);
      const address = server.address();
      bound.push({ host, port: typeof address === 'object' && address !== null ? address.port : port });
    }
    return bound;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const cancel of this.#cancels) cancel();
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(this.#servers.map((server) => new Promise((resolve) => server.close(resolve))));
  }

  #connected(socket: Socket): void {
    const client = socket.remoteAddress ?? '';
    this.#sockets.add(socket);
    socket.on('error', () => {});
    const { company } = this.#options;
    company.add(client, 1);
    socket.on('close', () => {
      this.#sockets.delete(socket);
      company.add(client, -1);
    });
    if (this.#provider.dead === 'blackhole') {
      socket.resume();
      return;
    }
    const session = new ProviderSession(socket, {
      provider: this.#provider,
      memory: this.#memory,
      clock: this.#options.clock,
      client,
      taken: (mail, isAnswered) => this.#taken(mail, isAnswered),
      refused: (reply, about) => this.#options.emit({ ...this.#facts(client), event: 'refused', reply, ...about }),
    });
    if (!this.#memory.opened(client)) {
      void session.turnAway();
      return;
    }
    socket.on('close', () => this.#memory.closed(client));
    void session.start();
  }

  #taken(mail: TakenMail, isAnswered: boolean): void {
    const { emit, clock } = this.#options;
    const { client, sender, recipients, content } = mail;
    const event = isAnswered ? 'taken' : 'dropped';
    emit({ ...this.#facts(client), event, sender, recipients, sizeBytes: content.length });
    this.#keep(mail);
    const { bounceLater } = this.#provider;
    // Nothing is reported to the null sender (RFC 5321 §4.5.5).
    if (bounceLater === undefined || sender === '') return;
    for (const recipient of recipients.filter((one) => bounceLater.to.some((glob) => matchesGlob(glob, one)))) {
      const cancel = clock.after(bounceLater.after, () => {
        this.#cancels.delete(cancel);
        void this.#bounce(mail, { recipient, via: bounceLater.via });
      });
      this.#cancels.add(cancel);
    }
  }

  async #bounce(
    mail: TakenMail,
    { recipient, via }: { readonly recipient: string; readonly via: Endpoint },
  ): Promise<void> {
    const { emit, clock } = this.#options;
    try {
      await sendLateBounce({ provider: this.#provider.name, mail, recipient, nowMs: clock.nowMs() }, via);
      emit({ ...this.#facts(mail.client), event: 'bounced-later', recipient });
    } catch (error) {
      const cause = error instanceof Error ? error.message : String(error);
      emit({ ...this.#facts(mail.client), event: 'bounce-failed', recipient, cause });
    }
  }

  #facts(client: string): { readonly atMs: number; readonly provider: string; readonly client: string } {
    return { atMs: this.#options.clock.nowMs(), provider: this.#provider.name, client };
  }
}
