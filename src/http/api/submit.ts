/** Mail over HTTP: whole messages, messages as JSON, and many of them at once. */
import { z } from 'zod';
import { type Answer, json, problem } from '../answer.ts';
import { type Fault, faulty } from '../faults.ts';
import { type ApiCall, type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import { type BodyReader, UnreadBody } from '../submission/bodies.ts';
import type { Composed } from '../submission/compose.ts';
import { envelopeOf } from '../submission/envelope.ts';
import { mailSchema } from '../submission/mail.ts';
import { digestOf, isKey, type Once, onceOf } from '../submission/idempotency.ts';
import type { Form, Read } from '../submission/reader.ts';
import { type Outcome, type Sender, Submitter, type SubmitterNeeds } from '../submission/submitter.ts';

export type SubmitNeeds = SubmitterNeeds & { readonly bodies: BodyReader };

const MESSAGES = '/api/v1/messages';
const RAW = 'message/rfc822';
const JSON_TYPE = 'application/json';
/** Base64 makes 4 of 3 bytes; lines in it, and the rest of the request, a little more. */
const JSON_SHARE = 1.4;
const JSON_REST_BYTES = 256 * 1024;
/** Messages of a batch that are on their way at once: they share writes to the disk. */
const BATCH_AT_ONCE = 10;

const query = z.strictObject({
  from: z
    .string()
    .max(1_000)
    .exactOptional()
    .meta({ description: 'Of message/rfc822: the envelope sender. Default: its From' }),
  to: z
    .string()
    .max(8_000)
    .exactOptional()
    .meta({ description: 'Of message/rfc822: recipients, separated by commas. Default: its To, Cc and Bcc' }),
  client: z
    .string()
    .max(64)
    .exactOptional()
    .meta({ description: 'Of message/rfc822: the client of the policy to submit it as' }),
});
type Query = z.infer<typeof query>;

const taken = z.object({ id: z.string(), href: z.string() });

export function submitRoutes(needs: SubmitNeeds): readonly ApiRoute[] {
  const submitter = new Submitter(needs);
  const mostBytes = (): number => mostBytesOf(needs);
  return [
    defineRoute<Query, Buffer>({
      method: 'POST',
      path: MESSAGES,
      scope: 'submit',
      unaudited: 'own-history',
      part: 'messages',
      summary: 'Takes one message, whole (message/rfc822) or as JSON; 202 once it is kept. See docs/http-submission.md',
      query,
      body: { as: 'bytes', contentTypes: [JSON_TYPE, RAW], json: mailSchema },
      mostBytes,
      answer: taken,
      run: (call) => one(needs, submitter, call),
    }),
    defineRoute<unknown, Buffer>({
      method: 'POST',
      path: `${MESSAGES}/batch`,
      scope: 'submit',
      unaudited: 'own-history',
      part: 'messages',
      summary: 'Takes up to 100 messages as JSON; 207 with what became of each',
      body: { as: 'bytes', contentTypes: [JSON_TYPE], json: z.object({ messages: z.array(mailSchema) }) },
      mostBytes,
      answer: z.object({ outcomes: z.array(z.looseObject({ status: z.number() })) }),
      run: (call) => many(needs, submitter, call),
    }),
  ];
}

/** Of one request with a message of the largest size in it. */
export function mostBytesOf({ policy }: Pick<SubmitNeeds, 'policy'>): number {
  return Math.ceil(policy().limits.messageSizeBytes * JSON_SHARE) + JSON_REST_BYTES;
}

async function one(needs: SubmitNeeds, submitter: Submitter, call: ApiCall<Query, Buffer>): Promise<ApiReply> {
  const isRaw = typeOf(call) === RAW;
  const { from = '-', to = '-', client = '-' } = call.query;
  const once = await onceFor(call, ['one', isRaw ? RAW : JSON_TYPE, from, to, client]);
  if (once !== null && 'status' in once) return answered(once);
  const first = once === null ? null : await submitter.earlier(once(0));
  if (first !== null) return replyTo(first);
  const read = isRaw ? rawMail(call) : await mailOf(needs, 'mail', call.body);
  if ('status' in read) return answered(read);
  const [message] = read;
  if (message?.kind !== 'composed') return answered(faulty(message?.faults ?? [], 422));
  return replyTo(await submitter.submit(message.message, call, once?.(0) ?? null));
}

/** The messages of a body, or why there are none. */
export async function mailOf(
  { bodies }: Pick<SubmitNeeds, 'bodies'>,
  form: Form,
  body: Buffer,
): Promise<readonly Read[] | Answer> {
  try {
    const answer = await bodies.read(form, body);
    return answer.kind === 'read' ? answer.messages : faulty(answer.faults);
  } catch (cause) {
    if (cause instanceof UnreadBody) return problem(422, `the body could not be read: ${cause.message}`);
    throw cause;
  }
}

function rawMail({ body, query: asked }: ApiCall<Query, Buffer>): readonly Read[] {
  const [from, to, client] = [asked.from ?? null, asked.to ?? null, asked.client ?? null];
  const envelope = envelopeOf(body, { from, to });
  if (envelope.kind === 'bad') {
    const fault: Fault = { in: 'query', path: envelope.path, text: envelope.text };
    return [{ kind: 'faulty', faults: [fault] }];
  }
  const { sender, recipients } = envelope;
  const message: Composed = { client, sender, recipients, content: body };
  return [{ kind: 'composed', message }];
}

async function many(needs: SubmitNeeds, submitter: Submitter, call: ApiCall<unknown, Buffer>): Promise<ApiReply> {
  const once = await onceFor(call, ['many']);
  if (once !== null && 'status' in once) return answered(once);
  const read = await mailOf(needs, 'batch', call.body);
  if ('status' in read) return answered(read);
  const outcomes: object[] = [];
  for (let at = 0; at < read.length; at += BATCH_AT_ONCE) {
    const some = read.slice(at, at + BATCH_AT_ONCE).map(async (message, place) => {
      const named = once?.(at + place) ?? null;
      return outcomeText(await outcomeOf(submitter, message, { sender: call, once: named }));
    });
    outcomes.push(...(await Promise.all(some)));
  }
  return { kind: 'json', status: 207, value: { outcomes } };
}

async function outcomeOf(
  submitter: Submitter,
  message: Read,
  { sender, once }: { readonly sender: Sender; readonly once: Once | null },
): Promise<Outcome> {
  const first = once === null ? null : await submitter.earlier(once);
  if (first !== null) return first;
  if (message.kind === 'faulty') return { kind: 'refused', why: 'content', answer: faulty(message.faults, 422) };
  return submitter.submit(message.message, sender, once);
}

/** As an answer of its own would say it. */
function outcomeText(outcome: Outcome): object {
  if (outcome.kind === 'accepted') return { status: 202, ...placeOf(outcome.id), isRepeat: outcome.isRepeat };
  return { status: outcome.answer.status, problem: JSON.parse(outcome.answer.text) as unknown };
}

function replyTo(outcome: Outcome): ApiReply {
  if (outcome.kind === 'refused') return answered(outcome.answer);
  const place = placeOf(outcome.id);
  const headers = { location: place.href, ...(outcome.isRepeat ? { 'idempotent-replayed': 'true' } : {}) };
  return answered({ ...json(202, place), headers });
}

function placeOf(id: string): { id: string; href: string } {
  return { id, href: `${MESSAGES}/${id}` };
}

function answered(answer: Answer): ApiReply {
  return { kind: 'answer', answer };
}

/** By place in the request; null: it has no name. */
async function onceFor(
  { principal, header, body }: ApiCall<unknown, Buffer>,
  words: readonly string[],
): Promise<((place: number) => Once) | Answer | null> {
  const name = header('idempotency-key');
  if (name === null) return null;
  if (!isKey(name)) return problem(400, 'Idempotency-Key: expected 1 to 255 printable ASCII characters');
  const digest = await digestOf(words, body);
  const owner = `${principal.kind}:${principal.name}`;
  return (place) => onceOf({ owner, name, digest, place });
}

function typeOf({ header }: ApiCall<unknown, unknown>): string {
  return (header('content-type') ?? '').split(';', 1)[0]?.trim().toLowerCase() ?? '';
}
