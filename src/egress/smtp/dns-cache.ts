/** DNS answers kept for moments, so that a thousand messages to one domain do not ask a thousand times. */
import type { Clock, Dns, DnsAnswer } from '../../ports.ts';
import { ExpiringMap } from './expiring-map.ts';

const MAX_NAMES = 10_000;
/** Short, since the port tells no time to live; failures hardly at all, so that a resolver that is back counts at once. */
const LIFE_MS = { found: 60_000, none: 10_000, missing: 10_000, failed: 1_000 } as const satisfies Record<
  DnsAnswer<unknown>['kind'],
  number
>;

/** The same port; questions that are under way are asked once. */
export function cachedDns(dns: Dns, clock: Clock): Dns {
  return {
    mx: remembering(clock, (name) => dns.mx(name)),
    a: remembering(clock, (name) => dns.a(name)),
    aaaa: remembering(clock, (name) => dns.aaaa(name)),
    txt: remembering(clock, (name) => dns.txt(name)),
  };
}

type Ask<T> = (name: string) => Promise<DnsAnswer<T>>;

function remembering<T>(clock: Clock, ask: Ask<T>): Ask<T> {
  const known = new ExpiringMap<Promise<DnsAnswer<T>>>(clock, MAX_NAMES);
  const underWay = new Map<string, Promise<DnsAnswer<T>>>();
  return (name) => {
    const answer = known.get(name) ?? underWay.get(name);
    if (answer !== undefined) return answer;
    const asked = ask(name)
      .then((found) => {
        known.set(name, asked, LIFE_MS[found.kind]);
        return found;
      })
      // Also where the port broke its promise and rejected: the name would stay broken for good.
      .finally(() => underWay.delete(name));
    underWay.set(name, asked);
    return asked;
  };
}
