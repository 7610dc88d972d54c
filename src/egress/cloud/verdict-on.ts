/** What a provider's answer is for the recipients of a request. Pure. */
import { plainText } from '../../message/plain-text.ts';
import { assertNever, type Outcome } from '../../message/outcome.ts';
import type { ProviderAnswer } from './provider.ts';

/** Of what a provider says, in a reply. */
const TEXT_MOST = 500;

/** Nobody is waited for longer than this, whatever it asks for. */
const REST_MOST_MS = 900_000;
/** Where a provider only says that it was too much. */
const FIRST_REST_MS = 5_000;
const DOUBLED_MOST_MS = 300_000;

/** @param times in a row that it was too much, from 1 */
export function restAfter(restMs: number | null, times: number): number {
  if (restMs === null) return Math.min(DOUBLED_MOST_MS, FIRST_REST_MS * 2 ** Math.min(10, times - 1));
  return Math.min(REST_MOST_MS, Math.max(1_000, restMs));
}

/**
 * @param answer a refused recipient is the only one of its request
 * @param restMs as `restAfter` has it
 */
export function outcomeOf(
  answer: Exclude<ProviderAnswer, { kind: 'taken' }>,
  { title, restMs }: { readonly title: string; readonly restMs: number },
): Outcome {
  switch (answer.kind) {
    case 'refused':
      return refusal(answer.scope, answer.detail, { title, text: answer.text });
    case 'key-refused':
      return deferred('7.8', `${title} refuses the key: ${answer.text}`);
    case 'throttled':
      return { ...deferred('4.5', `${title} asks to wait: ${answer.text}`), restMs };
    case 'closed':
      return deferred('7.1', `${title} takes no mail of this exit: ${answer.text}`);
    case 'unsuited':
      return { ...deferred('7.1', `${title} does not take this message: ${answer.text}`), unfit: true };
    case 'failed':
      return deferred('4.2', `${title}: ${answer.text}`);
    case 'in-doubt':
      return {
        kind: 'in-doubt',
        own: true,
        reply: { code: 451, detail: '4.2', text: plainText(`${title}: ${answer.text}`, TEXT_MOST) },
      };
    case 'stopped':
      return {
        kind: 'deferred',
        own: true,
        scope: 'message',
        reply: { code: 451, detail: '3.2', text: 'stopped before the message was sent' },
      };
    default:
      return assertNever(answer);
  }
}

/** 550 as the provider says it. */
export function refusal(
  scope: 'message' | 'recipient',
  detail: string,
  { title, text }: { readonly title: string; readonly text: string },
): Outcome {
  const said = plainText(`${title} refused it: ${text}`, TEXT_MOST);
  return { kind: 'bounced', scope, reply: { code: 550, detail, text: said } };
}

function deferred(detail: string, text: string): Extract<Outcome, { kind: 'deferred' }> {
  const reply = { code: 451, detail, text: plainText(text, TEXT_MOST) };
  return { kind: 'deferred', own: true, scope: 'egress', reply };
}
