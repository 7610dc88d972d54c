/** The `smtp` exit: everything through one own server, whatever the destination. */
import { isIP } from 'node:net';
import type { Outcome } from '../../message/outcome.ts';
import type { SmtpEgressPolicy } from '../../policy/schema.ts';
import type { Dns } from '../../ports.ts';
import type { Egress } from '../egress.ts';
import type { NextHops } from './carry.ts';
import type { ConnectorOptions } from './connector.ts';
import { SmtpExit, type ExitPorts } from './smtp-exit.ts';
import { TlsContexts } from './tls.ts';

export function openSmtpEgress(name: string, policy: SmtpEgressPolicy, ports: ExitPorts): Egress {
  return new SmtpExit(
    {
      name,
      peer: 'upstream',
      concurrency: policy.connections,
      connection: openingOf(policy, () => ports.policy().hostname),
      hops: () => upstreamHops(policy.host, ports.dns),
    },
    ports,
  );
}

/** How a session with that server is opened. */
export function openingOf(
  policy: SmtpEgressPolicy,
  hostname: () => string,
): Omit<ConnectorOptions, 'clock' | 'dial' | 'dead'> {
  const { username, password } = policy;
  return {
    port: policy.port,
    bind: policy.bind,
    helo: () => policy.helo ?? hostname(),
    tls: policy.tls,
    credentials: username === null ? null : { username, password: password ?? '' },
    contexts: new TlsContexts(policy.ca),
    timeouts: policy.timeouts,
  };
}

/** That server with its addresses, whatever the destination. */
export async function* upstreamHops(host: string, dns: Dns): NextHops {
  if (isIP(host) !== 0) {
    yield { host, addresses: [host] };
    return null;
  }
  const [six, four] = await Promise.all([dns.aaaa(host), dns.a(host)]);
  const addresses = [six, four].flatMap((answer) => (answer.kind === 'found' ? answer.records : []));
  if (addresses.length === 0) return unresolved(host, six.kind === 'failed' || four.kind === 'failed');
  yield { host, addresses };
  return null;
}

/** Temporary either way: that our own server has no address is no fault of the recipient's. */
function unresolved(host: string, failed: boolean): Outcome {
  const text = failed ? `the address of ${host} could not be looked up` : `${host} has no address`;
  return { kind: 'deferred', own: true, scope: 'egress', reply: { code: 451, detail: '4.3', text } };
}
