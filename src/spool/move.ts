/**
 * A store as the end of a move: everything in it, whole, out of one engine and into another. Used with no relay on
 * either store (`relevo spool move`); `move.contract.ts` tests every promise on every engine. What the order of the
 * steps is, and why no kill between two of them loses or doubles anything: docs/decisions/0012.
 */
import type { Delivery } from '../message/delivery.ts';
import type { MessageId } from '../message/ids.ts';
import type { Message } from '../message/message.ts';
import { FINAL_STATES, type FinalState } from '../message/outcome.ts';
import type { Mark } from './marks.ts';
import type { AuditReport } from './spool.ts';
import type { Suppression } from './suppressions.ts';
import type { Tally } from './tallies.ts';

/** All that a store knows of one message; what providers call it is in its events. */
export type StoredMessage = {
  readonly kind: 'message';
  readonly message: Message;
  /** As it is stored, damaged or not; null: its story has ended (or it was lost, where it has not). */
  readonly content: { readonly bytes: Uint8Array; readonly checksum: number } | null;
  /** By ordinal. */
  readonly deliveries: readonly StoredDelivery[];
  /** In the order in which they were written. */
  readonly events: readonly StoredEvent[];
  /** null: it has not ended. */
  readonly finishedAtMs: number | null;
};

/** What it counts as: what is kept without its signatures is smaller than what will leave. */
export function sizeOf({ message, content }: Pick<StoredMessage, 'message' | 'content'>): number {
  return content === null || message.unsigned === true ? message.sizeBytes : content.bytes.byteLength;
}

export type StoredDelivery = {
  readonly delivery: Delivery;
  /** Of its last lease: the next one gets a greater one, in whatever store. */
  readonly token: number;
};

/** `body` is the event as JSON; it travels unread. */
export type StoredEvent = { readonly kind: string; readonly atMs: number; readonly body: string };

/** The key by which a resend of a message is known until a time. */
export type StoredDigest = {
  readonly kind: 'digest';
  readonly key: string;
  readonly messageId: MessageId;
  readonly untilMs: number;
};

/** What was drawn on an account in one window. */
export type StoredCounter = {
  readonly kind: 'counter';
  readonly account: string;
  readonly windowMs: number;
  readonly startsAtMs: number;
  readonly used: number;
};

/** What the processes noted (marks.ts). */
export type StoredMark = Mark & { readonly kind: 'mark' };

/** All that is counted towards an account (tallies.ts), and not past. */
export type StoredFigures = {
  readonly kind: 'figures';
  readonly account: string;
  readonly figures: readonly Omit<Tally, 'account'>[];
};

/** Some addresses that are not written to (suppressions.ts). */
export type StoredSuppressions = {
  readonly kind: 'suppressions';
  /** At least one, in order; at most 500. */
  readonly entries: readonly Suppression[];
};

export type StoredRecord =
  | StoredMessage
  | StoredDigest
  | StoredCounter
  | StoredMark
  | StoredFigures
  | StoredSuppressions;

export type StoredPage = {
  readonly records: readonly StoredRecord[];
  /** Where the next page begins; null: this was the last. */
  readonly next: string | null;
};

/**
 * That a store has part in a move. Who opens a store with such a mark for anything else is refused, except where the
 * move was abandoned.
 */
export type MoveMark = SourceMark | TargetMark;

export type SourceMark = MarkOf & {
  readonly role: 'source';
  /**
   * `copying`: all mail is here, and the target has copies. `moved`: all mail is there, and what is here is to be removed.
   * `abandoned`: all mail is here, and the target is to be rid of its copies.
   */
  readonly phase: 'copying' | 'moved' | 'abandoned';
};

export type TargetMark = MarkOf & {
  readonly role: 'target';
  /** What the target had of its own before. */
  readonly before: MoveSums;
};

type MarkOf = {
  /** Of the move: the same in both stores. */
  readonly id: string;
  /** The other store, in words for operators. */
  readonly peer: string;
  readonly startedAtMs: number;
};

/** What became of a page. `conflicts`: messages that the target had by itself, of which nothing was written. */
export type WriteResult = {
  readonly written: number;
  readonly known: number;
  readonly conflicts: readonly MessageId[];
};

/** All methods may reject with `SpoolError`; what was done until then stays done, and may be asked again. */
export interface MoveStore extends AsyncDisposable {
  /** In words for operators, without passwords, and the same at every opening: `the embedded store in /srv/relevo/spool`. */
  readonly name: string;
  mark(): Promise<MoveMark | null>;
  /** Durable once it resolves. null forgets it, with the cursor and what is known of arrivals. */
  setMark(mark: MoveMark | null): Promise<void>;
  /**
   * A page of what is stored, bounded in count and bytes: messages in the order of their acceptance, then digests,
   * counters, marks, figures and suppressions. The order does not change while nobody writes.
   * @param after `next` of the page before; null: from the start
   */
  read(after: string | null): Promise<StoredPage>;
  /**
   * Writes what is not known yet, durably, as arrivals, and then notes the cursor. What arrived before is left as it is; of a
   * digest, a mark or a suppression that the target has by itself the later stays; counters and figures add up.
   * @param cursor where to read on after this page
   */
  write(records: readonly StoredRecord[], cursor: string | null): Promise<WriteResult>;
  /** As the last `write` noted it; null: none did. */
  cursor(): Promise<string | null>;
  /** Removes some of what is stored, or of what arrived since the mark was set; returns how many records, 0: none is left. */
  remove(which: 'all' | 'arrivals'): Promise<number>;
  /** See `Spool.audit`. */
  audit(): Promise<AuditReport>;
}

/** What must come out the same on both sides. */
export type MoveSums = {
  readonly messages: number;
  readonly accepted: number;
  readonly finished: Readonly<Record<FinalState, number>>;
  readonly queued: number;
  readonly possibleDuplicates: number;
  readonly violations: number;
};

/** Those of an audit. */
export function sumsOf(report: AuditReport): MoveSums {
  const { messages, accepted, finished, queued, possibleDuplicates, violations } = report;
  return { messages, accepted, finished, queued, possibleDuplicates, violations: violations.length };
}

/** An audit names at most so many violations. */
const VIOLATIONS_NAMED = 1_000;

/** Where the target differs from what it had and the source has together, one line each; empty: nowhere. */
export function differences(sums: {
  readonly source: MoveSums;
  readonly before: MoveSums;
  readonly target: MoveSums;
}): readonly string[] {
  const [source, before, target] = [figuresOf(sums.source), figuresOf(sums.before), figuresOf(sums.target)];
  return [...source].flatMap(([name, figure]) => {
    const all = figure + (before.get(name) ?? 0);
    const expected = name === 'violations' ? Math.min(all, VIOLATIONS_NAMED) : all;
    const found = target.get(name) ?? 0;
    return found === expected ? [] : [`${name}: ${found} where ${expected} should be`];
  });
}

function figuresOf(sums: MoveSums): Map<string, number> {
  const { messages, accepted, finished, queued, possibleDuplicates, violations } = sums;
  return new Map([
    ['messages', messages],
    ['accepted', accepted],
    ...FINAL_STATES.map((state): [string, number] => [state, finished[state]]),
    ['queued', queued],
    ['possible duplicates', possibleDuplicates],
    ['violations', violations],
  ]);
}
