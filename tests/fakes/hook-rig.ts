/** Webhooks of providers over a real store, with a clock that stands still: mail that left by exits, and what is posted of it. */
import { openHooks, type HookAnswer, type Hooks } from '../../src/feedback/hooks/hooks.ts';
import { ownMailStore } from '../../src/feedback/own-mail.ts';
import { returnedReporter } from '../../src/feedback/reporter.ts';
import { openSuppression, type Suppressing } from '../../src/feedback/suppression/suppression.ts';
import type { Event, MessageEvent } from '../../src/message/event.ts';
import type { DeliveryId } from '../../src/message/ids.ts';
import { type Policy, policySchema } from '../../src/policy/schema.ts';
import { toldPlan } from '../../src/schedule/settlement/told-ends.ts';
import type { Fixture, Store } from '../../src/spool/engine.contract.ts';
import { SpoolError, type Submission } from '../../src/spool/spool.ts';
import { systemRandom } from '../../src/system.ts';
import type { FakeClock } from './clock.ts';
import { type FakeSns, type ProviderPost, sendgridKeys, TOPIC } from './provider-posts.ts';
import { aSettlement, aSubmission, deliveryOf, type SettlementOptions, type SubmissionOptions } from './submission.ts';

export const MAILGUN_KEY = 'key-of-mailgun';

type Away = { note: boolean; learn: boolean };

export class HookRig implements AsyncDisposable {
  readonly fixture: Fixture;
  readonly #suppressing: Suppressing;
  readonly #hooks: Hooks;
  readonly sns: FakeSns;
  readonly sendgrid = sendgridKeys();
  readonly events: Event[] = [];
  readonly policy: Policy;
  /** Parts of the store that do not answer. */
  readonly away: Away = { note: false, learn: false };

  private constructor(fixture: Fixture, parts: { readonly sns: FakeSns; readonly suppressing: Suppressing }) {
    this.fixture = fixture;
    this.#suppressing = parts.suppressing;
    this.sns = parts.sns;
    this.policy = policySchema.parse({
      hostname: 'relay.test',
      domains: { 'shop.test': { returnPath: 'bounce.shop.test' } },
      clients: { quiet: { networks: ['192.0.2.0/24'], senders: ['*'], bounceMail: false } },
      egress: {
        direct: { type: 'mx' },
        grid: { type: 'sendgrid', apiKeys: ['k'], webhook: { publicKey: this.sendgrid.publicKey } },
        quiet: { type: 'sendgrid', apiKeys: ['k'] },
        gun: { type: 'mailgun', apiKeys: ['k'], domain: 'mg.test', webhook: { signingKey: MAILGUN_KEY } },
        ses: { type: 'ses', region: 'eu-west-1', webhook: { topicArns: [TOPIC] } },
      },
    });
    this.#hooks = this.#open(fixture.spool);
  }

  static async open(fixture: Fixture, sns: FakeSns): Promise<HookRig> {
    const { spool, clock } = fixture;
    const policy = policySchema.parse({ hostname: 'relay.test' });
    const suppressing = await openSuppression({ policy: () => policy, spool, clock, emit: () => undefined });
    return new HookRig(fixture, { sns, suppressing });
  }

  get clock(): FakeClock {
    return this.fixture.clock;
  }

  get spool(): Store['spool'] {
    return this.fixture.spool;
  }

  /** The same as another node has it: nothing of it in memory. */
  another(): Hooks {
    return this.#open(this.spool);
  }

  #open(spool: Store['spool']): Hooks {
    const { clock, away } = this;
    const unlessAway = (part: keyof Away): void => {
      if (away[part]) throw new SpoolError('unavailable', `${part} is away`);
    };
    return openHooks({
      policy: () => this.policy,
      spool: {
        story: (id, of) => spool.story(id, of),
        note: async (events) => {
          unlessAway('note');
          return spool.note(events);
        },
        byProviderId: async (id) => (await spool.byProviderId?.(id)) ?? [],
        take: (filter, untilMs, limit) => spool.take(filter, untilMs, limit),
        list: (filter, page) => spool.list(filter, page),
        giveBack: (leases, when) => spool.giveBack(leases, when),
      },
      tallies: spool.ledger,
      quotas: spool.ledger,
      random: systemRandom,
      marks: spool.marks,
      fetch: this.sns.fetch,
      learn: async (events) => {
        unlessAway('learn');
        await this.#suppressing.learn(events);
      },
      endNow: async (leased, ends) => {
        const retry = this.policy.retry;
        const terms = { nowMs: clock.nowMs(), ageMs: 0, retry, onDoubt: 'retry', fraction: 0, content: null } as const;
        const { settlement } = toldPlan(leased, { ends, terms });
        return (await spool.settle(settlement)) === 'settled';
      },
      tellReturned: returnedReporter({
        policy: () => this.policy,
        clock,
        emit: () => undefined,
        spool,
        submitOwn: ownMailStore({
          policy: () => this.policy,
          spool,
          sign: async () => ({ headers: Buffer.alloc(0) }),
          clock,
          emit: (event) => void this.events.push(event),
          wake: () => undefined,
        }),
      }),
      tags: { message: 'relevo-message', delivery: 'relevo-delivery', deliveryOf: (value) => value.replace('_', '.') },
      clock,
      emit: (event) => void this.events.push(event),
    });
  }

  async accepted(options: Partial<SubmissionOptions> = {}): Promise<Submission> {
    const submission = aSubmission({ atMs: this.clock.nowMs(), to: ['ann@dest.test'], ...options });
    await this.spool.accept(submission);
    return submission;
  }

  /** A message that an exit took; `providerId`: what its provider calls it. */
  async sent(
    egress: string,
    { providerId, ...options }: Partial<SubmissionOptions> & { readonly providerId?: string } = {},
  ): Promise<{ readonly submission: Submission; readonly delivery: DeliveryId }> {
    const submission = await this.accepted(options);
    await this.attempted(egress, providerId === undefined ? {} : { providerId });
    return { submission, delivery: deliveryOf(submission) };
  }

  /** All that is due is tried by an exit, and comes to what `outcome` says. @returns what was tried */
  async attempted(
    egress: string,
    { providerId, ...outcome }: Partial<SettlementOptions> & { readonly providerId?: string } = {},
  ): Promise<readonly DeliveryId[]> {
    const tried: DeliveryId[] = [];
    for (const leased of await this.fixture.claimed()) {
      const { id: deliveryId, messageId, domain, recipients } = leased.delivery;
      const attempt = {
        number: 1,
        egress,
        host: null,
        address: null,
        source: null,
        tls: null,
        reply: { code: 250, detail: '0.0', text: 'ok' },
        tookMs: 5,
        ...(providerId === undefined ? {} : { providerId }),
      };
      const addresses = recipients.map(({ address }) => address);
      const atMs = this.clock.nowMs();
      const before: MessageEvent = {
        event: 'attempted',
        attempt,
        atMs,
        messageId,
        deliveryId,
        domain,
        recipients: addresses,
      };
      await this.spool.settle(aSettlement(leased, { atMs, before: [before], ...outcome }));
      tried.push(deliveryId);
    }
    return tried;
  }

  post(name: string, { headers, body }: ProviderPost, hooks: Hooks = this.#hooks): Promise<HookAnswer> {
    return hooks.take({ name, headers, body, peer: '198.51.100.7' });
  }

  /** What was noted of a message by webhooks, in order. */
  async noted({ message }: Submission): Promise<readonly MessageEvent[]> {
    const story = await this.spool.story(message.id);
    return (story?.events ?? []).filter((event) => 'source' in event && event.source?.startsWith('hook:') === true);
  }

  async suppressed(): Promise<readonly string[]> {
    const { entries } = await this.spool.suppressions.suppressions({}, { limit: 100, after: null });
    return entries
      .filter(({ reason, client }) => reason !== 'manual' && (client === null || /^[a-z]+$/.test(client)))
      .map(({ address, reason }) => `${address} ${reason}`);
  }

  /** What came of posts, summed up, as the metrics have it. */
  passedOver(): Record<string, number> {
    const sums: Record<string, number> = {};
    for (const event of this.events) {
      if (event.event !== 'hook-taken') continue;
      for (const [why, count] of Object.entries({ noted: event.noted, ...event.passedOver }))
        if (count > 0) sums[why] = (sums[why] ?? 0) + count;
    }
    return sums;
  }

  refused(): readonly string[] {
    return this.events.flatMap((event) =>
      event.event === 'hook-refused' ? [`${event.egress} ${event.reason} ${event.count}`] : [],
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#suppressing[Symbol.asyncDispose]();
  }
}
