/** Programs outside that are told of events. */
import { z } from 'zod';
import { changing } from '../../operations/audited-operations.ts';
import { problem } from '../answer.ts';
import { faulty } from '../faults.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import { wallTime } from './wall-time.ts';

type WebhookNeeds = Pick<RouteNeeds, 'operations' | 'policy' | 'clock'>;

const webhook = z.looseObject({ name: z.string(), state: z.enum(['new', 'well', 'failing', 'disabled']) });

export function webhookRoutes(needs: WebhookNeeds): readonly ApiRoute[] {
  const { operations } = needs;
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/webhooks',
      scope: 'read',
      part: 'webhooks',
      summary: 'Whether each takes what it is told: `relevo webhook list --json`',
      answer: z.object({ webhooks: z.array(webhook) }),
      run: async () => ({ kind: 'json', value: { webhooks: await operations.webhooks() } }),
    }),
    resumeRoute(needs),
    replayRoute(needs),
  ];
}

function resumeRoute({ operations, policy }: WebhookNeeds): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/webhooks/{name}/resume',
    scope: 'operate',
    part: 'webhooks',
    summary: 'Tells it again, from where it was',
    answer: z.object({ name: z.string(), changed: z.boolean() }),
    run: async ({ params: { name = '' } }) => {
      if (!isKnown(policy(), name)) return unknown(name);
      const { result, change } = await changing(operations, 'resumeWebhook', { name });
      return { kind: 'json', value: { name, ...result }, change };
    },
  });
}

function replayRoute({ operations, policy, clock }: WebhookNeeds): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/webhooks/{name}/replay',
    scope: 'operate',
    part: 'webhooks',
    summary: 'Tells it once more what happened from `since` until `until`, as far as the history goes back',
    body: { as: 'json', schema: z.strictObject({ since: wallTime, until: wallTime.exactOptional() }) },
    answer: z.object({ name: z.string(), fromMs: z.number(), untilMs: z.number() }),
    run: async ({ params: { name = '' }, body: { since, until } }) => {
      if (!isKnown(policy(), name)) return unknown(name);
      const ask = { name, fromMs: since, untilMs: until ?? clock.nowMs() };
      if (ask.untilMs <= ask.fromMs)
        return { kind: 'answer', answer: faulty([{ in: 'body', path: 'until', text: 'expected a time after since' }]) };
      const { change } = await changing(operations, 'replayWebhook', ask);
      return { kind: 'json', value: ask, change };
    },
  });
}

function isKnown({ webhooks }: ReturnType<WebhookNeeds['policy']>, name: string): boolean {
  return webhooks.some((hook) => hook.name === name);
}

function unknown(name: string): ApiReply {
  return { kind: 'answer', answer: problem(404, `the policy has no webhook ${JSON.stringify(name)}`) };
}
