import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../tests/fakes/scheduling.ts';
import type { QueuedDelivery } from '../spool/spool.ts';
import { mendDueTimes } from './mend.ts';
import { waitText } from './window/groups.ts';

const HOUR = 3_600_000;

/** Mail in the store that was put off for want of that exit. */
async function waitingFor(scheduling: Scheduling, exit: string): Promise<QueuedDelivery> {
  const { clock, spool } = scheduling;
  const { message } = await scheduling.store();
  const [queued] = await spool.list({ ids: [message.id] }, { limit: 1 });
  if (queued === undefined) throw new Error('it was stored');
  const reasons = [
    { egress: exit, pool: null, gate: 'limited' as const, untilMs: null, cause: 'daily limit 5/5', others: [] },
    { egress: 'last', pool: null, gate: 'resting' as const, untilMs: null, cause: 'connect: no answer', others: [] },
  ];
  const text = waitText({ kind: 'wait', untilMs: null, busy: false, reasons, limited: [] });
  const delivery = { ...queued.delivery, dueAtMs: clock.nowMs() + HOUR, lastReply: { code: 451, detail: '4.4', text } };
  return { ...queued, delivery, leasedUntilMs: null };
}

describe('an exit that can take a little more', () => {
  scheduled('gets mail that waits for it, no more than it can take, and none that waits for others', async (rig) => {
    const waiting = [await waitingFor(rig, 'one'), await waitingFor(rig, 'one-b'), await waitingFor(rig, 'one')];
    const { asked, needs } = askedOf(rig, (page) => (page === 1 ? waiting : []));
    await mendDueTimes(needs, { exit: 'one', most: 1 });
    expect(asked.retried).toEqual([waiting[0]?.delivery.id]);
    const all = askedOf(rig, (page) => (page === 1 ? waiting : []));
    await mendDueTimes(all.needs, { exit: 'last', most: 9 });
    expect(all.asked.retried).toHaveLength(3);
  });

  scheduled('gets none that was put off, and then moved to a later time by an operator', async (rig) => {
    const one = await waitingFor(rig, 'one');
    const moved = { ...one, sendAtMs: one.delivery.dueAtMs };
    for (const reopened of [undefined, { exit: 'one', most: 9 }]) {
      const { asked, needs } = askedOf(rig, (page) => (page === 1 ? [moved] : []));
      await mendDueTimes(needs, reopened);
      expect(asked.retried).toEqual([]);
    }
  });

  scheduled('costs no more than a part of a queue that is very long', async (rig) => {
    const page = Array<QueuedDelivery>(500).fill(await waitingFor(rig, 'two'));
    const { asked, needs } = askedOf(rig, () => page);
    await mendDueTimes(needs, { exit: 'one', most: 1 });
    expect(asked).toEqual({ pages: 20, retried: [] });
  });
});

function askedOf({ clock, policy, spool }: Scheduling, pageOf: (page: number) => readonly QueuedDelivery[]) {
  const asked = { pages: 0, retried: [] as unknown[] };
  const paged = Object.assign(Object.create(spool) as typeof spool, {
    list: async () => pageOf(++asked.pages),
    retry: async ({ ids = [] }: { readonly ids?: readonly unknown[] }) => asked.retried.push(...ids),
  });
  const needs = { clock, policy: () => policy, spool: paged, closing: new AbortController(), claimSoon: () => {} };
  return { asked, needs };
}
