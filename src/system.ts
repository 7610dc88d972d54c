/** The real ports: the one place that reads the clock, draws random numbers, resolves names and opens sockets. */
import { randomBytes, randomFillSync } from 'node:crypto';
import { lookup, Resolver } from 'node:dns/promises';
import { connect, createServer, type Socket } from 'node:net';
import { readFileSync, readlinkSync } from 'node:fs';
import { hostname, networkInterfaces } from 'node:os';
import type { ProcessPlace } from './foundation/presence.ts';
import type { Clock, Dial, DialTarget, Dns, DnsAnswer, Fetch, Ports, Random } from './ports.ts';

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep: (delayMs, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(reasonOf(signal));
        return;
      }
      const aborted = (): void => {
        clearTimeout(timer);
        if (signal !== undefined) reject(reasonOf(signal));
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', aborted);
        resolve();
      }, delayMs).unref();
      signal?.addEventListener('abort', aborted, { once: true });
    }),
  after: (delayMs, run) => {
    const timer = setTimeout(run, delayMs).unref();
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Drawn ahead for what is short, such as the id of a message: a draw takes 6 µs, whatever its length. Keys are longer. */
const DRAWN_AHEAD_BYTES = 16;
const DRAWN = Buffer.allocUnsafeSlow(4_096);
let drawnUsed = DRAWN.length;

export const systemRandom: Random = {
  fraction: () => Math.random(),
  bytes: (count) => {
    if (count > DRAWN_AHEAD_BYTES) return randomBytes(count);
    if (drawnUsed + count > DRAWN.length) {
      randomFillSync(DRAWN);
      drawnUsed = 0;
    }
    drawnUsed += count;
    // A copy: these are the caller's now.
    return Buffer.from(DRAWN.subarray(drawnUsed - count, drawnUsed));
  },
};

/** How long one query waits, and how often it is sent (with growing patience) before it counts as failed. */
export type DnsPatience = { readonly timeoutMs: number; readonly tries: number };
const PATIENCE: DnsPatience = { timeoutMs: 3_000, tries: 3 };

/**
 * Names by DNS. Asks `servers()` at each query, so that a reloaded policy is followed; null: the system's resolvers, and
 * the system's hosts file for names that DNS does not know.
 * @param servers `192.0.2.53`, `127.0.0.1:5353`, `[2001:db8::1]:53`
 */
export function systemDns(servers: () => readonly string[] | null, patience = PATIENCE): Dns {
  const newResolver = (): Resolver => new Resolver({ timeout: patience.timeoutMs, tries: patience.tries });
  let inForce: string | null = null;
  let resolver = newResolver();
  const current = (): Resolver => {
    const wanted = servers();
    const key = wanted === null ? '' : wanted.join(' ');
    if (key !== inForce) {
      // Servers that are refused leave nothing behind: the next policy must not meet a resolver that asks others.
      const next = newResolver();
      if (wanted !== null) next.setServers(wanted);
      [resolver, inForce] = [next, key];
    }
    return resolver;
  };
  const address = async (name: string, family: 4 | 6): Promise<DnsAnswer<string>> => {
    // RFC 6761 §6.3: no business of a DNS server, and there may be none.
    if (servers() === null && name.toLowerCase() === 'localhost') return hostsFile(name, family);
    const answer = await answered(() => (family === 4 ? current().resolve4(name) : current().resolve6(name)));
    return answer.kind === 'missing' && servers() === null ? hostsFile(name, family) : answer;
  };
  return {
    mx: async (name) => {
      const answer = await answered(() => current().resolveMx(name));
      if (answer.kind !== 'found') return answer;
      const records = answer.records.map(({ priority, exchange }) => ({
        preference: priority,
        exchange: bare(exchange),
      }));
      return { kind: 'found', records };
    },
    a: (name) => address(name, 4),
    aInDns: (name) => answered(() => current().resolve4(name)),
    aaaa: (name) => address(name, 6),
    txt: async (name) => {
      const answer = await answered(() => current().resolveTxt(name));
      // RFC 7208 §3.3: the strings of one record are joined without spaces.
      return answer.kind === 'found'
        ? { kind: 'found', records: answer.records.map((parts) => parts.join('')) }
        : answer;
    },
  };
}

async function answered<T>(ask: () => Promise<readonly T[]>): Promise<DnsAnswer<T>> {
  try {
    const records = await ask();
    return records.length > 0 ? { kind: 'found', records } : { kind: 'none' };
  } catch (error) {
    const code = codeOf(error);
    if (code === 'ENODATA') return { kind: 'none' };
    if (code === 'ENOTFOUND') return { kind: 'missing' };
    return { kind: 'failed', cause: code };
  }
}

/** `localhost`, and names that the operator wrote into the hosts file. */
async function hostsFile(name: string, family: 4 | 6): Promise<DnsAnswer<string>> {
  try {
    const found = await lookup(name, { family, all: true });
    return { kind: 'found', records: found.map(({ address }) => address) };
  } catch (error) {
    return codeOf(error) === 'ENOTFOUND' ? { kind: 'missing' } : { kind: 'failed', cause: codeOf(error) };
  }
}

/** RFC 7505 §3: the root as an exchange is the null MX, an empty name here. */
function bare(name: string): string {
  return name.endsWith('.') ? name.slice(0, -1) : name;
}

export const systemDial: Dial = (target, signal) =>
  new Promise((resolve, reject) => {
    if (signal.aborted) {
      reject(reasonOf(signal));
      return;
    }
    const socket = opened(target);
    const settle = (error: Error | null): void => {
      clearTimeout(timer);
      signal.removeEventListener('abort', aborted);
      socket.off('connect', connected).off('error', settle);
      if (error === null) {
        resolve(socket);
        return;
      }
      // A socket that is thrown away may still fail: nobody is interested any more.
      socket.on('error', () => {});
      socket.destroy();
      reject(error);
    };
    const connected = (): void => {
      settle(null);
    };
    const aborted = (): void => {
      settle(reasonOf(signal));
    };
    const timer = setTimeout(() => {
      settle(Object.assign(new Error(`no answer within ${target.timeoutMs} ms`), { code: 'ETIMEDOUT' }));
    }, target.timeoutMs).unref();
    signal.addEventListener('abort', aborted, { once: true });
    socket.on('connect', connected).on('error', settle);
  });

function opened({ address, port, bind }: DialTarget): Socket {
  return connect({
    host: address,
    port,
    noDelay: true,
    autoSelectFamily: false,
    ...(bind === null ? {} : { localAddress: bind }),
  });
}

export const systemFetch: Fetch = async (
  { url, timeoutMs, mostBytes, isCut = false, method = 'GET', headers, body },
  signal,
) => {
  const timeout = AbortSignal.timeout(timeoutMs);
  const response = await fetch(url, {
    method,
    redirect: 'manual',
    signal: signal === undefined ? timeout : AbortSignal.any([timeout, signal]),
    ...(headers === undefined ? {} : { headers }),
    ...(body === undefined ? {} : { body }),
  });
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  try {
    for await (const chunk of response.body ?? []) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > mostBytes) throw new Error(`the answer has more than ${mostBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (cause) {
    if (!isCut) throw cause;
  }
  return { status: response.status, body: Buffer.concat(chunks) };
};

/** Every address of this machine's interfaces as it is now. */
export function localAddresses(): readonly string[] {
  return Object.values(networkInterfaces()).flatMap((addresses) => (addresses ?? []).map(({ address }) => address));
}

/** Whether this machine can send from an address now, on an interface or not. What cannot be told counts as yes. */
export function canSendFrom(address: string): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', (error) => resolve(!['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL'].includes(codeOf(error))));
    server.listen({ host: address, port: 0, backlog: 1 }, () => server.close(() => resolve(true)));
  });
}

/** Where this process is, for other processes beside it. */
export function processPlace(): ProcessPlace {
  return { host: hostname(), machine: machineOf(), isEnded: isEnded };
}

/** One boot of one kernel, and in it one space of process ids: on Linux only. */
function machineOf(): string | null {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    return `${boot} ${readlinkSync('/proc/self/ns/pid')}`;
  } catch {
    return null;
  }
}

function isEnded(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return false;
  } catch (error) {
    return codeOf(error) === 'ESRCH';
  }
}

/** @param dnsServers the policy's `dns.servers` in force */
export function systemPorts(dnsServers: () => readonly string[] | null): Ports {
  return { clock: systemClock, random: systemRandom, dns: systemDns(dnsServers), dial: systemDial, fetch: systemFetch };
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'EUNKNOWN';
}

function reasonOf(signal: AbortSignal): Error {
  return signal.reason instanceof Error ? signal.reason : new Error(String(signal.reason));
}
