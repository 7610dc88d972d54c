/** The way that mail for a domain takes by a zone: which hosts, in which order, or why none. */
import { mxHops, type MxOptions } from '../../src/egress/smtp/mx.ts';
import type { NextHop } from '../../src/egress/smtp/connector.ts';
import type { Outcome } from '../../src/message/outcome.ts';
import { DnsZone, fakeDns, type ZoneEntry } from './dns.ts';

/** `verdict`: kind, scope, code and detail of what it means that there is no host; null: there is one. */
export type Way = {
  readonly hops: readonly NextHop[];
  readonly verdict: string | null;
  readonly outcome: Outcome | null;
};

/** By default this relay is `relay.example.com` at 198.51.100.1, and the shuffle changes nothing. */
export async function way(
  domain: string,
  zone: Record<string, ZoneEntry>,
  more: Partial<MxOptions> = {},
): Promise<Way> {
  const options: MxOptions = {
    dns: fakeDns(new DnsZone(zone)),
    random: { fraction: () => 0.999, bytes: (count) => Buffer.alloc(count) },
    hostname: 'relay.example.com',
    isOwn: (address) => address === '198.51.100.1',
    privateAddresses: false,
    isAtHand: () => false,
    ...more,
  };
  const hops: NextHop[] = [];
  const walk = mxHops(domain, options);
  for (;;) {
    const next = await walk.next();
    if (next.done === true) {
      const outcome = next.value;
      const scope = outcome !== null && 'scope' in outcome ? outcome.scope : '';
      const verdict =
        outcome === null ? null : `${outcome.kind} ${scope} ${outcome.reply.code} ${outcome.reply.detail ?? ''}`;
      return { hops, verdict, outcome };
    }
    hops.push(next.value);
  }
}

export const names = ({ hops }: Way): readonly string[] => hops.map(({ host }) => host);
