/** What is asked of Mailgun without sending: its events, and the domain. By mailgun.js, loaded when it is needed. */
import type Mailgun from 'mailgun.js';
import type { MailgunEgressPolicy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import type { Mail, Whether } from '../egress.ts';
import type { CloudKey } from '../cloud/provider.ts';
import { MESSAGE_TAG } from '../cloud/tags.ts';
import { MAILGUN_URL } from './mailgun-provider.ts';

/** Events of one message to one domain's recipients; more recipients are not asked about. */
const EVENTS_MOST = 300;
/** The clocks of both sides, and the time between taking a message and telling of it. */
const SLACK_MS = 600_000;

/** As far as it is told. */
export type MailgunDomain = { readonly state: string; readonly isSandbox: boolean; readonly isDisabled: boolean };

export type Read<Found> =
  | { readonly kind: 'found'; readonly found: Found }
  /** `status` 0: there was no answer. */
  | { readonly kind: 'failed'; readonly status: number; readonly text: string };

export class MailgunReader {
  readonly #policy: MailgunEgressPolicy;
  readonly #clock: Clock;

  constructor(policy: MailgunEgressPolicy, clock: Clock) {
    this.#policy = policy;
    this.#clock = clock;
  }

  /** By the argument that each message has. Only recipients whom Mailgun names are taken. */
  async whether(mail: Mail, key: CloudKey, signal: AbortSignal): Promise<Whether> {
    const { domain } = this.#policy;
    const query = {
      event: 'accepted',
      [`user-variables.${MESSAGE_TAG}`]: mail.message.id,
      begin: String(Math.floor((mail.message.receivedAtMs - SLACK_MS) / 1_000)),
      ascending: 'yes',
      limit: EVENTS_MOST,
    };
    // `events.get` knows no arguments of its caller's own, and writes to stderr that it is deprecated.
    const path = `/v3/${encodeURIComponent(domain)}/events`;
    const read = await this.#read<unknown>(key, signal, (client) => client.request.get(path, query));
    if (read.kind === 'failed') return { kind: 'unknown' };
    const found = at(at(read.found, 'body'), 'items');
    if (!Array.isArray(found)) return { kind: 'unknown' };
    const events = found.map(acceptedOf).filter((one) => one.messageId === mail.message.id);
    const named = new Set(events.map(({ recipient }) => recipient));
    const addresses = mail.recipients.map(({ address }) => address).filter((one) => named.has(one.toLowerCase()));
    const isAll = addresses.length === mail.recipients.length;
    // Whom a page that is full does not name may be on the next.
    if (!isAll && found.length >= EVENTS_MOST) return { kind: 'unknown' };
    if (addresses.length === 0) return { kind: 'not-taken' };
    const providerId = events.find(({ id }) => id !== null)?.id ?? null;
    return { kind: 'taken', providerId, ...(isAll ? {} : { addresses }) };
  }

  async domain(key: CloudKey, signal: AbortSignal): Promise<Read<MailgunDomain>> {
    const read = await this.#read(key, signal, (client) => client.domains.get(this.#policy.domain));
    if (read.kind === 'failed') return read;
    const { state, type, is_disabled: isDisabled } = read.found;
    return { kind: 'found', found: { state, isSandbox: type === 'sandbox', isDisabled } };
  }

  async #read<Found>(
    key: CloudKey,
    signal: AbortSignal,
    ask: (client: ReturnType<Mailgun['client']>) => Promise<Found>,
  ): Promise<Read<Found>> {
    const { endpoint, timeout: timeoutMs } = this.#policy;
    const { default: Package } = await import('mailgun.js');
    const client = new Package(FormData).client({
      username: 'api',
      key: key.secret,
      url: endpoint ?? MAILGUN_URL,
      timeout: timeoutMs,
    });
    const late = this.#clock.sleep(timeoutMs, signal).then(
      () => 'late' as const,
      () => 'late' as const,
    );
    try {
      const found = await Promise.race([ask(client), late]);
      return found === 'late' ? { kind: 'failed', status: 0, text: 'no answer in time' } : { kind: 'found', found };
    } catch (error) {
      return failureOf(error);
    }
  }
}

/** mailgun.js calls a connection that broke a 400. */
function failureOf(error: unknown): Extract<Read<never>, { kind: 'failed' }> {
  const of: object = typeof error === 'object' && error !== null ? error : {};
  const status = 'status' in of && typeof of.status === 'number' ? of.status : 0;
  const details = 'details' in of && typeof of.details === 'string' ? of.details : '';
  const message = error instanceof Error ? error.message : String(error);
  const text = details === '' ? message : details;
  const isNetwork = /ECONN|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|ERR_NETWORK|EHOST|ENET|socket hang up|timeout of/i.test(text);
  return { kind: 'failed', status: isNetwork ? 0 : status, text };
}

function acceptedOf(event: unknown): {
  readonly messageId: string;
  readonly recipient: string;
  readonly id: string | null;
} {
  const variables = at(event, 'user-variables');
  const id = at(at(at(event, 'message'), 'headers'), 'message-id');
  return {
    messageId: textOf(at(variables, MESSAGE_TAG)),
    recipient: textOf(at(event, 'recipient')).toLowerCase(),
    id: typeof id === 'string' && id !== '' ? id : null,
  };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}

function at(value: unknown, key: string): unknown {
  return typeof value === 'object' && value !== null && Object.hasOwn(value, key)
    ? (value as Record<string, unknown>)[key]
    : undefined;
}
