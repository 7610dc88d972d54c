/** The `sendgrid` exit, put together: by SMTP or by its API, as `transport` says. */
import type { SendgridEgressPolicy } from '../../policy/schema.ts';
import type { Dns } from '../../ports.ts';
import { openCloudEgress } from '../cloud/cloud-egress.ts';
import type { CloudPorts } from '../cloud/cloud-ports.ts';
import { fittedContent } from '../cloud/headers.ts';
import { HttpClient } from '../cloud/http.ts';
import { plainKeys } from '../cloud/keys.ts';
import type { CloudKey } from '../cloud/provider.ts';
import type { Egress } from '../egress.ts';
import type { NextHops } from '../smtp/carry.ts';
import type { ConnectorOptions } from '../smtp/connector.ts';
import { upstreamHops } from '../smtp/smtp-egress.ts';
import { SmtpExit, type ExitPorts } from '../smtp/smtp-exit.ts';
import { TlsContexts } from '../smtp/tls.ts';
import { askApi } from './api-request.ts';
import { apiBesideOf, apiEndpointOf, smtpEndpointOf } from './endpoint.ts';
import { Reader } from './reader.ts';
import { SendGridApi } from './sendgrid-api.ts';
import { SendGridSmtp, type SendGridSmtpOptions } from './sendgrid-smtp.ts';
import { whetherBy } from './whether.ts';

export function openSendGridEgress(
  name: string,
  policy: SendgridEgressPolicy,
  ports: ExitPorts & Pick<CloudPorts, 'sign'>,
): Egress {
  return policy.transport === 'smtp' ? bySmtp(name, policy, ports) : byApi(name, policy, ports);
}

/** Its user, whoever's key it is. */
const USER = 'apikey';

/** How a session is opened with that key. */
export function sendGridOpening(
  policy: SendgridEgressPolicy,
  key: CloudKey,
  hostname: () => string,
): Omit<ConnectorOptions, 'clock' | 'dial' | 'dead'> {
  const { port, tls } = smtpEndpointOf(policy);
  const { timeout: ms } = policy;
  return {
    port,
    tls,
    bind: null,
    helo: hostname,
    credentials: { username: USER, password: key.secret },
    contexts: new TlsContexts(null),
    timeouts: { connectMs: ms, replyMs: ms, dataMs: ms },
  };
}

/** Its server with its addresses. */
function sendGridHops(policy: SendgridEgressPolicy, dns: Dns): NextHops {
  return upstreamHops(smtpEndpointOf(policy).host, dns);
}

function bySmtp(name: string, policy: SendgridEgressPolicy, ports: ExitPorts & Pick<CloudPorts, 'sign'>): Egress {
  const { connections: concurrency, dkim, stripHeaders: strip } = policy;
  const http = new HttpClient({ ...ports, timeoutMs: policy.timeout, connections: 1 });
  const beside = apiBesideOf(policy);
  const rules = { dkim: dkim ?? 'keep', strip, orders: ORDERS, keep: [], once: NONE, rewritten: NONE };
  return new SendGridSmtp({
    name,
    concurrency,
    keys: plainKeys(policy.apiKeys ?? []),
    exitOf: (key) => {
      const connection = sendGridOpening(policy, key, () => ports.policy().hostname);
      const hops = (): NextHops => sendGridHops(policy, ports.dns);
      return new SmtpExit({ name, peer: 'upstream', concurrency, connection, hops }, ports);
    },
    // The same keys may ask SendGrid's API what became of a message.
    ask: beside === null ? null : askBeside(http, beside),
    dispose: () => http[Symbol.asyncDispose](),
    fitted: (mail) => fittedContent(mail, rules, ports.sign ?? null),
    ports,
  });
}

/** More recipients, say. The relay writes a field of that name itself. */
const ORDERS: readonly string[] = ['x-smtpapi'];
const NONE: ReadonlySet<string> = new Set();

function askBeside(http: HttpClient, endpoint: URL): NonNullable<SendGridSmtpOptions['ask']> {
  return (mail, key, signal) =>
    whetherBy(mail, (path) => askApi(http, endpoint, { method: 'GET', path, key, body: null, watch: { signal } }));
}

function byApi(name: string, policy: SendgridEgressPolicy, ports: CloudPorts): Egress {
  const { clock } = ports;
  const { connections, timeout: timeoutMs, dkim } = policy;
  const provider = new SendGridApi({
    http: new HttpClient({ ...ports, timeoutMs, connections }),
    endpoint: apiEndpointOf(policy),
    reader: new Reader(clock),
    clock,
    keepsDkim: dkim === 'keep',
    strip: policy.stripHeaders,
  });
  return openCloudEgress({ name, provider, keys: plainKeys(policy.apiKeys ?? []), concurrency: connections, ports });
}
