import type { Stage } from '../../egress/classify.ts';
import { type AttemptResult, type Egress, peerOf } from '../../egress/egress.ts';
import { Recorder } from '../../egress/recorder.ts';
import type { AttemptRecord } from '../../message/event.ts';
import type { DeliveryId } from '../../message/ids.ts';
import type { Message, Recipient } from '../../message/message.ts';
import type { Outcome } from '../../message/outcome.ts';
import type { Reply } from '../../message/reply.ts';
import type { KeepTranscript } from '../../message/transcript.ts';
import type { Clock, Emit } from '../../ports.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';

/** The envelope sender that a delivery goes out with; the null sender stays what it is. */
export type ReversePath = (message: Message, deliveryId: DeliveryId) => string;

export type ConverseNeeds = {
  readonly clock: Clock;
  readonly emit: Emit;
  /** Default: the message's own. */
  readonly reversePath?: ReversePath;
  /** Gets what was said in attempts. Default: nobody wants it. */
  readonly keepTranscript?: KeepTranscript;
};

export type Exchange = {
  readonly leased: LeasedDelivery;
  readonly recipients: readonly Recipient[];
  readonly content: Buffer;
  readonly exit: string;
  readonly egress: Egress;
  readonly signal: AbortSignal;
  readonly mayGo?: () => boolean;
  readonly onStage?: (stage: Stage) => void;
};

/** One conversation: what it came to, and the record of it. */
export type Conversation = {
  readonly result: AttemptResult;
  readonly record: AttemptRecord;
  readonly addresses: readonly string[];
};

const SURPRISE: Reply = { code: 451, detail: '3.0', text: 'internal error, will be tried again' };

/** Talks to the next hop by one exit; the only step of a delivery that does. A surprise is `deferred`, never loss. */
export async function converse(needs: ConverseNeeds, exchange: Exchange): Promise<Conversation> {
  const { leased, recipients, content, exit, egress, signal, mayGo = () => true, onStage = () => {} } = exchange;
  const startMs = needs.clock.monotonicMs();
  const recorder = needs.keepTranscript === undefined ? null : new Recorder(needs.clock);
  let result: AttemptResult;
  try {
    const { message, delivery } = leased;
    const sender = needs.reversePath?.(message, delivery.id) ?? message.envelope.sender;
    const { id: deliveryId, domain } = delivery;
    const of = { message, deliveryId, domain, recipients, sender, content };
    const mail = { ...of, mayGo, onStage, ...(recorder !== null && { recorder }) };
    result = complete(await egress.attempt(mail, signal), recipients.length);
  } catch (cause) {
    needs.emit({ event: 'failed', atMs: needs.clock.nowMs(), where: `egress ${exit}`, cause: String(cause) });
    const nobody = { host: null, address: null, source: null, tls: null };
    result = complete({ outcomes: [], ...nobody }, recipients.length);
  }
  const { reply, place, own } = mostTelling(result.outcomes);
  const { host, address, source, tls } = peerOf(result, place);
  if (recorder !== null) {
    const { id: deliveryId, attempts } = leased.delivery;
    const said = (): ReturnType<Recorder['lines']> => recorder.lines();
    const isDelivered = result.outcomes.every(({ kind }) => kind === 'delivered');
    const atMs = needs.clock.nowMs();
    needs.keepTranscript?.({ deliveryId, number: attempts + 1, egress: exit, atMs, isDelivered, said });
  }
  return {
    result,
    record: {
      number: leased.delivery.attempts + 1,
      egress: exit,
      host,
      address,
      source,
      tls,
      reply,
      ...(own === undefined ? {} : { own }),
      ...providerIdsOf(result),
      tookMs: Math.round(needs.clock.monotonicMs() - startMs),
    },
    addresses: recipients.map((recipient) => recipient.address),
  };
}

/** Of every request that the provider took. */
function providerIdsOf({ providerId, peers }: AttemptResult): Pick<AttemptRecord, 'providerId'> {
  const ids = new Set([...(peers ?? []).map((peer) => peer.providerId), providerId].filter((id) => id !== undefined));
  return ids.size === 0 ? {} : { providerId: [...ids].join(' ') };
}

/**
 * One outcome a recipient, whatever came back: what is missing is unknown, and unknown is temporary. It is held against
 * this mail alone, so that one message that trips the code up stops neither the exit nor the lane.
 */
function complete(result: AttemptResult, count: number): AttemptResult {
  if (result.outcomes.length === count) return result;
  const outcomes = Array.from(
    { length: count },
    (_, place): Outcome =>
      result.outcomes[place] ?? { kind: 'deferred', reply: SURPRISE, scope: 'recipient', own: true },
  );
  return { ...result, outcomes };
}

const TELLING = ['bounced', 'in-doubt', 'deferred', 'delivered'] as const satisfies readonly Outcome['kind'][];

/** The reply that stands for the attempt: the worst; and whose it is. */
function mostTelling(outcomes: readonly Outcome[]): Pick<Outcome, 'reply' | 'own'> & { readonly place: number } {
  for (const kind of TELLING) {
    const place = outcomes.findIndex((one) => one.kind === kind);
    const outcome = outcomes[place];
    if (outcome !== undefined) return { ...outcome, place };
  }
  return { reply: SURPRISE, own: true, place: 0 };
}
