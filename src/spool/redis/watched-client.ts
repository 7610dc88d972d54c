import { Cluster, type Redis } from 'ioredis';
import type { Clock } from '../../ports.ts';
import { SpoolError } from '../spool.ts';
import type { RedisClient } from './client.ts';
import { type Awaited, judge, type Wanted } from './durability.ts';
import type { Look } from './link.ts';
import { explained, firstLine, withTlsHint } from './redis-error.ts';
import { readServerFacts, type ServerFacts } from './server-facts.ts';

const RECHECK_MS = 10_000;
const RECHECK_IN_TROUBLE_MS = 500;

export type WatchedClientOptions = {
  readonly client: RedisClient;
  readonly wanted: Wanted;
  /** The target in words. */
  readonly place: string;
  readonly isTls: boolean;
  /** Who signs in. */
  readonly user: string;
  readonly clock: Clock;
  readonly onChange: () => void;
};

/**
 * One client with what is known of the servers behind it: unknown from the moment a connection is lost until the servers
 * were asked again, and asked every few seconds all the time, so that a setting that was changed is noticed either way.
 */
export class WatchedClient {
  readonly client: RedisClient;
  readonly #options: WatchedClientOptions;
  #trouble: string | null;
  #fullness: string | null = null;
  #awaited: Awaited;
  /** Counts lost connections: what was learnt before one says nothing after it. */
  #epoch = 0;
  #lastError = 'not connected';
  #asking: Promise<void> | null = null;
  #cancelAsking: (() => void) | null = null;
  #isEnded = false;
  #hasConnected = false;
  #primaries: ReadonlySet<Redis> = new Set();
  #look: (() => ReturnType<Look>) | null = null;
  #loss: string | null = null;
  readonly #ended = Promise.withResolvers<never>();

  constructor(options: WatchedClientOptions) {
    this.client = options.client;
    this.#options = options;
    this.#trouble = `${options.place}: not connected yet`;
    this.#awaited = { replicas: options.wanted.replicas, fsync: false };
    this.#ended.promise.catch(() => undefined);
  }

  /** Why nothing may be accepted by this way now; null: healthy. */
  get trouble(): string | null {
    return this.#trouble;
  }

  /** Why the server has no room, as far as is known; it is tried all the same. */
  get fullness(): string | null {
    return this.#fullness;
  }

  get awaited(): Awaited {
    return this.#awaited;
  }

  /** What was watched is not there any more, which stays so. */
  get isLost(): boolean {
    return this.#loss !== null;
  }

  /** It was connected once, so that a lost connection is worth another try. */
  get hasConnected(): boolean {
    return this.#hasConnected;
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  /** Changes with every server that comes or goes. */
  get epoch(): number {
    return this.#epoch;
  }

  /** Asks the servers now. Resolves with the trouble that there is then. */
  async askNow(): Promise<string | null> {
    await this.#ask();
    return this.#trouble;
  }

  /**
   * Connects and asks the servers. Resolves even when they may not be written to now; from then on it keeps asking.
   * @throws SpoolError when there is no connection, or a server that can never be this spool
   */
  async open(): Promise<void> {
    const { client } = this;
    client.on('error', (error: unknown) => this.#noteError(error));
    client.on('close', () => this.#lost());
    client.on('ready', () => this.#askSoon());
    client.on('sentinelError', (error: unknown) => this.#noteSentinelError(error));
    if (client instanceof Cluster) {
      this.#watchNodes(client);
      // The library lets its caller wait for ever where the cluster does not serve all slots.
      client.once('end', () => this.#ended.reject(new Error(this.#lastError)));
    }
    try {
      await Promise.race([client.connect(), this.#ended.promise]);
    } catch (error) {
      throw new SpoolError('unavailable', `${this.#options.place}: ${this.#reasonOf(error)}`, { cause: error });
    }
    this.#hasConnected = true;
    const misfit = await this.#ask();
    if (misfit !== null) throw new SpoolError('unavailable', misfit, { isFinal: true });
    this.#schedule();
  }

  /** A server failed to do what it was judged able to do: nothing is accepted until it was asked again. */
  suspect(text: string): void {
    this.#epoch += 1;
    // In trouble already, the next look is due soon: what is asked of it meanwhile puts it off no further, and says it no better.
    if (this.#trouble !== null) return;
    this.#set(`${this.#options.place}: ${text}`);
    this.#schedule();
  }

  /** The server had no room. */
  noteFull(text: string): void {
    this.#fullness ??= text;
    this.#options.onChange();
    this.#schedule();
  }

  /** See `RedisLink.watch`. */
  watch(look: () => ReturnType<Look>): void {
    this.#look = look;
  }

  end(): void {
    this.#isEnded = true;
    this.#cancelAsking?.();
    this.#ended.reject(new Error(this.#lastError));
    this.client.disconnect();
    this.#set(`${this.#options.place}: closed`);
  }

  #watchNodes(cluster: Cluster): void {
    const compare = (): void => {
      if (cluster.nodes('master').every((node) => this.#primaries.has(node))) return;
      this.#epoch += 1;
      // In trouble, the next look is due soon; to look at once could go round in circles.
      if (this.#trouble !== null) return;
      this.#set(`${this.#options.place}: has a new primary, which is being asked`);
      this.#askSoon();
    };
    cluster.on('-node', (node: Redis) => {
      if (this.#primaries.has(node)) this.#lost();
    });
    cluster.on('node error', (error: unknown) => this.#noteError(error));
    cluster.on('+node', compare);
    cluster.on('refresh', compare);
  }

  #lost(): void {
    this.#epoch += 1;
    this.#set(`${this.#options.place}: ${this.#lastError}`);
    this.#schedule();
  }

  #noteError(error: unknown): void {
    if (explained(firstLine(error)) !== 'not connected') this.#lastError = this.#reasonOf(error);
    // The library would go on with database 0.
    if (/DB index/.test(firstLine(error))) this.#lost();
  }

  #noteSentinelError(error: unknown): void {
    const text = firstLine(error);
    if (/No such master|invalid reply: null/.test(text))
      this.#lastError = 'the sentinels know no server of that name: see spool.name';
    else if (text.includes('Connection is closed')) this.#lastError = 'no sentinel can be reached';
    else this.#lastError = text;
  }

  #reasonOf(error: unknown): string {
    const root = error instanceof Error && 'lastNodeError' in error ? (error.lastNodeError ?? error) : error;
    const { isTls, user } = this.#options;
    const text = explained(firstLine(root), user);
    // The reason came as an event before, and this only says that there is no connection.
    const isVague = text === 'not connected' || /None of startup nodes|All sentinels are unreachable/.test(text);
    if (isVague) return this.#lastError;
    return this.#hasConnected ? text : withTlsHint(text, isTls);
  }

  #askSoon(): void {
    if (!this.#isEnded) void this.#ask().then(() => this.#schedule());
  }

  #schedule(): void {
    this.#cancelAsking?.();
    if (this.#isEnded) return;
    const isWell = this.#trouble === null && this.#fullness === null;
    this.#cancelAsking = this.#options.clock.after(isWell ? RECHECK_MS : RECHECK_IN_TROUBLE_MS, () => this.#askSoon());
  }

  /** Asks all primaries. Never rejects. @returns why a server can never be this spool; null: it can */
  async #ask(): Promise<string | null> {
    while (this.#asking !== null) await this.#asking;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#asking = promise;
    try {
      return await this.#askAll();
    } finally {
      this.#asking = null;
      resolve();
    }
  }

  async #askAll(): Promise<string | null> {
    const { client } = this;
    const { place } = this.#options;
    const epoch = this.#epoch;
    const primaries = client instanceof Cluster ? client.nodes('master') : [client];
    if (this.#isEnded || client.status !== 'ready' || primaries.length === 0) return null;
    let facts: readonly ServerFacts[];
    try {
      facts = await Promise.all(primaries.map((server) => readServerFacts(server)));
    } catch (error) {
      if (epoch === this.#epoch) this.#set(`${place}: ${this.#reasonOf(error)}`);
      return null;
    }
    if (epoch !== this.#epoch) return null;
    this.#primaries = new Set(primaries);
    const unfit = this.#conclude(facts);
    if (unfit !== null) {
      this.#set(unfit.text);
      return unfit.isMisfit ? unfit.text : null;
    }
    const found = this.#loss ?? (await this.#found(epoch));
    if (epoch === this.#epoch) this.#set(found);
    return null;
  }

  /** What `look` has against mail. Nothing counts that a server said of which nothing else is known. */
  async #found(epoch: number): Promise<string | null> {
    const { place } = this.#options;
    try {
      const found = (await this.#look?.()) ?? null;
      if (found === null) return null;
      if (found.isForGood && epoch === this.#epoch) this.#loss = `${place}: ${found.text}`;
      return `${place}: ${found.text}`;
    } catch (error) {
      return `${place}: ${this.#reasonOf(error)}`;
    }
  }

  /** @returns why they cannot take mail; `isMisfit`: they never can */
  #conclude(facts: readonly ServerFacts[]): { readonly text: string; readonly isMisfit: boolean } | null {
    const { wanted } = this.#options;
    const awaited = { replicas: wanted.replicas, fsync: false };
    const primaries = facts[0]?.clusterSize ?? 0;
    this.#fullness = fullnessOf(facts);
    this.#options.onChange();
    for (const one of facts) {
      const judgement = judge(one, wanted);
      if (judgement.kind === 'fit') {
        awaited.fsync ||= judgement.awaited.fsync;
        continue;
      }
      const text = `redis ${one.place}: ${judgement.text}`;
      // Behind sentinels there is another primary, or soon will be.
      if (!one.isPrimary && wanted.topology === 'sentinel' && this.client.status === 'ready')
        this.client.disconnect(true);
      return { text, isMisfit: judgement.kind === 'unfit' || (!one.isPrimary && wanted.topology === 'single') };
    }
    if (this.client instanceof Cluster && facts.length < primaries) {
      this.client.refreshSlotsCache();
      const text = `${this.#options.place}: ${facts.length} of its ${primaries} primaries can be reached`;
      return { text, isMisfit: false };
    }
    this.#awaited = awaited;
    return null;
  }

  #set(trouble: string | null): void {
    if (trouble === this.#trouble) return;
    this.#trouble = trouble;
    this.#options.onChange();
  }
}

function fullnessOf(facts: readonly ServerFacts[]): string | null {
  const full = facts.find(({ memory }) => memory.limitBytes > 0 && memory.usedBytes > memory.limitBytes);
  return full === undefined ? null : `redis ${full.place} is full: raise its maxmemory`;
}
