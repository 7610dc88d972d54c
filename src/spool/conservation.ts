/** The proof that every accepted recipient is in one place and no other, whatever engine the evidence comes from. */
import type { MessageId } from '../message/ids.ts';
import { FINAL_STATES, type FinalState } from '../message/outcome.ts';
import type { AuditReport } from './spool.ts';

const VIOLATIONS_AT_MOST = 1_000;

/** What is known of one message; `queued`: the addresses in its deliveries. */
export type Evidence = {
  readonly id: MessageId;
  readonly events: readonly {
    readonly kind: string;
    /** null: the event cannot be read. */
    readonly recipients: readonly string[] | null;
  }[];
  readonly queued: readonly string[];
};

/** Sums up evidence, message by message. */
export class Conservation {
  readonly #finished: Record<FinalState, number> = {
    delivered: 0,
    bounced: 0,
    expired: 0,
    suppressed: 0,
    discarded: 0,
  };
  readonly #violations: { messageId: MessageId; recipient: string; problem: string }[] = [];
  #messages = 0;
  #accepted = 0;
  #queued = 0;
  #possibleDuplicates = 0;

  report(): AuditReport {
    return {
      messages: this.#messages,
      accepted: this.#accepted,
      finished: this.#finished,
      queued: this.#queued,
      possibleDuplicates: this.#possibleDuplicates,
      violations: this.#violations,
    };
  }

  /** Every recipient of one message is in one place and no other. */
  judge({ id, events, queued }: Evidence): void {
    this.#messages += 1;
    const problem = (recipient: string, text: string): void => {
      if (this.#violations.length >= VIOLATIONS_AT_MOST) return;
      this.#violations.push({ messageId: id, recipient, problem: text });
    };
    const places = this.#accept(events, problem);
    const settle = (recipient: string, place: string): void => {
      const known = places.get(recipient);
      if (known === undefined) problem(recipient, `${place}, but was never accepted`);
      else known.push(place);
    };
    for (const event of events) this.#count(event, settle);
    for (const recipient of queued) settle(recipient, 'queued');
    this.#queued += queued.length;
    for (const [recipient, found] of places) {
      if (found.length === 0) problem(recipient, 'neither ended nor queued');
      if (found.length > 1) problem(recipient, `in more than one place: ${found.join(', ')}`);
    }
  }

  /** Where each recipient that was accepted is: nowhere yet. */
  #accept(events: Evidence['events'], problem: (recipient: string, text: string) => void): Map<string, string[]> {
    const places = new Map<string, string[]>();
    for (const event of events) {
      if (event.recipients === null) problem('', `a ${event.kind} event cannot be read`);
      if (event.kind !== 'received') continue;
      for (const recipient of event.recipients ?? []) {
        this.#accepted += 1;
        if (places.has(recipient)) problem(recipient, 'accepted twice');
        places.set(recipient, []);
      }
    }
    if (!events.some((event) => event.kind === 'received')) problem('', 'nothing tells that it was received');
    return places;
  }

  #count(event: Evidence['events'][number], settle: (recipient: string, place: string) => void): void {
    const recipients = event.recipients ?? [];
    if (event.kind === 'in-doubt') this.#possibleDuplicates += recipients.length;
    const state = FINAL_STATES.find((one) => one === event.kind);
    if (state === undefined) return;
    this.#finished[state] += recipients.length;
    for (const recipient of recipients) settle(recipient, state);
  }
}
