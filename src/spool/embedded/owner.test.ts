import { randomBytes } from 'node:crypto';
import { renameSync, statSync, existsSync, mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { MessageEvent } from '../../message/event.ts';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import { spoolOverPort } from './port-spool.ts';
import { openEmbeddedSpool, type EmbeddedSpool, type EmbeddedSpoolOptions } from './spool.ts';

let folder = '';
let path = '';
let clock: FakeClock;
const opened: EmbeddedSpool[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'relevo-owner-'));
  path = join(folder, 'deep', 'spool');
  clock = new FakeClock();
});
afterEach(async () => {
  for (const spool of opened.splice(0)) await spool[Symbol.asyncDispose]();
  await rm(folder, { recursive: true, force: true });
});

async function open(options: Partial<EmbeddedSpoolOptions> = {}): Promise<EmbeddedSpool> {
  const spool = await openEmbeddedSpool({ path, durability: 'fsync', clock, ...options });
  opened.push(spool);
  return spool;
}

/** Content so large that the owner looks at the disk again at the next accept. */
function large(): Buffer {
  return Buffer.alloc(5 * 1024 * 1024, 'x');
}

test('the folder and its files are for their owner only', async () => {
  await open();
  const modes = ['.', 'spool.db', 'spool.db-wal'].map((name) => statSync(join(path, name)).mode & 0o777);
  expect(modes).toEqual([0o700, 0o600, 0o600]);
});

test('a folder that was there keeps its mode', async () => {
  mkdirSync(path, { recursive: true, mode: 0o750 });
  await open();
  expect(statSync(path).mode & 0o777).toBe(0o750);
});

test.skipIf(process.platform !== 'linux')('a folder that can never be made is told', async () => {
  const refused = {
    name: 'SpoolError',
    message: expect.stringContaining("ENOENT: no such file or directory, mkdir '"),
  };
  await expect(open({ path: '/proc/relevo/spool' })).rejects.toMatchObject(refused);
});

test('a second owner is told that the spool is in use, and disturbs nothing', async () => {
  const spool = await open();
  await expect(open()).rejects.toMatchObject({ name: 'SpoolError', kind: 'in-use' });
  await expect(open()).rejects.toMatchObject({ kind: 'in-use' });
  expect(await spool.accept(aSubmission({ atMs: clock.nowMs() }))).toMatchObject({ kind: 'accepted' });
});

test('a spool of a newer relevo is refused, not touched', async () => {
  await (await open())[Symbol.asyncDispose]();
  const database = new DatabaseSync(join(path, 'spool.db'));
  database.exec('PRAGMA user_version = 99');
  database.close();
  await expect(open()).rejects.toThrow(/newer relevo/);
});

test('durability is what was asked for', async () => {
  for (const [durability, level] of [
    ['fsync', 2],
    ['relaxed', 1],
  ] as const) {
    const { openDatabase } = await import('./database.ts');
    const database = openDatabase(join(folder, `${durability}.db`), durability);
    expect(database.prepare('PRAGMA synchronous').get()).toEqual({ synchronous: level });
    expect(database.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
    expect(database.prepare('PRAGMA auto_vacuum').get()).toEqual({ auto_vacuum: 2 });
    database.close();
  }
});

test('a request that cannot be written does not spoil those that commit with it', async () => {
  const spool = await open();
  const nowMs = clock.nowMs();
  const good = aSubmission({ atMs: nowMs });
  const bad = aSubmission({ atMs: nowMs });
  // No number: the table takes none of it.
  const spoiled = { ...bad, deliveries: bad.deliveries.map((delivery) => ({ ...delivery, dueAtMs: Number.NaN })) };
  const results = await Promise.allSettled([
    spool.accept(good),
    spool.accept(spoiled),
    spool.accept(aSubmission({ atMs: nowMs })),
  ]);
  expect(results.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled']);
  // The store is sound: a repeat would come to the same.
  expect(results[1]).toMatchObject({ reason: { name: 'SpoolError', kind: 'unavailable', isFinal: true } });
  expect(await spool.story(bad.message.id)).toBeNull();
  expect(await spool.overview()).toMatchObject({ messages: 2, deliveries: 2, contentBytes: 2 * good.content.length });
  expect(spool.trouble()).toBeNull();
});

test('another thread uses the same spool through a port of its own', async () => {
  const spool = await open();
  const other = spoolOverPort(spool.connect(), clock);
  const nowMs = clock.nowMs();
  const submissions = Array.from({ length: 20 }, () => aSubmission({ atMs: nowMs }));
  await Promise.all(submissions.map((submission, n) => (n % 2 === 0 ? spool : other).accept(submission)));
  const claim = { nowMs, leaseUntilMs: nowMs + 1_000, limit: 20, perLane: 20, exclude: [] };
  const [here, there] = await Promise.all([spool.claim({ ...claim, limit: 10 }), other.claim({ ...claim, limit: 10 })]);
  const ids = [...here.leased, ...there.leased].map(({ delivery }) => delivery.id);
  expect(new Set(ids).size).toBe(20);
  await spool[Symbol.asyncDispose]();
  await expect(other.overview()).rejects.toMatchObject({ kind: 'unavailable' });
});

test('when the thread dies, calls are refused until it is back; leases go on', async () => {
  const failures: string[] = [];
  const spool = await open({ onFailure: (cause) => failures.push(cause) });
  const nowMs = clock.nowMs();
  const fresh = aSubmission({ atMs: nowMs, leaseUntilMs: nowMs + 60_000, content: large() });
  const accepted = await spool.accept(fresh);
  const away = join(folder, 'away');
  renameSync(path, away);
  await expect(spool.accept(aSubmission({ atMs: nowMs }))).rejects.toMatchObject({ kind: 'unavailable' });
  expect(failures).toHaveLength(1);
  expect(spool.trouble()).toMatch(/died/);
  await expect(spool.overview()).rejects.toMatchObject({ kind: 'unavailable', isFinal: false });
  // A spool that is gone is not replaced by an empty one: its disk may be back soon.
  await clock.advanceUntil(() => failures.length > 1, { stepMs: 10 });
  expect(failures[1]).toMatch(/gone/);
  expect(existsSync(path)).toBe(false);
  renameSync(away, path);
  await clock.advanceUntil(() => spool.trouble() === null, { stepMs: 10 });
  const [leased] = accepted.kind === 'accepted' ? accepted.leased : [];
  if (leased === undefined) throw new Error('it was leased');
  expect(await spool.settle(aSettlement(leased, { atMs: nowMs }))).toBe('settled');
  expect(await spool.audit()).toMatchObject({ accepted: 1, finished: { delivered: 1 }, possibleDuplicates: 0 });
});

test('a spool that is closed while its thread is dead starts none', async () => {
  const spool = await open();
  await spool.accept(aSubmission({ atMs: clock.nowMs(), content: large() }));
  renameSync(path, join(folder, 'away'));
  await expect(spool.accept(aSubmission({ atMs: clock.nowMs() }))).rejects.toMatchObject({ kind: 'unavailable' });
  await spool[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
  expect(spool.trouble()).not.toBeNull();
});

test('without enough space nothing is accepted, and what was accepted can be delivered', async () => {
  const before = await open();
  const nowMs = clock.nowMs();
  await before.accept(aSubmission({ atMs: nowMs }));
  await before[Symbol.asyncDispose]();
  const spool = await open({ floorBytes: Number.MAX_SAFE_INTEGER });
  await expect(spool.accept(aSubmission({ atMs: nowMs }))).rejects.toMatchObject({ kind: 'full' });
  expect(spool.trouble()).toMatch(/full/);
  const { leased } = await spool.claim({ nowMs, leaseUntilMs: nowMs + 1, limit: 1, perLane: 1, exclude: [] });
  const [one] = leased;
  if (one === undefined) throw new Error('it was queued');
  expect(await spool.settle(aSettlement(one, { atMs: nowMs }))).toBe('settled');
  // What sending it needs is there, and what an operator says of an exit; figures wait.
  const tally = { account: 'sent', startsAtMs: 0, amount: 1, keepUntilMs: nowMs };
  await expect(spool.ledger.count([tally])).rejects.toMatchObject({ kind: 'full', isFinal: false });
  expect(await spool.ledger.counts('', 0)).toEqual([]);
  expect(await spool.ledger.takeTurns({ account: 'pool', places: 1, open: [0], count: 1 })).toEqual([0]);
  await spool.marks.mark([{ name: 'pause:smtp-1', text: '', atMs: nowMs }]);
  expect(await spool.marks.marks('')).toHaveLength(1);
});

test('content of 30 MB goes in and out unchanged', async () => {
  const spool = await open();
  const content = randomBytes(30 * 1024 * 1024);
  const submission = aSubmission({ atMs: clock.nowMs(), content });
  await spool.accept(submission);
  const found = await spool.content(submission.message.id);
  expect(found.kind === 'found' && found.content.equals(content)).toBe(true);
});

test('a spool that is closed answers first what it was asked, what is large or long included', async () => {
  const spool = await open({ durability: 'relaxed' });
  const atMs = clock.nowMs();
  await Promise.all(Array.from({ length: 1_000 }, () => spool.accept(aSubmission({ atMs }))));
  const larges = Array.from({ length: 4 }, () => spool.accept(aSubmission({ atMs, content: large() })));
  // Each takes longer than one slice.
  const longs = [spool.hold({}, atMs), spool.audit()];
  const closed = spool[Symbol.asyncDispose]();
  const answers = await Promise.allSettled([...larges, ...longs]);
  expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 'fulfilled'));
  await closed;
  expect(await (await open()).overview()).toMatchObject({ messages: 1_004 });
});

test('small messages do not queue up behind large ones', async () => {
  const spool = await open({ durability: 'relaxed' });
  const atMs = clock.nowMs();
  const ended: string[] = [];
  const content = Buffer.alloc(8 * 1024 * 1024, 'x');
  const larges = Array.from({ length: 12 }, async () => {
    await spool.accept(aSubmission({ atMs, content }));
    ended.push('large');
  });
  const smalls = Array.from({ length: 12 }, async () => {
    await spool.accept(aSubmission({ atMs }));
    ended.push('small');
  });
  await Promise.all([...larges, ...smalls]);
  expect(ended.lastIndexOf('small')).toBeLessThan(14);
});

test('a record that cannot be read is set aside with an event, the others flow', async () => {
  const before = await open();
  const nowMs = clock.nowMs();
  const [noRecipients, noMessage, sound] = [1, 2, 3].map(() => aSubmission({ atMs: nowMs }));
  for (const submission of [noRecipients, noMessage, sound])
    if (submission !== undefined) await before.accept(submission);
  await before[Symbol.asyncDispose]();
  const database = new DatabaseSync(join(path, 'spool.db'));
  database.exec(
    "UPDATE delivery SET recipients = substr(recipients, 3) WHERE seq = 1; UPDATE message SET meta = '{}' WHERE seq = 2",
  );
  database.close();
  const told: MessageEvent[] = [];
  const spool = await open({ onEvents: (events) => void told.push(...events) });
  const claiming = spool.claim({ nowMs, leaseUntilMs: nowMs + 1, limit: 9, perLane: 9, exclude: [] });
  // What commits with it fails, so that all is undone and done again.
  const bad = aSubmission({ atMs: nowMs });
  const spoiled = { ...bad, deliveries: bad.deliveries.map((delivery) => ({ ...delivery, dueAtMs: Number.NaN })) };
  await expect(spool.accept(spoiled)).rejects.toMatchObject({ isFinal: true });
  expect((await claiming).leased.map(({ delivery }) => delivery.messageId)).toEqual([sound?.message.id]);
  expect(await spool.overview()).toMatchObject({ byState: { queued: 1, quarantined: 2 } });
  const quarantined = await spool.list({ state: 'quarantined' }, { limit: 9 });
  expect(told.map((event) => event.event)).toEqual(['quarantined', 'quarantined']);
  expect(quarantined.map(({ delivery }) => delivery.messageId).toSorted()).toEqual(
    [noRecipients?.message.id, noMessage?.message.id].toSorted(),
  );
  // Whom they were for is in the event that tells of their arrival: operators see it, and the proof holds.
  for (const { delivery } of quarantined) {
    expect(delivery.recipients.map(({ address }) => address)).toEqual(['bob@dest.test']);
    expect((await spool.story(delivery.messageId))?.events.at(-1) ?? null).toEqual(
      delivery.messageId === noMessage?.message.id ? null : expect.objectContaining({ recipients: ['bob@dest.test'] }),
    );
  }
  expect(await spool.audit()).toMatchObject({ accepted: 3, queued: 3, violations: [] });
});

test('a long walk over the queue does not hold up others', async () => {
  const spool = await open({ durability: 'relaxed' });
  const nowMs = clock.nowMs();
  const content = Buffer.from('x');
  for (let n = 0; n < 20; n++) {
    await Promise.all(Array.from({ length: 500 }, () => spool.accept(aSubmission({ atMs: nowMs, content }))));
  }
  const walks = [spool.hold({}, nowMs), spool.audit(), spool.list({ recipient: 'nobody@dest.test' }, { limit: 1 })];
  let done = false;
  const all = Promise.all(walks).finally(() => (done = true));
  const waits: number[] = [];
  while (!done) {
    const startedMs = performance.now();
    await spool.accept(aSubmission({ atMs: nowMs, content }));
    waits.push(performance.now() - startedMs);
  }
  expect((await all)[0]).toBeGreaterThanOrEqual(10_000);
  expect(waits.length).toBeGreaterThan(10);
  // 50 ms are promised on a quiet machine; the tests share theirs.
  expect(waits.toSorted((a, b) => a - b)[Math.floor(waits.length * 0.9)]).toBeLessThan(150);
});
