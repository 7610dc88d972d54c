import type { Redis } from 'ioredis';
import type { Clock } from '../../ports.ts';
import { SpoolError } from '../spool.ts';
import { CallGroups } from './call-groups.ts';
import { createClient, createNodeClients } from './client.ts';
import type { Wanted } from './durability.ts';
import type { Look, RedisLink, Script, ScriptArgument, Topology } from './link.ts';
import { isSuspicious, spoolErrorOf } from './redis-error.ts';
import { type Call, callScript } from './script-call.ts';
import { describeTarget, redisAddress, type RedisTarget, userOf, usesTls } from './target.ts';
import { WatchedClient, type WatchedClientOptions } from './watched-client.ts';

export type RedisLinkOptions = {
  readonly target: RedisTarget;
  readonly clock: Clock;
  /** Default: `fsync`, what a 250 promises. */
  readonly durability?: 'fsync' | 'relaxed';
  /** So many replicas have what is run durably. Default: 0. */
  readonly replicas?: number;
  /** Authorities trusted for `rediss` beside the system's, PEM. */
  readonly ca?: string | null;
  /** Hears of every change of `trouble`. */
  readonly onTrouble?: (trouble: string | null, isForGood: boolean) => void;
};

/** To connect, sign in and look at the servers, all of them together. */
const OPEN_MS = 15_000;

/**
 * Connects. Resolves although mail cannot be accepted now, which `trouble` says then: that may change while it runs.
 * @throws SpoolError when nothing answers within 15 s, signs in or is the kind of server that was named
 */
export async function openRedisLink(options: RedisLinkOptions): Promise<RedisLink> {
  const link = new Link(options);
  try {
    await link.open();
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
  return link;
}

class Link implements RedisLink {
  readonly topology: Topology;
  readonly #options: RedisLinkOptions;
  readonly #place: string;
  readonly #watched: WatchedClient;
  /** A second connection for what is waited for; null: nothing has to be. */
  #waiting: WatchedClient | null = null;
  /** Over that. */
  #durable: CallGroups | null = null;
  readonly #together: CallGroups;
  #opening: Promise<void> | null = null;
  #told: string | null = null;
  #isOpen = false;
  #isEnded = false;
  /** One of the nodes that the policy names, while it is asked. */
  #asked: WatchedClient | null = null;
  readonly #underWay = new Set<Promise<unknown>>();

  constructor(options: RedisLinkOptions) {
    this.topology = options.target.kind;
    this.#options = options;
    this.#place = describeTarget(options.target);
    this.#watched = this.#createWatched();
    this.#together = new CallGroups(this.#watched, { clock: options.clock, waits: false });
  }

  async open(): Promise<void> {
    const isLate = { is: false };
    const cancel = this.#options.clock.after(OPEN_MS, () => {
      isLate.is = true;
      for (const watched of [this.#asked, this.#watched]) watched?.end();
    });
    try {
      await this.#connect();
    } catch (error) {
      if (!isLate.is) throw error;
      const text = `${error instanceof Error ? error.message : String(error)} (given up after ${OPEN_MS / 1_000} s)`;
      throw new SpoolError('unavailable', text, { cause: error });
    } finally {
      cancel();
    }
    this.#isOpen = true;
    this.#tell();
  }

  async run(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#track(this.#run({ script, keys, args }, this.#watched));
  }

  async runTogether(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#track(this.#run({ script, keys, args }, this.#watched, this.#together));
  }

  async runDurably(script: Script, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#track(this.#runDurably({ script, keys, args }));
  }

  trouble(): string | null {
    return this.#hindrance() ?? this.#watched.fullness;
  }

  isFull(): boolean {
    return !this.#isEnded && this.#watched.fullness !== null;
  }

  watch(look: Look): void {
    this.#watched.watch(() => look((script, keys, args) => callScript(this.#watched.client, { script, keys, args })));
  }

  /** Everything asked before is answered first. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#isEnded = true;
    await Promise.allSettled([...this.#underWay, this.#opening]);
    this.#waiting?.end();
    this.#watched.end();
  }

  async #run(call: Call, watched: WatchedClient, groups: CallGroups | null = null): Promise<unknown> {
    if (this.#isEnded) throw new SpoolError('unavailable', `${this.#place}: closed`);
    try {
      return await (groups === null ? callScript(watched.client, call) : groups.call(call));
    } catch (error) {
      if (isSuspicious(error)) watched.suspect(String(error instanceof Error ? error.message : error));
      const told = spoolErrorOf(error, this.#place);
      if (told.kind === 'full') this.#watched.noteFull(told.message);
      throw told;
    }
  }

  /** An answer counts once the servers that may have given it are known to keep it. */
  async #runDurably(call: Call): Promise<unknown> {
    const hindrance = this.#hindrance();
    if (hindrance !== null) throw new SpoolError('unavailable', hindrance);
    const watched = this.#waiting ?? this.#watched;
    const { epoch } = watched;
    const answer = await this.#run(call, watched, this.#durable ?? this.#together);
    if (watched.epoch !== epoch) {
      const trouble = await watched.askNow();
      if (trouble !== null) throw new SpoolError('unavailable', trouble);
    }
    return answer;
  }

  #hindrance(): string | null {
    if (this.#isEnded) return `${this.#place}: closed`;
    if (this.#watched.trouble !== null) return this.#watched.trouble;
    if (this.#waiting === null) return this.#mustWait() ? `${this.#place}: not connected yet` : null;
    return this.#waiting.trouble;
  }

  #mustWait(): boolean {
    const { replicas, fsync } = this.#watched.awaited;
    return replicas > 0 || fsync;
  }

  async #connect(): Promise<void> {
    const { target, ca = null } = this.#options;
    const trouble = target.kind === 'cluster' ? await this.#findNode(createNodeClients(target, ca)) : null;
    try {
      await this.#watched.open();
    } catch (error) {
      throw trouble === null ? error : new SpoolError('unavailable', trouble, { cause: error });
    }
    if (this.#mustWait()) await this.#openWaiting();
  }

  async #openWaiting(): Promise<void> {
    const watched = this.#createWatched();
    this.#asked = watched;
    try {
      await watched.open();
    } catch (error) {
      watched.end();
      throw error;
    } finally {
      this.#asked = null;
    }
    this.#durable = new CallGroups(watched, { clock: this.#options.clock, waits: true });
    this.#waiting = watched;
  }

  #createWatched(): WatchedClient {
    const { target, clock, ca = null } = this.#options;
    const watched: WatchedClient = new WatchedClient({
      client: createClient({ target, ca, retries: () => watched.hasConnected }),
      wanted: this.#wanted(),
      place: this.#place,
      ...waysOf(target),
      clock,
      onChange: () => this.#changed(),
    });
    return watched;
  }

  #wanted(): Wanted {
    const { target, durability = 'fsync', replicas = 0 } = this.#options;
    return { topology: target.kind, durability, replicas, database: databaseOf(target) };
  }

  /** Resolves once one of them answers as it should, with what it has against mail; rejects with why the first did not. */
  async #findNode(clients: readonly Redis[]): Promise<string | null> {
    const { clock, target } = this.#options;
    const common = { wanted: this.#wanted(), place: this.#place, ...waysOf(target), clock };
    let refusal: unknown = null;
    for (const client of clients) {
      const watched = new WatchedClient({ ...common, client, onChange: () => undefined });
      this.#asked = watched;
      try {
        await watched.open();
        return watched.trouble;
      } catch (error) {
        refusal ??= error;
        if (this.#watched.isEnded) break;
      } finally {
        this.#asked = null;
        watched.end();
      }
    }
    throw refusal;
  }

  /** A server that was changed while this runs may have to be waited for from now on. */
  #changed(): void {
    if (this.#isOpen && !this.#isEnded && this.#waiting === null && this.#watched.trouble === null && this.#mustWait())
      this.#opening ??= this.#openWaiting()
        // The next look at the servers is the next try.
        .catch(() => undefined)
        .then(() => {
          this.#opening = null;
          this.#tell();
        });
    this.#tell();
  }

  #tell(): void {
    if (this.#isEnded || !this.#isOpen) return;
    const trouble = this.trouble();
    if (trouble === this.#told) return;
    this.#told = trouble;
    this.#options.onTrouble?.(trouble, this.#watched.isLost);
  }

  async #track<T>(call: Promise<T>): Promise<T> {
    this.#underWay.add(call);
    try {
      return await call;
    } finally {
      this.#underWay.delete(call);
    }
  }
}

function waysOf(target: RedisTarget): Pick<WatchedClientOptions, 'isTls' | 'user'> {
  return { isTls: usesTls(target), user: userOf(target) };
}

function databaseOf(target: RedisTarget): number {
  if (target.kind === 'single') return redisAddress(target.url).database;
  return target.kind === 'sentinel' ? (target.database ?? 0) : 0;
}
