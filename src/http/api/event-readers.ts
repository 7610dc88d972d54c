/** Those who read events as they happen: each within bounds, none at the cost of mail. */
import { EVENT_LEVELS } from '../../report/log-fields.ts';
import type { Event } from '../../message/event.ts';
import type { Clock } from '../../ports.ts';
import { Places, type Sharer } from '../shares.ts';

export const EVENT_NAMES = Object.keys(EVENT_LEVELS) as readonly Event['event'][];

/** All that are given must hold. */
export type EventFilter = {
  readonly events?: ReadonlySet<string>;
  readonly client?: string;
  readonly egress?: string;
  readonly domain?: string;
};

export type EventReadersNeeds = {
  readonly clock: Clock;
  /** Calls it with every event until that is ended. */
  readonly follow: (run: (event: Event) => void) => () => void;
  readonly showsSubjects: () => boolean;
};

const MOST_READERS = 32;
/** Of those, so that one of them leaves room for others. */
const SHARE = { known: 8, address: 16 } as const;
/** Of what a reader has not read yet. */
const MOST_BYTES = 512 * 1024;
/** Events of so long go out together. */
const TOGETHER_MS = 50;
const BEAT_MS = 15_000;
/** Then it has to ask again, and whoever may not read any more is not let. */
const LONGEST_MS = 15 * 60_000;

type Reader = {
  readonly filter: EventFilter;
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  waiting: string;
  /** Gives its place back. */
  readonly leave: () => void;
  /** What ends its timers. */
  cancel: () => void;
};

/** One for a relay. */
export class EventReaders {
  readonly #needs: EventReadersNeeds;
  readonly #readers = new Set<Reader>();
  readonly #places = new Places(SHARE);
  #unfollow: (() => void) | null = null;
  #flushing = false;
  #count = 0;

  constructor(needs: EventReadersNeeds) {
    this.#needs = needs;
  }

  /** @returns why not: there are too many already, or so many of whoever asks */
  open(filter: EventFilter, sharer: Sharer): ReadableStream<Uint8Array> | 'crowded' | 'share-taken' {
    if (this.#readers.size >= MOST_READERS) return 'crowded';
    const leave = this.#places.take(sharer);
    if (leave === null) return 'share-taken';
    let reader: Reader | null = null;
    const strategy = new ByteLengthQueuingStrategy({ highWaterMark: MOST_BYTES });
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          reader = { filter, controller, leave, waiting: ': relevo\nretry: 3000\n\n', cancel: () => {} };
          this.#add(reader);
        },
        cancel: () => {
          if (reader !== null) this.#drop(reader);
        },
      },
      strategy,
    );
  }

  #add(reader: Reader): void {
    const { clock, follow } = this.#needs;
    this.#readers.add(reader);
    this.#unfollow ??= follow((event) => this.#heard(event));
    const untilMs = clock.monotonicMs() + LONGEST_MS;
    const beat = (): void => {
      if (clock.monotonicMs() >= untilMs) {
        this.#end(reader, '');
        return;
      }
      if (reader.waiting === '') reader.waiting = ': beat\n\n';
      this.#flushSoon();
      reader.cancel = clock.after(BEAT_MS, beat);
    };
    reader.cancel = clock.after(BEAT_MS, beat);
    this.#flush();
  }

  #heard(event: Event): void {
    let text: string | null = null;
    for (const reader of this.#readers) {
      if (!isAsked(event, reader.filter)) continue;
      text ??= this.#textOf(event);
      // It is let go at the next flush.
      if (reader.waiting.length <= MOST_BYTES) reader.waiting += text;
    }
    if (text !== null) this.#flushSoon();
  }

  #textOf(event: Event): string {
    this.#count += 1;
    const shown = this.#needs.showsSubjects() ? event : withoutSubject(event);
    return `id: ${event.atMs}-${this.#count}\nevent: ${event.event}\ndata: ${JSON.stringify(shown)}\n\n`;
  }

  #flushSoon(): void {
    if (this.#flushing) return;
    this.#flushing = true;
    this.#needs.clock.after(TOGETHER_MS, () => {
      this.#flushing = false;
      this.#flush();
    });
  }

  #flush(): void {
    for (const reader of this.#readers) {
      if (reader.waiting === '') continue;
      const bytes = Buffer.from(reader.waiting);
      reader.waiting = '';
      if (bytes.length > (reader.controller.desiredSize ?? 0)) this.#end(reader, TOO_SLOW);
      else reader.controller.enqueue(bytes);
    }
  }

  #end(reader: Reader, lastWords: string): void {
    this.#drop(reader);
    if (lastWords !== '') reader.controller.enqueue(Buffer.from(lastWords));
    reader.controller.close();
  }

  #drop(reader: Reader): void {
    reader.cancel();
    reader.leave();
    this.#readers.delete(reader);
    if (this.#readers.size > 0) return;
    this.#unfollow?.();
    this.#unfollow = null;
  }
}

const TOO_SLOW = `event: dropped\ndata: ${JSON.stringify({ reason: 'more happened than was read: ask for less, or read faster' })}\n\n`;

function isAsked(event: Event, { events, client, egress, domain }: EventFilter): boolean {
  if (events !== undefined && !events.has(event.event)) return false;
  if (domain !== undefined && (!('domain' in event) || event.domain !== domain)) return false;
  if (client !== undefined && clientOf(event) !== client) return false;
  return egress === undefined || egressOf(event) === egress;
}

function clientOf(event: Event): string | null {
  return event.mail?.client ?? ('client' in event ? event.client : null);
}

function egressOf(event: Event): string | null {
  if (event.event === 'attempted') return event.attempt.egress;
  return 'egress' in event ? event.egress : null;
}

function withoutSubject(event: Event): Event {
  return event.event === 'received' ? { ...event, subject: null } : event;
}
