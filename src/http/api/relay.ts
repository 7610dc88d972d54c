/** The relay itself: its state, and its nodes. */
import { z } from 'zod';
import { problem } from '../answer.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiRoute, defineRoute } from '../route.ts';
import { shared } from './shared.ts';

const alert = z.looseObject({ name: z.string(), text: z.string(), sinceMs: z.number() });

export function relayRoutes({ operations }: Pick<RouteNeeds, 'operations'>): readonly ApiRoute[] {
  const status = shared(() => operations.status());
  const nodes = shared(() => operations.nodes());
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/status',
      scope: 'read',
      part: 'relay',
      summary: 'Version, policy in force, whether mail is taken, and the alerts in force of the node that is asked',
      answer: z.looseObject({ version: z.string(), policyVersion: z.string(), alerts: z.array(alert) }),
      run: async () => {
        const value = await status();
        if (value === null) return { kind: 'answer', answer: problem(503, 'no relay is running') };
        return { kind: 'json', value };
      },
    }),
    defineRoute({
      method: 'GET',
      path: '/api/v1/nodes',
      scope: 'read',
      part: 'relay',
      summary: 'Nodes that share the spool: `relevo nodes --json`',
      answer: z.object({ nodes: z.array(z.looseObject({ name: z.string(), isUp: z.boolean() })) }),
      run: async () => ({ kind: 'json', value: { nodes: await nodes() } }),
    }),
  ];
}
