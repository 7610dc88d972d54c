/** Subscriptions of this relay to topics of Amazon SNS: confirmed once each, and an alert when one ends. */
import { createHash } from 'node:crypto';
import type { Clock, Emit, Fetch } from '../../ports.ts';
import type { Marks } from '../../spool/marks.ts';
import { confirmSubscription, type SnsMessage } from './sns.ts';

export type TopicNeeds = {
  readonly marks: Marks;
  readonly fetch: Fetch;
  readonly clock: Clock;
  readonly emit: Emit;
};

export type TopicAnswer = { readonly kind: 'done' } | { readonly kind: 'later'; readonly why: string };

/** Another one of the same topic is not confirmed sooner: whoever subscribes again and again makes no calls of us. */
const BETWEEN_MS = 60_000;

/** A subscription's confirmation is asked for at most once, by whichever node; a new subscription of a topic by itself. */
export async function confirmTopic(needs: TopicNeeds, exit: string, message: SnsMessage): Promise<TopicAnswer> {
  const { marks, fetch, clock } = needs;
  const digest = createHash('sha256').update(message.token).digest('hex');
  const name = markOf(exit, message.topicArn);
  const nowMs = clock.nowMs();
  const last = (await marks.marks(name)).find((mark) => mark.name === name);
  if (last?.text === digest) return { kind: 'done' };
  if (last !== undefined && last.text !== '' && nowMs - last.atMs < BETWEEN_MS)
    return { kind: 'later', why: `another subscription to ${message.topicArn} was confirmed a moment ago` };
  // First, so that a call whose answer is lost is not made again by every post that repeats it; a failed one is forgotten.
  await marks.mark([{ name, text: digest, atMs: nowMs }]);
  const failure = await confirmSubscription(fetch, message);
  if (failure !== null) {
    await marks.unmark([name]);
    return { kind: 'later', why: `the subscription to ${message.topicArn} is not confirmed: ${failure}` };
  }
  tell(needs, { exit, topicArn: message.topicArn, raised: false });
  return { kind: 'done' };
}

/** Somebody ended the subscription: nothing more will come. */
export function topicEnded(needs: Pick<TopicNeeds, 'clock' | 'emit'>, exit: string, { topicArn }: SnsMessage): void {
  tell(needs, { exit, topicArn, raised: true });
}

function tell(
  { clock, emit }: Pick<TopicNeeds, 'clock' | 'emit'>,
  { exit, topicArn, raised }: { readonly exit: string; readonly topicArn: string; readonly raised: boolean },
): void {
  const text = raised
    ? `the subscription of ${exit} to ${topicArn} was ended at Amazon: its bounces and complaints are not told any more; subscribe /hooks/${exit} to it again`
    : `${exit} is subscribed to ${topicArn}`;
  emit({ event: 'alert', atMs: clock.nowMs(), name: `hook-unsubscribed:${exit}`, text, raised });
}

function markOf(exit: string, topicArn: string): string {
  return `hook-topic:${encodeURIComponent(exit)}:${createHash('sha256').update(topicArn).digest('hex').slice(0, 16)}`;
}
