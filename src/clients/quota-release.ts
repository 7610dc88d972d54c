/** Lets mail go that waits for the quota of its client, the oldest first, as there is room: once for all nodes. */
import { type Event, type MessageEvent, ofMail } from '../message/event.ts';
import type { MessageId } from '../message/ids.ts';
import { HELD_OVER_QUOTA, heldReason, quotaAccount } from '../message/over-quota.ts';
import type { Policy } from '../policy/schema.ts';
import { formatRate, type Rate } from '../policy/units.ts';
import type { Clock, Emit } from '../ports.ts';
import type { Ledger } from '../spool/ledger.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import type { MessageStory, Spool } from '../spool/spool.ts';
import { mayWait, WAIT_MARKS, type Waiting, WAITING_MARKS, waitingMark, waitingOf, waitMarks } from './quota-waits.ts';

export type QuotaReleaseNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly marks: Marks;
  readonly ledger: Ledger;
  readonly spool: Pick<Spool, 'release' | 'story'>;
  /** Something is due. */
  readonly wake: () => void;
  /** Whether it is for this relay to do. */
  readonly isOurs: () => Promise<boolean>;
};

const LOOK_MS = 5_000;
/** At the start, and when mail of another client begins to wait. */
const SOONEST_MS = 500;
/** Some may be left of clients that may not wait any more. */
const LEFT_MS = 60_000;
/** While there is no room it is counted so often how much waits. */
const COUNT_MS = 15_000;
const AT_ONCE = 50;
/** Whatever was to be accepted as held is by then, or never. */
const ACCEPTED_MS = 600_000;
const WHY = 'its quota has room';

/** What is known of a client of which something waits. */
type Known = Waiting & { readonly quota: string; readonly countedMs: number; readonly fullUntilMs: number };

/** A delivery that waits. */
type Wait = { readonly story: MessageStory; readonly event: Released; readonly amount: number; readonly mark: string };
type Released = MessageEvent & { readonly event: 'released' };

export class QuotaRelease implements AsyncDisposable {
  readonly #needs: QuotaReleaseNeeds;
  readonly #ending = new AbortController();
  readonly #running: Promise<void>;
  readonly #known = new Map<string, Known>();
  #news = new AbortController();
  /** What was said last of each. */
  readonly #told = new Map<string, string>();
  #isOurs = false;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(needs: QuotaReleaseNeeds) {
    this.#needs = needs;
    this.#running = this.#run();
  }

  /** A sink of every event: that mail of another client begins to wait is looked at soon. */
  heard(event: Event): void {
    if (event.event !== 'held' || !event.reason.startsWith(HELD_OVER_QUOTA)) return;
    if (event.mail !== undefined && !this.#known.has(event.mail.client)) this.#news.abort();
  }

  /** Lets go now what there is room for. */
  async look(): Promise<void> {
    const { policy, clock, marks, isOurs } = this.#needs;
    const nowMs = clock.monotonicMs();
    const isForAll = nowMs - this.#lookedMs >= LEFT_MS;
    if (!mayWait(policy()) && this.#known.size === 0 && !isForAll) return;
    const wasOurs = this.#isOurs;
    this.#isOurs = await isOurs();
    if (!this.#isOurs || !wasOurs) this.#known.clear();
    if (!this.#isOurs) return this.#tell();
    const told = new Map((await marks.marks(WAITING_MARKS)).map((mark) => [mark.name, waitingOf(mark)]));
    const clients = new Set([...told.keys()].map((name) => name.slice(WAITING_MARKS.length)));
    for (const [name, { overQuota }] of Object.entries(policy().clients)) if (overQuota === 'hold') clients.add(name);
    if (isForAll) for (const { name } of await marks.marks(WAIT_MARKS)) clients.add(clientOf(name));
    if (isForAll) this.#lookedMs = nowMs;
    for (const client of clients) await this.#letGo(client, told.get(`${WAITING_MARKS}${client}`) ?? null);
    this.#tell();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ending.abort(new Error('the relay ends'));
    await this.#running;
  }

  async #run(): Promise<void> {
    const { clock, emit } = this.#needs;
    const { signal } = this.#ending;
    let isFailing = false;
    let waitMs = SOONEST_MS;
    while (!signal.aborted) {
      await clock.sleep(Math.min(waitMs, SOONEST_MS), signal).catch(() => undefined);
      const { signal: news } = this.#news;
      await clock.sleep(Math.max(0, waitMs - SOONEST_MS), AbortSignal.any([signal, news])).catch(() => undefined);
      if (signal.aborted) return;
      this.#news = new AbortController();
      await this.look().then(
        () => (isFailing = false),
        (cause: unknown) => {
          if (!isFailing) emit({ event: 'failed', atMs: clock.nowMs(), where: 'held mail', cause: String(cause) });
          isFailing = true;
        },
      );
      const turns = [...this.#known.values()].map(({ fullUntilMs }) => fullUntilMs - clock.nowMs());
      waitMs = Math.min(LOOK_MS, ...turns.filter((turnMs) => turnMs > 0));
    }
  }

  async #letGo(client: string, told: Waiting | null): Promise<void> {
    const { clock, marks } = this.#needs;
    const [nowMs, quota] = [clock.nowMs(), this.#quotaOf(client)];
    const text = quota === null ? '' : formatRate(quota);
    const known = this.#known.get(client);
    const waitMs = (known?.fullUntilMs ?? 0) - nowMs;
    // A window further ahead than it is long is one of a clock that was set back.
    const isFull = known?.quota === text && waitMs > 0 && waitMs <= (quota?.windowMs ?? 0);
    const stays = isFull || (known !== undefined && !this.#isNamed(client));
    if (stays && clock.monotonicMs() - known.countedMs < COUNT_MS) return;
    const waits = await marks.marks(waitMarks(client));
    let [messages, fullUntilMs] = [waits.length, isFull ? known.fullUntilMs : 0];
    for (let from = 0; from < waits.length && fullUntilMs <= nowMs; from += AT_ONCE) {
      const some = waits.slice(from, from + AT_ONCE);
      const done = await this.#some({ client, quota, marks: some });
      messages -= some.length - done.left;
      if (done.resetsAtMs !== null) fullUntilMs = done.resetsAtMs;
    }
    const sinceMs = told?.sinceMs ?? nowMs;
    if (messages > 0) {
      if (told?.messages !== messages) await marks.mark([waitingMark({ client, messages, sinceMs }, nowMs)]);
      const countedMs = clock.monotonicMs();
      this.#known.set(client, { client, messages, sinceMs, quota: text, countedMs, fullUntilMs });
    } else {
      if (told !== null) {
        await marks.unmark([`${WAITING_MARKS}${client}`]);
        // Perhaps the process before this one said that it waits.
        this.#told.set(client, '');
      }
      this.#known.delete(client);
    }
  }

  /** Of some messages, the oldest first. @returns how many still wait; `resetsAtMs`: there is no more room until then */
  async #some(of: {
    readonly client: string;
    readonly quota: Rate | null;
    readonly marks: readonly Mark[];
  }): Promise<{ readonly left: number; readonly resetsAtMs: number | null }> {
    const { clock, spool, marks, wake, emit } = this.#needs;
    const { client, quota } = of;
    const read = await Promise.all(of.marks.map((mark) => this.#waitsOf(mark)));
    const waits = read.flat();
    // What somebody sent who may not any more goes when an operator says so.
    const free = { granted: this.#isNamed(client) ? waits : [], resetsAtMs: null };
    const { granted, resetsAtMs } = quota === null ? free : await this.#draw({ client, quota, waits });
    if (granted.length > 0) {
      await spool.release({ ids: granted.map(({ event }) => event.deliveryId) }, clock.nowMs(), WHY);
      for (const { event, story } of granted) emit(ofMail(event, story.message));
      wake();
    }
    const left = new Set(waits.filter((wait) => !granted.includes(wait)).map(({ mark }) => mark));
    const bare = of.marks.filter((mark, place) => read[place]?.length === 0 && !this.#isNew(mark));
    // What is more than all of the quota waits for an operator, and nothing waits behind it.
    const possible = waits.filter(({ amount, mark }) => left.has(mark) && amount <= (quota?.count ?? amount));
    const gone = [...bare.map(({ name }) => name), ...granted.map(({ mark }) => mark)].filter(
      (name) => !left.has(name),
    );
    if (gone.length > 0) await marks.unmark([...new Set(gone)]);
    return { left: new Set(possible.map(({ mark }) => mark)).size, resetsAtMs };
  }

  /** What there is room for, in order. One that is more than all of the quota never has: it is for an operator. */
  async #draw(of: {
    readonly client: string;
    readonly quota: Rate;
    readonly waits: readonly Wait[];
  }): Promise<{ readonly granted: readonly Wait[]; readonly resetsAtMs: number | null }> {
    const { ledger, clock } = this.#needs;
    const { count: limit, windowMs } = of.quota;
    const possible = of.waits.filter(({ amount }) => amount <= limit);
    let [granted, resetsAtMs]: [readonly Wait[], number | null] = [possible, null];
    while (granted.length > 0) {
      const amount = granted.reduce((sum, wait) => sum + wait.amount, 0);
      const account = quotaAccount(of.client);
      const drawn = await ledger.draw({ account, amount, limit, windowMs, nowMs: clock.nowMs() });
      if (drawn.kind === 'granted') return { granted, resetsAtMs };
      ({ resetsAtMs } = drawn);
      granted = firstWithin(granted, Math.min(limit - drawn.used, amount - 1));
    }
    return { granted, resetsAtMs };
  }

  /** Its deliveries that wait for the quota; empty: none does any more, or the message is not accepted yet. */
  async #waitsOf({ name }: Mark): Promise<readonly Wait[]> {
    const { spool, clock } = this.#needs;
    const story = await spool.story(name.slice(name.lastIndexOf(':') + 1) as MessageId);
    if (story === null) return [];
    return story.queued.flatMap(({ delivery }) => {
      if (heldReason(delivery, story.events)?.startsWith(HELD_OVER_QUOTA) !== true) return [];
      const { id, messageId, domain } = delivery;
      const recipients = delivery.recipients.map(({ address }) => address);
      const about = { atMs: clock.nowMs(), messageId, deliveryId: id, domain, recipients };
      const event = { event: 'released', ...about, reason: WHY } as const;
      return [{ story, event, amount: recipients.length, mark: name }];
    });
  }

  #isNew({ atMs }: Mark): boolean {
    return this.#needs.clock.nowMs() - atMs < ACCEPTED_MS;
  }

  #isNamed(client: string): boolean {
    return Object.hasOwn(this.#needs.policy().clients, client);
  }

  #quotaOf(client: string): Rate | null {
    const { clients } = this.#needs.policy();
    return (Object.hasOwn(clients, client) ? clients[client]?.quota : undefined) ?? null;
  }

  #tell(): void {
    const { emit, clock } = this.#needs;
    const atMs = clock.nowMs();
    for (const client of this.#told.keys()) {
      if (this.#known.has(client)) continue;
      this.#told.delete(client);
      const text = `${client}: none of its mail waits for its quota any more`;
      emit({ event: 'alert', atMs, name: `quota-held:${client}`, text, raised: false });
    }
    for (const { client, quota } of this.#known.values()) {
      const text = this.#waitingText(client, quota);
      if (this.#told.get(client) === text) continue;
      this.#told.set(client, text);
      emit({ event: 'alert', atMs, name: `quota-held:${client}`, text, raised: true });
    }
  }

  #waitingText(client: string, quota: string): string {
    return this.#isNamed(client)
      ? `${client}: it is over its quota${quota === '' ? '' : ` of ${quota}`}; its mail waits, and goes by itself, the oldest first, as there is room`
      : `${client}: it is not in the policy any more; its mail that was over its quota waits until an operator releases or bounces it`;
  }
}

function clientOf(mark: string): string {
  return mark.slice(WAIT_MARKS.length, mark.lastIndexOf(':'));
}

/** As many as have room, none past one that has not. */
function firstWithin(waits: readonly Wait[], room: number): readonly Wait[] {
  let sum = 0;
  const end = waits.findIndex(({ amount }) => (sum += amount) > room);
  return end === -1 ? waits : waits.slice(0, end);
}
