import type { MessageId } from '../../message/ids.ts';
import { PRIORITIES } from '../../message/message.ts';
import { freshlyLeased } from '../fresh.ts';
import { SpoolError, type AcceptResult, type NewDelivery, type Submission } from '../spool.ts';
import { packContent } from './content-form.ts';
import { packEvent } from './event-lines.ts';
import { packDelivery, packMessage, packRecipient, STATES } from './records.ts';
import { ACCEPT_ANYWAY, SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';

/** Digests are kept a little longer than they count: the server's clock is not ours. */
const KEPT_LONGER_MS = 60_000;
/** After this nobody is still accepting what was reserved: the link gives up after 5 s. */
const RESERVATION_STALE_S = 10;
/** How long a command that is stuck somewhere may still arrive. */
const BARRED_MS = 3_600_000;

/** See `Spool.accept`. */
export async function accept(store: Store, submission: Submission): Promise<AcceptResult> {
  const { dedupe, message } = submission;
  if (dedupe === null) return keep(store, submission, { kind: '' });
  const untilMs = message.receivedAtMs + dedupe.windowMs;
  const forgetMs = dedupe.windowMs + KEPT_LONGER_MS;
  const key = store.keys.dedupe(dedupe.key);
  if (store.keys.shards === 1) return keep(store, submission, { kind: 'dedupe', key, untilMs, forgetMs });
  return store.inTurn(`resend ${dedupe.key}`, () => acceptReserved(store, submission, { key, untilMs, forgetMs }));
}

/** See `Spool.firstWith`. */
export async function firstWith(store: Store, key: string, atMs: number): Promise<MessageId | null> {
  const found = textOf(await store.runOn(store.keys.dedupe(key), SCRIPTS.first, [atMs]));
  return found === '' ? null : (found as MessageId);
}

type Digest = { readonly key: string; readonly untilMs: number; readonly forgetMs: number };

type Guard = { readonly kind: '' } | ({ readonly kind: 'dedupe' } & Digest) | { readonly kind: 'barred' };

/** The digest lives in another slot than the message: it is reserved, the message accepted, the reservation confirmed. */
async function acceptReserved(store: Store, submission: Submission, digest: Digest): Promise<AcceptResult> {
  const id = submission.message.id;
  const first = await reserve(store, submission, digest);
  if (first !== null) return { kind: 'duplicate', of: first };
  try {
    const result = await keep(store, submission, { kind: 'barred' });
    await confirm(store, digest, { id, wasAccepted: true });
    return result;
  } catch (error) {
    // Full: it surely was not accepted. Otherwise nobody knows, and who finds the reservation looks.
    if (error instanceof SpoolError && error.kind === 'full') await confirm(store, digest, { id, wasAccepted: false });
    throw error;
  }
}

/** The message that has the digest already; null: it is reserved for this one. */
async function reserve(store: Store, { message }: Submission, digest: Digest): Promise<MessageId | null> {
  let over = '';
  for (let round = 0; round < 3; round++) {
    const args = [message.id, message.receivedAtMs, digest.untilMs, digest.forgetMs, over, RESERVATION_STALE_S];
    const [kind, other, isStale] = listOf(await store.runOn(digest.key, SCRIPTS.reserve, args));
    if (textOf(kind) === 'reserved') return null;
    const holder = textOf(other) as MessageId;
    if (textOf(kind) === 'accepted') return holder;
    const shard = store.keys.shardOf(holder);
    const asked = [holder, isStale === 1 ? '1' : '0', BARRED_MS];
    const found = textOf(await store.run({ shard, extra: store.keys.barred(holder) }, SCRIPTS.bar, asked));
    if (found === 'accepted') {
      await confirm(store, digest, { id: holder, wasAccepted: true });
      return holder;
    }
    if (found === 'pending') break;
    over = holder;
  }
  throw new SpoolError('unavailable', 'the same message is being accepted by another node at this moment');
}

/** Only saves a look later: whether it is lost or not, the reservation tells whose it is. */
async function confirm(
  store: Store,
  digest: Digest,
  { id, wasAccepted }: { readonly id: MessageId; readonly wasAccepted: boolean },
): Promise<void> {
  await store.runOn(digest.key, SCRIPTS.confirm, [id, wasAccepted ? '1' : '0']).catch(() => undefined);
}

async function keep(store: Store, submission: Submission, guard: Guard): Promise<AcceptResult> {
  const { message, deliveries, held = [] } = submission;
  const finished = deliveries.length === 0;
  const content = finished ? '' : await packContent(submission.content);
  const { record, fields } = packMessage(message, deliveries.length, [packEvent(submission.received, message)]);
  const args = [
    message.id,
    record,
    content,
    message.sizeBytes,
    message.receivedAtMs,
    finished ? message.receivedAtMs : '',
    guard.kind,
    guard.kind === 'dedupe' ? guard.untilMs : '',
    guard.kind === 'dedupe' ? guard.forgetMs : '',
    fields.join('\n'),
    held.map((event) => packEvent(event)).join('\n'),
    ...deliveries.map((delivery) => freshRecord(store, submission, delivery)),
  ];
  const shard = store.keys.shardOf(message.id);
  const extra = guardKey(store, message.id, guard);
  const script = submission.endsMail === true ? ACCEPT_ANYWAY : SCRIPTS.accept;
  const reply = await store.durably(extra === undefined ? shard : { shard, extra }, script, args);
  const [kind, first] = listOf(reply).map(textOf);
  if (kind === 'known') return { kind };
  if (kind === 'duplicate') return { kind, of: first as MessageId };
  if (kind === 'barred') throw new SpoolError('unavailable', 'another node took this message for lost, and its resend');
  // A fresh lease is a delivery's first.
  return { kind: 'accepted', leased: freshlyLeased(submission, () => store.stride) };
}

function guardKey(store: Store, id: MessageId, guard: Guard): string | undefined {
  if (guard.kind === 'dedupe') return guard.key;
  return guard.kind === 'barred' ? store.keys.barred(id) : undefined;
}

function freshRecord(store: Store, { message, held }: Submission, delivery: NewDelivery): Buffer {
  const isLeased = delivery.leaseUntilMs !== null;
  return packDelivery({
    state: STATES.indexOf(held === undefined ? 'queued' : 'held'),
    priority: PRIORITIES.indexOf(message.priority),
    token: isLeased ? store.stride : 0,
    attempts: 0,
    // Whole ms: where it stands among the others says its text.
    dueAtMs: Math.ceil(delivery.dueAtMs),
    leasedUntilMs: delivery.leaseUntilMs ?? 0,
    warnedAtMs: 0,
    node: isLeased ? store.node : '',
    domain: delivery.domain,
    client: message.client,
    lastEgress: '',
    lastReply: delivery.lastReply === undefined ? '' : JSON.stringify(delivery.lastReply),
    recipients: delivery.recipients.map(packRecipient),
  });
}
