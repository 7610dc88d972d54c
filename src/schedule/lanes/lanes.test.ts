import { expect, test } from 'vitest';
import { FakeClock, settled } from '../../../tests/fakes/clock.ts';
import { scheduled } from '../../../tests/fakes/scheduling.ts';
import { after } from '../../../tests/fakes/scripted-egress.ts';
import { someSites } from '../../../tests/fakes/sites.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { deliveryIdOf } from '../../message/ids.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import type { Sites } from '../sites/sites.ts';
import type { Entry, Group } from '../window/entry.ts';
import { Window } from '../window/window.ts';
import { Lanes } from './lanes.ts';

function someLanes(clock = new FakeClock()): Lanes {
  return new Lanes({ sites: someSites({ clock }), monotonicMs: () => clock.monotonicMs() });
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
      return site === null || sites.gateOf(site, 'out') === null;
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

/** Lanes of so many domains, with a delivery each of that group. */
function laneFiller(lanes: Lanes): (group: Group, domains: readonly string[]) => void {
  const window = new Window(() => Number.MAX_SAFE_INTEGER);
  const { message } = aSubmission({ atMs: 0 });
  let count = 0;
  return (group, domains) => {
    for (const domain of domains) {
      const delivery = { id: deliveryIdOf(message.id, ++count), domain, priority: 'normal', client: 'shop' };
      const leased = { message, lease: { token: 1, untilMs: 1 }, delivery: delivery as LeasedDelivery['delivery'] };
      lanes.push(window.admit(leased, { lane: lanes.laneOf(domain), group, content: null, nowMs: 0 }));
    }
  };
}

function domainsOf(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, place) => `${prefix}${place}.test`);
}

test('a turn costs no look at each lane whose mail waits for an exit that is busy', async () => {
  const clock = new FakeClock();
  const lanes = someLanes(clock);
  const fill = laneFiller(lanes);
  const open = { ...GROUP };
  fill({ ...GROUP }, domainsOf('busy', 1_500));
  fill(open, domainsOf('open', 300));
  // Nobody waits for the names of hosts any more.
  await clock.advance(1_001);
  let asked = 0;
  let sent = 0;
  const next = (): Entry | null =>
    lanes.next((group) => {
      asked += 1;
      return group === open;
    })?.entry ?? null;
  for (let entry = next(); entry !== null; entry = next()) {
    lanes.ended(entry.lane, 1, 'success');
    lanes.remove(entry, 'settling');
    sent += 1;
  }
  expect(sent).toBe(300);
  expect(asked / sent).toBeLessThan(10);
});

test('lanes take turns whatever their mail waits for, and one with mail for two exits has no second turn', async () => {
  const clock = new FakeClock();
  const lanes = someLanes(clock);
  const fill = laneFiller(lanes);
  const [one, two] = [{ ...GROUP }, { ...GROUP }];
  for (const group of [one, two]) fill(group, ['both.test', 'both.test']);
  fill(one, ['one.test', 'one.test', 'one.test']);
  fill(two, ['two.test', 'two.test', 'two.test']);
  await clock.advance(1_001);
  const open = new Set<Group>([one, two]);
  const turn = (): string | undefined => {
    const entry = lanes.next((group) => open.has(group))?.entry;
    if (entry === undefined) return undefined;
    lanes.ended(entry.lane, 1, 'success');
    lanes.remove(entry, 'settling');
    return entry.lane.domain.slice(0, -5);
  };
  const turns = (count: number): (string | undefined)[] => Array.from({ length: count }, turn);
  expect(turns(6)).toEqual(['both', 'one', 'two', 'both', 'one', 'two']);
  open.delete(one);
  expect(turns(3)).toEqual(['both', 'two', undefined]);
  open.add(one);
  expect(turns(3)).toEqual(['one', 'both', undefined]);
});

test('a lane with room for many connections gets one, and the others theirs before its next', async () => {
  const clock = new FakeClock();
  const lanes = someLanes(clock);
  const fill = laneFiller(lanes);
  const [one, two] = [{ ...GROUP }, { ...GROUP }];
  const forty = (domain: string): string[] => Array.from({ length: 40 }, () => domain);
  fill(one, [...forty('a.test'), ...forty('b.test')]);
  fill(two, [...forty('a.test'), ...forty('c.test')]);
  await clock.advance(1_001);
  const turns = Array.from({ length: 9 }, () => lanes.next(() => true)?.entry.lane.domain.slice(0, 1));
  expect(turns.join('')).toBe('abcabcabc');
  const others = Array.from({ length: 4 }, () => lanes.next((group) => group === two)?.entry.lane.domain.slice(0, 1));
  expect(others.join('')).toBe('acac');
});
