/**
 * Mailgun by its API: `messages.mime`, the message as it is. Posted by the relay's own HTTP: mailgun.js throws away
 * `Retry-After`, makes a 400 of a connection that was refused, and does not know whether the message went out. What is only
 * asked (events, the domain) is asked by mailgun.js.
 */
import type { MailgunEgressPolicy } from '../../policy/schema.ts';
import type { Clock, Random } from '../../ports.ts';
import type { Mail } from '../egress.ts';
import { ofFailure, ofStatus } from '../cloud/failure.ts';
import { type ExitSign, fittedContent } from '../cloud/headers.ts';
import type { HttpAnswer, HttpClient } from '../cloud/http.ts';
import type { CloudKey, Order, Prepared, Provider, ProviderAnswer } from '../cloud/provider.ts';
import { retryAfterMs } from '../cloud/retry-after.ts';
import { tagsOf } from '../cloud/tags.ts';
import { mailgunAnswer } from './mailgun-answer.ts';
import { mailgunForm } from './mailgun-form.ts';
import type { MailgunReader } from './mailgun-reader.ts';

/** By its documents: recipients of a call, bytes of a message, characters of a tag. */
const BATCH_MOST = 1_000;
const SIZE_MOST = 25 * 1024 * 1024;
const TAG_MOST = 128;

export const MAILGUN_URL = 'https://api.mailgun.net';

export type MailgunProviderNeeds = {
  readonly policy: MailgunEgressPolicy;
  readonly http: HttpClient;
  readonly reader: MailgunReader;
  readonly sign: ExitSign | null;
  readonly clock: Clock;
  readonly random: Pick<Random, 'bytes'>;
  readonly dispose: () => Promise<void>;
};

/** What is sent: the message. */
export type MailgunParcel = Buffer;

export function mailgunProvider(needs: MailgunProviderNeeds): Provider<MailgunParcel> {
  const { policy, reader, dispose } = needs;
  return {
    title: 'Mailgun',
    host: new URL(policy.endpoint ?? MAILGUN_URL).hostname,
    batchMost: BATCH_MOST,
    prepare: (mail) => prepared(mail, needs),
    send: (order) => send(order, needs),
    whether: (mail, key, signal) => reader.whether(mail, key, signal),
    [Symbol.asyncDispose]: dispose,
  };
}

async function prepared(mail: Mail, { policy, sign }: MailgunProviderNeeds): Promise<Prepared<MailgunParcel>> {
  const { dkim, stripHeaders: strip, keepHeaders: keep } = policy;
  const rules = { dkim, strip, orders: ORDERS, keep, once: NOTHING, rewritten: NOTHING };
  const content = await fittedContent(mail, rules, sign);
  if (content.length > SIZE_MOST)
    return { kind: 'unfit', why: `Mailgun takes messages of at most ${SIZE_MOST / 1_048_576} MB` };
  return { kind: 'ready', parcel: content };
}

/** To drop the message, to send it as a test, to track it, with other recipients' variables. */
const ORDERS: readonly string[] = ['x-mailgun-*'];
const NOTHING: ReadonlySet<string> = new Set();

async function send(
  { mail, parcel, key, watch }: Order<MailgunParcel>,
  { policy, http, clock, random }: MailgunProviderNeeds,
): Promise<ProviderAnswer> {
  const url = mailgunSendUrl(policy);
  const boundary = `relevo-${random.bytes(24).toString('hex')}`;
  const { contentType, body } = mailgunForm(fieldsOf(mail), { content: parcel, boundary });
  const headers = { Authorization: authorization(key), 'Content-Type': contentType, Accept: 'application/json' };
  const result = await http.ask({ method: 'POST', url, headers, body }, watch);
  if (result.kind === 'failed') return ofFailure(result, url.hostname);
  return ofStatus(result, url.hostname) ?? ofAnswer(result, clock.nowMs());
}

/** Where messages are posted. */
export function mailgunSendUrl({
  endpoint = MAILGUN_URL,
  domain,
}: Pick<MailgunEgressPolicy, 'endpoint' | 'domain'>): URL {
  return new URL(`${endpoint.replace(/\/$/, '')}/v3/${encodeURIComponent(domain)}/messages.mime`);
}

/** The header field that says who asks. */
export function authorization({ secret }: CloudKey): string {
  return `Basic ${Buffer.from(`api:${secret}`).toString('base64')}`;
}

function fieldsOf(mail: Mail): [name: string, value: string][] {
  const { stream, tag } = mail.message;
  const tags = [stream, ...(tag === null || tag === '' ? [] : [tag])].map(asTag).filter((one) => one !== '');
  return [
    ...mail.recipients.map(({ address }): [string, string] => ['to', address]),
    ...[...new Set(tags)].map((one): [string, string] => ['o:tag', one]),
    ...[...tagsOf(mail)].map(([name, value]): [string, string] => [`v:${name}`, value.replace(/[\r\n]/g, ' ')]),
  ];
}

/** Mailgun takes tags in ASCII. */
function asTag(text: string): string {
  return text.replace(/[^\x21-\x7e]/gu, '_').slice(0, TAG_MOST);
}

function ofAnswer({ status, headers, body, isWhole }: HttpAnswer, nowMs: number): ProviderAnswer {
  const raw = body.toString('utf8');
  const parsed = jsonOf(raw);
  if (status >= 200 && status < 300) {
    const id = parsed?.['id'];
    if (!isWhole || typeof id !== 'string' || id === '')
      return { kind: 'in-doubt', text: 'its answer was not understood, or cut off' };
    return { kind: 'taken', providerId: id.replace(/^<|>$/g, ''), text: 'queued' };
  }
  const message = parsed?.['message'];
  return mailgunAnswer({
    status,
    message: typeof message === 'string' ? message : null,
    raw,
    retryAfterMs: retryAfterMs(headers['retry-after'], nowMs),
  });
}

function jsonOf(text: string): Record<string, unknown> | null {
  try {
    const parsed: unknown = JSON.parse(text);
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : null;
  } catch {
    return null;
  }
}
