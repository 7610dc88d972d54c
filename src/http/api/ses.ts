/** What programs with the AWS SDK ask of Amazon SES, API version 2: they come here by another endpoint. */
import { z } from 'zod';
import type { Answer } from '../answer.ts';
import { type ApiCall, type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import { sesError, sesErrorOf } from '../ses/errors.ts';
import { outboundSchema } from '../ses/outbound.ts';
import type { Signatures } from '../ses/signatures.ts';
import { digestOf, isKey, type Once, onceOf } from '../submission/idempotency.ts';
import { type Outcome, Submitter } from '../submission/submitter.ts';
import { mailOf, mostBytesOf, type SubmitNeeds } from './submit.ts';

export type SesNeeds = SubmitNeeds & { readonly signatures: Signatures };

/** By these the SDKs tell the tries of one call from other calls. */
const INVOCATION_FIELDS = ['amz-sdk-invocation-id', 'aws-sdk-invocation-id'] as const;
const NO_BODY = Buffer.alloc(0);
/** Messages a second that programs are told they may send: the relay paces what leaves it. */
const SEND_RATE = 1_000;
const UNLIMITED = -1;

export function sesRoutes(needs: SesNeeds): readonly ApiRoute[] {
  const submitter = new Submitter(needs);
  const { signatures } = needs;
  const shared = {
    scope: 'submit',
    unaudited: 'own-history',
    part: 'ses',
    admission: (ask: Parameters<Signatures['admit']>[0]) => signatures.admit(ask),
    wrong: sesWords,
  } as const;
  return [
    defineRoute<unknown, Buffer>({
      ...shared,
      method: 'POST',
      path: '/v2/email/outbound-emails',
      summary: "Takes one message as SES's SendEmail does: raw or simple. See docs/http-submission.md",
      body: { as: 'bytes', contentTypes: ['application/json'], json: outboundSchema },
      mostBytes: () => mostBytesOf(needs),
      answer: z.object({ MessageId: z.string() }),
      run: async (call) => (await refusal(signatures, call, call.body)) ?? (await send(needs, submitter, call)),
    }),
    defineRoute({
      ...shared,
      method: 'GET',
      path: '/v2/email/account',
      summary: "What programs ask of SES's GetAccount before they send: that sending is enabled",
      answer: z.looseObject({ SendingEnabled: z.boolean() }),
      run: async (call) => (await refusal(signatures, call, NO_BODY)) ?? { kind: 'json', value: ACCOUNT },
    }),
  ];
}

const ACCOUNT = {
  DedicatedIpAutoWarmupEnabled: false,
  EnforcementStatus: 'HEALTHY',
  ProductionAccessEnabled: true,
  SendQuota: { Max24HourSend: UNLIMITED, MaxSendRate: SEND_RATE, SentLast24Hours: 0 },
  SendingEnabled: true,
};

/** Errors of ours in the words of SES; those that are in them already stay. */
function sesWords(answer: Answer): Answer {
  return answer.headers?.['x-amzn-errortype'] === undefined ? sesErrorOf(answer) : answer;
}

async function refusal(
  signatures: Signatures,
  { principal }: ApiCall<unknown, unknown>,
  body: Buffer,
): Promise<ApiReply | null> {
  const answer = await signatures.believed(principal, body);
  return answer === null ? null : { kind: 'answer', answer };
}

async function send(needs: SesNeeds, submitter: Submitter, call: ApiCall<unknown, Buffer>): Promise<ApiReply> {
  const once = await onceFor(needs, call);
  const first = once === null ? null : await submitter.earlier(once);
  if (first !== null) return replyTo(first);
  const read = await mailOf(needs, 'outbound', call.body);
  if ('status' in read) return { kind: 'answer', answer: sesWords(read) };
  const [message] = read;
  if (message?.kind !== 'composed') {
    const [fault] = message?.faults ?? [];
    const text = `${fault?.path ?? ''}: ${fault?.text ?? 'cannot be read'}`;
    return { kind: 'answer', answer: sesError('BadRequestException', 400, { message: text }) };
  }
  return replyTo(await submitter.submit(message.message, call, once));
}

function replyTo(outcome: Outcome): ApiReply {
  if (outcome.kind === 'accepted') return { kind: 'json', value: { MessageId: outcome.id } };
  return { kind: 'answer', answer: refusedMail(outcome) };
}

/** What SES refuses of a message, and of a sender that it does not know, is `MessageRejected`. */
function refusedMail({ why, answer }: Extract<Outcome, { kind: 'refused' }>): Answer {
  const told = sesErrorOf(answer);
  const { message } = JSON.parse(told.text) as { readonly message: string };
  if (why === 'sender' || why === 'content') return sesError('MessageRejected', 400, { message });
  return why === 'client' && answer.status === 403 ? sesError('AccountSuspendedException', 400, { message }) : told;
}

/**
 * The tries of one call are one message, and what somebody recorded and sends again is none of its own: without a name that
 * was signed the signature itself is one.
 */
async function onceFor(
  { signatures }: SesNeeds,
  { principal, header, body }: ApiCall<unknown, Buffer>,
): Promise<Once | null> {
  const shown = signatures.shownBy(principal);
  const fields = shown === null ? ['idempotency-key', ...INVOCATION_FIELDS] : INVOCATION_FIELDS;
  const field = fields.find((name) => header(name) !== null && (shown === null || shown.signedHeaders.includes(name)));
  const name = field === undefined ? (shown?.signature ?? null) : header(field);
  if (name === null || !isKey(name)) return null;
  const owner = `${principal.kind}:${principal.name}`;
  return onceOf({ owner, name: `ses:${name}`, digest: await digestOf(['ses'], body) });
}
