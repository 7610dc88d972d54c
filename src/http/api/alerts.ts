/** Alerts: what is wrong now, what was, and that somebody has seen it. */
import { z } from 'zod';
import type { Operations } from '../../operations/operations.ts';
import { SEVERITIES } from '../../message/severity.ts';
import { changing } from '../../operations/audited-operations.ts';
import { problem } from '../answer.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { shared } from './shared.ts';

const PATH = '/api/v1/alerts';

const past = z.object({
  name: z.string(),
  node: z.string().nullable(),
  severity: z.enum(SEVERITIES),
  text: z.string(),
  sinceMs: z.number(),
  overAtMs: z.number(),
});
const inForce = past.omit({ overAtMs: true }).extend({
  kind: z.string(),
  about: z.string(),
  todo: z.string(),
  toldAtMs: z.number().nullable(),
  acknowledged: z.object({ by: z.string(), atMs: z.number() }).nullable(),
});
const tested = z.object({
  destinations: z.array(
    z.object({ to: z.string(), kind: z.enum(['mail', 'webhook']), problem: z.string().nullable() }),
  ),
  sent: z.int(),
  failed: z.int(),
  /** A line for each that failed. */
  failures: z.string(),
});

function cameOfTest(destinations: Awaited<ReturnType<Operations['testAlerts']>>): z.infer<typeof tested> {
  const failed = destinations.filter(({ problem: what }) => what !== null);
  const failures = failed.map(({ to, problem: what }) => `${to}: ${what}`).join('\n');
  return {
    destinations: [...destinations],
    sent: destinations.length - failed.length,
    failed: failed.length,
    failures,
  };
}

export function alertRoutes({ operations }: Pick<RouteNeeds, 'operations'>): readonly ApiRoute[] {
  const list = shared(() => operations.alertList());
  return [
    defineRoute({
      method: 'GET',
      path: PATH,
      scope: 'read',
      part: 'alerts',
      summary: 'Alerts in force, the oldest first, and those that are over, the last first',
      answer: z.object({ alerts: z.array(inForce), past: z.array(past) }),
      run: async () => ({ kind: 'json', value: await list() }),
    }),
    defineRoute({
      method: 'POST',
      path: `${PATH}/test`,
      scope: 'operate',
      part: 'alerts',
      summary: 'Sends a test notice to everybody whom the policy names, and says what came of each',
      answer: tested,
      run: async () => ({
        kind: 'json',
        value: cameOfTest(await operations.testAlerts()),
        change: { what: 'alert.test', on: 'alerts' },
      }),
    }),
    defineRoute({
      method: 'POST',
      path: `${PATH}/{name}/acknowledge`,
      scope: 'operate',
      part: 'alerts',
      summary: 'Nobody is told of it any more until it is over',
      answer: z.object({ name: z.string(), changed: z.int() }),
      run: async ({ params, principal }) => {
        const name = params['name'] ?? '';
        const ask = { name, by: principal.name };
        const { result, change } = await changing(operations, 'acknowledgeAlert', ask);
        const { changed, known } = result;
        if (known === 0) return { kind: 'answer', answer: problem(404, 'no alert of that name is in force') };
        return { kind: 'json', value: { name, changed }, change };
      },
    }),
  ];
}
