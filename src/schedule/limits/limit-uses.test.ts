import { describe, expect } from 'vitest';
import { acceptMany, reached, scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { after } from '../../../tests/fakes/scripted-egress.ts';
import { policySchema, type PolicyInput } from '../../policy/schema.ts';
import { connectionQuota } from '../connections/connection-grant.ts';
import { limitUses, type LimitUse } from './limit-uses.ts';

const SECOND = 1_000;
const MINUTE = 60_000;

function terms(one: Record<string, unknown>): { readonly policy: Partial<PolicyInput> } {
  return {
    policy: {
      egress: { one: { type: 'smtp', host: 'one.test', ...one } },
      routes: [{ name: 'all', use: ['one'] }],
    } as Partial<PolicyInput>,
  };
}

/** As `relevo egress list` has it. */
async function usesOf(
  { spool, scheduler, clock }: Scheduling,
  { policy }: ReturnType<typeof terms>,
  of: { readonly isShared?: boolean; readonly part?: number } = {},
): Promise<LimitUse | undefined> {
  const inForce = policySchema.parse({ hostname: 'relay.test', ...policy });
  const uses = await limitUses({
    policy: () => inForce,
    ledger: spool.ledger,
    marks: spool.marks,
    clock,
    paceOf: () => of.part ?? 1,
    usesNow: async () => scheduler.stats().exits,
    sharesConnections: of.isShared ?? false,
  });
  return uses[0];
}

describe('what is used and left', () => {
  const rated = terms({ rate: '60/m' });
  scheduled(
    'of a rate is what left in the window that ends now, and when the next may go',
    async (scheduling) => {
      await acceptMany(scheduling, 20);
      await reached(scheduling, 'one', 20);
      await scheduling.elapsed(5 * SECOND);
      const { rate } = (await usesOf(scheduling, rated)) ?? {};
      expect(rate).toMatchObject({ count: 60, windowMs: MINUTE, used: 20, left: 40 });
      expect((await usesOf(scheduling, rated, { part: 0.5 }))?.rate).toMatchObject({ used: 20, left: 10 });
      await scheduling.elapsed(55 * SECOND);
      const later = (await usesOf(scheduling, rated))?.rate;
      expect(later?.used).toBeLessThan(20);
      expect((later?.used ?? 0) + (later?.left ?? 0)).toBe(60);
      await scheduling.elapsed(MINUTE);
      expect((await usesOf(scheduling, rated))?.rate).toMatchObject({ used: 0, left: 60 });
    },
    rated,
  );

  const delayed = terms({ delay: '30s' });
  scheduled(
    'of a delay is when the next message may go',
    async (scheduling) => {
      expect(await usesOf(scheduling, delayed)).toMatchObject({ nextAtMs: null, delayMs: 30 * SECOND });
      await acceptMany(scheduling, 2);
      await reached(scheduling, 'one', 1);
      await scheduling.elapsed(5 * SECOND);
      const sentMs = scheduling.exit('one').attempts[0]?.atMs ?? 0;
      const { nextAtMs } = (await usesOf(scheduling, delayed)) ?? {};
      expect((nextAtMs ?? 0) - sentMs).toBeGreaterThanOrEqual(30 * SECOND);
      expect((nextAtMs ?? 0) - sentMs).toBeLessThan(31 * SECOND);
      await reached(scheduling, 'one', 2);
      expect(Math.abs((scheduling.exit('one').attempts[1]?.atMs ?? 0) - (nextAtMs ?? 0))).toBeLessThan(SECOND);
    },
    delayed,
  );

  const narrow = terms({ connections: 4 });
  scheduled(
    'of connections is what is open, or what all nodes have of them',
    async (scheduling) => {
      scheduling.exit('one').answer = after(scheduling.clock, 10 * SECOND);
      expect((await usesOf(scheduling, narrow))?.connections).toEqual({ limit: 4, used: 0, left: 4 });
      await acceptMany(scheduling, 3);
      await reached(scheduling, 'one', 3);
      expect((await usesOf(scheduling, narrow))?.connections).toEqual({ limit: 4, used: 3, left: 1 });
      const nowMs = scheduling.clock.nowMs();
      const others = { holder: 'other', wanted: 2, limit: 4, nowMs, untilMs: nowMs + MINUTE };
      await scheduling.spool.ledger.takeBlock({ ...connectionQuota('one'), ...others });
      const shared = await usesOf(scheduling, narrow, { isShared: true });
      expect(shared?.connections).toEqual({ limit: 4, used: 2, left: 2 });
    },
    narrow,
  );
});
