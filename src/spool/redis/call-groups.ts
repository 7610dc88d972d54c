import { Cluster } from 'ioredis';
import type { Clock } from '../../ports.ts';
import { SpoolError } from '../spool.ts';
import type { Pipeline } from './client.ts';
import { isUnanswered, replyCode } from './redis-error.ts';
import { addScript, type Call, callScript } from './script-call.ts';
import type { WatchedClient } from './watched-client.ts';

/** So long replicas and disk may take, each: together less than the 5 s in which an answer must come. */
const WAIT_MS = 2_000;
/** One group's calls: their content is copied once more on its way out. */
const GROUP_CALLS = 128;
const GROUP_BYTES = 4 * 1024 ** 2;
/** Not worth the copy, where nothing has to be waited for. */
const ALONE_FROM_BYTES = 256 * 1024;
const REDIRECTIONS = ['MOVED', 'ASK', 'TRYAGAIN'];
/** Nodes learn of a slot that moved one after the other, within some 2 s; the library may ask one that does not know yet. */
const MOST_TRIES = 8;
const REDIRECTION_MS = 60;

/**
 * WAIT and WAITAOF are documented to cover what this connection wrote: nothing, where a repeated call found its work
 * done. (Servers of today cover all that came before; nobody promises it.) One write in front of them makes it so.
 */
const FENCE = { name: 'fence', text: "#!lua flags=allow-oom\nredis.call('SET', KEYS[1], '')\nreturn 1" };

type Waiting = Call & {
  tries: number;
  isKnown: boolean;
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: unknown) => void;
};

/** `again`: the calls that were not run where they went. `mute`: the server gave no answer in time. */
type Sent = { readonly again: readonly Waiting[]; readonly mute: Error | null };

/**
 * Calls that are sent together: those that come while a group is under way are the next group. A write, an answer and, with
 * `appendfsync always`, a sync of the server's then serve all of a group (measured: docs/performance.md). A call that comes alone waits
 * for nobody.
 */
export class CallGroups {
  readonly #watched: WatchedClient;
  readonly #clock: Clock;
  readonly #waits: boolean;
  readonly #lines = new Map<string, Waiting[]>();

  /**
   * @param waits whether the answers of a group wait for replicas or disk, as the servers are judged to need. That holds up all
   * behind it: such groups have a connection to themselves
   */
  constructor(watched: WatchedClient, { clock, waits }: { readonly clock: Clock; readonly waits: boolean }) {
    this.#watched = watched;
    this.#clock = clock;
    this.#waits = waits;
  }

  /** Rejects with the client's errors, or `SpoolError` when it ran and is not known to be durable. */
  call(call: Call): Promise<unknown> {
    if (!this.#waits && bytesOf(call) >= ALONE_FROM_BYTES) return callScript(this.#watched.client, call);
    const fence = fenceOf(call.keys[0] ?? '');
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    const waiting = { ...call, tries: 0, isKnown: true, resolve, reject };
    const line = this.#lines.get(fence);
    if (line === undefined) void this.#work(fence, waiting);
    else line.push(waiting);
    return promise;
  }

  async #work(fence: string, first: Waiting): Promise<void> {
    const line = [first];
    this.#lines.set(fence, line);
    // What comes in the same turn belongs to the first group already.
    await Promise.resolve();
    while (line.length > 0) {
      const group = line.splice(0, countOf(line));
      const { again, mute } = await this.#send(fence, group).catch((error: unknown) => {
        for (const one of group) one.reject(error);
        return { again: [], mute: null };
      });
      // What waits behind would get its answer in another 5 s, if at all: whoever asked is not to wait longer than that.
      if (mute !== null) for (const one of line.splice(0)) one.reject(mute);
      line.unshift(...again);
    }
    this.#lines.delete(fence);
  }

  async #send(fence: string, group: readonly Waiting[]): Promise<Sent> {
    const { client } = this.#watched;
    const pipeline = client.pipeline();
    for (const one of group) addScript(pipeline, one, one.isKnown);
    if (this.#waits) this.#addWaits(pipeline, fence);
    const replies = (await pipeline.exec()) ?? [];
    const failure = this.#waits ? this.#failureOf(replies.slice(group.length)) : null;
    const again: Waiting[] = [];
    let mute: Error | null = null;
    let hasMoved = false;
    for (const [place, one] of group.entries()) {
      const [error, answer] = replies[place] ?? [new Error('no answer'), null];
      const code = replyCode(error);
      one.tries += 1;
      if (isUnanswered(error)) mute = error;
      if (code === 'NOSCRIPT') one.isKnown = false;
      hasMoved ||= REDIRECTIONS.includes(code);
      if (one.tries < MOST_TRIES && (code === 'NOSCRIPT' || REDIRECTIONS.includes(code))) again.push(one);
      else if (error !== null) one.reject(error);
      else if (failure !== null) one.reject(failure);
      else one.resolve(answer);
    }
    if (again.length > 0 && hasMoved && client instanceof Cluster) {
      await refreshed(client);
      await this.#clock.sleep(REDIRECTION_MS * (again[0]?.tries ?? 1));
    }
    return { again, mute };
  }

  #addWaits(pipeline: Pipeline, fence: string): void {
    const { replicas, fsync } = this.#watched.awaited;
    addScript(pipeline, { script: FENCE, keys: [fence], args: [] }, false);
    pipeline.call('WAIT', replicas, replicas > 0 ? WAIT_MS : 1);
    if (fsync) pipeline.call('WAITAOF', 1, 0, WAIT_MS);
  }

  /** @param replies of fence, WAIT and WAITAOF */
  #failureOf(replies: readonly [Error | null, unknown][]): Error | null {
    const { awaited } = this.#watched;
    const error = replies.find(([one]) => one !== null)?.[0] ?? null;
    if (error !== null) return error;
    const replicas = Number(replies[1]?.[1]);
    const local = awaited.fsync ? Number((replies[2]?.[1] as readonly unknown[] | undefined)?.[0]) : 1;
    const waitS = WAIT_MS / 1_000;
    if (replicas >= awaited.replicas && local >= 1) return null;
    const text =
      local >= 1
        ? `${replicas} replicas confirmed within ${waitS} s, and spool.replicas asks for ${awaited.replicas}`
        : `its disk did not confirm within ${waitS} s`;
    this.#watched.suspect(text);
    return new SpoolError('unavailable', `redis: ${text}`);
  }
}

/** In the same slot as the key, and one for all keys of its hash tag. */
function fenceOf(key: string): string {
  const end = key.indexOf('}');
  return end === -1 ? 'relevo:fence' : `${key.slice(0, end + 1)}:fence`;
}

function countOf(line: readonly Waiting[]): number {
  let bytes = 0;
  const over = line.slice(0, GROUP_CALLS).findIndex((call) => {
    bytes += bytesOf(call);
    return bytes > GROUP_BYTES;
  });
  return over === -1 ? GROUP_CALLS : Math.max(1, over);
}

function bytesOf({ args }: Call): number {
  let bytes = 0;
  for (const arg of args) bytes += typeof arg === 'number' ? 8 : arg.length;
  return bytes;
}

function refreshed(cluster: Cluster): Promise<void> {
  return new Promise((done) => cluster.refreshSlotsCache(() => done()));
}
