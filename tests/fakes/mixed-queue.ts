/** A queue with mail in every state that there is, and a picture of a store by which two can be compared. */
import { randomBytes } from 'node:crypto';
import { newMessageId, type MessageId } from '../../src/message/ids.ts';
import { FINAL_STATES } from '../../src/message/outcome.ts';
import type { Ledger } from '../../src/spool/ledger.ts';
import type { AuditReport, MessageStory, Spool } from '../../src/spool/spool.ts';
import type { Suppression, Suppressions } from '../../src/spool/suppressions.ts';
import type { FakeClock } from './clock.ts';
import { type aSettlement, aSubmission, type SubmissionOptions, takenBy } from './submission.ts';

const TO = ['ann@one.test', 'bob@one.test', 'cid@two.test', 'dan@three.test', 'eve@three.test'];
const KINDS = 10;

/**
 * Accepts so many messages and brings them to their states by what a relay and operators do: queued, deferred, held, with
 * some of the recipients delivered, ended in each way, scheduled for later, with notify and replies.
 */
export async function fillMixed(
  spool: Spool & { readonly ledger: Ledger; readonly suppressions: Suppressions },
  clock: FakeClock,
  count: number,
): Promise<readonly MessageId[]> {
  const ids: MessageId[] = [];
  for (let from = 0; from < count; from += 100) {
    const wave = Array.from({ length: Math.min(100, count - from) }, (_, at) => from + at);
    const some = await Promise.all(wave.map((n) => acceptOne(spool, clock, n)));
    await spool.suppressions.suppress(some.map((id) => suppressionOf(id, clock.nowMs())));
    ids.push(...some);
    await clock.advance(10);
  }
  await spool.hold({ sender: 'held@example.com' }, clock.nowMs());
  for (const nowMs = clock.nowMs(); ;) {
    const { leased } = await spool.claim({
      nowMs,
      leaseUntilMs: nowMs + 60_000,
      limit: 500,
      perLane: 500,
      exclude: ['later.test', 'waits.test'],
    });
    if (leased.length === 0) break;
    await Promise.all(leased.map((one) => settleOne(spool, one, nowMs)));
  }
  await spool.ledger.draw({
    account: 'client:shop',
    amount: 41,
    limit: 500,
    windowMs: 86_400_000,
    nowMs: clock.nowMs(),
  });
  return ids;
}

/** One for each message, so that it is known whose they are. */
function suppressionOf(id: MessageId, atMs: number): Suppression {
  const key = { address: addressOf(id), client: null, stream: null };
  return { ...key, reason: 'manual', evidence: id, source: 'import', atMs, untilMs: null };
}

function addressOf(id: MessageId): string {
  return `${id.toLowerCase()}@dead.test`;
}

async function acceptOne(spool: Spool, clock: FakeClock, n: number): Promise<MessageId> {
  const atMs = clock.nowMs();
  const id = newMessageId(atMs, randomBytes(10));
  await spool.accept(
    aSubmission({
      atMs,
      id,
      ...shapeOf(n, atMs),
      priority: (['high', 'normal', 'low'] as const)[n % 3] ?? 'normal',
      client: n % 4 === 0 ? 'crm' : 'shop',
      content: mixedContent(id),
      dedupe: n % 2 === 0 ? { key: `digest-${id}`, windowMs: 3_600_000 } : null,
    }),
  );
  return id;
}

function shapeOf(n: number, atMs: number): Partial<SubmissionOptions> {
  switch (n % KINDS) {
    case 0:
      return { to: ['gil@waits.test'] };
    case 1:
      return { to: ['hal@later.test'], dueAtMs: atMs + 7_200_000 };
    case 2:
      return { to: TO, sender: 'held@example.com' };
    case 3:
    case 4:
      return { to: [...TO, 'gil@waits.test'], sender: 'news@example.com' };
    default:
      return { to: [TO[n % TO.length] ?? ''], sender: 'shop@example.com' };
  }
}

/** What an attempt did, by chance that is the same each time for one delivery: ended, put off, or both. */
async function settleOne(spool: Spool, leased: Parameters<typeof aSettlement>[0], nowMs: number): Promise<void> {
  const { delivery } = leased;
  const [first] = delivery.recipients;
  const kind = mixedContent(delivery.messageId).length % 7;
  const isPutOff = kind > 4 || delivery.recipients.length > 1;
  const state = FINAL_STATES[kind % FINAL_STATES.length] ?? 'delivered';
  const addresses = kind === 6 ? [] : isPutOff && first !== undefined ? [first.address] : undefined;
  await spool.settle(
    takenBy(leased, `at-ses-${delivery.messageId}`, {
      atMs: nowMs,
      state,
      ...(addresses === undefined ? {} : { addresses }),
      rest: {
        dueAtMs: nowMs + 600_000,
        warnedAtMs: kind === 5 ? nowMs : null,
        ...(kind === 5 ? { refusedBy: ['ip-1'], doubtBy: 'ses' } : {}),
      },
    }),
  );
}

/** The content of the message with this id: of a size of its own, with bytes above 127. */
export function mixedContent(id: MessageId): Buffer {
  const sum = Array.from(id).reduce((all, letter) => (all * 31 + letter.charCodeAt(0)) % 9_973, 7);
  return Buffer.concat([
    Buffer.from(`Subject: mixed\r\nMessage-ID: <${id}@example.com>\r\n\r\n`),
    Buffer.alloc(100 + sum, `${id}\xe9\r\n`, 'latin1'),
  ]);
}

export type StorePicture = {
  readonly stories: readonly (MessageStory | null)[];
  /** Ids whose content is not what it should be, or not there while it is needed. */
  readonly wrongContent: readonly MessageId[];
  readonly overview: Awaited<ReturnType<Spool['overview']>>;
  readonly audit: AuditReport;
  readonly suppressed: readonly Suppression[];
  /** Of some, whether they are found by what a provider calls them. */
  readonly byProviderId: readonly (readonly MessageId[])[];
};

/** All that can be seen of these messages, and the sums over the whole store. */
export async function pictureOf(
  spool: Spool & { readonly suppressions: Suppressions },
  ids: readonly MessageId[],
): Promise<StorePicture> {
  const stories = await Promise.all(ids.map((id) => spool.story(id)));
  const wrong = await Promise.all(
    stories.map(async (story) => {
      if (story === null || story.queued.length === 0) return null;
      const { id } = story.message;
      const found = await spool.content(id);
      return found.kind === 'found' && found.content.equals(mixedContent(id)) ? null : id;
    }),
  );
  return {
    stories,
    wrongContent: wrong.filter((id) => id !== null),
    overview: await spool.overview(),
    audit: await spool.audit(),
    suppressed: await suppressedOf(spool.suppressions, ids),
    byProviderId: await Promise.all(ids.slice(0, 20).map((id) => spool.byProviderId(`at-ses-${id}`))),
  };
}

async function suppressedOf(of: Suppressions, ids: readonly MessageId[]): Promise<readonly Suppression[]> {
  const found: Suppression[] = [];
  for (let from = 0; from < ids.length; from += 1_000) {
    const addresses = ids.slice(from, from + 1_000).map(addressOf);
    found.push(...(await of.suppressed({ addresses, client: 'shop', stream: 'bulk', nowMs: 0 })));
  }
  return found.toSorted((one, other) => (one.address < other.address ? -1 : 1));
}
