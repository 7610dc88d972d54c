/**
 * Everything that is not deterministic, as types. The real ones are in `system.ts`; tests bring their own.
 * Nothing else in `src/` reads the clock, draws random numbers, resolves names or opens sockets.
 */
import type { Socket } from 'node:net';
import type { Event } from './message/event.ts';

export type Clock = {
  /** Wall time, ms since 1970. May jump. */
  nowMs(): number;
  /** Monotonic time in ms, for durations and deadlines: never jumps. Its zero means nothing. */
  monotonicMs(): number;
  /** Resolves after `delayMs`; rejects with `signal.reason` when aborted. A pending sleep does not keep the process alive. */
  sleep(delayMs: number, signal?: AbortSignal): Promise<void>;
  /** Calls `run` once after `delayMs`; returns what cancels it. Does not keep the process alive. */
  after(delayMs: number, run: () => void): () => void;
};

export type Random = {
  /** Uniform in [0, 1): for jitter and shuffles, never for secrets. */
  fraction(): number;
  /** Cryptographically strong bytes. */
  bytes(count: number): Buffer;
};

/** What a look-up found. `none`: the name exists without such a record (NODATA). `missing`: no such name (NXDOMAIN). `failed`: SERVFAIL, timeout, refused: try later. */
export type DnsAnswer<T> =
  | { readonly kind: 'found'; readonly records: readonly T[] }
  | { readonly kind: 'none' }
  | { readonly kind: 'missing' }
  | { readonly kind: 'failed'; readonly cause: string };

export type MxRecord = { readonly preference: number; readonly exchange: string };

/** Names are A-labels without a final dot. No method rejects: a failure is an answer. */
export type Dns = {
  mx(name: string): Promise<DnsAnswer<MxRecord>>;
  a(name: string): Promise<DnsAnswer<string>>;
  aaaa(name: string): Promise<DnsAnswer<string>>;
  txt(name: string): Promise<DnsAnswer<string>>;
  /** A records as DNS alone has them: no hosts file, no search list. Default: `a`. */
  aInDns?(name: string): Promise<DnsAnswer<string>>;
};

export type DialTarget = {
  readonly address: string;
  readonly port: number;
  /** The local address to leave from; null: whatever the system picks. */
  readonly bind: string | null;
  readonly timeoutMs: number;
};

/** Opens a TCP connection; rejects with a Node system error (`code` is set), or `ETIMEDOUT` past `timeoutMs`. */
export type Dial = (target: DialTarget, signal: AbortSignal) => Promise<Socket>;

export type FetchAsk = {
  /** `https:`, or `http:` where an operator says so. */
  readonly url: string;
  /** Default: GET. */
  readonly method?: 'GET' | 'POST';
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly timeoutMs: number;
  /** Of the answer's body; a longer one is a failure. */
  readonly mostBytes: number;
  /** Only the status is wanted: what comes beyond `mostBytes`, or too late, is dropped, and no failure. Default: all is. */
  readonly isCut?: boolean;
};

/** An HTTP request for something small. No redirect is followed. Rejects with an `Error` where no whole answer comes. */
export type Fetch = (
  ask: FetchAsk,
  signal?: AbortSignal,
) => Promise<{ readonly status: number; readonly body: Buffer }>;

/** Receives every event, in order, never throws and never blocks: log, metrics and alerts hang on it. */
export type Emit = (event: Event) => void;

export type Ports = {
  readonly clock: Clock;
  readonly random: Random;
  readonly dns: Dns;
  readonly dial: Dial;
  /** Absent: nothing is fetched here. */
  readonly fetch?: Fetch;
};
