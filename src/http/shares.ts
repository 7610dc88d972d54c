/** What one address, or one who is known, may have at once of what there is little of. */
import { isLoopback } from '../policy/loopback.ts';
import { networkKey, parseNetwork } from '../policy/network.ts';

/** Whoever has one address of a /64 of IPv6 has all of it. */
const PREFIX = { 4: 32, 6: 64 } as const;

/**
 * Under which key an address has its share. null: it has none of its own, because it is of this machine, where everybody comes
 * from who comes by a tunnel or by a proxy that `http.trustedProxies` does not name; or it is no address.
 * @param peer whoever asked, as far as trusted proxies say
 */
export function shareKey(peer: string): string | null {
  const network = parseNetwork(peer);
  if (network === null || isLoopback(peer)) return null;
  return networkKey({ ...network, prefix: PREFIX[network.family] });
}

/** Whoever asks, as far as shares go: all sessions of a user are one, and all programs with one token. */
export type Sharer = { readonly kind: string; readonly name: string; readonly peer: string };

/** What goes on for long, such as streams: few at once for one who is known, and for one address. */
export class Places {
  readonly #most: { readonly known: number; readonly address: number };
  readonly #taken = new Shares();

  constructor(most: { readonly known: number; readonly address: number }) {
    this.#most = most;
  }

  /** @returns what gives the place back, at least once; null: whoever asks has as many as one may have */
  take({ kind, name, peer }: Sharer): (() => void) | null {
    const [known, address] = [`${kind} ${name}`, shareKey(peer)];
    if (this.#taken.of(known) >= this.#most.known || this.#taken.of(address) >= this.#most.address) return null;
    const add = (amount: 1 | -1): void => {
      this.#taken.add(known, amount);
      this.#taken.add(address, amount);
    };
    add(1);
    let isOver = false;
    return () => {
      if (!isOver) add(-1);
      isOver = true;
    };
  }
}

/** How much is taken under each key. Whoever adds takes it away again. */
export class Shares {
  readonly #taken = new Map<string, number>();

  /** @param key null has no share: it is always 0 */
  of(key: string | null): number {
    return key === null ? 0 : (this.#taken.get(key) ?? 0);
  }

  /** @param amount less than 0: it is given back */
  add(key: string | null, amount: number): void {
    if (key === null) return;
    const taken = this.of(key) + amount;
    if (taken > 0) this.#taken.set(key, taken);
    else this.#taken.delete(key);
  }
}
