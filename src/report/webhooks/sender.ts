/**
 * Tells a program outside of events: reads the feed from where it stands, posts what the program wants to hear, and moves on once
 * that was taken. At least once each, in the order of the feed; nothing is kept in memory but one post.
 */
import type { MessageEvent } from '../../message/event.ts';
import type { MessageId } from '../../message/ids.ts';
import type { Message } from '../../message/message.ts';
import { toldAs } from '../../message/told-event.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Emit, Fetch } from '../../ports.ts';
import type { Feed } from '../../spool/feed.ts';
import type { Mark, Marks } from '../../spool/marks.ts';
import type { Spool } from '../../spool/spool.ts';
import { freshHook, hookMark, hookOf, type HookState, hookText } from './hook-state.ts';
import { type PostedEvent, postedEvent, signedPost } from './post.ts';

export type WebhookPolicy = Policy['webhooks'][number];

export type SenderNeeds = {
  readonly clock: Clock;
  readonly fetch: Fetch;
  readonly feed: Feed;
  readonly marks: Pick<Marks, 'marks' | 'mark'>;
  readonly spool: Pick<Spool, 'story'>;
  readonly emit: Emit;
};

/** `idle`: there is nothing to tell now. `more`: there may be. `waiting`: until its wall time. */
export type Step =
  | { readonly kind: 'idle' }
  | { readonly kind: 'more' }
  | { readonly kind: 'waiting'; readonly untilMs: number };

/** Events that are read at once, and told in one post at most. */
const AT_ONCE = 100;
/** Nobody needs to read what such a program answers beside its status. */
const ANSWER_BYTES = 64 * 1024;
/** How far it is, where there is nothing to tell it. */
const WRITE_EVERY_MS = 10_000;
const BACK_OFF_MS = [10_000, 30_000, 60_000, 300_000, 900_000, 1_800_000, 3_600_000] as const;

export class HookSender {
  readonly #needs: SenderNeeds;
  /** As it was written last, with the time of that mark; null: not read yet. */
  #known: { readonly state: HookState; readonly atMs: number } | null = null;
  /** Under which name it was told here that it is dead; null: it was not. */
  #toldDead: string | null = null;

  constructor(needs: SenderNeeds) {
    this.#needs = needs;
  }

  /** One post at most. Rejects with `SpoolError`; nothing is lost then, and a post may be repeated. */
  async step(hook: WebhookPolicy, signal: AbortSignal): Promise<Step> {
    const state = await this.#read(hook);
    if (state.disabledAtMs !== null) {
      this.#remind(hook, state.disabledAtMs, state.cause);
      return { kind: 'idle' };
    }
    if (state.dueAtMs > this.#needs.clock.nowMs()) return { kind: 'waiting', untilMs: state.dueAtMs };
    return state.replay === null
      ? this.#goOn(hook, state, signal)
      : this.#replay(hook, { ...state, replay: state.replay }, signal);
  }

  /** It is not for this relay to tell it any more: nor that it is dead. */
  leave(): void {
    if (this.#toldDead !== null)
      this.#alert({ name: this.#toldDead }, { raised: false, text: 'it is not told by this relay any more' });
  }

  /** It was given up before this process began, by another relay, or under another name. */
  #remind(hook: WebhookPolicy, sinceMs: number, cause: string): void {
    if (this.#toldDead === hook.name) return;
    this.leave();
    const text = `it was given up at ${new Date(sinceMs).toISOString()}, last: ${cause}. ${resumeText(hook)}`;
    this.#alert(hook, { raised: true, text });
  }

  async #goOn(hook: WebhookPolicy, state: HookState, signal: AbortSignal): Promise<Step> {
    const { events, next } = await this.#needs.feed.feed(state.place, AT_ONCE);
    if (next === state.place) return { kind: 'idle' };
    const posted = await this.#chosen(hook, events);
    if (posted.length > 0) return this.#post(hook, { state, taken: { ...state, place: next }, posted }, signal);
    // Nothing of it is for this program: where it stands need not be written down each time.
    const passed = { ...state, place: next };
    const writtenMs = this.#known?.atMs ?? 0;
    if (this.#needs.clock.nowMs() - writtenMs >= WRITE_EVERY_MS) await this.#write(hook, passed);
    else this.#known = { state: passed, atMs: writtenMs };
    return { kind: 'more' };
  }

  async #replay(
    hook: WebhookPolicy,
    state: HookState & { readonly replay: NonNullable<HookState['replay']> },
    signal: AbortSignal,
  ): Promise<Step> {
    const { replay } = state;
    const from = replay.place ?? (await this.#needs.feed.feedAt(replay.fromMs));
    const { events, next } = await this.#needs.feed.feed(from, AT_ONCE);
    const wanted = events.filter(({ atMs }) => atMs >= replay.fromMs && atMs < replay.untilMs);
    // Later ones stand behind, but for what was written by a clock that is ahead.
    const isOver = next === from || events.every(({ atMs }) => atMs >= replay.untilMs + 60_000);
    const taken = { ...state, replay: isOver && wanted.length === 0 ? null : { ...replay, place: next } };
    const posted = await this.#chosen(hook, wanted);
    if (posted.length > 0) return this.#post(hook, { state, taken, posted }, signal);
    await this.#write(hook, taken);
    return { kind: 'more' };
  }

  async #post(
    hook: WebhookPolicy,
    {
      state,
      taken,
      posted,
    }: { readonly state: HookState; readonly taken: HookState; readonly posted: readonly PostedEvent[] },
    signal: AbortSignal,
  ): Promise<Step> {
    const cause = await this.#send(hook, posted, signal);
    // The relay ends: whether it was taken is not known, so it is told again.
    if (signal.aborted) return { kind: 'idle' };
    const nowMs = this.#needs.clock.nowMs();
    if (cause === null) {
      await this.#write(hook, {
        ...taken,
        failingSinceMs: null,
        failures: 0,
        dueAtMs: 0,
        isAlerted: false,
        cause: '',
        toldAtMs: nowMs,
      });
      if (state.isAlerted) this.#alert(hook, { raised: false, text: 'it takes events again' });
      return { kind: 'more' };
    }
    return this.#failed(hook, state, { cause: cause.text, isGone: cause.isGone });
  }

  async #failed(
    hook: WebhookPolicy,
    state: HookState,
    { cause, isGone }: { readonly cause: string; readonly isGone: boolean },
  ): Promise<Step> {
    const nowMs = this.#needs.clock.nowMs();
    const failingSinceMs = state.failingSinceMs ?? nowMs;
    const isDead = isGone || nowMs - failingSinceMs >= hook.retryFor;
    const failures = state.failures + 1;
    const dueAtMs = nowMs + backOffMs(failures);
    const disabledAtMs = isDead ? nowMs : null;
    await this.#write(hook, {
      ...state,
      failingSinceMs,
      failures,
      dueAtMs,
      cause,
      disabledAtMs,
      isAlerted: isDead || state.isAlerted,
    });
    const why = isGone ? 'it is gone (410)' : `it has taken nothing since ${new Date(failingSinceMs).toISOString()}`;
    if (isDead) {
      this.#alert(hook, { raised: true, text: `${why}, last: ${cause}. ${resumeText(hook)}` });
      return { kind: 'idle' };
    }
    return { kind: 'waiting', untilMs: dueAtMs };
  }

  /** @returns why it was not taken; null: it was */
  async #send(
    { url, secret, timeout }: WebhookPolicy,
    posted: readonly PostedEvent[],
    signal: AbortSignal,
  ): Promise<{ readonly text: string; readonly isGone: boolean } | null> {
    const { fetch, clock } = this.#needs;
    const { headers, body } = signedPost(posted, { secret, nowMs: clock.nowMs() });
    try {
      const bounds = { timeoutMs: timeout, mostBytes: ANSWER_BYTES, isCut: true };
      const asked = { url, method: 'POST', headers, body, ...bounds } as const;
      const { status } = await fetch(asked, signal);
      return status >= 200 && status < 300 ? null : { text: `it answers ${status}`, isGone: status === 410 };
    } catch (cause) {
      return { text: causeText(cause), isGone: false };
    }
  }

  /** What this program wants to hear of. */
  async #chosen({ events: wanted, clients }: WebhookPolicy, events: readonly MessageEvent[]): Promise<PostedEvent[]> {
    const messages = new Map<MessageId, Message | null>();
    const posted: PostedEvent[] = [];
    for (const event of events) {
      const name = toldAs(event);
      if (name === null || !wanted.includes(name)) continue;
      const { messageId } = event;
      if (!messages.has(messageId))
        messages.set(messageId, (await this.#needs.spool.story(messageId))?.message ?? null);
      const message = messages.get(messageId) ?? null;
      if (message === null || (clients !== null && !clients.includes(message.client))) continue;
      const told = postedEvent(event, message);
      if (told !== null) posted.push(told);
    }
    return posted;
  }

  /** As the store has it, or further on by what was passed over since it was written. */
  async #read({ url }: WebhookPolicy): Promise<HookState> {
    const mark = await this.#markOf(url);
    if (mark !== null && this.#known !== null && mark.atMs <= this.#known.atMs) return this.#known.state;
    const state = mark === null ? null : hookOf(mark);
    if (mark !== null && state !== null) {
      this.#known = { state, atMs: mark.atMs };
      return state;
    }
    // A program that nobody told of anything yet hears of what happens from now on.
    const fresh = freshHook(await this.#needs.feed.feedEnd());
    await this.#writeAs(url, fresh);
    return fresh;
  }

  async #write({ url }: WebhookPolicy, state: HookState): Promise<void> {
    const mark = await this.#markOf(url);
    const asked = mark === null || mark.atMs <= (this.#known?.atMs ?? 0) ? null : hookOf(mark);
    // An operator asked for something meanwhile.
    if (asked !== null) {
      this.#known = { state: asked, atMs: mark?.atMs ?? 0 };
      return;
    }
    await this.#writeAs(url, state);
  }

  async #writeAs(url: string, state: HookState): Promise<void> {
    const atMs = Math.max(this.#needs.clock.nowMs(), (this.#known?.atMs ?? 0) + 1);
    await this.#needs.marks.mark([{ name: hookMark(url), text: hookText(state), atMs }]);
    this.#known = { state, atMs };
  }

  async #markOf(url: string): Promise<Mark | null> {
    const name = hookMark(url);
    return (await this.#needs.marks.marks(name)).find((mark) => mark.name === name) ?? null;
  }

  #alert(
    { name }: Pick<WebhookPolicy, 'name'>,
    { raised, text }: { readonly raised: boolean; readonly text: string },
  ): void {
    const { emit, clock } = this.#needs;
    this.#toldDead = raised ? name : null;
    emit({
      event: 'alert',
      atMs: clock.nowMs(),
      name: `webhook-dead:${name}`,
      text: `webhook ${name}: ${text}`,
      raised,
    });
  }
}

function resumeText({ name }: WebhookPolicy): string {
  return `It is not told any more; what it missed is kept with the history: relevo webhook resume ${name}`;
}

function backOffMs(failures: number): number {
  return BACK_OFF_MS[Math.min(failures, BACK_OFF_MS.length) - 1] ?? 0;
}

/** What Node says of it is in the cause; never the URL, which may have a secret in it. */
function causeText(cause: unknown): string {
  if (!(cause instanceof Error)) return 'it cannot be reached';
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  const code = 'code' in inner && typeof inner.code === 'string' ? inner.code : inner.name;
  return `it cannot be reached: ${code}`;
}
