/** The keys of one exit: used in turn, and without those that were refused a moment ago. */
import type { Clock, Emit } from '../../ports.ts';
import type { CloudKey } from './provider.ts';

/** So long a refused key is left out, as long as there is another. */
const KEY_REST_MS = 180_000;

type Ring = { readonly clock: Clock; readonly emit: Emit };

/** Four characters of a short key would be half of it. */
const SHOWN_OF_AT_LEAST = 16;

/** What texts call the key at that place, from 0: `key 2 (...4f2a)`. @param name what may be shown of it */
export function shownKey(place: number, name: string): string {
  return name.length < SHOWN_OF_AT_LEAST ? `key ${place + 1}` : `key ${place + 1} (...${name.slice(-4)})`;
}

/** API keys that are one secret each. */
export function plainKeys(secrets: readonly string[]): readonly CloudKey[] {
  return secrets.map((secret, place) => ({ secret, shown: shownKey(place, secret) }));
}

/** One alert, `exit-key:NAME`, says which are refused, and ends when none is. */
export class KeyTurns {
  readonly #exit: string;
  readonly #keys: readonly CloudKey[];
  readonly #ring: Ring;
  /** Since when, monotonic ms, and why. */
  readonly #refused = new Map<CloudKey, { readonly atMs: number; readonly cause: string }>();
  #next = 0;
  #told = '';

  constructor(exit: string, keys: readonly CloudKey[], ring: Ring) {
    this.#exit = exit;
    this.#keys = keys;
    this.#ring = ring;
  }

  /**
   * Those that one attempt may use, one after the other. Where all were refused it is all of them, the one that was refused
   * first in front: the exit rests then, and what still comes finds out whether one works again.
   */
  order(): readonly CloudKey[] {
    const start = this.#next;
    this.#next = (start + 1) % Math.max(1, this.#keys.length);
    const turned = [...this.#keys.slice(start), ...this.#keys.slice(0, start)];
    const nowMs = this.#ring.clock.monotonicMs();
    const open = turned.filter((key) => (this.#refused.get(key)?.atMs ?? -KEY_REST_MS) + KEY_REST_MS <= nowMs);
    const sound = open.filter((key) => !this.#refused.has(key));
    // One that is due again goes first: if it fails, a sound one follows in the same attempt.
    if (open.length > 0) return [...open.filter((key) => this.#refused.has(key)), ...sound];
    return turned.toSorted((left, right) => this.#refusedAt(left) - this.#refusedAt(right));
  }

  /** Who may ask the provider something, first; null: the exit has no key. */
  first(): CloudKey | null {
    return this.#keys.find((key) => !this.#refused.has(key)) ?? this.#keys[0] ?? null;
  }

  refused(key: CloudKey, cause: string): void {
    this.#refused.set(key, { atMs: this.#ring.clock.monotonicMs(), cause });
    this.#tell();
  }

  worked(key: CloudKey): void {
    if (this.#refused.delete(key)) this.#tell();
  }

  /** The exit is over: nobody looks at its keys any more. */
  close(): void {
    this.#refused.clear();
    this.#tell();
  }

  #refusedAt(key: CloudKey): number {
    return this.#refused.get(key)?.atMs ?? 0;
  }

  #tell(): void {
    const { clock, emit } = this.#ring;
    const out = this.#keys.filter((key) => this.#refused.has(key));
    const text = out.length === 0 ? '' : this.#text(out);
    // The cause may have another request's number in it: the same keys are the same alert.
    const told = out.map(({ shown }) => shown).join(' ');
    if (told === this.#told) return;
    this.#told = told;
    const ended = `${this.#exit}: every key is taken again`;
    const name = `exit-key:${this.#exit}`;
    emit({ event: 'alert', atMs: clock.nowMs(), name, text: text === '' ? ended : text, raised: text !== '' });
  }

  #text(out: readonly CloudKey[]): string {
    const each = out.map((key) => `${key.shown}: ${this.#refused.get(key)?.cause ?? ''}`).join('; ');
    const left = this.#keys.length - out.length;
    const then =
      left === 0
        ? 'No other is left: the exit rests, and its mail takes the route’s other exits or waits.'
        : `Mail goes on with ${left === 1 ? 'the other one' : `the other ${left}`}; tried again every ${KEY_REST_MS / 60_000} min.`;
    return `${this.#exit}: the provider refuses ${each}. ${then} Put a new key into the policy: it is used at once.`;
  }
}
