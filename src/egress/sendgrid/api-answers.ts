/** What the answers of SendGrid's v3 API mean, by its documents. Pure. */
import type { IncomingHttpHeaders } from 'node:http';
import { plainText } from '../../message/plain-text.ts';
import { ofStatus, WORDS_MOST } from '../cloud/failure.ts';
import type { HttpAnswer } from '../cloud/http.ts';
import type { ProviderAnswer } from '../cloud/provider.ts';
import { retryAfterMs } from '../cloud/retry-after.ts';

export type ApiError = { readonly message: string; readonly field: string };

/** `bad-recipients`: nobody got it, since some addresses are none: the places of them in the lists of the request. */
export type ApiAnswer =
  | ProviderAnswer
  | {
      readonly kind: 'bad-recipients';
      readonly places: readonly { readonly list: 'to' | 'cc' | 'bcc'; readonly at: number; readonly text: string }[];
    };

const TEXT_MOST = 300;

/** @param nowMs wall time, for the time at which a limit ends */
export function answerOf(
  answer: HttpAnswer,
  { host, nowMs }: { readonly host: string; readonly nowMs: number },
): ApiAnswer {
  const { status, headers, body, isWhole } = answer;
  if (status === 202) return { kind: 'taken', providerId: idOf(headers), text: 'accepted' };
  const strange = ofStatus(answer, host);
  if (strange !== null) return strange;
  const errors = errorsOf(body);
  const text = textOf(errors, status);
  if (status >= 200 && status < 300) return { kind: 'in-doubt', text: `an answer that is no receipt: ${text}` };
  if (status === 429) return { kind: 'throttled', restMs: restMsOf(headers, nowMs), text };
  if (!isWhole && errors.length === 0) return { kind: 'failed', text: `${text}, and the answer was cut off` };
  return ofRefusal(status, errors, text);
}

function ofRefusal(status: number, errors: readonly ApiError[], text: string): ApiAnswer {
  const said = errors.map(({ message }) => message).join(' ');
  if (/maximum credits exceeded/i.test(said))
    return { kind: 'throttled', restMs: null, text, advice: 'Raise the plan, or wait until its credits are renewed' };
  if (/verified sender identity/i.test(said))
    return {
      kind: 'closed',
      text,
      advice: 'Verify the sender’s domain at SendGrid (sender authentication)',
      isOfThis: true,
    };
  if (/suspended|under review|disabled|deactivated|billing/i.test(said) && (status === 401 || status === 403))
    return { kind: 'closed', text, advice: 'Ask SendGrid about the account' };
  if (status === 401 || status === 403) return { kind: 'key-refused', text };
  if (status === 404 || status === 405 || status === 415)
    return {
      kind: 'closed',
      text,
      advice: 'Check the endpoint of this exit: what answers there is not SendGrid’s v3 API',
    };
  if (status === 413) return { kind: 'unsuited', text };
  if (status !== 400) return { kind: 'failed', text };
  const places = errors.map(placeOf);
  const known = places.filter((place) => place !== null);
  if (known.length > 0 && known.length === places.length) return { kind: 'bad-recipients', places: known };
  // Without a word why, it may not have been SendGrid: a proxy, say.
  if (errors.length === 0) return { kind: 'failed', text };
  // What it has against the form that the message was given, another exit has not.
  if (!errors.every(({ field }) => /^(?:null|content|subject|from)?(?:\.|$)/.test(field)))
    return { kind: 'unsuited', text };
  return { kind: 'refused', scope: 'message', detail: '6.0', text };
}

/** `personalizations.0.to.1.email`: an address that is none. */
function placeOf({ field, message }: ApiError): { list: 'to' | 'cc' | 'bcc'; at: number; text: string } | null {
  const [, list, at] = /^personalizations\.0\.(to|cc|bcc)\.(\d{1,4})(?:\.email)?$/.exec(field) ?? [];
  if (list !== 'to' && list !== 'cc' && list !== 'bcc') return null;
  return { list, at: Number(at), text: plainText(message, TEXT_MOST) };
}

function idOf(headers: IncomingHttpHeaders): string | null {
  const id = headers['x-message-id'];
  return typeof id === 'string' && /^[\x21-\x7e]{1,200}$/.test(id) ? id : null;
}

/** At most ten of them. */
export function errorsOf(body: Buffer): readonly ApiError[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch {
    return [];
  }
  const errors = typeof parsed === 'object' && parsed !== null && 'errors' in parsed ? parsed.errors : null;
  if (!Array.isArray(errors)) return [];
  return errors.slice(0, 10).flatMap((one: unknown) => {
    if (typeof one !== 'object' || one === null) return [];
    const { message, field } = one as { readonly message?: unknown; readonly field?: unknown };
    return [{ message: wordsOf(message), field: wordsOf(field) }];
  });
}

function wordsOf(value: unknown): string {
  return typeof value === 'string' ? value.slice(0, WORDS_MOST) : '';
}

function textOf(errors: readonly ApiError[], status: number): string {
  const said = errors.map(({ message, field }) =>
    field === '' || field === 'null' ? message : `${message} (${field})`,
  );
  return plainText(said.length === 0 ? `HTTP ${status}` : `HTTP ${status}: ${said.join('; ')}`, TEXT_MOST);
}

/** `Retry-After`, or `X-RateLimit-Reset` in seconds since 1970; ms from now. */
function restMsOf(headers: IncomingHttpHeaders, nowMs: number): number | null {
  const afterMs = retryAfterMs(headers['retry-after'], nowMs);
  if (afterMs !== null) return afterMs;
  const reset = headers['x-ratelimit-reset'];
  return typeof reset === 'string' && /^\d{9,11}$/.test(reset) ? Math.max(0, Number(reset) * 1_000 - nowMs) : null;
}
