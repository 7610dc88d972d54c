/** The `mx` exit: from an own address straight to the recipients’ servers. */
import type { MxEgressPolicy } from '../../policy/schema.ts';
import type { Egress } from '../egress.ts';
import { mxHops } from './mx.ts';
import { SmtpExit, type ExitPorts } from './smtp-exit.ts';
import { TlsContexts } from './tls.ts';

export function openMxEgress(name: string, policy: MxEgressPolicy, ports: ExitPorts): Egress {
  const { dns, random, isOwn } = ports;
  return new SmtpExit(
    {
      name,
      peer: 'mx',
      concurrency: policy.connections,
      connection: {
        port: policy.port,
        bind: policy.bind,
        helo: () => policy.helo ?? ports.policy().hostname,
        // Certificates of MX hosts prove nothing without DANE or MTA-STS, and clear text is worse than an unknown one.
        tls: 'opportunistic',
        credentials: null,
        contexts: new TlsContexts(null),
        timeouts: policy.timeouts,
      },
      hops: (domain, pool) =>
        mxHops(domain, {
          dns,
          random,
          hostname: ports.policy().hostname,
          isOwn: (address) => isOwn(address, policy.port),
          privateAddresses: policy.privateAddresses,
          isAtHand: (hop) => pool.has(hop),
        }),
    },
    ports,
  );
}
