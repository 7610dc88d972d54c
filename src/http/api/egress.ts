/** Exits: how they are, and whether they are used. */
import { z } from 'zod';
import { changing } from '../../operations/audited-operations.ts';
import { egressOf } from '../../policy/match.ts';
import { problem } from '../answer.ts';
import type { RouteNeeds } from '../needs.ts';
import { type ApiReply, type ApiRoute, defineRoute } from '../route.ts';
import { shared } from './shared.ts';

type EgressNeeds = Pick<RouteNeeds, 'operations' | 'policy' | 'troubles'>;

const exit = z.looseObject({
  egress: z.string(),
  type: z.string(),
  enabled: z.boolean(),
  isRunning: z.boolean(),
  closures: z.array(z.object({ gate: z.string(), cause: z.string(), untilMs: z.number().nullable() })),
  score: z.number(),
  successRate: z.number().nullable(),
});
const lastErrors = z.array(
  z.object({ atMs: z.number(), domain: z.string(), host: z.string().nullable(), reply: z.string(), count: z.number() }),
);
const changed = z.object({ egress: z.string(), changed: z.boolean() });

export function egressRoutes(needs: EgressNeeds): readonly ApiRoute[] {
  return [...lookRoutes(needs), pauseRoute(needs), resumeRoute(needs), testRoute(needs)];
}

function lookRoutes({ operations, troubles }: EgressNeeds): readonly ApiRoute[] {
  const exits = shared(() => operations.exits());
  return [
    defineRoute({
      method: 'GET',
      path: '/api/v1/egress',
      scope: 'read',
      part: 'egress',
      summary: 'All exits: `relevo egress list --json`',
      answer: z.object({ exits: z.array(exit) }),
      run: async () => ({ kind: 'json', value: { exits: await exits() } }),
    }),
    defineRoute({
      method: 'GET',
      path: '/api/v1/egress/{name}',
      scope: 'read',
      part: 'egress',
      summary: 'One exit: what closes it, what is used of its limits, its reputation, its budget and its last errors',
      answer: exit.extend({ lastErrors }),
      run: async ({ params: { name = '' } }) => {
        const found = (await exits()).find(({ egress }) => egress === name);
        if (found === undefined) return unknown(name);
        return { kind: 'json', value: { ...found, lastErrors: [...troubles.ofExit(name)] } };
      },
    }),
  ];
}

function pauseRoute({ operations, policy }: EgressNeeds): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/egress/{name}/pause',
    scope: 'operate',
    part: 'egress',
    summary: 'Sends no new mail by it, from any node, until it is resumed',
    body: { as: 'json', schema: z.strictObject({ reason: z.string().max(500).prefault('') }) },
    answer: changed,
    run: async ({ params: { name = '' }, body }) => {
      if (egressOf(policy(), name) === undefined) return unknown(name);
      const ask = { egress: name, reason: body.reason };
      const { result, change } = await changing(operations, 'pause', ask);
      return { kind: 'json', value: { egress: name, ...result }, change };
    },
  });
}

function resumeRoute({ operations, policy }: EgressNeeds): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/egress/{name}/resume',
    scope: 'operate',
    part: 'egress',
    summary: 'Sends by it again; with `forget` what came of its mail so far is not held against it',
    body: { as: 'json', schema: z.strictObject({ forget: z.boolean().prefault(false) }) },
    answer: changed,
    run: async ({ params: { name = '' }, body }) => {
      if (egressOf(policy(), name) === undefined) return unknown(name);
      const ask = { egress: name, forget: body.forget };
      const { result, change } = await changing(operations, 'resume', ask);
      return { kind: 'json', value: { egress: name, ...result }, change };
    },
  });
}

function testRoute({ operations, policy }: EgressNeeds): ApiRoute {
  return defineRoute({
    method: 'POST',
    path: '/api/v1/egress/{name}/test',
    scope: 'operate',
    unaudited: 'looks',
    part: 'egress',
    summary: 'Sees now whether it works: connect, TLS, EHLO, AUTH, keys, blocklists; no mail is sent',
    answer: z.object({
      egress: z.string(),
      result: z.looseObject({ kind: z.enum(['ok', 'failed']), tookMs: z.number() }),
      address: z.string().nullable(),
      lists: z.array(z.looseObject({ zone: z.string() })),
    }),
    run: async ({ params: { name = '' } }) => {
      if (egressOf(policy(), name) === undefined) return unknown(name);
      return { kind: 'json', value: await operations.tryEgress({ egress: name }) };
    },
  });
}

function unknown(name: string): ApiReply {
  return { kind: 'answer', answer: problem(404, `the policy has no egress ${JSON.stringify(name)}`) };
}
