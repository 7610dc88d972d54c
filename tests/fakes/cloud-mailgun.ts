/** Mailgun as its sending API is documented: messages.mime, domains, events, and their errors. */
import type { Arrived } from '../../src/egress/egress.contract.ts';
import { type CloudAct, type CloudRequest, type CloudServer, startCloudServer } from './cloud-server.ts';

export const MAILGUN_DOMAIN = 'mg.example.com';
const SEND = `/v3/${MAILGUN_DOMAIN}/messages.mime`;

/** An error as the service words it. */
export function mailgunError(status: number, message: string, headers: Record<string, string> = {}): CloudAct {
  return { kind: 'answer', status, headers, body: JSON.stringify({ message }) };
}

export type MailgunFacts = {
  /** What `GET /v3/domains/NAME` says. */
  readonly domain?: () => CloudAct;
  /** What `GET /v3/DOMAIN/events` has. */
  readonly events?: (query: URLSearchParams) => readonly object[];
};

/** Takes every message for `MAILGUN_DOMAIN`, unless told otherwise. */
export function startMailgun({ domain, events }: MailgunFacts = {}): Promise<CloudServer> {
  let count = 0;
  return startCloudServer(({ method, path, query }) => {
    if (method === 'GET' && /^\/v[34]\/domains\//.test(path)) return domain?.() ?? soundDomain();
    if (method === 'GET' && path === `/v3/${MAILGUN_DOMAIN}/events`) {
      const paging = Object.fromEntries(['first', 'next', 'previous', 'last'].map((at) => [at, `http://fake/${at}`]));
      return { kind: 'answer', status: 200, body: JSON.stringify({ items: events?.(query) ?? [], paging }) };
    }
    if (method !== 'POST' || path !== SEND) return null;
    count += 1;
    const body = JSON.stringify({ id: `<20261122.${count}@${MAILGUN_DOMAIN}>`, message: 'Queued. Thank you.' });
    return { kind: 'answer', status: 200, body };
  });
}

function soundDomain(): CloudAct {
  const domain = { name: MAILGUN_DOMAIN, state: 'active', type: 'custom', is_disabled: false };
  return {
    kind: 'answer',
    status: 200,
    body: JSON.stringify({ domain, receiving_dns_records: [], sending_dns_records: [] }),
  };
}

export function mailgunSends(server: CloudServer): readonly CloudRequest[] {
  return server.requests.filter(({ path }) => path === SEND);
}

/** The fields of the form in their order; the message last, byte for byte. */
export function mailgunFields({ headers, body }: CloudRequest): readonly (readonly [name: string, value: Buffer])[] {
  const boundary = /boundary=(.+)$/.exec(headers['content-type'] ?? '')?.[1] ?? '';
  const text = body.toString('latin1');
  return text
    .split(`--${boundary}\r\n`)
    .slice(1)
    .map((part, place, parts) => {
      const end = place === parts.length - 1 ? `\r\n--${boundary}--\r\n`.length : 2;
      const start = part.indexOf('\r\n\r\n') + 4;
      const name = /name="([^"]+)"/.exec(part)?.[1] ?? '';
      return [name, Buffer.from(part.slice(start, part.length - end), 'latin1')] as const;
    });
}

/** Mailgun's envelope has no sender. */
export function mailgunArrived(server: CloudServer): readonly Arrived[] {
  return mailgunSends(server).map((request) => {
    const fields = mailgunFields(request);
    return {
      sender: '',
      recipients: fields.filter(([name]) => name === 'to').map(([, value]) => value.toString()),
      content: fields.find(([name]) => name === 'message')?.[1] ?? Buffer.alloc(0),
    };
  });
}

/** Which key it came with. */
export function mailgunKeyOf({ headers }: CloudRequest): string {
  const basic = /^Basic (.+)$/.exec(headers['authorization'] ?? '')?.[1] ?? '';
  return Buffer.from(basic, 'base64').toString().replace(/^api:/, '');
}
