/** Messages that passed through a spool, and policies to replay them under: for tests of simulations. */
import { deliveryIdOf, newMessageId } from '../../src/message/ids.ts';
import type { Policy, PolicyInput } from '../../src/policy/schema.ts';
import type { ExitPast } from '../../src/routing/exit-past.ts';
import { simulate, type Simulation } from '../../src/routing/simulate.ts';
import type { PassedMessage } from '../../src/spool/traffic.ts';
import { aPolicy } from './choosing.ts';

export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;
export const START_MS = Date.UTC(2026, 5, 1);

export type Given = Partial<PassedMessage> & { readonly domain?: string };

let made = 0;
/** One that came at a time, went to one domain by ip-1, and was delivered half a second later. */
export function passed(atMs: number, { domain = 'dest.test', ...given }: Given = {}): PassedMessage {
  made += 1;
  const id = newMessageId(atMs, Buffer.from(String(made).padStart(10, '0')));
  const delivery = { id: deliveryIdOf(id, 1), domain, recipients: 1, egress: 'ip-1', host: null, attempts: 1 };
  return {
    id,
    receivedAtMs: atMs,
    client: 'shop',
    stream: 'transactional',
    priority: 'high',
    sender: 'shop@example.com',
    tag: null,
    sizeBytes: 2_000,
    deliveries: [{ ...delivery, endedAtMs: atMs + 500, end: 'delivered' }],
    ...given,
  };
}

export const CLIENTS = { shop: { senders: ['*@example.com'], networks: ['192.0.2.0/24'] } };

/** Its one route has ip-1, then ip-2. */
export function policyWith(input: Partial<PolicyInput>): Policy {
  return aPolicy({ clients: CLIENTS, routes: [{ name: 'all', use: ['ip-1', 'ip-2'] }], ...input });
}

export const EXITS = { 'ip-1': { type: 'mx' }, 'ip-2': { type: 'mx' } } as const;

/** From START_MS on, so many days. */
export function simulated(
  messages: readonly PassedMessage[],
  candidate: Policy,
  { inForce = policyWith({ egress: EXITS }), pasts = new Map<string, ExitPast>(), days = 1 } = {},
): Simulation {
  return simulate({ messages, sinceMs: START_MS, untilMs: START_MS + days * DAY_MS, inForce, candidate, pasts });
}

/** So many, one after the other from START_MS on. */
export function every(stepMs: number, count: number, given: Given = {}): PassedMessage[] {
  return Array.from({ length: count }, (_, place) => passed(START_MS + place * stepMs, given));
}
