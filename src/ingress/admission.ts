/** Who gets a connection: the deny list and the limits on how many. */
import type { Reply } from '../message/reply.ts';
import { isDenied } from '../policy/admit.ts';
import type { Policy } from '../policy/schema.ts';
import { addressKey } from './address-key.ts';
import type { Peers } from './peers.ts';
import { REPLIES } from './replies.ts';

export type Admitted =
  | { readonly kind: 'admitted'; /** Gives the place back; may be called again. */ readonly release: () => void }
  | { readonly kind: 'refused'; readonly reply: Reply };

export class Admission {
  readonly #policy: () => Policy;
  readonly #evictIdlest: () => boolean;
  readonly #peers: Peers | null;
  readonly #perAddress = new Map<string, number>();
  #open = 0;

  /**
   * @param deps `evictIdlest`: ends a session that does nothing, so that idlers cannot keep everybody else out;
   * `peers`: the other workers, whose connections count as well
   */
  constructor(deps: { readonly policy: () => Policy; readonly evictIdlest: () => boolean; readonly peers?: Peers }) {
    this.#policy = deps.policy;
    this.#evictIdlest = deps.evictIdlest;
    this.#peers = deps.peers ?? null;
  }

  /** Of this worker. */
  get open(): number {
    return this.#open;
  }

  admit(address: string): Admitted {
    const policy = this.#policy();
    const { connections, perAddress } = policy.limits;
    if (isDenied(policy, address)) return { kind: 'refused', reply: REPLIES.denied };
    const key = addressKey(address);
    const fromThere = this.#perAddress.get(key) ?? 0;
    const elsewhere = this.#peers?.openFrom(key) ?? 0;
    if (fromThere + elsewhere >= perAddress) return { kind: 'refused', reply: REPLIES.tooManyConnections };
    if (this.#open + (this.#peers?.open ?? 0) >= connections && !this.#evictIdlest())
      return { kind: 'refused', reply: REPLIES.tooManyConnections };
    this.#open += 1;
    this.#perAddress.set(key, fromThere + 1);
    this.#peers?.counted(key, fromThere + 1);
    let released = false;
    const release = () => {
      if (released) return;
      released = true;
      this.#release(key);
    };
    return { kind: 'admitted', release };
  }

  #release(key: string): void {
    this.#open -= 1;
    const left = (this.#perAddress.get(key) ?? 1) - 1;
    if (left > 0) this.#perAddress.set(key, left);
    else this.#perAddress.delete(key);
    this.#peers?.counted(key, left);
  }
}
