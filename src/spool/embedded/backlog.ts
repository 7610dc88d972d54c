/** What was asked and has not been worked off. */
import type { MessagePort } from 'node:worker_threads';
import type { Calls, Request } from './wire.ts';

export type Asked = { readonly port: MessagePort; readonly request: Request };

/**
 * The requests that wait for a place in a group. Settlements, which come by the hundred when an exit is down and for which nobody waits,
 * stand in a line of their own and take every second place at most, so that new mail and a page do not wait behind all of them.
 */
export class Backlog {
  #asked: Asked[] = [];
  #settlements: Asked[] = [];

  get length(): number {
    return this.#asked.length + this.#settlements.length;
  }

  add(one: Asked): void {
    if (isSettlement(one)) this.#settlements.push(one);
    else this.#asked.push(one);
  }

  /** Takes out what comes next; of the same kind in the order of its coming. */
  take(limits: { readonly requests: number; readonly bytes: number }): Asked[] {
    const taken: Asked[] = [];
    let [bytes, asked, settlements] = [0, 0, 0];
    while (taken.length < limits.requests && bytes < limits.bytes) {
      const other = this.#asked[asked];
      const settlement = this.#settlements[settlements];
      const one = settlement !== undefined && (settlements < asked || other === undefined) ? settlement : other;
      if (one === undefined) break;
      if (one === settlement) settlements += 1;
      else asked += 1;
      taken.push(one);
      bytes += contentBytes(one.request);
    }
    this.#asked = this.#asked.slice(asked);
    this.#settlements = this.#settlements.slice(settlements);
    return taken;
  }

  /** Puts back what was taken last and found no time: it comes next. */
  putBack(untouched: readonly Asked[]): void {
    if (untouched.length === 0) return;
    this.#asked = [...untouched.filter((one) => !isSettlement(one)), ...this.#asked];
    this.#settlements = [...untouched.filter(isSettlement), ...this.#settlements];
  }
}

/** How much mail a request brings along. */
export function contentBytes([, name, ask]: Request): number {
  return name === 'accept' ? (ask as Calls['accept']['ask']).content.byteLength : 0;
}

function isSettlement({ request }: Asked): boolean {
  return request[1] === 'settle';
}
