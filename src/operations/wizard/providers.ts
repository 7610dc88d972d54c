/** By what mail leaves, as somebody fills it into a form: servers of one's own, and keys of clouds. Pure. */
import { z } from 'zod';

const NAME = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a name of letters, digits, - _ and .');
const TEXT = z.string().trim().max(500);
const NEEDED = TEXT.min(1, 'is needed');
const DAILY = z.int().min(1).max(100_000_000).nullable().default(null);

const SMTP = z.strictObject({
  type: z.literal('smtp'),
  name: NAME,
  host: NEEDED,
  port: z.int().min(1).max(65_535).default(587),
  tls: z.enum(['starttls', 'implicit', 'opportunistic', 'none']).default('starttls'),
  username: TEXT.default(''),
  password: z.string().max(500).default(''),
  dailyLimit: DAILY,
});
const SENDGRID = z.strictObject({ type: z.literal('sendgrid'), name: NAME, apiKey: NEEDED, dailyLimit: DAILY });
const MAILGUN = z.strictObject({
  type: z.literal('mailgun'),
  name: NAME,
  apiKey: NEEDED,
  domain: NEEDED,
  region: z.enum(['us', 'eu']).default('us'),
  dailyLimit: DAILY,
});
const SES = z.strictObject({
  type: z.literal('ses'),
  name: NAME,
  region: NEEDED,
  accessKeyId: NEEDED,
  secretAccessKey: NEEDED,
  dailyLimit: DAILY,
});
const MX = z.strictObject({ type: z.literal('mx'), name: NAME, dailyLimit: DAILY });

/** One exit. Secrets may be references, such as `${SMTP_PASSWORD_1}`. */
export const PROVIDER = z.discriminatedUnion('type', [SMTP, SENDGRID, MAILGUN, SES, MX]);
export type Provider = z.infer<typeof PROVIDER>;
export const PROVIDER_TYPES = ['smtp', 'mx', 'sendgrid', 'mailgun', 'ses'] as const;

/** What the policy says in the place of a secret. */
export type SecretReference = (name: string, text: string) => string;

/** What stands below `egress.NAME`. */
export function exitOf(provider: Provider, secret: SecretReference): Record<string, unknown> {
  const { name, dailyLimit } = provider;
  const limit = dailyLimit === null ? {} : { dailyLimit };
  const kept = (key: string, text: string): string => secret(`${name}.${key}`, text);
  switch (provider.type) {
    case 'smtp': {
      const { host, port, tls, username, password } = provider;
      const login = username === '' ? {} : { username, password: kept('password', password) };
      return { type: 'smtp', host, port, tls, ...login, ...limit };
    }
    case 'sendgrid':
      return { type: 'sendgrid', apiKeys: [kept('key', provider.apiKey)], ...limit };
    case 'mailgun': {
      const region = provider.region === 'eu' ? { endpoint: 'https://api.eu.mailgun.net' } : {};
      return { type: 'mailgun', domain: provider.domain, apiKeys: [kept('key', provider.apiKey)], ...region, ...limit };
    }
    case 'ses': {
      const { region, accessKeyId, secretAccessKey } = provider;
      return { type: 'ses', region, accessKeyId, secretAccessKey: kept('key', secretAccessKey), ...limit };
    }
    case 'mx':
      return { type: 'mx', ...limit };
  }
}

/** Whether its servers or provider are somebody else's, who is paid by the message. */
export function isCloud({ type }: Pick<Provider, 'type'>): boolean {
  return type === 'sendgrid' || type === 'mailgun' || type === 'ses';
}
