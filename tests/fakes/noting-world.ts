/** What is noted of a provider's events, over a store of one message. */
import { FakeClock } from './clock.ts';
import { aSubmission } from './submission.ts';
import type { CameBack, Event, MessageEvent } from '../../src/message/event.ts';
import { type DeliveryId, deliveryIdOf, type MessageId, newMessageId } from '../../src/message/ids.ts';
import type { Message } from '../../src/message/message.ts';
import type { Notice } from '../../src/message/notice.ts';
import { policySchema } from '../../src/policy/schema.ts';
import type { MessageStory, QueuedDelivery } from '../../src/spool/spool.ts';
import { Doubts, type Verdicts } from '../../src/feedback/hooks/doubts.ts';
import { Noting } from '../../src/feedback/hooks/noting.ts';
import type { ProviderEvent } from '../../src/feedback/hooks/provider-event.ts';

const POLICY = policySchema.parse({
  hostname: 'relay.test',
  egress: {
    direct: { type: 'mx' },
    grid: { type: 'sendgrid', apiKeys: ['k'] },
    'grid-2': { type: 'sendgrid', apiKeys: ['k'] },
    ses: { type: 'ses', region: 'eu-west-1' },
  },
});
/** Of what a sender is told. */
export const REPORT = newMessageId(2, Buffer.alloc(10, 9));
/** As the message has her. */
export const ANN = 'Ann@dest.test';

type Made = {
  readonly by?: string;
  readonly to?: readonly string[];
  readonly leased?: boolean;
  readonly doubtBy?: string | undefined;
};

/** One message that was tried by one exit; `leased` or `doubtBy`: its delivery still waits. */
export class NotingWorld {
  readonly clock = new FakeClock();
  readonly emitted: Event[] = [];
  readonly learnt: MessageEvent[] = [];
  readonly ended: Verdicts[] = [];
  readonly told: Notice[] = [];
  readonly noting: Noting;
  story: MessageStory;
  asked = 0;
  /** What was taken to be ended and was handed back. */
  readonly givenBack: unknown[] = [];
  endsFail = false;

  constructor({ by = 'grid', to = [ANN], leased, doubtBy }: Made = {}) {
    const atMs = this.clock.nowMs();
    const { message, received } = aSubmission({ atMs, to });
    const deliveryId = deliveryIdOf(message.id, 1);
    const of = { atMs, messageId: message.id, deliveryId, domain: 'dest.test', recipients: to };
    const reply = { code: 250, detail: null, text: 'ok' };
    const peer = { host: null, address: null, source: null, tls: null };
    const attempt = { number: 1, egress: by, ...peer, reply, tookMs: 1 };
    const waits = leased !== undefined || doubtBy !== undefined;
    const events: MessageEvent[] = [received, { event: 'attempted', attempt, ...of }];
    if (!waits) events.push({ event: 'delivered', reply, egress: by, ...of });
    const delivery = waitingAs({ deliveryId, message, by, to, doubtBy });
    const leasedUntilMs = leased === true ? atMs + 60_000 : null;
    const queued: QueuedDelivery[] = waits ? [{ delivery, sender: '', sizeBytes: 1, leasedUntilMs }] : [];
    this.story = { message, events, queued };
    const spool = {
      story: async (id: MessageId) => {
        this.asked += 1;
        return id === message.id ? this.story : null;
      },
      note: async (added: readonly CameBack[]) => {
        this.story = { ...this.story, events: [...this.story.events, ...added] };
        return 'noted' as const;
      },
      byProviderId: async (id: string) => (id === 'theirs' ? [message.id] : []),
      list: async () => this.story.queued,
      take: async () =>
        this.story.queued.map(({ delivery: one }) => ({ delivery: one, message, lease: { token: 1, untilMs: 0 } })),
      giveBack: async (leases: readonly unknown[]) => void this.givenBack.push(...leases),
    };
    const endNow = async (_: unknown, verdicts: Verdicts): Promise<boolean> => {
      if (this.endsFail) throw new Error('what ends it is away');
      this.ended.push(verdicts);
      return true;
    };
    const { clock } = this;
    const emit = (event: Event): void => void this.emitted.push(event);
    this.noting = new Noting({
      policy: () => POLICY,
      spool,
      doubts: new Doubts({ spool, endNow, clock, emit }),
      learn: async (added) => void this.learnt.push(...added),
      tellReturned: async (notice) => {
        this.told.push(notice);
        return REPORT;
      },
      tags: { message: 'relevo-message', delivery: 'relevo-delivery', deliveryOf: (value) => value },
      clock,
      emit,
    });
  }

  event(what: ProviderEvent['what'], of: Partial<ProviderEvent> = {}): ProviderEvent {
    return {
      what,
      recipients: ['ann@dest.test'],
      tags: { 'relevo-delivery': `${this.story.message.id}.1` },
      providerIds: [],
      ref: `${what}-1`,
      atMs: null,
      reply: what === 'bounced-later' ? { code: 550, detail: '1.1', text: 'gone' } : null,
      host: null,
      detail: '',
      ...of,
    };
  }

  /** As the provider of `grid` says it. */
  said(...events: readonly ProviderEvent[]) {
    return this.noting.note('grid', events);
  }

  noted(): readonly string[] {
    return this.story.events.flatMap((event) =>
      'source' in event ? [`${event.event} ${event.recipients.join()}`] : [],
    );
  }
}

type Waiting = Pick<Made, 'doubtBy'> & {
  readonly deliveryId: DeliveryId;
  readonly message: Message;
  readonly by: string;
  readonly to: readonly string[];
};

function waitingAs({ deliveryId, message, by, to, doubtBy }: Waiting): QueuedDelivery['delivery'] {
  const recipients = to.map((address) => ({ address, notify: null, orcpt: null }));
  return {
    id: deliveryId,
    messageId: message.id,
    domain: 'dest.test',
    recipients,
    client: 'shop',
    stream: 'news',
    priority: 'normal',
    state: 'queued',
    attempts: 1,
    createdAtMs: message.receivedAtMs,
    dueAtMs: message.receivedAtMs,
    warnedAtMs: null,
    lastReply: null,
    lastEgress: by,
    ...(doubtBy === undefined ? {} : { doubtBy }),
  };
}
