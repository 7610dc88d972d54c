/** What the answers of Mailgun mean, by its documents of the sending API. Pure. What is not in them is the exit's trouble, and temporary. */
import { WORDS_MOST } from '../cloud/failure.ts';
import type { ProviderAnswer } from '../cloud/provider.ts';

type Answer = Exclude<ProviderAnswer, { kind: 'taken' | 'stopped' | 'in-doubt' }>;

export type MailgunRefusal = {
  /** 4yz. */
  readonly status: number;
  /** Of the body; null: it is no JSON with a message. */
  readonly message: string | null;
  /** Of the body as it came, for one that is no JSON. */
  readonly raw: string;
  readonly retryAfterMs: number | null;
};

/** Out of credit, or of the plan's messages: nothing changes within minutes. */
const PLAN_REST_MS = 900_000;

const SANDBOX =
  /sandbox|authorized recipients|free accounts|test(?:ing)? (?:purposes )?only|activate your mailgun account|business verification/i;
const PAUSED =
  /(?:account|domain|subaccount) .*(?:disabled|suspended|not allowed to send|blocked|paused)|is disabled|sending (?:is )?disabled/i;
const NO_DOMAIN =
  /domain .*not (?:found|exist|verified|active)|(?:unverified|inactive) domain|mailgun (?:magnificent|private) api/i;
const PLAN =
  /(?:monthly|daily|hourly|plan|message|sending|account) (?:message )?(?:sending )?(?:limit|quota|allotment)|limit .*(?:reached|exceeded)|out of credits|payment/i;
const BAD_ADDRESS = /(?:is )?not a valid address|invalid (?:recipient|address|email)|parameter is not a valid address/i;
const TOO_LARGE = /too large|exceeds? (?:the )?(?:maximum|size)|maximum message size/i;

export function mailgunAnswer(refusal: MailgunRefusal): Answer {
  const { status, retryAfterMs } = refusal;
  const message = refusal.message?.slice(0, WORDS_MOST) ?? null;
  const raw = refusal.raw.slice(0, WORDS_MOST);
  const text = message ?? (raw.trim() === '' ? 'without a word' : raw.slice(0, 100));
  const said = `answered ${status}: ${text}`;
  if (status === 429) {
    const advice = PLAN.test(text) ? { advice: PLAN_ADVICE } : {};
    return { kind: 'throttled', restMs: retryAfterMs, text: said, ...advice };
  }
  if (status === 402)
    return { kind: 'throttled', restMs: retryAfterMs ?? PLAN_REST_MS, text: said, advice: PLAN_ADVICE };
  if (status === 413) return { kind: 'unsuited', text: 'the message is larger than it takes' };
  if (status === 404 && /mailgun magnificent api/i.test(raw))
    return { kind: 'closed', text: said, advice: 'Look at endpoint: this is not where messages are taken' };
  if (status === 401 || status === 403) return ofAccess(refusal, { said, text });
  // A page of somebody in between is no word of Mailgun.
  if (message === null) return { kind: 'failed', text: `${said}, which is no answer of Mailgun` };
  if (NO_DOMAIN.test(text) || status === 404) return { kind: 'closed', text: said, advice: DOMAIN_ADVICE };
  if (PLAN.test(text))
    return { kind: 'throttled', restMs: retryAfterMs ?? PLAN_REST_MS, text: said, advice: PLAN_ADVICE };
  if (SANDBOX.test(text)) return { kind: 'closed', text: said, advice: SANDBOX_ADVICE, isOfThis: true };
  if (PAUSED.test(text)) return { kind: 'closed', text: said, advice: PAUSED_ADVICE };
  if (TOO_LARGE.test(text)) return { kind: 'unsuited', text };
  if (BAD_ADDRESS.test(text)) {
    if (/'?\bto\b'? parameter|recipient/i.test(text) || !/'?\bfrom\b'?/i.test(text))
      return { kind: 'refused', scope: 'recipient', detail: '1.3', text };
    return { kind: 'refused', scope: 'message', detail: '1.7', text };
  }
  if (status === 400 || status === 406 || status === 422)
    return { kind: 'refused', scope: 'message', detail: '6.0', text };
  return { kind: 'failed', text: said };
}

/** 401 and 403 are about the key, but where Mailgun says that they are about the account. */
function ofAccess(
  { status, retryAfterMs: restMs }: MailgunRefusal,
  { said, text }: { readonly said: string; readonly text: string },
): Answer {
  if (status === 403 && PLAN.test(text))
    return { kind: 'throttled', restMs: restMs ?? PLAN_REST_MS, text: said, advice: PLAN_ADVICE };
  if (status === 403 && SANDBOX.test(text))
    return { kind: 'closed', text: said, advice: SANDBOX_ADVICE, isOfThis: true };
  if (status === 403 && PAUSED.test(text)) return { kind: 'closed', text: said, advice: PAUSED_ADVICE };
  if (status === 403 && NO_DOMAIN.test(text)) return { kind: 'closed', text: said, advice: DOMAIN_ADVICE };
  return { kind: 'key-refused', text: said };
}

const PLAN_ADVICE = 'The plan’s messages or credits are used up: look at billing in the Mailgun console';
const DOMAIN_ADVICE =
  'Look at domain: Mailgun has none of this name that is verified (one of the EU is at endpoint https://api.eu.mailgun.net)';
const SANDBOX_ADVICE =
  'The domain is a sandbox, or the account is for tests: add the recipients as authorized, or send by a domain and a plan of your own';
const PAUSED_ADVICE = 'Mailgun has disabled the account or the domain: its support says why';
