import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { MemoryMarks } from '../../tests/fakes/marks.ts';
import { type Mark, MARKS_AT_MOST } from '../spool/marks.ts';
import type { Event } from '../message/event.ts';
import { systemRandom } from '../system.ts';
import { AuditLog } from './audit-log.ts';

const DAY_MS = 86_400_000;

function world() {
  const clock = new FakeClock(Date.UTC(2026, 10, 22));
  const marks = new MemoryMarks();
  const events: Event[] = [];
  const kept = { days: 365 };
  const emit = (event: Event): void => void events.push(event);
  const open = () => new AuditLog({ marks, clock, random: systemRandom, emit, keepMs: () => kept.days * DAY_MS });
  return { clock, marks, events, kept, open, log: open() };
}

const by = (name: string, what: string, on = 'x') => ({
  actor: { kind: 'token' as const, name, from: '192.0.2.1' },
  what,
  on,
});
const ALL = { limit: 1_000, before: null };

test('changes are told newest first, page by page, by who, what and when', async () => {
  const { clock, log } = world();
  await using _ = log;
  const startMs = clock.nowMs();
  for (let at = 0; at < 25; at++) {
    await log.note({ ...by(at % 2 === 0 ? 'ann' : 'bob', at < 20 ? 'egress.pause' : 'token.create', `ip-${at}`) });
    if (at % 3 === 0) clock.jumpMs(9 * DAY_MS);
  }
  const seen: string[] = [];
  let next: string | null = null;
  do {
    const page = await log.page({ limit: 7, before: next });
    expect(page.entries.length).toBeLessThanOrEqual(7);
    seen.push(...page.entries.map(({ on }) => on));
    next = page.next;
  } while (next !== null);
  expect(seen).toEqual(Array.from({ length: 25 }, (__, at) => `ip-${24 - at}`));
  const names = async (ask: object) => (await log.page({ ...ALL, ...ask })).entries.map(({ on }) => on);
  expect(await names({ what: 'token', who: 'ann' })).toEqual(['ip-24', 'ip-22', 'ip-20']);
  expect(await names({ what: 'tok' })).toEqual([]);
  expect(await names({ who: 'token', untilMs: startMs + DAY_MS })).toEqual(['ip-0']);
  expect(await names({ fromMs: clock.nowMs() - 9 * DAY_MS })).toEqual(['ip-24', 'ip-23', 'ip-22']);
});

test('what is noted in the very moment in which the one before is written is written too', async () => {
  const { clock, marks } = world();
  for (let later = 0; later < 8; later++) {
    const { promise, resolve } = Promise.withResolvers<void>();
    const slow = {
      marks: (prefix: string) => marks.marks(prefix),
      unmark: (names: readonly string[]) => marks.unmark(names),
      mark: (some: readonly Mark[]) => marks.mark(some).then(() => promise),
    };
    const log = new AuditLog({ marks: slow, clock, random: systemRandom, emit: () => {}, keepMs: () => DAY_MS });
    const first = log.note(by('ann', 'a.b', `${later} first`));
    await clock.advance(0);
    resolve();
    for (let turn = 0; turn < later; turn++) await Promise.resolve();
    await log.note(by('ann', 'a.b', `${later} second`));
    await first;
    expect((await log.page(ALL)).entries.map(({ on }) => on)).toContain(`${later} second`);
    await log[Symbol.asyncDispose]();
  }
});

test('many in one moment, by two nodes, are all there, each once', async () => {
  const { log, open } = world();
  await using _ = log;
  await using other = open();
  await Promise.all(Array.from({ length: 900 }, (__, at) => (at % 2 ? log : other).note(by('x', 'a.b', `${at}`))));
  const { entries } = await log.page(ALL);
  expect(new Set(entries.map(({ on }) => on)).size).toBe(900);
  expect(new Set(entries.map(({ id }) => id)).size).toBe(900);
});

test('what is older than is kept goes, and the oldest of too many', async () => {
  const { clock, kept, log } = world();
  await using _ = log;
  for (let at = 0; at < 40; at++) {
    await log.note(by('x', 'a.b', `${at}`));
    clock.jumpMs(10 * DAY_MS);
  }
  const first = async () => (await log.page(ALL)).entries.at(-1)?.on;
  expect(await first()).toBe('4');
  await log.sweep();
  expect(await first()).toBe('4');
  kept.days = 3_650;
  expect(await first()).toBe('4');
  kept.days = 100;
  await log.sweep();
  kept.days = 3_650;
  expect(await first()).toBe('30');
  await log.sweep(3);
  expect((await log.page(ALL)).entries.map(({ on }) => on)).toEqual(['39', '38', '37']);
});

test('while the store is away nobody waits for it, it is told once, and written down later', async () => {
  const { clock, marks, events, log } = world();
  await using _ = log;
  marks.isAway = true;
  await log.note(by('ann', 'egress.pause', '1'));
  await log.note(by('ann', 'egress.pause', '2'));
  expect(events.map(({ event }) => event)).toEqual(['failed']);
  marks.isAway = false;
  await clock.advance(5_000);
  expect((await log.page(ALL)).entries.map(({ on }) => on)).toEqual(['2', '1']);
});

test('a log that is closed while the store is away tries no more, and says what is missing', async () => {
  const { clock, marks, events, log } = world();
  marks.isAway = true;
  await log.note(by('ann', 'egress.pause', 'ip-1'));
  await log.note(by('ann', 'egress.pause', 'ip-2'));
  await log[Symbol.asyncDispose]();
  expect(events.map((event) => (event.event === 'failed' ? event.cause : ''))).toMatchObject([
    expect.anything(),
    expect.stringMatching(/not written: .*ip-1.*, and 1 more/),
  ]);
  marks.isAway = false;
  expect(clock.pending).toBe(0);
  await clock.advance(10_000_000);
  expect(marks.all()).toEqual([]);
});

test('a flood of what was not let takes no room, and pushes out no change', async () => {
  const { clock, log } = world();
  await using _ = log;
  for (let at = 0; at < 500; at++) await log.note(by('mallory', 'refused', `POST ${at}`));
  await log.note(by('ann', 'egress.pause'));
  expect((await log.page(ALL)).entries).toHaveLength(31);
  await clock.advance(60_000);
  await log.note(by('mallory', 'refused', 'later'));
  const { entries } = await log.page(ALL);
  expect(entries.map(({ on, after }) => [on, after]).slice(0, 2)).toEqual([
    ['later', undefined],
    ['many', { more: 470 }],
  ]);
});

test('what was before and after is kept within bounds, and nothing that is called a secret', async () => {
  const { marks, log } = world();
  await using _ = log;
  const secrets = { token: 'rlv_x', apiKey: 'k', secretAccessKey: 's', recoveryCodes: ['hunter2'] };
  const after = { name: 'x', passwordHash: 'hunter2', inner: [secrets], passwordAtMs: 7, rest: '' };
  await log.note({ ...by('ann', 'client.add', 'o'.repeat(5_000)), after });
  await log.note({ ...by('ann', 'policy.save'), before: 'y'.repeat(90_000) });
  const [large, small] = (await log.page(ALL)).entries;
  expect(small?.after).toEqual({
    name: 'x',
    passwordHash: '(not shown)',
    inner: [
      {
        token: '(not shown)',
        apiKey: '(not shown)',
        secretAccessKey: '(not shown)',
        recoveryCodes: '(not shown)',
      },
    ],
    passwordAtMs: 7,
    rest: '',
  });
  expect(small?.on.length).toBe(301);
  expect(large?.before).toEqual({ cut: `"${'y'.repeat(3_999)}` });
  expect(marks.all().every(({ text }) => !text.includes('hunter2') && text.length < 9_000)).toBe(true);
});

/** As the stores have it: of more only the first ones are told. */
class BoundedMarks extends MemoryMarks {
  override async marks(prefix: string) {
    return (await super.marks(prefix)).slice(0, MARKS_AT_MOST);
  }
}

test('of more than a store tells at once the newest are still the first, and the oldest go', async () => {
  const clock = new FakeClock(Date.UTC(2026, 10, 22));
  const marks = new BoundedMarks();
  await using log = new AuditLog({ marks, clock, random: systemRandom, emit: () => {}, keepMs: () => 365 * DAY_MS });
  for (let at = 0; at < 11_000; at += 500) {
    await Promise.all(Array.from({ length: 500 }, (_, more) => log.note(by('x', 'a.b', `${at + more}`))));
    clock.jumpMs(3_600_000);
  }
  expect((await log.page({ limit: 3, before: null })).entries.map(({ on }) => on)).toEqual(['10999', '10998', '10997']);
  await log.sweep(10_500);
  expect(marks.all()).toHaveLength(10_500);
  expect((await log.page({ limit: 3, before: null })).entries[0]?.on).toBe('10999');
  expect(marks.all().some(({ text }) => text.includes('"on":"499"'))).toBe(false);
});
