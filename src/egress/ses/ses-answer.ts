/**
 * What the errors of SES mean, by the documents of its API v2 (SendEmail, and the errors that all of AWS have). Pure. What is
 * in neither is the exit's trouble, and temporary.
 */
import { WORDS_MOST } from '../cloud/failure.ts';
import type { ProviderAnswer } from '../cloud/provider.ts';

export type SesError = {
  /** The error's class, such as `MessageRejected`; '' where the answer is none of AWS's. */
  readonly name: string;
  readonly text: string;
  readonly status: number;
  readonly retryAfterMs: number | null;
  /** By how much the clock of AWS is ahead of this machine's, ms; null: it did not say what time it is. */
  readonly aheadMs: number | null;
};

type Answer = Exclude<ProviderAnswer, { kind: 'taken' | 'stopped' | 'in-doubt' }>;

const KEY_REFUSED: ReadonlySet<string> = new Set([
  'UnrecognizedClientException',
  'InvalidClientTokenId',
  'InvalidAccessKeyId',
  'SignatureDoesNotMatch',
  'InvalidSignatureException',
  'IncompleteSignature',
  'IncompleteSignatureException',
  'MissingAuthenticationToken',
  'MissingAuthenticationTokenException',
  'AccessDeniedException',
  'AccessDenied',
  'ExpiredToken',
  'ExpiredTokenException',
  'OptInRequired',
  'CredentialsProviderError',
]);

const THROTTLED: ReadonlySet<string> = new Set([
  'TooManyRequestsException',
  'ThrottlingException',
  'Throttling',
  'RequestLimitExceeded',
  'LimitExceededException',
  'SlowDown',
]);

const CONTENT: ReadonlySet<string> = new Set([
  'MessageRejected',
  'BadRequestException',
  'ValidationException',
  'ValidationError',
  'InvalidParameterValue',
  'SerializationException',
]);

const CLOSED: Readonly<Record<string, string>> = {
  AccountSuspendedException: 'Amazon has suspended the account: its support centre says why',
  SendingPausedException:
    'Sending is paused for the account or the configuration set: look at reputation metrics in the SES console',
  MailFromDomainNotVerifiedException:
    'The custom MAIL FROM domain has no valid MX record: set it up, or remove it from the identity',
};

/** Of what AWS says about a signature and time. */
const SKEWED = /signature (?:expired|not yet current)|request has expired|too skewed/i;
const SKEW_ERRORS: ReadonlySet<string> = new Set(['RequestExpired', 'RequestTimeTooSkewed', 'RequestInTheFuture']);

/** More than this is refused by AWS at once. */
const DAY_QUOTA_REST_MS = 900_000;
const PER_SECOND_REST_MS = 1_000;

/** @param recipients of the request, addresses */
export function sesAnswer(whole: SesError, recipients: readonly string[]): Answer {
  const error = { ...whole, text: whole.text.slice(0, WORDS_MOST) };
  const { name, text, status } = error;
  if (SKEW_ERRORS.has(name) || SKEWED.test(text)) return skewed(error);
  if (/credential should be scoped to a valid region/i.test(text))
    return { kind: 'closed', text, advice: 'Set region to the one of the endpoint' };
  if (THROTTLED.has(name) || status === 429) return throttled(error);
  if (KEY_REFUSED.has(name)) return { kind: 'key-refused', text: `${name}: ${text}` };
  const advice = Object.hasOwn(CLOSED, name) ? CLOSED[name] : undefined;
  if (advice !== undefined) return { kind: 'closed', text: `${name}: ${text}`, advice };
  if (name === 'NotFoundException' || /configuration set .*(?:does not exist|not found)/i.test(text))
    return {
      kind: 'closed',
      text: `${name}: ${text}`,
      advice: 'Make the configuration set in this region, or take configurationSet out of the policy',
    };
  if (CONTENT.has(name) && status < 500) return ofTheMessage(error, recipients);
  if (status === 413) return { kind: 'unsuited', text: 'the message is larger than it takes' };
  const said = [name, text].filter((one) => one !== '').join(': ');
  return { kind: 'failed', text: status === 0 ? said : `answered ${status}${said === '' ? '' : ` ${said}`}` };
}

function skewed({ text, aheadMs }: SesError): Answer {
  const seconds = aheadMs === null ? null : Math.round(aheadMs / 1_000);
  const by = seconds === null ? '' : `: it is ${Math.abs(seconds)} s ${seconds > 0 ? 'behind' : 'ahead of'} Amazon's`;
  const advice = `Set the clock of this machine right (NTP)${by}; signatures hold for 5 minutes`;
  return { kind: 'closed', text: `the clocks differ${by} (${text})`, advice };
}

function throttled({ name, text, retryAfterMs }: SesError): Answer {
  const said = `${name}: ${text}`;
  if (/daily (?:message|sending) quota|24.?h/i.test(text)) {
    const advice = 'The daily sending quota is used up: ask Amazon for a larger one, or set dailyLimit';
    return { kind: 'throttled', restMs: retryAfterMs ?? DAY_QUOTA_REST_MS, text: said, advice };
  }
  const restMs = retryAfterMs ?? (/maximum sending rate/i.test(text) ? PER_SECOND_REST_MS : null);
  return { kind: 'throttled', restMs, text: said };
}

const BAD_ADDRESS =
  /illegal address|invalid (?:domain name|email address|recipient|address)|domain (?:contains|starts|ends)|local address|missing (?:final|local)|(?:user|local) name (?:is|contains)|address.*not (?:valid|properly)/i;

function ofTheMessage({ name, text }: SesError, recipients: readonly string[]): Answer {
  if (/not verified/i.test(text)) return notVerified(text, recipients);
  if (/larger than|exceeds? (?:the )?(?:maximum|size)|message length is more/i.test(text))
    return { kind: 'unsuited', text: `the message is too large: ${text}` };
  if (BAD_ADDRESS.test(text)) return { kind: 'refused', scope: 'recipient', detail: '1.3', text };
  return { kind: 'refused', scope: 'message', detail: '6.0', text: `${name}: ${text}` };
}

/** Only in the sandbox recipients are to be verified. */
function notVerified(text: string, recipients: readonly string[]): Answer {
  const said = text.toLowerCase();
  const isSandbox = recipients.some((address) => said.includes(address.toLowerCase()));
  return { kind: 'closed', text, advice: isSandbox ? SANDBOX_ADVICE : SENDER_ADVICE, isOfThis: true };
}

const SANDBOX_ADVICE =
  'The account is in the SES sandbox, where every recipient has to be verified: ask Amazon for production access';
const SENDER_ADVICE = 'Verify the domain of the sender in SES, in this region (that of the return path, too)';
