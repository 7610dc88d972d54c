/** Counts events in memory, by the minute that each happened in, until somebody writes them down. Costs some map look-ups an event. */
import { bounceKindOf, type BounceKind, kindOfBounce } from '../../message/bounce-kind.ts';
import type { Event, MailFacts, MessageEvent } from '../../message/event.ts';
import { messageTimeMs } from '../../message/ids.ts';
import type { Reply } from '../../message/reply.ts';
import type { Emit } from '../../ports.ts';
import { addLatency, addQueue, addTo, type Cell, emptyCell, type Figure, merge, placeOf } from './figures.ts';
import { reasonText } from './reason.ts';
import { addRow, keptName, REST, type Row } from './row.ts';
import { type Dimension, DIMENSIONS, MINUTE_MS } from './stretch.ts';

/** Rows of one minute, by dimension. */
export type MinuteRows = ReadonlyMap<Dimension, Row>;

/** The only name of the dimension `all`. */
export const ALL = 'all';
/** Names of one dimension of one minute until they are written; what comes beyond is counted together. */
const NAMES_MOST = 1_000;
/** Of a store that is away: two hours, and what is late. */
const MINUTES_MOST = 200;

const ACCEPTED = placeOf('accepted');
const RECIPIENTS = placeOf('recipients');
const ACCEPTED_BYTES = placeOf('acceptedBytes');
const ATTEMPTS = placeOf('attempts');
const DEFERRED = placeOf('deferred');
const DELIVERED = placeOf('delivered');
const BOUNCED = placeOf('bounced');
const RETURNED = placeOf('returned');
const SENT_BYTES = placeOf('sentBytes');
const KIND_FIGURES = {
  hard: 'hard',
  soft: 'soft',
  block: 'block',
  'mailbox-full': 'mailboxFull',
  'unknown-user': 'unknownUser',
  policy: 'policy',
} as const satisfies Record<BounceKind, Figure>;
/** What is counted by recipients and nothing else, by the name of its event. */
const PLAIN: ReadonlyMap<string, number> = new Map(
  Object.entries({
    expired: 'expired',
    suppressed: 'suppressed',
    discarded: 'discarded',
    'in-doubt': 'inDoubt',
    complained: 'complained',
    unsubscribed: 'unsubscribed',
    opened: 'opened',
    clicked: 'clicked',
    confirmed: 'confirmed',
    'put-off': 'putOff',
  } as const).map(([event, figure]) => [event, placeOf(figure)]),
);
const REPORTED: ReadonlySet<string> = new Set([
  'complained',
  'unsubscribed',
  'opened',
  'clicked',
  'confirmed',
  'put-off',
]);

type Rows = Record<Dimension, Row>;
type Told<Some extends MessageEvent> = Some & Pick<Event, 'worker' | 'mail'>;
/** What the last attempts of a delivery were: what is put off after them is told without an exit. */
type Tried = { readonly deliveryId: string; readonly atMs: number; readonly egress: string };

export class RollupBook {
  #minutes = new Map<number, Rows>();
  /** The minute that was counted in last. */
  #lastMs = Number.NaN;
  #last: Rows | null = null;
  /** By worker: events of several come mixed. */
  readonly #tried: (Tried | undefined)[] = [];
  /** Recipients and messages that were not counted, because a store was away for too long. */
  lost = 0;

  /** A sink for `createEmit`. */
  readonly sink: Emit = (event) => {
    if ('messageId' in event) this.#count(event);
  };

  /** What waits, now. */
  sampleQueue(atMs: number, queue: { readonly deliveries: number; readonly oldestMs: number }): void {
    const rows = this.#rowsAt(atMs);
    if (rows !== null) addQueue(cellOf(rows.all, ALL), queue);
  }

  /** Takes out all that was counted, with names as they are kept; `add` puts it back. */
  take(): Map<number, MinuteRows> {
    const taken = new Map<number, MinuteRows>();
    for (const [startsAtMs, rows] of this.#minutes)
      taken.set(startsAtMs, new Map(DIMENSIONS.map((dimension) => [dimension, keptRow(rows[dimension])])));
    this.#minutes = new Map();
    this.#last = null;
    this.#lastMs = Number.NaN;
    return taken;
  }

  add(minutes: ReadonlyMap<number, MinuteRows>): void {
    for (const [startsAtMs, taken] of minutes) {
      const rows = this.#rowsAt(startsAtMs);
      for (const [dimension, row] of taken) if (rows !== null) addRow(rows[dimension], row);
    }
  }

  #rowsAt(atMs: number): Rows | null {
    const startsAtMs = Math.floor(atMs / MINUTE_MS) * MINUTE_MS;
    if (startsAtMs === this.#lastMs) return this.#last;
    let rows = this.#minutes.get(startsAtMs);
    if (rows === undefined && this.#minutes.size >= MINUTES_MOST) {
      this.lost += 1;
      return null;
    }
    rows ??= freshRows();
    this.#minutes.set(startsAtMs, rows);
    this.#lastMs = startsAtMs;
    this.#last = rows;
    return rows;
  }

  #count(event: Told<MessageEvent>): void {
    if (event.event === 'received') return this.#received(event);
    if (event.event === 'attempted') {
      const { deliveryId, atMs, attempt, worker = 0 } = event;
      this.#tried[worker] = { deliveryId, atMs, egress: attempt.egress };
      return this.#add(event, attempt.egress, { places: [ATTEMPTS, 1] });
    }
    const { length } = event.recipients;
    if (event.event === 'deferred') return this.#add(event, this.#triedFor(event), { places: [DEFERRED, length] });
    if (event.event === 'delivered') {
      const places = [DELIVERED, length, SENT_BYTES, event.mail?.sizeBytes ?? 0];
      const waitedMs = Math.max(0, event.atMs - messageTimeMs(event.messageId));
      return this.#add(event, event.egress, { places, waitedMs });
    }
    if (event.event === 'bounced') return this.#bounced(event, { what: BOUNCED, kind: kindOfBounce(event) });
    if (event.event === 'bounced-later')
      return this.#bounced(event, { what: RETURNED, kind: bounceKindOf(event.reply) });
    const place = PLAIN.get(event.event);
    if (place === undefined) return;
    // A report that does not say of whom is about somebody.
    const count = REPORTED.has(event.event) ? Math.max(1, length) : length;
    this.#add(event, 'egress' in event ? event.egress : null, { places: [place, count] });
  }

  #received(event: Told<MessageEvent & { readonly event: 'received' }>): void {
    const { recipients, sizeBytes, client, stream, mail } = event;
    const rows = this.#rowsAt(event.atMs);
    if (rows === null) return;
    const count = (row: Row, name: string): void => {
      const cell = cellOf(row, name);
      addTo(cell, ACCEPTED, 1);
      addTo(cell, RECIPIENTS, recipients.length);
      addTo(cell, ACCEPTED_BYTES, sizeBytes);
    };
    count(rows.all, ALL);
    count(rows.client, client);
    count(rows.stream, stream);
    if (mail !== undefined && mail.tag !== null) count(rows.tag, mail.tag);
    const counted: string[] = [];
    for (const recipient of recipients) {
      const domain = recipient.slice(recipient.lastIndexOf('@') + 1);
      const cell = cellOf(rows.destination, domain);
      addTo(cell, RECIPIENTS, 1);
      if (counted.includes(domain)) continue;
      addTo(cell, ACCEPTED, 1);
      addTo(cell, ACCEPTED_BYTES, sizeBytes);
      // Of mail to very many: whether a domain was there before is not worth a long look.
      if (counted.length < 100) counted.push(domain);
    }
  }

  #bounced(
    event: Told<Extract<MessageEvent, { readonly reply: Reply | null }>>,
    { what, kind }: { readonly what: number; readonly kind: BounceKind | null },
  ): void {
    const { recipients, reply, egress } = event;
    const count = recipients.length;
    const places = kind === null ? [what, count] : [what, count, placeOf(KIND_FIGURES[kind]), count];
    this.#add(event, egress, { places });
    if (reply === null) return;
    const rows = this.#rowsAt(event.atMs);
    if (rows !== null) addAll(cellOf(rows.reason, reasonText(reply)), places);
  }

  #add(event: Told<Exclude<MessageEvent, { readonly event: 'received' }>>, egress: string | null, added: Added): void {
    const rows = this.#rowsAt(event.atMs);
    if (rows === null) return;
    const { length } = event.recipients;
    const mail: MailFacts | undefined = event.mail;
    count(cellOf(rows.all, ALL), added, length);
    count(cellOf(rows.destination, event.domain), added, length);
    if (egress !== null) count(cellOf(rows.exit, egress), added, length);
    if (mail === undefined) return;
    count(cellOf(rows.stream, mail.stream), added, length);
    count(cellOf(rows.client, mail.client), added, length);
    if (mail.tag !== null) count(cellOf(rows.tag, mail.tag), added, length);
  }

  #triedFor({ deliveryId, atMs, worker = 0 }: Told<MessageEvent & { readonly event: 'deferred' }>): string | null {
    const tried = this.#tried[worker];
    return tried !== undefined && tried.deliveryId === deliveryId && tried.atMs === atMs ? tried.egress : null;
  }
}

/** Places of a cell, each with what is added there; and how long those who were delivered waited. */
type Added = { readonly places: readonly number[]; readonly waitedMs?: number };

function count(cell: Cell, { places, waitedMs }: Added, recipients: number): void {
  addAll(cell, places);
  if (waitedMs !== undefined) addLatency(cell, waitedMs, recipients);
}

function addAll(cell: Cell, places: readonly number[]): void {
  for (let at = 0; at < places.length; at += 2) addTo(cell, places[at] ?? 0, places[at + 1] ?? 0);
}

function cellOf(row: Row, name: string): Cell {
  const known = row.get(name);
  if (known !== undefined) return known;
  if (row.size >= NAMES_MOST && name !== REST) return cellOf(row, REST);
  const cell = emptyCell();
  row.set(name, cell);
  return cell;
}

function freshRows(): Rows {
  return {
    all: new Map(),
    exit: new Map(),
    stream: new Map(),
    client: new Map(),
    destination: new Map(),
    tag: new Map(),
    reason: new Map(),
  };
}

function keptRow(row: Row): Row {
  const kept: Row = new Map();
  for (const [name, cell] of row) {
    const to = kept.get(keptName(name));
    if (to === undefined) kept.set(keptName(name), cell);
    else merge(to, cell);
  }
  return kept;
}
