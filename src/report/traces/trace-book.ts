/** Events of messages whose traces are kept, until they are told. A few map operations an event: mail waits for it. */
import type { Event, MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import { parseTraceparent, type Traceparent } from '../../message/traceparent.ts';
import { samplerOf, traceNamesOf } from './trace-id.ts';

/** What one span is made of. */
export type TracedEvent = {
  readonly event: MessageEvent & Pick<Event, 'worker' | 'mail'>;
  readonly traceId: string;
  /** Of the span that all others of the message are children of. */
  readonly rootId: string;
  /** What the client named as the span before; null: the message begins its trace. */
  readonly parent: Traceparent | null;
};

export type TraceTerms = { readonly sample: number; readonly parents: boolean };

/** Events that are kept; one with many recipients counts for more. */
const MOST = 20_000;
const RECIPIENTS_OF_ONE = 8;
/** Messages whose parent is remembered for events that do not have it with them. */
const PARENTS_MOST = 5_000;

export class TraceBook {
  readonly #most: number;
  #terms: TraceTerms = { sample: 0, parents: false };
  #isKept: (traceId: string) => boolean = () => false;
  #waiting: TracedEvent[] = [];
  #weight = 0;
  readonly #parents = new Map<MessageId, Traceparent>();
  /** Events that there was no room for, since the start. */
  dropped = 0;

  /** @param most so many events are kept */
  constructor(most: number = MOST) {
    this.#most = most;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** From now on. */
  follow(terms: TraceTerms): void {
    if (terms.sample !== this.#terms.sample) this.#isKept = samplerOf(terms.sample);
    if (!terms.parents) this.#parents.clear();
    this.#terms = terms;
  }

  heard(event: Event): void {
    if (!('messageId' in event)) return;
    const parent = this.#terms.parents ? this.#parentOf(event) : null;
    if (parent?.isSampled === false) return;
    const names = traceNamesOf(event.messageId);
    if (parent === null && !this.#isKept(names.traceId)) return;
    if (this.#weight >= this.#most) {
      this.dropped += 1;
      return;
    }
    this.#weight += weightOf(event);
    this.#waiting.push({ event, traceId: parent?.traceId ?? names.traceId, rootId: names.rootId, parent });
  }

  /** The oldest, which are the caller's now. */
  take(most: number): readonly TracedEvent[] {
    const some = this.#waiting.slice(0, most);
    this.#waiting = this.#waiting.slice(most);
    for (const { event } of some) this.#weight -= weightOf(event);
    return some;
  }

  #parentOf({ messageId, mail }: MessageEvent & Pick<Event, 'mail'>): Traceparent | null {
    if (mail === undefined) return this.#parents.get(messageId) ?? null;
    if (mail.traceparent === undefined) return null;
    const known = this.#parents.get(messageId);
    if (known !== undefined) return known;
    const parent = parseTraceparent(mail.traceparent);
    if (parent === null) return null;
    for (const oldest of this.#parents.keys()) {
      if (this.#parents.size < PARENTS_MOST) break;
      this.#parents.delete(oldest);
    }
    this.#parents.set(messageId, parent);
    return parent;
  }
}

function weightOf({ recipients }: Pick<MessageEvent, 'recipients'>): number {
  return 1 + Math.floor(recipients.length / RECIPIENTS_OF_ONE);
}
