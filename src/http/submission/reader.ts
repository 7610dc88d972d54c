/** What a body says, made into messages: parsed, held to its schema, composed. */
import { z } from 'zod';
import { type Fault, faultsOf } from '../faults.ts';
import { outboundSchema } from '../ses/outbound.ts';
import { type Composed, composed } from './compose.ts';
import { mailSchema } from './mail.ts';
import { hasMoreValues } from './value-count.ts';

/** `mail`: one of ours. `batch`: a list of those. `outbound`: a request of SES's. */
export type Form = 'mail' | 'batch' | 'outbound';

export type ReadAsk = {
  readonly form: Form;
  readonly body: Uint8Array;
  /** Wall time. */
  readonly nowMs: number;
};

export type Read =
  | { readonly kind: 'composed'; readonly message: Composed }
  | { readonly kind: 'faulty'; readonly faults: readonly Fault[] };

/** `unread`: the whole of it is nothing that can be read. */
export type ReadAnswer =
  | { readonly kind: 'read'; readonly messages: readonly Read[] }
  | { readonly kind: 'unread'; readonly faults: readonly Fault[] };

/** Of one batch. */
const MOST_IN_BATCH = 100;

/** A hundred messages to a thousand recipients each are half of it. More would not fit: Node ends the process, not the thread, where JSON is too much for it. */
const MOST_VALUES = 1_000_000;

const EXPECTED = `expected a list of 1 to ${MOST_IN_BATCH} messages`;
/** Each of them is read by itself. */
const LIST = z.strictObject({
  messages: z.array(z.unknown(), EXPECTED).min(1, EXPECTED).max(MOST_IN_BATCH, EXPECTED),
});

/** One message of `mail` and `outbound`; of a batch each by itself, so that one that is wrong stops no other. */
export async function readBody({ form, body, nowMs }: ReadAsk): Promise<ReadAnswer> {
  if (hasMoreValues(body, MOST_VALUES)) return unread('', `has more than ${MOST_VALUES.toLocaleString('en')} values`);
  const value = valueIn(body);
  if (value === undefined) return unread('', 'is no JSON');
  if (form === 'mail') return { kind: 'read', messages: [await readMail(value, nowMs)] };
  if (form === 'outbound') return { kind: 'read', messages: [await readOutbound(value, nowMs)] };
  const list = LIST.safeParse(value);
  if (!list.success) return { kind: 'unread', faults: list.error.issues.flatMap(faultsOf('body')) };
  const messages: Read[] = [];
  for (const [place, one] of list.data.messages.entries()) messages.push(placed(await readMail(one, nowMs), place));
  return { kind: 'read', messages };
}

async function readMail(value: unknown, nowMs: number): Promise<Read> {
  const parsed = mailSchema.safeParse(value);
  if (!parsed.success) return faultyRead(parsed.error);
  return { kind: 'composed', message: { ...(await composed(parsed.data, nowMs)), wishes: parsed.data.wishes } };
}

async function readOutbound(value: unknown, nowMs: number): Promise<Read> {
  const parsed = outboundSchema.safeParse(value);
  if (!parsed.success) return faultyRead(parsed.error);
  return { kind: 'composed', message: 'raw' in parsed.data ? parsed.data.raw : await composed(parsed.data, nowMs) };
}

function faultyRead({ issues }: z.ZodError): Read {
  return { kind: 'faulty', faults: issues.flatMap(faultsOf('body')) };
}

function placed(read: Read, place: number): Read {
  if (read.kind === 'composed') return read;
  const faults = read.faults.map((fault) => ({ ...fault, path: `messages.${place}${fault.path && '.'}${fault.path}` }));
  return { kind: 'faulty', faults };
}

function unread(path: string, text: string): ReadAnswer {
  return { kind: 'unread', faults: [{ in: 'body', path, text }] };
}

function valueIn(body: Uint8Array): unknown {
  try {
    return JSON.parse(Buffer.from(body.buffer, body.byteOffset, body.byteLength).toString()) as unknown;
  } catch {
    return undefined;
  }
}
