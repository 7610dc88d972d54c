/**
 * Whom a client wrote to before, as filters that may take a stranger for known and never the other way: a few bytes a recipient.
 * They grow with the client; the oldest goes when there are too many.
 */
import { deflateRawSync, inflateRawSync } from 'node:zlib';

/** Bytes of each in turn: a small client costs little. As a mark the largest has 32 KB. */
const SIZES = [4_096, 8_192, 16_384, 24_576] as const;
const MOST = 8;
const HASHES = 3;
/** Beyond that part of its bits it answers too often that it knows. */
const FULL = 0.33;

type Filter = { readonly bits: Uint8Array; set: number; isDirty: boolean };

export class KnownRecipients {
  #filters: Filter[] = [];
  /** The number of the first, among all that there ever were. */
  #first = 0;

  /** Whether it is new; it is known from now on. */
  add(address: string): boolean {
    const hash = hashOf(address);
    const isKnown = this.#filters.some((filter) => has(filter, hash));
    if (!isKnown) put(this.#room(), hash);
    return !isKnown;
  }

  get isDirty(): boolean {
    return this.#filters.some(({ isDirty }) => isDirty);
  }

  /** What changed since the last call, by number; and the number of the first that is in use. Where it is not kept: `again`. */
  changed(): { readonly first: number; readonly texts: readonly { readonly number: number; readonly text: string }[] } {
    const texts = this.#filters.flatMap((filter, place) =>
      filter.isDirty ? [{ number: this.#first + place, text: deflateRawSync(filter.bits).toString('base64') }] : [],
    );
    for (const filter of this.#filters) filter.isDirty = false;
    return { first: this.#first, texts };
  }

  /** These changed still: nobody kept them. */
  again(numbers: readonly number[]): void {
    for (const number of numbers) {
      const filter = this.#filters[number - this.#first];
      if (filter !== undefined) filter.isDirty = true;
    }
  }

  /** What is stored, of whichever process: all know what one knows. */
  merge(stored: readonly { readonly number: number; readonly text: string }[]): void {
    for (const { number, text } of stored.toSorted((one, other) => one.number - other.number)) {
      const bits = bitsOf(text, number);
      if (bits === null || number < this.#first) continue;
      while (this.#first + this.#filters.length <= number) this.#grow();
      const filter = this.#filters[number - this.#first];
      if (filter === undefined) continue;
      for (const [place, byte] of bits.entries()) filter.bits[place] = (filter.bits[place] ?? 0) | byte;
      filter.set = countOf(filter.bits);
    }
  }

  #room(): Filter {
    const last = this.#filters.at(-1);
    return last === undefined || last.set > FULL * last.bits.length * 8 ? this.#grow() : last;
  }

  #grow(): Filter {
    const number = this.#first + this.#filters.length;
    const filter = { bits: new Uint8Array(sizeAt(number)), set: 0, isDirty: true };
    this.#filters.push(filter);
    if (this.#filters.length > MOST) {
      this.#filters.shift();
      this.#first += 1;
    }
    return filter;
  }
}

function sizeAt(number: number): number {
  return SIZES[Math.min(number, SIZES.length - 1)] ?? SIZES[0];
}

/** null: it is none of that size. */
function bitsOf(text: string, number: number): Uint8Array | null {
  try {
    const bits = inflateRawSync(Buffer.from(text, 'base64'), { maxOutputLength: sizeAt(number) });
    return bits.length === sizeAt(number) ? bits : null;
  } catch {
    return null;
  }
}

/** Two 32-bit figures of the address, which stand for as many as are wanted. */
function hashOf(address: string): readonly [number, number] {
  let one = 0x811c9dc5;
  let other = 0x9747b28c;
  for (let place = 0; place < address.length; place++) {
    const code = address.charCodeAt(place) | 0x20;
    one = Math.imul(one ^ code, 0x01000193);
    other = Math.imul(other ^ code, 0x5bd1e995) ^ (other >>> 15);
  }
  return [one >>> 0, (other | 1) >>> 0];
}

function has({ bits }: Filter, [one, step]: readonly [number, number]): boolean {
  for (let turn = 0; turn < HASHES; turn++) {
    const bit = (one + turn * step) % (bits.length * 8);
    if (((bits[bit >>> 3] ?? 0) & (1 << (bit & 7))) === 0) return false;
  }
  return true;
}

function put(filter: Filter, [one, step]: readonly [number, number]): void {
  const { bits } = filter;
  for (let turn = 0; turn < HASHES; turn++) {
    const bit = (one + turn * step) % (bits.length * 8);
    const [place, mask] = [bit >>> 3, 1 << (bit & 7)];
    if (((bits[place] ?? 0) & mask) === 0) filter.set += 1;
    bits[place] = (bits[place] ?? 0) | mask;
  }
  filter.isDirty = true;
}

function countOf(bits: Uint8Array): number {
  let count = 0;
  for (let byte of bits) for (; byte !== 0; byte &= byte - 1) count += 1;
  return count;
}
