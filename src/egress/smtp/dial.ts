/** Which of a host's addresses is connected to: IPv6 first, IPv4 soon after, whoever answers first (RFC 8305). */
import type { Socket } from 'node:net';
import { isIPv6 } from 'node:net';
import type { Clock, Dial, DialTarget } from '../../ports.ts';

/** RFC 8305 §5: how long an address has the field to itself. */
const HEAD_START_MS = 250;

export type Dialled =
  | { readonly kind: 'connected'; readonly address: string; readonly socket: Socket }
  | { readonly kind: 'failed' }
  | { readonly kind: 'aborted' };

export type DialRun = {
  /** In the order of trying, at least one. */
  readonly addresses: readonly string[];
  readonly target: Omit<DialTarget, 'address'>;
  readonly dial: Dial;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** Told of each address that failed. Those that were called off, or never had their turn, are not reported. */
  readonly onFailed: (address: string, failure: { readonly code: string; readonly tookMs: number }) => void;
};

/** IPv6 and IPv4 in turns, IPv6 first, each family in the order given (RFC 8305 §4). */
export function interleaved(addresses: readonly string[]): readonly string[] {
  const six = addresses.filter((address) => isIPv6(address));
  const four = addresses.filter((address) => !isIPv6(address));
  return Array.from({ length: Math.max(six.length, four.length) }, (_, at) => [six[at], four[at]])
    .flat()
    .filter((address) => address !== undefined);
}

/** Never rejects. Connections that come too late are closed. */
export function dialFirst(run: DialRun): Promise<Dialled> {
  const { addresses, target, dial, clock, signal, onFailed } = run;
  return new Promise((resolve) => {
    const others = new AbortController();
    let next = 0;
    let underWay = 0;
    let over = false;
    let cancelHeadStart = (): void => {};

    const finish = (dialled: Dialled): void => {
      over = true;
      cancelHeadStart();
      signal.removeEventListener('abort', aborted);
      others.abort();
      resolve(dialled);
    };
    const aborted = (): void => {
      if (!over) finish({ kind: 'aborted' });
    };
    const start = (): void => {
      const address = addresses[next];
      if (over || address === undefined) return;
      next += 1;
      underWay += 1;
      cancelHeadStart();
      cancelHeadStart = clock.after(HEAD_START_MS, start);
      const startedMs = clock.monotonicMs();
      dial({ ...target, address }, others.signal).then(
        (socket) => {
          if (!over) finish({ kind: 'connected', address, socket });
          else socket.on('error', () => {}).destroy();
        },
        (error: unknown) => {
          underWay -= 1;
          if (over) return;
          onFailed(address, { code: codeOf(error), tookMs: clock.monotonicMs() - startedMs });
          if (next < addresses.length) start();
          else if (underWay === 0) finish({ kind: 'failed' });
        },
      );
    };
    signal.addEventListener('abort', aborted, { once: true });
    if (signal.aborted) aborted();
    else start();
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EUNKNOWN';
}
