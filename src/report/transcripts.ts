/**
 * Transcripts of attempts, as marks `transcript:<delivery>:<attempt>`: the last three of a delivery, for a week. Written some seconds
 * later, many at once, and only so many: a spool whose site is down does not write twice as much for that, and one that delivers more
 * than 20 a second keeps some of them.
 */
import type { DeliveryId, MessageId } from '../message/ids.ts';
import type { KeepTranscript, TalkedAttempt, Transcript } from '../message/transcript.ts';
import type { Clock } from '../ports.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import { firstIdAt } from '../spool/search.ts';

export type TranscriptBook = AsyncDisposable & { readonly keep: KeepTranscript };

const PREFIX = 'transcript:';
const OF_A_DELIVERY = 3;
const FLUSH_MS = 2_000;
/** In one flush, of those that failed and of those that delivered; of more, the first are kept. */
const AT_ONCE = 40;
/** Of one process, of either kind; the oldest are forgotten for new ones. */
const MOST = 5_000;
const MOST_DELIVERED = 1_000;
const LONGEST_BYTES = 16 * 1024;
const KEPT_MS = 7 * 86_400_000;

/** Nothing is read or written while nothing is tried. */
export function openTranscripts({ marks, clock }: { readonly marks: Marks; readonly clock: Clock }): TranscriptBook {
  const waiting = new Map<string, TalkedAttempt>();
  const written: Written = { failed: new Set(), delivered: new Set() };
  let delivered = 0;
  let cancel: (() => void) | null = null;
  let writing: Promise<void> = Promise.resolve();
  const flush = (): Promise<void> => {
    cancel = null;
    delivered = 0;
    const some = [...waiting];
    waiting.clear();
    writing = writing.then(() => write({ marks, written }, some)).catch(() => undefined);
    return writing;
  };
  return {
    keep: (attempt) => {
      const had = attempt.isDelivered ? delivered : waiting.size - delivered;
      if (had >= AT_ONCE) return;
      if (attempt.isDelivered) delivered += 1;
      waiting.set(nameOf(attempt.deliveryId, attempt.number), attempt);
      cancel ??= clock.after(FLUSH_MS, () => void flush());
    },
    [Symbol.asyncDispose]: () => {
      cancel?.();
      return flush();
    },
  };
}

/** Names, the oldest first. */
type Written = { readonly failed: Set<string>; readonly delivered: Set<string> };

/** What cannot be written is not told of: the history has the reply. */
async function write(
  { marks, written }: { readonly marks: Marks; readonly written: Written },
  some: readonly (readonly [name: string, attempt: TalkedAttempt])[],
): Promise<void> {
  if (some.length === 0) return;
  await marks.mark(some.map(([name, attempt]) => markOf(name, attempt)));
  const old = some.flatMap(([, { deliveryId, number }]) => {
    const before = number - OF_A_DELIVERY;
    return before < 1 ? [] : [nameOf(deliveryId, before)];
  });
  const { failed, delivered } = written;
  for (const [name, { isDelivered }] of some) {
    // To the end of the line.
    failed.delete(name);
    (isDelivered ? delivered : failed).add(name);
  }
  for (const name of old) failed.delete(name);
  const surplus = [...surplusOf(failed, MOST), ...surplusOf(delivered, MOST_DELIVERED)];
  if (old.length + surplus.length > 0) await marks.unmark([...old, ...surplus]);
}

function surplusOf(names: Set<string>, most: number): readonly string[] {
  const surplus = [...names.keys().take(Math.max(0, names.size - most))];
  for (const name of surplus) names.delete(name);
  return surplus;
}

function nameOf(deliveryId: DeliveryId, number: number): string {
  return `${PREFIX}${deliveryId}:${number}`;
}

function markOf(name: string, { said, ...attempt }: TalkedAttempt): Mark {
  const { deliveryId: _, number: __, isDelivered: ___, ...kept } = attempt;
  const { lines, isWhole } = said();
  let text = JSON.stringify({ ...kept, lines: lines.map(packed), isWhole });
  for (let most = lines.length; Buffer.byteLength(text) > LONGEST_BYTES && most > 1;) {
    most = Math.floor(most / 2);
    text = JSON.stringify({ ...kept, lines: lines.slice(-most).map(packed), isWhole: false });
  }
  return { name, text, atMs: attempt.atMs };
}

const FROM = { relay: '>', server: '<', note: '*' } as const;

function packed({ atMs, from, text }: Transcript['lines'][number]): readonly unknown[] {
  return [atMs, FROM[from], text];
}

/** Those of a message that are kept, the oldest first. */
export async function transcriptsOf(marks: Pick<Marks, 'marks'>, id: MessageId): Promise<readonly Transcript[]> {
  const found = await marks.marks(`${PREFIX}${id}.`);
  return found.flatMap((mark) => parsed(mark) ?? []).toSorted((left, right) => left.atMs - right.atMs);
}

/** null: it cannot be read. */
function parsed({ name, text }: Mark): Transcript | null {
  const [, deliveryId = '', number] = name.split(':');
  try {
    const { egress, atMs, lines, isWhole } = JSON.parse(text) as {
      readonly egress: string;
      readonly atMs: number;
      readonly lines: readonly (readonly [atMs: number, from: string, text: string])[];
      readonly isWhole: boolean;
    };
    return {
      deliveryId: deliveryId as DeliveryId,
      number: Number(number),
      egress,
      atMs,
      lines: lines.map(([at, from, said]) => ({
        atMs: at,
        from: from === '>' ? 'relay' : from === '<' ? 'server' : 'note',
        text: said,
      })),
      isWhole,
    };
  } catch {
    return null;
  }
}

/** Ids of the same first five characters were made within some nine hours. */
const SPAN_MS = 32 ** 5;
/** How long ago messages may have come whose transcripts are looked for. */
const FURTHEST_MS = 45 * 86_400_000;

/** Of all processes, those of earlier runs included. */
const MOST_IN_ALL = 10_000;

/** Forgets those that are older than a week, or too many: once a node, some times a day. */
export async function forgetTranscripts(marks: Marks, nowMs: number): Promise<number> {
  let [forgotten, kept] = [0, 0];
  const first = Math.floor((nowMs - FURTHEST_MS) / SPAN_MS);
  for (let span = Math.floor(nowMs / SPAN_MS); span >= first; span--) {
    const some = await marks.marks(`${PREFIX}${firstIdAt(span * SPAN_MS).slice(0, 5)}`);
    const old = some
      .toReversed()
      .filter(({ atMs }) => atMs < nowMs - KEPT_MS || ++kept > MOST_IN_ALL)
      .map(({ name }) => name);
    for (let from = 0; from < old.length; from += 500) await marks.unmark(old.slice(from, from + 500));
    forgotten += old.length;
  }
  return forgotten;
}
