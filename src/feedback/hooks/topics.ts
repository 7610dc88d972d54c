/** Subscriptions of this relay to topics of Amazon SNS: confirmed once each, and an alert while one is ended. */
import { createHash } from 'node:crypto';
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Emit, Fetch } from '../../ports.ts';
import type { Mark, Marks } from '../../spool/marks.ts';
import { SpoolError } from '../../spool/spool.ts';
import { confirmSubscription, type SnsMessage } from './sns.ts';

export type TopicNeeds = {
  readonly policy: () => Policy;
  readonly marks: Marks;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly emit: Emit;
};

export type TopicAnswer = { readonly kind: 'done' } | { readonly kind: 'later'; readonly why: string };

/** Another one of the same topic is not confirmed sooner: whoever subscribes again and again makes no calls of us. */
const BETWEEN_MS = 60_000;
const LOOK_MS = 10_000;
const PREFIX = 'hook-topic:';
/** Behind the digest of the token that was confirmed last. */
const ENDED = ' ended';

export class Topics {
  readonly #needs: TopicNeeds;
  /** Of each exit of which it was told here that subscriptions are ended: to which topics. */
  readonly #told = new Map<string, string>();
  #looking: Promise<void> = Promise.resolve();

  constructor(needs: TopicNeeds) {
    this.#needs = needs;
  }

  /** A subscription's confirmation is asked for at most once, by whichever node; a new subscription of a topic by itself. */
  async confirm(exit: string, message: SnsMessage): Promise<TopicAnswer> {
    const { marks, fetch, clock } = this.#needs;
    const digest = createHash('sha256').update(message.token).digest('hex');
    const name = markOf(exit, message.topicArn);
    const nowMs = clock.nowMs();
    const last = await this.#read(name);
    if (last?.text.startsWith(digest) === true) return { kind: 'done' };
    if (last !== null && nowMs - last.atMs < BETWEEN_MS)
      return { kind: 'later', why: `another subscription to ${message.topicArn} was confirmed a moment ago` };
    const isEnded = last?.text.endsWith(ENDED) === true;
    // First, so that a call whose answer is lost is not made again by every post that repeats it; a failed one is forgotten.
    await marks.mark([{ name, text: isEnded ? `${digest}${ENDED}` : digest, atMs: nowMs }]);
    const failure = await confirmSubscription(fetch, message);
    if (failure !== null) {
      await marks.unmark([name]);
      if (isEnded) await marks.mark([last]);
      return { kind: 'later', why: `the subscription to ${message.topicArn} is not confirmed: ${failure}` };
    }
    if (isEnded) await marks.mark([{ name, text: digest, atMs: nowMs }]);
    await this.look();
    return { kind: 'done' };
  }

  /** Somebody ended the subscription: nothing more will come. It is remembered, so that it is told of after a restart too. */
  async ended(exit: string, { topicArn }: SnsMessage): Promise<void> {
    const { marks, clock } = this.#needs;
    const name = markOf(exit, topicArn);
    const last = await this.#read(name);
    // At the time of its confirmation: whoever ends one may subscribe anew at once.
    const atMs = last?.atMs ?? clock.nowMs() - BETWEEN_MS;
    if (last?.text.endsWith(ENDED) !== true) await marks.mark([{ name, text: `${last?.text ?? ''}${ENDED}`, atMs }]);
    await this.look();
  }

  /** Tells what changed since: what other nodes heard, and what the policy has no more. */
  look(): Promise<void> {
    // In turn: what was read before must not undo what was told since.
    const turn = this.#looking.then(() => this.#look());
    this.#looking = turn.catch(() => undefined);
    return turn;
  }

  async #look(): Promise<void> {
    const { marks, policy } = this.#needs;
    if (topicsOf(policy()).size + this.#told.size === 0) return;
    const found = await marks.marks(PREFIX);
    const ended = new Set(found.filter(({ text }) => text.endsWith(ENDED)).map(({ name }) => name));
    const inForce = topicsOf(policy());
    for (const [exit, topicArns] of inForce) {
      const gone = topicArns.filter((topicArn) => ended.has(markOf(exit, topicArn))).join(', ');
      if (gone === (this.#told.get(exit) ?? '')) continue;
      if (gone === '') this.#clear(exit, `${exit} is subscribed to ${topicArns.join(', ')}`);
      else this.#raise(exit, gone);
    }
    for (const exit of this.#told.keys())
      if (!inForce.has(exit)) this.#clear(exit, `the policy has no topics for ${exit} any more`);
  }

  /** Looks now and then, until the signal. Never rejects. */
  async watch(signal: AbortSignal): Promise<void> {
    const { clock, emit } = this.#needs;
    while (!signal.aborted) {
      await this.look().catch((cause: unknown) => {
        // A store that is away has an alert of its own.
        if (cause instanceof SpoolError && !cause.isFinal) return;
        emit({ event: 'failed', atMs: clock.nowMs(), where: 'hooks', cause: String(cause) });
      });
      await clock.sleep(LOOK_MS, signal).catch(() => undefined);
    }
  }

  async #read(name: string): Promise<Mark | null> {
    return (await this.#needs.marks.marks(name)).find((mark) => mark.name === name) ?? null;
  }

  #raise(exit: string, topicArns: string): void {
    this.#told.set(exit, topicArns);
    const text =
      `the subscription of ${exit} to ${topicArns} was ended at Amazon: its bounces and complaints are not told any more; ` +
      `subscribe /hooks/${exit} to it again`;
    this.#tell(exit, { text, raised: true });
  }

  #clear(exit: string, text: string): void {
    this.#told.delete(exit);
    this.#tell(exit, { text, raised: false });
  }

  #tell(exit: string, { text, raised }: { readonly text: string; readonly raised: boolean }): void {
    const { emit, clock } = this.#needs;
    emit({ event: 'alert', atMs: clock.nowMs(), name: `hook-unsubscribed:${exit}`, text, raised });
  }
}

/** By exit; without those that have none. */
function topicsOf({ egress }: Policy): ReadonlyMap<string, readonly string[]> {
  return new Map(
    Object.entries(egress).flatMap(([name, exit]) => {
      const topicArns = exit.type === 'ses' ? (exit.webhook?.topicArns ?? []) : [];
      return topicArns.length === 0 ? [] : [[name, topicArns]];
    }),
  );
}

function markOf(exit: string, topicArn: string): string {
  return `${PREFIX}${encodeURIComponent(exit)}:${createHash('sha256').update(topicArn).digest('hex').slice(0, 16)}`;
}
