/** SES as its API v2 is documented: SendEmail, GetAccount, and their errors. */
import type { Arrived } from '../../src/egress/egress.contract.ts';
import { type CloudAct, type CloudRequest, type CloudServer, startCloudServer } from './cloud-server.ts';

export const SES_SEND = '/v2/email/outbound-emails';
export const SES_ACCOUNT = '/v2/email/account';

/** What GetAccount says of an account in order. */
export const SES_SOUND = {
  DedicatedIpAutoWarmupEnabled: false,
  EnforcementStatus: 'HEALTHY',
  ProductionAccessEnabled: true,
  SendQuota: { Max24HourSend: 50_000, MaxSendRate: 500, SentLast24Hours: 12 },
  SendingEnabled: true,
};

/** An error as the service words it. */
export function sesError(
  name: string,
  message: string,
  { status = 400, headers = {} }: { readonly status?: number; readonly headers?: Record<string, string> } = {},
): CloudAct {
  return {
    kind: 'answer',
    status,
    headers: { 'x-amzn-ErrorType': name, ...headers },
    body: JSON.stringify({ message }),
  };
}

/** @param account of GetAccount; null: the key may not ask */
export function startSes(account: () => object | null = () => SES_SOUND): Promise<CloudServer> {
  let count = 0;
  return startCloudServer(({ method, path }) => {
    if (method === 'GET' && path === SES_ACCOUNT) {
      const found = account();
      if (found === null)
        return sesError('AccessDeniedException', 'User is not authorized to perform: ses:GetAccount', { status: 403 });
      return { kind: 'answer', status: 200, body: JSON.stringify(found) };
    }
    if (method !== 'POST' || path !== SES_SEND) return null;
    count += 1;
    return { kind: 'answer', status: 200, body: JSON.stringify({ MessageId: `0102018f-${count}` }) };
  });
}

type SesBody = {
  readonly FromEmailAddress?: string;
  readonly Destination: { readonly ToAddresses: readonly string[] };
  readonly Content: { readonly Raw: { readonly Data: string } };
  readonly EmailTags: readonly { readonly Name: string; readonly Value: string }[];
  readonly ConfigurationSetName?: string;
};

export function sesBody({ body }: CloudRequest): SesBody {
  return JSON.parse(body.toString('utf8')) as SesBody;
}

export function sesSends(server: CloudServer): readonly CloudRequest[] {
  return server.requests.filter(({ path }) => path === SES_SEND);
}

/** In the order in which it came. */
export function sesArrived(server: CloudServer): readonly Arrived[] {
  return sesSends(server).map((request) => {
    const { FromEmailAddress, Destination, Content } = sesBody(request);
    return {
      sender: FromEmailAddress ?? '',
      recipients: Destination.ToAddresses,
      content: Buffer.from(Content.Raw.Data, 'base64'),
    };
  });
}

/** Which access key signed it (AWS Signature Version 4). */
export function sesKeyOf({ headers }: CloudRequest): string {
  return /Credential=([^/]+)\//.exec(headers['authorization'] ?? '')?.[1] ?? '';
}
