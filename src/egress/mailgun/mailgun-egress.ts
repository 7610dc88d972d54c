/** The `mailgun` exit, put together. */
import type { MailgunEgressPolicy } from '../../policy/schema.ts';
import type { Random } from '../../ports.ts';
import { openCloudEgress } from '../cloud/cloud-egress.ts';
import type { CloudPorts } from '../cloud/cloud-ports.ts';
import { HttpClient } from '../cloud/http.ts';
import { plainKeys } from '../cloud/keys.ts';
import type { Egress } from '../egress.ts';
import { mailgunProvider } from './mailgun-provider.ts';
import { MailgunReader } from './mailgun-reader.ts';

export function openMailgunEgress(
  name: string,
  policy: MailgunEgressPolicy,
  ports: CloudPorts & { readonly random: Pick<Random, 'bytes'> },
): Egress {
  const { clock, random, sign = null } = ports;
  const { timeout: timeoutMs, connections } = policy;
  const http = new HttpClient({ ...ports, timeoutMs, connections });
  const reader = new MailgunReader(policy, clock);
  const dispose = (): Promise<void> => http[Symbol.asyncDispose]();
  const provider = mailgunProvider({ policy, http, reader, sign, clock, random, dispose });
  return openCloudEgress({ name, provider, keys: plainKeys(policy.apiKeys ?? []), concurrency: connections, ports });
}
