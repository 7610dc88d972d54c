/** All programs outside that a policy has told of events, each at its own pace. */
import type { Policy } from '../../policy/schema.ts';
import { HookSender, type SenderNeeds, type WebhookPolicy } from './sender.ts';

export type WebhooksNeeds = SenderNeeds & {
  readonly policy: () => Policy;
  /** Whether it is for this relay to tell them, of all that share the store. Two that both do tell some things twice. */
  readonly isOurs: () => Promise<boolean>;
};

const LOOK_MS = 1_000;
/** A store that fails, or another relay's turn. */
const LATER_MS = 5_000;

/** Goes on until disposed of; follows the policy by itself. */
export function openWebhooks(needs: WebhooksNeeds): AsyncDisposable {
  const stop = new AbortController();
  const running = new Map<string, { readonly ended: Promise<void>; readonly end: AbortController }>();
  const look = (): void => {
    const wanted = new Set(needs.policy().webhooks.map(({ url }) => url));
    for (const [url, { end }] of running) if (!wanted.has(url)) end.abort();
    for (const url of wanted) {
      if (running.has(url)) continue;
      const end = new AbortController();
      const signal = AbortSignal.any([end.signal, stop.signal]);
      const ended = tell(needs, url, signal).finally(() => running.delete(url));
      running.set(url, { end, ended });
    }
  };
  const watching = watch(needs, look, stop.signal);
  return {
    [Symbol.asyncDispose]: async () => {
      stop.abort();
      await watching;
      await Promise.all([...running.values()].map(({ ended }) => ended));
    },
  };
}

async function watch({ clock }: WebhooksNeeds, look: () => void, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    look();
    await clock.sleep(LOOK_MS, signal).catch(() => undefined);
  }
}

/** One of them, as the policy in force has it, until the signal. */
async function tell(needs: WebhooksNeeds, url: string, signal: AbortSignal): Promise<void> {
  const { clock, emit, policy } = needs;
  const sender = new HookSender(needs);
  while (!signal.aborted) {
    const hook = policy().webhooks.find((one) => one.url === url);
    let waitMs: number;
    try {
      const isOurs = hook !== undefined && (await needs.isOurs());
      if (!isOurs) sender.leave();
      waitMs = isOurs ? await step(needs, { sender, hook, signal }) : LATER_MS;
    } catch (cause) {
      emit({ event: 'failed', atMs: clock.nowMs(), where: 'webhooks', cause: String(cause) });
      waitMs = LATER_MS;
    }
    if (waitMs > 0) await clock.sleep(waitMs, signal).catch(() => undefined);
  }
  // Not at the end of the relay: the next one would tell it anew.
  if (!policy().webhooks.some((one) => one.url === url)) sender.leave();
}

type Told = { readonly sender: HookSender; readonly hook: WebhookPolicy; readonly signal: AbortSignal };

/** @returns how long until there may be more to do, ms */
async function step({ clock }: WebhooksNeeds, { sender, hook, signal }: Told): Promise<number> {
  const made = await sender.step(hook, signal);
  if (made.kind === 'more') return 0;
  if (made.kind === 'idle') return LOOK_MS;
  // An operator may ask for something before the time is up.
  return Math.min(LATER_MS, Math.max(LOOK_MS, made.untilMs - clock.nowMs()));
}
