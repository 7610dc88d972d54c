/** A queue as it stands after some bad days: made straight in the store, for it would take a relay an hour. */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { MessageEvent } from '../../src/message/event.ts';
import { newMessageId, type MessageId } from '../../src/message/ids.ts';
import type { Message } from '../../src/message/message.ts';
import { openEmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { openRedisLink } from '../../src/spool/redis/open-link.ts';
import { openRedisSpool } from '../../src/spool/redis/spool.ts';
import type { AcceptResult, LeasedDelivery, Settlement, Spool, Submission } from '../../src/spool/spool.ts';
import type { Suppression, Suppressions } from '../../src/spool/suppressions.ts';
import { systemClock } from '../../src/system.ts';

export const STOCK_DOMAINS = 5_000;
export const STOCK_CLIENTS = ['shop', 'crm', 'billing', 'forum', 'newsletter'] as const;
const STREAMS = ['transactional', 'marketing'] as const;
const TAGS = ['welcome', 'receipt', 'reset', 'may', 'june'] as const;
const HOUR_MS = 3_600_000;
const OLDEST_MS = 60 * HOUR_MS;
const AT_ONCE = 250;
/** One in so many has ended by then, and is history. */
const ENDED_EACH = 20;
const HELD_EACH = 97;
const SUPPRESSED = 100_000;
const BODY_BYTES = 4_096;

/** What to look for. */
export type Stock = {
  readonly queued: number;
  readonly ended: number;
  /** Of the middle of it. */
  readonly id: MessageId;
  readonly recipient: string;
  readonly sender: string;
  readonly messageIdHeader: string;
};

type Store = Spool & { readonly suppressions: Suppressions };

/** `url` of a Redis; null: the embedded store of that data folder. Nothing else may have it open. */
export async function fillStock(
  at: { readonly url: string | null; readonly dataFolder: string },
  queued: number,
  say: (text: string) => void,
): Promise<Stock> {
  await using spool = await openStore(at);
  const nowMs = systemClock.nowMs();
  let [done, ended] = [0, 0];
  let found: Submission | null = null;
  for (let number = 0; done < queued; number += AT_ONCE) {
    const some = Array.from({ length: Math.min(AT_ONCE, queued - done + 20) }, (_, n) =>
      submissionOf(number + n, { nowMs, of: queued }),
    );
    const answers = await Promise.all(some.map((submission) => spool.accept(submission)));
    await Promise.all(answers.flatMap((answer, n) => settled(spool, answer, some[n])));
    const leased = answers.filter((answer) => answer.kind === 'accepted' && answer.leased.length > 0).length;
    done += some.length - leased;
    ended += leased;
    if (done >= queued / 2)
      found ??= some.find(({ held, deliveries }) => held === undefined && deliveries[0]?.leaseUntilMs === null) ?? null;
    if (Math.floor(number / 100_000) < Math.floor((number + AT_ONCE) / 100_000)) say(`${done} queued, ${ended} ended`);
  }
  for (let from = 0; from < SUPPRESSED; from += 1_000)
    await spool.suppressions.suppress(Array.from({ length: 1_000 }, (_, n) => suppressionOf(from + n, nowMs)));
  if (found === null) throw new Error('nothing was queued');
  const { message, deliveries } = found;
  const recipient = deliveries[0]?.recipients[0]?.address ?? '';
  const { id, messageIdHeader, envelope } = message;
  return { queued: done, ended, id, recipient, sender: envelope.sender, messageIdHeader };
}

async function openStore({
  url,
  dataFolder,
}: {
  readonly url: string | null;
  readonly dataFolder: string;
}): Promise<Store> {
  const clock = systemClock;
  if (url === null) return openEmbeddedSpool({ path: join(dataFolder, 'spool'), durability: 'relaxed', clock });
  const link = await openRedisLink({ target: { kind: 'single', url }, clock, durability: 'relaxed' });
  return openRedisSpool({ link, prefix: 'relevo:', clock, node: 'stock' });
}

/** Some destinations have most of the mail, and most have little. */
function domainOf(number: number): string {
  const share = ((number * 7_919) % 99_991) / 99_991;
  return `dest${Math.floor(STOCK_DOMAINS * share ** 4)}.example.net`;
}

/** More of the last hours than of the days before. */
function submissionOf(number: number, { nowMs, of }: { readonly nowMs: number; readonly of: number }): Submission {
  const past = Math.max(0, 1 - number / (of * (1 + 1 / ENDED_EACH)));
  const atMs = Math.floor(nowMs - 60_000 - OLDEST_MS * past ** 3);
  const id = newMessageId(atMs, randomBytes(10));
  const client = pick(STOCK_CLIENTS, number);
  const stream = pick(STREAMS, number >> 2);
  const recipients = [{ address: `user${number}@${domainOf(number)}`, notify: null, orcpt: null }];
  const message: Message = {
    id,
    receivedAtMs: atMs,
    client,
    stream,
    priority: stream === 'marketing' ? 'low' : 'normal',
    tag: pick(TAGS, number >> 3),
    envelope: {
      sender: `list${number % 1_000}@bench.example`,
      ret: null,
      envid: null,
      eightBit: false,
      smtpUtf8: false,
    },
    sizeBytes: BODY_BYTES,
    messageIdHeader: `<${number}.${id}@bench.example>`,
    fromDomain: 'bench.example',
    subject: `News of day ${number % 31}`,
  };
  const isEnded = number % ENDED_EACH === 0;
  const isHeld = !isEnded && number % HELD_EACH === 0;
  return {
    message,
    deliveries: [
      {
        domain: recipients[0]?.address.split('@')[1] ?? '',
        recipients,
        dueAtMs: isEnded ? atMs : nowMs + (number % 97) * 60_000,
        leaseUntilMs: isEnded ? nowMs + HOUR_MS : null,
      },
    ],
    // Half of it can be compressed away, as of mail.
    content: Buffer.from(randomBytes(BODY_BYTES / 2).toString('hex')),
    received: receivedOf(message, recipients[0]?.address ?? ''),
    dedupe: null,
    ...(isHeld ? { held: [heldOf(message, recipients[0]?.address ?? '')] } : {}),
  };
}

function receivedOf(message: Message, recipient: string): Submission['received'] {
  const { id: messageId, receivedAtMs: atMs, client, stream, priority, sizeBytes, messageIdHeader, envelope } = message;
  return {
    event: 'received',
    atMs,
    messageId,
    client,
    sender: envelope.sender,
    recipients: [recipient],
    sizeBytes,
    stream,
    priority,
    protocol: 'ESMTPSA',
    peer: '192.0.2.1',
    messageIdHeader,
    tookMs: 3,
  };
}

function aboutOf(message: Message, recipient: string) {
  const domain = recipient.split('@')[1] ?? '';
  return {
    atMs: message.receivedAtMs,
    messageId: message.id,
    deliveryId: `${message.id}.1` as LeasedDelivery['delivery']['id'],
    domain,
    recipients: [recipient],
  };
}

function heldOf(message: Message, recipient: string): NonNullable<Submission['held']>[number] {
  return { event: 'held', ...aboutOf(message, recipient), reason: 'for the bench' };
}

/** Two in three were delivered, the others bounced. */
function settled(spool: Spool, answer: AcceptResult, submission: Submission | undefined): Promise<unknown>[] {
  if (answer.kind !== 'accepted' || submission === undefined) return [];
  return answer.leased.map(({ delivery, lease }, n) => {
    const address = delivery.recipients[0]?.address ?? '';
    const about = aboutOf(submission.message, address);
    const isDelivered = submission.message.receivedAtMs % 3 !== 0;
    const reply = isDelivered
      ? { code: 250, detail: '0.0', text: 'taken' }
      : { code: 550, detail: '1.1', text: 'no such user' };
    const attempt = {
      number: 1,
      egress: 'down0',
      host: 'mx.example.net',
      address: '192.0.2.9',
      source: '192.0.2.1',
      tls: 'TLSv1.3',
      reply,

      tookMs: 40 + n,
    };
    const end: MessageEvent = { event: isDelivered ? 'delivered' : 'bounced', ...about, reply, egress: 'down0' };
    const settlement: Settlement = {
      deliveryId: delivery.id,
      token: lease.token,
      atMs: about.atMs,
      finished: [{ address, state: isDelivered ? 'delivered' : 'bounced' }],
      rest: { dueAtMs: 0, attempts: 1, lastReply: null, lastEgress: null, warnedAtMs: null, state: 'queued' },
      events: [{ event: 'attempted', ...about, attempt }, end],
    };
    return spool.settle(settlement);
  });
}

function suppressionOf(number: number, atMs: number): Suppression {
  return {
    address: `gone${number}@${domainOf(number)}`,
    client: null,
    stream: null,
    reason: number % 3 === 0 ? 'complaint' : 'hard-bounce',
    evidence: '550 5.1.1 no such user',
    source: 'bounce',
    atMs,
    untilMs: null,
  };
}

function pick<One>(some: readonly [One, ...One[]], number: number): One {
  return some[number % some.length] ?? some[0];
}
