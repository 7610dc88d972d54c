/** Which hosts take mail for a domain, in the order of trying (RFC 5321 §5.1). */
import { isIP } from 'node:net';
import { literalAddress, parseDomain } from '../../message/address.ts';
import type { Outcome } from '../../message/outcome.ts';
import type { Reply } from '../../message/reply.ts';
import type { Dns, MxRecord, Random } from '../../ports.ts';
import type { NextHops } from './carry.ts';
import type { NextHop } from './connector.ts';
import { isPrivate } from './special-addresses.ts';

export type MxOptions = {
  readonly dns: Dns;
  readonly random: Random;
  /** Our own name: an MX of that name is we ourselves. */
  readonly hostname: string;
  /** Whether we would talk to ourselves at that address. */
  readonly isOwn: (address: string) => boolean;
  /** Whether hosts may have private or loopback addresses. */
  readonly privateAddresses: boolean;
  /** Whether a connection to that host is at hand: among equals it goes first. */
  readonly isAtHand: (hop: NextHop) => boolean;
};

/** Hosts of one domain that are looked at. */
const MAX_HOSTS = 20;

/** Yields hosts with at least one address, resolved group by group of equal preference, each group shuffled. */
export async function* mxHops(domain: string, options: MxOptions): NextHops {
  const literal = literalAddress(domain);
  if (literal !== null) {
    if (options.isOwn(literal)) return loops(domain);
    if (!options.privateAddresses && isPrivate(literal)) return isolated(domain);
    yield { host: literal, addresses: [literal] };
    return null;
  }
  const answer = await options.dns.mx(domain);
  switch (answer.kind) {
    case 'missing':
      return permanent('recipient', { code: 550, detail: '1.2', text: `there is no domain ${domain}` });
    case 'failed':
      return temporary('4.3', `the mail servers of ${domain} could not be looked up: ${answer.cause}`);
    case 'none':
      // RFC 5321 §5.1: without MX records the domain is its own mail server.
      return yield* hopsOf(domain, [[domain]], options);
    case 'found': {
      // RFC 7505 §3. Beside other records it means nothing.
      if (answer.records.every(({ exchange }) => exchange === ''))
        return permanent('recipient', { code: 556, detail: '1.10', text: `${domain} takes no mail (null MX)` });
      return yield* hopsOf(domain, groupsOf(answer.records, options.random), options);
    }
  }
}

async function* hopsOf(domain: string, groups: readonly (readonly string[])[], options: MxOptions): NextHops {
  let yielded = false;
  let failure: string | null = null;
  let isPrivateOnly = false;
  for (const group of groups) {
    // RFC 5321 §5.1: we ourselves, and all that are no better, are left out, or mail would go round in circles.
    if (group.includes(options.hostname)) return yielded ? null : (failed(domain, failure) ?? loops(domain));
    const hosts = await Promise.all(group.map((host) => resolve(host, options.dns)));
    if (hosts.some(({ addresses }) => addresses.some((address) => options.isOwn(address))))
      return yielded ? null : (failed(domain, failure) ?? loops(domain));
    failure ??= hosts.find((host) => host.failure !== null)?.failure ?? null;
    const hops = hosts.map(({ host, addresses }) => ({
      host,
      addresses: options.privateAddresses ? addresses : addresses.filter((address) => !isPrivate(address)),
    }));
    isPrivateOnly ||= hops.some(({ addresses }, at) => addresses.length < (hosts[at]?.addresses.length ?? 0));
    const reachable = hops.filter(({ addresses }) => addresses.length > 0);
    const isAtHand = reachable.map((hop) => options.isAtHand(hop));
    for (const wanted of [true, false])
      for (const [at, hop] of reachable.entries())
        if (isAtHand[at] === wanted) {
          yielded = true;
          yield hop;
        }
  }
  if (yielded) return null;
  return failed(domain, failure) ?? (isPrivateOnly ? isolated(domain) : unroutable(domain));
}

type Host = NextHop & { readonly failure: string | null };

async function resolve(host: string, dns: Dns): Promise<Host> {
  const [six, four] = await Promise.all([dns.aaaa(host), dns.a(host)]);
  const addresses = [six, four].flatMap((answer) => (answer.kind === 'found' ? answer.records : []));
  const failed = [six, four].find((answer) => answer.kind === 'failed');
  return { host, addresses, failure: failed?.kind === 'failed' ? `${host}: ${failed.cause}` : null };
}

/** The names by preference, the best first, equals in random order; at most `MAX_HOSTS` of them. */
function groupsOf(records: readonly MxRecord[], random: Random): readonly (readonly string[])[] {
  const groups = new Map<number, string[]>();
  let left = MAX_HOSTS;
  for (const { preference, exchange } of shuffled(records, random).toSorted((a, b) => a.preference - b.preference)) {
    // An address is no host name (RFC 1035 §3.3.9), nor is a name that could not be one.
    const host = isIP(exchange) === 0 ? parseDomain(exchange) : null;
    if (host === null || left === 0) continue;
    left -= 1;
    const group = groups.get(preference);
    if (group === undefined) groups.set(preference, [host]);
    else if (!group.includes(host)) group.push(host);
  }
  return [...groups.values()];
}

function shuffled<T>(values: readonly T[], random: Random): T[] {
  const result = [...values];
  for (let last = result.length - 1; last > 0; last--) {
    const other = Math.floor(random.fraction() * (last + 1));
    const [a, b] = [result[last], result[other]];
    if (a === undefined || b === undefined) continue;
    result[last] = b;
    result[other] = a;
  }
  return result;
}

function failed(domain: string, failure: string | null): Outcome | null {
  return failure === null
    ? null
    : temporary('4.3', `the addresses of the mail servers of ${domain} could not be looked up (${failure})`);
}

function loops(domain: string): Outcome {
  return permanent('recipient', { code: 554, detail: '4.6', text: `mail for ${domain} loops back to this relay` });
}

/** Temporary, since it is a slip of the domain's owner, or of ours (`privateAddresses`), that may be mended. */
function isolated(domain: string): Outcome {
  return temporary('4.4', `the mail servers of ${domain} have only private addresses`);
}

function unroutable(domain: string): Outcome {
  return permanent('recipient', { code: 550, detail: '4.4', text: `no mail server of ${domain} has an address` });
}

function temporary(detail: string, text: string): Outcome {
  return { kind: 'deferred', own: true, scope: 'host', reply: { code: 451, detail, text } };
}

function permanent(scope: 'recipient', reply: Reply): Outcome {
  return { kind: 'bounced', own: true, scope, reply };
}
