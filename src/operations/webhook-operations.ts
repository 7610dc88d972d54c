/** What operators do with programs that are told of events: over the store, whether a relay runs on it or not. */
import { nearest } from '../policy/file/nearest.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import { freshHook, hookMark, hookOf, type HookState, hookText } from '../report/webhooks/hook-state.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import { OperationsError } from './operations.ts';

/** Times are wall ms. */
export type WebhookStatus = {
  readonly name: string;
  readonly events: readonly string[];
  /** `new`: nothing was told yet. `failing`: it takes nothing, and is asked again. `disabled`: it is not told any more. */
  readonly state: 'new' | 'well' | 'failing' | 'disabled';
  readonly toldAtMs: number | null;
  readonly failingSinceMs: number | null;
  readonly cause: string;
  /** What it is told again; null: nothing. */
  readonly replay: { readonly fromMs: number; readonly untilMs: number } | null;
};

export type WebhookOperations = {
  /** In the order of the policy. */
  webhooks(): Promise<readonly WebhookStatus[]>;
  /** It is told again, from where it was; and at once where it was failing. `changed`: there was something to change. */
  resumeWebhook(ask: { readonly name: string }): Promise<{ readonly changed: boolean }>;
  /** Tells it again what happened in that stretch of time, as far as the history goes back. */
  replayWebhook(ask: {
    readonly name: string;
    readonly fromMs: number;
    readonly untilMs: number;
  }): Promise<{ readonly changed: true }>;
};

function unknown(): Promise<never> {
  return Promise.reject(new OperationsError('the webhooks are not known here'));
}

/** Where the policy is not. */
export const UNKNOWN_WEBHOOKS: WebhookOperations = {
  webhooks: unknown,
  resumeWebhook: unknown,
  replayWebhook: unknown,
};

export type WebhookOperationsNeeds = {
  readonly policy: () => Policy;
  readonly marks: Pick<Marks, 'marks' | 'mark'>;
  readonly clock: Pick<Clock, 'nowMs'>;
};

export function webhookOperations(needs: WebhookOperationsNeeds): WebhookOperations {
  return {
    webhooks: () => Promise.all(needs.policy().webhooks.map((hook) => statusOf(needs, hook))),
    resumeWebhook: async ({ name }) => {
      const { url } = named(needs.policy(), name);
      const mark = await markOf(needs, url);
      const state = mark === null ? null : hookOf(mark);
      if (mark === null || state === null || state.failingSinceMs === null) return { changed: false };
      await write(
        needs,
        { url, mark },
        { ...state, disabledAtMs: null, dueAtMs: 0, failingSinceMs: needs.clock.nowMs(), failures: 0 },
      );
      return { changed: true };
    },
    replayWebhook: async ({ name, fromMs, untilMs }) => {
      const { url } = named(needs.policy(), name);
      const mark = await markOf(needs, url);
      const state = mark === null ? null : hookOf(mark);
      if (mark === null || state === null)
        throw new OperationsError(`the webhook ${name} was told nothing yet: once the relay runs with it, ask again`);
      if (state.replay !== null) throw new OperationsError(`the webhook ${name} is being told again already`);
      await write(needs, { url, mark }, { ...state, replay: { place: null, fromMs, untilMs } });
      return { changed: true };
    },
  };
}

async function statusOf(
  needs: WebhookOperationsNeeds,
  { name, url, events }: Policy['webhooks'][number],
): Promise<WebhookStatus> {
  const mark = await markOf(needs, url);
  const state = (mark === null ? null : hookOf(mark)) ?? null;
  const { toldAtMs, failingSinceMs, cause, replay } = state ?? freshHook(null);
  return {
    name,
    events,
    state: wordFor(state),
    toldAtMs,
    failingSinceMs,
    cause,
    replay: replay === null ? null : { fromMs: replay.fromMs, untilMs: replay.untilMs },
  };
}

function wordFor(state: HookState | null): WebhookStatus['state'] {
  if (state === null) return 'new';
  if (state.disabledAtMs !== null) return 'disabled';
  if (state.failures > 0) return 'failing';
  return state.toldAtMs === null ? 'new' : 'well';
}

async function markOf({ marks }: WebhookOperationsNeeds, url: string): Promise<Mark | null> {
  const name = hookMark(url);
  return (await marks.marks(name)).find((mark) => mark.name === name) ?? null;
}

/** Later than what the relay wrote, by whichever clock that was. */
async function write(
  { marks, clock }: WebhookOperationsNeeds,
  { url, mark }: { readonly url: string; readonly mark: Mark },
  state: HookState,
): Promise<void> {
  await marks.mark([{ name: hookMark(url), text: hookText(state), atMs: Math.max(clock.nowMs(), mark.atMs + 1) }]);
}

function named({ webhooks }: Policy, name: string): Policy['webhooks'][number] {
  const found = webhooks.find((hook) => hook.name === name);
  if (found !== undefined) return found;
  const names = webhooks.map((hook) => hook.name);
  const meant = nearest(name, names);
  const which = names.length === 0 ? 'the policy has none' : `the policy has ${names.join(', ')}`;
  throw new OperationsError(
    `there is no webhook ${name}${meant === null ? '' : ` (did you mean ${meant}?)`}: ${which}`,
  );
}
