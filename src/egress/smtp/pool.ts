/** Sessions of one exit that wait for their next message. */
import type { Clock } from '../../ports.ts';
import type { NextHop } from './connector.ts';
import type { Session } from './session.ts';

/** Shorter than what servers wait for a command (RFC 5321 §4.5.3.2.7), and short enough to be no burden to them. */
const IDLE_MS = 20_000;
/** How long a goodbye may take. */
const QUIT_MS = 1_000;

type Idle = { readonly session: Session; readonly cancel: () => void };

export type PoolTerms = {
  readonly clock: Clock;
  /** Connections that the exit may have now, of attempts under way and idle ones. */
  readonly most: () => number;
  /** Attempts under way, each of which has a connection or is about to. */
  readonly underWay: () => number;
};

export class SessionPool implements AsyncDisposable {
  readonly #terms: PoolTerms;
  /** By host and address; the latest last. */
  readonly #idle = new Map<string, Idle[]>();
  readonly #leaving = new Set<Promise<void>>();
  #count = 0;
  #closed = false;

  constructor(terms: PoolTerms) {
    this.#terms = terms;
  }

  /** Connections that no attempt uses: idle, or about to be closed. */
  get open(): number {
    return this.#count + this.#leaving.size;
  }

  /** Before an attempt opens another connection: ends idle ones, and waits until they are closed, as far as they are too many. */
  async makeRoom(): Promise<void> {
    const { most, underWay } = this.#terms;
    while (underWay() + this.open > most()) {
      if (this.#count > 0 && underWay() + this.#count > most()) this.#dropOldest();
      else if (this.#leaving.size > 0) await Promise.race(this.#leaving);
      else return;
    }
  }

  /** Ends idle sessions, so that with the attempts under way there are at most so many connections. */
  trim(most: number): void {
    while (this.#count > 0 && this.#terms.underWay() + this.#count > most) this.#dropOldest();
  }

  has({ host, addresses }: NextHop): boolean {
    return this.#count > 0 && addresses.some((address) => this.#idle.has(keyOf(host, address)));
  }

  /** The session to that host that was used last; null: there is none. */
  take({ host, addresses }: NextHop): Session | null {
    if (this.#count === 0) return null;
    for (const address of addresses) {
      const latest = this.#idle.get(keyOf(host, address))?.at(-1);
      if (latest === undefined) continue;
      this.#remove(latest);
      return latest.session;
    }
    return null;
  }

  /** Takes a session back: to keep it when it is sound and has carried less than `maxTransactions`, otherwise to end it. */
  give(session: Session, maxTransactions: number): void {
    if (this.#closed || !session.wire.usable || session.transactions >= maxTransactions) {
      this.#end(session);
      return;
    }
    const most = this.#terms.most();
    if (most === 0) {
      this.#end(session);
      return;
    }
    if (this.#count >= most) this.#dropOldest();
    const idle: Idle = {
      session,
      cancel: this.#terms.clock.after(IDLE_MS, () => {
        this.#drop(idle);
      }),
    };
    session.wire.onUnrest = () => {
      this.#drop(idle);
    };
    const key = keyOf(session.host, session.address);
    const others = this.#idle.get(key);
    if (others === undefined) this.#idle.set(key, [idle]);
    else others.push(idle);
    this.#count += 1;
  }

  /** Ends every idle session, and from now on each that is given back; resolves when they are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    for (const idle of [...this.#idle.values()].flat()) this.#drop(idle);
    await Promise.all(this.#leaving);
  }

  #drop(idle: Idle): void {
    this.#remove(idle);
    this.#end(idle.session);
  }

  #dropOldest(): void {
    for (const list of this.#idle.values()) {
      const oldest = list[0];
      if (oldest !== undefined) this.#drop(oldest);
      return;
    }
  }

  #remove(idle: Idle): void {
    idle.cancel();
    idle.session.wire.onUnrest = null;
    const key = keyOf(idle.session.host, idle.session.address);
    const list = this.#idle.get(key);
    const at = list?.indexOf(idle) ?? -1;
    if (list === undefined || at < 0) return;
    list.splice(at, 1);
    if (list.length === 0) this.#idle.delete(key);
    this.#count -= 1;
  }

  #end(session: Session): void {
    const leaving = session.wire.quit(QUIT_MS).finally(() => this.#leaving.delete(leaving));
    this.#leaving.add(leaving);
  }
}

function keyOf(host: string, address: string): string {
  return `${host} ${address}`;
}
