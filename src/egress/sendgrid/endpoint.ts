/** Where SendGrid's service is: by SMTP, or its API. Pure. */
import type { SendgridEgressPolicy } from '../../policy/schema.ts';
import type { TlsMode } from '../smtp/session.ts';

const SMTP_ENDPOINT = 'smtp://smtp.sendgrid.net:587';
const API_ENDPOINT = 'https://api.sendgrid.com';

export type SmtpEndpoint = { readonly host: string; readonly port: number; readonly tls: TlsMode };

/**
 * `smtp:` is STARTTLS with a checked certificate, `smtps:` TLS from the first byte; `smtp:` on loopback, where nobody
 * listens in, is clear text.
 */
export function smtpEndpointOf({ endpoint = SMTP_ENDPOINT }: Pick<SendgridEgressPolicy, 'endpoint'>): SmtpEndpoint {
  const { protocol, hostname, port } = new URL(endpoint);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (protocol === 'smtps:') return { host, port: port === '' ? 465 : Number(port), tls: 'implicit' };
  return { host, port: port === '' ? 587 : Number(port), tls: isLoopback(host) ? 'none' : 'starttls' };
}

export function apiEndpointOf({ endpoint = API_ENDPOINT }: Pick<SendgridEgressPolicy, 'endpoint'>): URL {
  return new URL(endpoint);
}

/** The API beside that SMTP server; null: it is none of SendGrid's. */
export function apiBesideOf(policy: Pick<SendgridEgressPolicy, 'endpoint'>): URL | null {
  const found = /^smtp\.(eu\.)?sendgrid\.net$/.exec(smtpEndpointOf(policy).host);
  return found === null ? null : new URL(`https://api.${found[1] ?? ''}sendgrid.com`);
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || /^127\.\d+\.\d+\.\d+$/.test(host);
}
