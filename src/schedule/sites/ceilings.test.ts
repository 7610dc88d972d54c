import { describe, expect, test } from 'vitest';
import { FakeClock, settled } from '../../../tests/fakes/clock.ts';
import { someSites, type SomeSites } from '../../../tests/fakes/sites.ts';
import type { Event } from '../../message/event.ts';
import type { Mark, Marks } from '../../spool/marks.ts';
import { Ceilings } from './ceilings.ts';
import type { Sites } from './sites.ts';

const MINUTE = 60_000;
const EXITS: SomeSites['egress'] = {
  'ip-1': { type: 'mx' },
  'ip-2': { type: 'mx' },
};

/** Domains whose hosts are known at once, once they were asked for. */
async function sitesOf(
  hosts: Readonly<Record<string, readonly string[] | null>>,
  options: SomeSites = {},
): Promise<Sites> {
  const sites = someSites({ egress: EXITS, hostsOf: async (domain) => hosts[domain] ?? null, ...options });
  for (const domain of Object.keys(hosts)) sites.siteOf(domain);
  await settled();
  return sites;
}

const GOOGLE = { 'gmail.com': ['gmail-smtp-in.l.google.com'], 'a.test': ['aspmx.l.google.com', 'mx.other.example'] };

/** Marks in memory that count how often they were written. */
class SomeMarks implements Marks {
  readonly kept = new Map<string, Mark>();
  writes = 0;
  async marks(prefix: string): Promise<readonly Mark[]> {
    return [...this.kept.values()].filter(({ name }) => name.startsWith(prefix));
  }
  async mark(marks: readonly Mark[]): Promise<void> {
    this.writes += 1;
    for (const mark of marks) this.kept.set(mark.name, mark);
  }
  async unmark(names: readonly string[]): Promise<void> {
    for (const name of names) this.kept.delete(name);
  }
}

describe('what a site was learnt to take', () => {
  test('outlives the process, is written once a minute at most, and only when it changed', async () => {
    const clock = new FakeClock();
    const marks = new SomeMarks();
    const ceilings = new Ceilings({ marks, clock, workers: () => 1 });
    const sites = await sitesOf(GOOGLE, { clock, ceilings });
    const slower = () => sites.ended(sites.started(sites.siteOf('a.test'), 'ip-1'), 'slower', '');
    slower();
    await ceilings.write();
    slower();
    await ceilings.write();
    expect(marks.writes).toBe(1);
    await clock.advance(MINUTE);
    await ceilings.write();
    await clock.advance(MINUTE);
    await ceilings.write();
    expect(marks.writes).toBe(2);
    expect([...marks.kept.keys()]).toEqual(['ceiling:google:ip-1']);

    const later = new Ceilings({ marks, clock, workers: () => 2 });
    await later.read();
    expect(later.of('google', 'ip-1')).toEqual({ limit: 2, everyMs: 0, rests: 0, shutUntilMs: null });
    expect(later.of('google', 'ip-2')).toBeNull();
  });

  test('is taken up by what is under way already', async () => {
    const clock = new FakeClock();
    const marks = new SomeMarks();
    await marks.mark([{ name: 'ceiling:google:ip-1', text: '{"connections":3,"everyMs":0}', atMs: clock.nowMs() }]);
    const ceilings = new Ceilings({ marks, clock, workers: () => 1 });
    const sites = await sitesOf(GOOGLE, { clock, ceilings });
    const site = sites.siteOf('a.test');
    sites.started(site, 'ip-1');
    await ceilings.read();
    sites.recall();
    expect(site.exits.get('ip-1')?.feedback).toMatchObject({ limit: 3, most: 20 });
  });

  test('is forgotten once the site takes all again, after two weeks, and where it cannot be read', async () => {
    const clock = new FakeClock();
    const marks = new SomeMarks();
    const atMs = clock.nowMs();
    await marks.mark([
      { name: 'ceiling:google:ip-1', text: '{"connections":19,"everyMs":0}', atMs },
      { name: 'ceiling:gmx:ip-1', text: '{"connections":1,"everyMs":0}', atMs: atMs - 15 * 86_400_000 },
      { name: 'ceiling:yahoo:ip-1', text: 'what', atMs },
    ]);
    const ceilings = new Ceilings({ marks, clock, workers: () => 1 });
    await ceilings.read();
    expect([...marks.kept.keys()]).toEqual(['ceiling:google:ip-1']);
    const sites = await sitesOf(GOOGLE, { clock, ceilings });
    for (let count = 0; count < 19; count++) sites.ended(sites.started(sites.siteOf('a.test'), 'ip-1'), 'success', '');
    await ceilings.write();
    expect([...marks.kept.keys()]).toEqual([]);
  });

  test('is a rest too, which goes on after a restart from the first message on, and is told of again', async () => {
    const clock = new FakeClock();
    const marks = new SomeMarks();
    const events: Event[] = [];
    const start = async (ceilings: Ceilings): Promise<Sites> =>
      sitesOf(GOOGLE, { clock, ceilings, emit: (event) => void events.push(event) });
    const before = new Ceilings({ marks, clock, workers: () => 1 });
    const sites = await start(before);
    for (let count = 0; count < 3; count++)
      sites.ended(sites.started(sites.siteOf('a.test'), 'ip-1'), 'blocked', 'go away');
    await before.write({ now: true });
    await clock.advance(10 * MINUTE);

    const ceilings = new Ceilings({ marks, clock, workers: () => 1 });
    await ceilings.read();
    const later = await start(ceilings);
    const gate = later.gateOf(later.siteOf('a.test'), 'ip-1');
    expect(gate).toMatchObject({ gate: 'site-rest', cause: 'its site google refuses its address' });
    expect(((gate?.untilMs ?? 0) - clock.monotonicMs()) / MINUTE).toBeCloseTo(20, 3);
    expect(events.at(-1)).toMatchObject({ raised: true, text: expect.stringContaining('20 minutes') });
    expect(later.gateOf(later.siteOf('a.test'), 'ip-2')).toBeNull();
    await clock.advance(21 * MINUTE);
    later.ended(later.started(later.siteOf('a.test'), 'ip-1'), 'success', '');
    await ceilings.write({ now: true });
    expect(events.at(-1)).toMatchObject({ name: 'site-blocked:ip-1', raised: false });
    expect([...marks.kept.keys()]).toEqual([]);
  });

  test('is forgotten after two weeks while the relay runs, but not what another process learnt since', async () => {
    const clock = new FakeClock();
    const marks = new SomeMarks();
    const ceilings = new Ceilings({ marks, clock, workers: () => 1 });
    const sites = someSites({ clock, ceilings, egress: EXITS });
    for (let count = 0; count < 1_200; count++)
      sites.ended(sites.started(sites.siteOf(`[192.0.2.${count}]`), 'ip-1'), 'slower', '');
    await ceilings.write();
    expect(marks.kept.size).toBe(1_200);
    await clock.advance(10 * 24 * 60 * MINUTE);
    const name = 'ceiling:[192.0.2.7]:ip-1';
    await marks.mark([{ name, text: '{"connections":2,"everyMs":0}', atMs: clock.nowMs() }]);
    await clock.advance(5 * 24 * 60 * MINUTE);
    await ceilings.write();
    expect([...marks.kept.keys()]).toEqual([name]);
    expect(ceilings.of('[192.0.2.7]', 'ip-1')).toMatchObject({ limit: 2 });
    expect(ceilings.of('[192.0.2.8]', 'ip-1')).toBeNull();
  });

  test('is taken up by the other workers within minutes; of what two learnt at once the stricter is kept, and each recovers', async () => {
    const clock = new FakeClock();
    const marks = new SomeMarks();
    const open = async () => {
      const ceilings = new Ceilings({ marks, clock, workers: () => 2, isShared: () => true });
      const sites = await sitesOf(GOOGLE, { clock, ceilings });
      const limitOf = (exit: string) => sites.siteOf('a.test').exits.get(exit)?.feedback.limit ?? null;
      const tell = (exit: string, signal: 'slower' | 'success', times = 1): void => {
        for (let count = 0; count < times; count++)
          sites.ended(sites.started(sites.siteOf('a.test'), exit), signal, '');
      };
      const write = async (): Promise<void> => {
        if (await ceilings.write()) sites.recall();
      };
      return { limitOf, tell, write };
    };
    const [one, two] = [await open(), await open()];
    two.tell('ip-1', 'success');
    one.tell('ip-1', 'slower');
    await one.write();
    await clock.advance(1_000);
    await two.write();
    const most = 20;
    expect([one.limitOf('ip-1'), two.limitOf('ip-1')]).toEqual([most / 2, most / 2]);

    // Both at once, and the one that learnt less is the later to write.
    await clock.advance(2 * MINUTE);
    for (let count = 0; count < 3; count++) {
      one.tell('ip-2', 'slower');
      await clock.advance(5_000);
    }
    two.tell('ip-2', 'slower');
    const strict = one.limitOf('ip-2') ?? 0;
    expect(strict).toBeLessThan(two.limitOf('ip-2') ?? 0);
    await one.write();
    await two.write();
    expect(JSON.parse(marks.kept.get('ceiling:google:ip-2')?.text ?? '')).toMatchObject({ connections: 2 * strict });

    // What it wrote itself a minute ago holds nobody down.
    await clock.advance(2 * MINUTE);
    one.tell('ip-2', 'success', 400);
    await one.write();
    await clock.advance(2 * MINUTE);
    await one.write();
    await two.write();
    expect(one.limitOf('ip-2')).toBe(most);
    expect(marks.kept.get('ceiling:google:ip-2')).toBeUndefined();
  });

  test('is kept of no more than 5,000 sites and exits, the newest', async () => {
    const clock = new FakeClock();
    const marks = new SomeMarks();
    const ceilings = new Ceilings({ marks, clock, workers: () => 1 });
    const sites = someSites({ clock, ceilings, egress: EXITS });
    for (let count = 0; count < 5_100; count++)
      sites.ended(sites.started(sites.siteOf(`[192.0.2.${count}]`), 'ip-1'), 'slower', '');
    await ceilings.write();
    expect(marks.kept.size).toBe(5_000);
    expect([0, 99, 100, 5_099].map((place) => ceilings.of(`[192.0.2.${place}]`, 'ip-1') !== null)).toEqual([
      false,
      false,
      true,
      true,
    ]);
  });
});
