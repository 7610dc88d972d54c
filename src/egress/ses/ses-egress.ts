/** The `ses` exit, put together. */
import type { SesEgressPolicy } from '../../policy/schema.ts';
import { openCloudEgress } from '../cloud/cloud-egress.ts';
import type { CloudPorts } from '../cloud/cloud-ports.ts';
import { HttpClient } from '../cloud/http.ts';
import { plainKeys, shownKey } from '../cloud/keys.ts';
import type { CloudKey } from '../cloud/provider.ts';
import type { Egress } from '../egress.ts';
import { SesAccountWatch } from './ses-account.ts';
import { SesClient } from './ses-client.ts';
import { sesProvider } from './ses-provider.ts';

export function openSesEgress(name: string, policy: SesEgressPolicy, ports: CloudPorts): Egress {
  const { clock, emit, takeShare } = ports;
  const { http, client } = sesClientOf(policy, ports);
  const keys = sesKeys(policy);
  const shared = takeShare === undefined ? {} : { takeShare };
  const account = new SesAccountWatch({ name, client, keys, clock, emit, ...shared });
  const dispose = async (): Promise<void> => {
    await account[Symbol.asyncDispose]();
    client.dispose();
    await http[Symbol.asyncDispose]();
  };
  const provider = sesProvider({ policy, client, account, sign: ports.sign ?? null, clock, dispose });
  return openCloudEgress({ name, provider, keys, concurrency: policy.connections, ports });
}

/** For an exit, and for a look at one. */
export function sesClientOf(
  { region, endpoint, timeout: timeoutMs, connections }: SesEgressPolicy,
  ports: CloudPorts,
): { readonly http: HttpClient; readonly client: SesClient } {
  const http = new HttpClient({ ...ports, timeoutMs, connections });
  return { http, client: new SesClient({ region, endpoint: endpoint ?? null, http, clock: ports.clock }) };
}

/** One without a secret stands for whatever AWS tools find in the environment. */
export function sesKeys({ accessKeyId, secretAccessKey, apiKeys = [] }: SesEgressPolicy): readonly CloudKey[] {
  const pairs = accessKeyId === undefined ? apiKeys : [`${accessKeyId}:${secretAccessKey ?? ''}`, ...apiKeys];
  if (pairs.length === 0) return [{ secret: '', shown: 'the credentials of the environment' }];
  // The id is no secret: AWS shows it, too.
  return plainKeys(pairs).map((key, place) => ({ ...key, shown: shownKey(place, key.secret.split(':')[0] ?? '') }));
}
