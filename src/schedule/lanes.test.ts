import { expect, test } from 'vitest';
import { settled } from '../../tests/fakes/clock.ts';
import { scheduled } from '../../tests/fakes/scheduling.ts';
import { someSites } from '../../tests/fakes/sites.ts';
import { aSubmission } from '../../tests/fakes/submission.ts';
import { after } from '../../tests/fakes/scripted-egress.ts';
import { deliveryIdOf } from '../message/ids.ts';
import type { LeasedDelivery } from '../spool/spool.ts';
import type { Entry, Group } from './entry.ts';
import { Lanes } from './lanes.ts';
import type { Sites } from './sites.ts';
import { Window } from './window.ts';

function someLanes(): Lanes {
  return new Lanes({ sites: someSites(), monotonicMs: () => 0 });
}

test('a destination whose mail waits in the store is remembered without a lane', () => {
  const lanes = someLanes();
  lanes.fellBehind('a.test');
  expect([lanes.size, lanes.isBehind('a.test'), lanes.isBehind('b.test')]).toEqual([0, true, false]);
  expect(lanes.laneOf('a.test').behind).toBe(true);
  lanes.forget();
  expect([lanes.size, lanes.isBehind('a.test')]).toEqual([0, true]);
  lanes.caughtUp();
  expect(lanes.isBehind('a.test')).toBe(false);
});

test('of very many such destinations the oldest are forgotten', () => {
  const lanes = someLanes();
  for (let count = 0; count <= 20_000; count++) lanes.fellBehind(`d${count}.test`);
  expect(['d0.test', 'd1.test', 'd20000.test'].map((domain) => lanes.isBehind(domain))).toEqual([false, true, true]);
});

scheduled('mail for which there is no room makes no lane, however many its destinations', async (scheduling) => {
  const { clock, scheduler } = scheduling;
  scheduling.exit('direct').answer = after(clock, 30_000);
  const DOMAINS = 4_000;
  for (let start = 0; start < DOMAINS; start += 500) {
    await Promise.all(
      Array.from({ length: 500 }, (_, place) =>
        scheduling.accept({ to: [`a@d${start + place}.test`], priority: 'low' }),
      ),
    );
  }
  await clock.advance(1_000);
  expect(scheduler.stats().lanes).toBeLessThanOrEqual(1_300);
});

const GROUP: Group = { key: 'all', route: null, stream: 'x', keep: null, weight: 'light', waiting: 0 };

/** Lanes of many domains that one provider hosts, with a delivery each, and what is asked of them. */
async function hostedLanes(
  domains: number,
  connections: number,
): Promise<{ lanes: Lanes; sites: Sites; asked: () => number; next: () => Entry | null }> {
  let asked = 0;
  const sites = someSites({
    shaping: { google: { connections } },
    egress: { out: { type: 'mx' } },
    hostsOf: async () => ['aspmx.l.google.com'],
    opened: (site, slots) => lanes.unpark(site, slots),
    moved: (domain) => lanes.moved(domain),
  });
  const lanes: Lanes = new Lanes({ sites, monotonicMs: () => 0 });
  const window = new Window(() => Number.MAX_SAFE_INTEGER);
  const { message } = aSubmission({ atMs: 0 });
  for (let count = 1; count <= domains; count++) {
    const lane = lanes.laneOf(`d${count}.test`);
    // As many look-ups at once as there may be.
    if (count % 100 === 0) await settled();
    const delivery = { id: deliveryIdOf(message.id, count), domain: lane.domain, priority: 'normal', client: 'shop' };
    const leased = { message, lease: { token: 1, untilMs: 1 }, delivery: delivery as LeasedDelivery['delivery'] };
    lanes.push(window.admit(leased, { lane, group: GROUP, content: null, nowMs: 0 }));
  }
  await settled();
  const next = (): Entry | null => {
    const found = lanes.next((_, site) => {
      asked += 1;
      return sites.gateOf(site, 'out') === null;
    });
    if (found === null) return null;
    found.entry.ticket = sites.started(found.entry.lane.site, 'out');
    return found.entry;
  };
  return { lanes, sites, asked: () => asked, next };
}

test('a site at its limit costs a look a message, however many domains it hosts', async () => {
  const { lanes, sites, asked, next } = await hostedLanes(1_000, 5);
  const flying: Entry[] = [];
  for (let entry = next(); entry !== null; entry = next()) flying.push(entry);
  expect(flying).toHaveLength(5);
  // Once around, to park them all.
  const before = asked();
  let sent = 0;
  for (let entry = flying.shift(); entry !== undefined; entry = flying.shift()) {
    lanes.ended(entry.lane, 1, 'success');
    sites.ended(entry.ticket, 'success', '');
    sent += 1;
    for (let more = next(); more !== null; more = next()) flying.push(more);
  }
  expect(sent).toBe(1_000);
  expect((asked() - before) / sent).toBeLessThan(10);
});
