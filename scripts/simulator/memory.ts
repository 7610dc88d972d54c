/** What a mailbox provider remembers of those who send to it. */
import { containsNetwork, parseNetwork, type Network } from '../../src/policy/network.ts';
import type { Clock } from '../../src/ports.ts';
import type { Provider } from './description.ts';

export type Block = Provider['blocked'][number]['as'];

/** One provider's memory: who came when, and how much. Times are the clock's wall time. */
export class ProviderMemory {
  readonly #provider: Provider;
  readonly #clock: Clock;
  readonly #startMs: number;
  readonly #blocked: readonly {
    readonly network: Network;
    readonly as: Block;
    readonly fromMs: number;
    readonly untilMs: number;
  }[];
  /** By client, sender and recipient: when it came first, and last. */
  readonly #met = new Map<string, { firstMs: number; lastMs: number }>();
  /** By client address: when it handed over each message of the window. */
  readonly #sent = new Map<string, number[]>();
  readonly #open = new Map<string, number>();
  #messages = 0;

  constructor(provider: Provider, clock: Clock) {
    this.#provider = provider;
    this.#clock = clock;
    this.#startMs = clock.nowMs();
    this.#blocked = provider.blocked.flatMap(({ network, as, from, until }) => {
      const parsed = parseNetwork(network);
      const untilMs = until === undefined ? Number.POSITIVE_INFINITY : this.#startMs + until;
      return parsed === null ? [] : [{ network: parsed, as, fromMs: this.#startMs + from, untilMs }];
    });
  }

  /** @returns whether there is room for one more connection of that client; `closed` gives it back */
  opened(client: string): boolean {
    const open = this.#open.get(client) ?? 0;
    if (open >= (this.#provider.connections ?? Number.POSITIVE_INFINITY)) return false;
    this.#open.set(client, open + 1);
    return true;
  }

  closed(client: string): void {
    this.#open.set(client, Math.max(0, (this.#open.get(client) ?? 0) - 1));
  }

  /** As what the client is blocked now; null: it is not. */
  blockOf(client: string): Block | null {
    const address = parseNetwork(client);
    if (address === null) return null;
    const nowMs = this.#clock.nowMs();
    return (
      this.#blocked.find(
        ({ network, fromMs, untilMs }) => nowMs >= fromMs && nowMs < untilMs && containsNetwork(network, address),
      )?.as ?? null
    );
  }

  /** Whether the client has used its rate up. */
  isOverRate(client: string): boolean {
    const { rate } = this.#provider;
    if (rate === undefined) return false;
    return this.#inWindow(client, rate.windowMs).length >= rate.count;
  }

  /** @returns ms until it may come again; 0: it is known and passes */
  greylisted(triplet: { readonly client: string; readonly sender: string; readonly recipient: string }): number {
    const { greylist } = this.#provider;
    if (greylist === undefined) return 0;
    const nowMs = this.#clock.nowMs();
    const key = JSON.stringify([triplet.client, triplet.sender, triplet.recipient]);
    const met = this.#met.get(key);
    if (met === undefined || nowMs - met.lastMs > greylist.remember) {
      this.#met.set(key, { firstMs: nowMs, lastMs: nowMs });
      return greylist.delay;
    }
    met.lastMs = nowMs;
    return Math.max(0, met.firstMs + greylist.delay - nowMs);
  }

  /** @returns number of the message, from 1 */
  took(client: string): number {
    const nowMs = this.#clock.nowMs();
    const { rate } = this.#provider;
    if (rate !== undefined) this.#inWindow(client, rate.windowMs).push(nowMs);
    return ++this.#messages;
  }

  #inWindow(client: string, windowMs: number): number[] {
    const nowMs = this.#clock.nowMs();
    const left = (this.#sent.get(client) ?? []).filter((atMs) => atMs > nowMs - windowMs);
    this.#sent.set(client, left);
    return left;
  }
}
