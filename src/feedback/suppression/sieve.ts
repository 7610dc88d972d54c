/**
 * Addresses as a compact set in memory: 64 bits of a hash each, 8 to 22 bytes of memory an entry. It may take an address for
 * one that is in it, which costs whoever asks a question to the store; it never takes one that is in it for another.
 */
import { suppressionAddress } from '../../spool/suppressions.ts';

const FIRST_SLOTS = 1_024;
/** Of the slots, before there are twice as many. */
const MOST_FULL = 0.7;

export class AddressSieve {
  /** Pairs of 32 bits; 0, 0: free. */
  #slots = new Uint32Array(FIRST_SLOTS * 2);
  #mask = FIRST_SLOTS - 1;
  #size = 0;
  /** Of the address that was hashed last: two numbers without an object for them. */
  #high = 0;
  #low = 0;

  get size(): number {
    return this.#size;
  }

  get bytes(): number {
    return this.#slots.byteLength;
  }

  /** @param address in any case of letters */
  has(address: string): boolean {
    if (this.#size === 0) return false;
    this.#hash(address);
    const at = this.#find(this.#high, this.#low);
    return this.#slots[at * 2] !== 0 || this.#slots[at * 2 + 1] !== 0;
  }

  add(address: string): void {
    this.#hash(address);
    if (this.#put(this.#high, this.#low) && this.#size > (this.#mask + 1) * MOST_FULL) this.#grow();
  }

  /** @returns whether it is new */
  #put(high: number, low: number): boolean {
    const at = this.#find(high, low);
    if (this.#slots[at * 2] !== 0 || this.#slots[at * 2 + 1] !== 0) return false;
    this.#slots[at * 2] = high;
    this.#slots[at * 2 + 1] = low;
    this.#size += 1;
    return true;
  }

  /** The slot that it is in, or the free one where it belongs. */
  #find(high: number, low: number): number {
    const slots = this.#slots;
    let at = low & this.#mask;
    for (;;) {
      const [first, second] = [slots[at * 2], slots[at * 2 + 1]];
      if ((first === high && second === low) || (first === 0 && second === 0)) return at;
      at = (at + 1) & this.#mask;
    }
  }

  #grow(): void {
    const before = this.#slots;
    const slots = (this.#mask + 1) * 2;
    this.#slots = new Uint32Array(slots * 2);
    this.#mask = slots - 1;
    this.#size = 0;
    for (let at = 0; at < before.length; at += 2) {
      const [high = 0, low = 0] = [before[at], before[at + 1]];
      if (high !== 0 || low !== 0) this.#put(high, low);
    }
  }

  /** Two multiplicative hashes side by side. Whoever makes two addresses alike gains one question to the store. */
  #hash(address: string): void {
    const text = suppressionAddress(address);
    let [high, low] = [0x811c9dc5, 0x9747b28c];
    for (let at = 0; at < text.length; at++) {
      const unit = text.charCodeAt(at);
      high = Math.imul(high ^ unit, 0x01000193);
      low = Math.imul(low ^ (unit + at), 0x85ebca6b);
      low ^= low >>> 13;
    }
    high ^= high >>> 16;
    low = Math.imul(low ^ (low >>> 16), 0xc2b2ae35);
    low ^= low >>> 15;
    this.#high = high >>> 0;
    // 0, 0 means free.
    this.#low = high === 0 && low === 0 ? 1 : low >>> 0;
  }
}
