import { randomBytes } from 'node:crypto';
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import type { Submission } from '../spool.ts';
import { openEmbeddedSpool, type EmbeddedSpool } from './spool.ts';
import type { SalvageReport } from './wire.ts';

const PAGE_BYTES = 4096;
const clock = new FakeClock();
let path = '';
let spool: EmbeddedSpool;

beforeEach(async () => {
  path = await mkdtemp(join(tmpdir(), 'relevo-salvage-'));
});
afterEach(async () => {
  await spool[Symbol.asyncDispose]();
  await rm(path, { recursive: true, force: true });
});

async function open(): Promise<EmbeddedSpool> {
  spool = await openEmbeddedSpool({ path, durability: 'relaxed', clock });
  return spool;
}

/** A closed spool with queued messages of one and of two destinations, some finished, and a ledger. */
/** Messages of which `filled` had a delivery delivered. */
const ended = new Set<string>();

async function filled(count: number): Promise<Submission[]> {
  await open();
  const nowMs = clock.nowMs();
  const submissions = Array.from({ length: count }, (_, n) =>
    aSubmission({
      atMs: nowMs,
      content: randomBytes(2_000),
      to: n % 2 === 0 ? [`${n}@one.test`] : [`${n}@one.test`, `${n}@two.test`],
    }),
  );
  await Promise.all(submissions.map((submission) => spool.accept(submission)));
  const claim = { nowMs, leaseUntilMs: nowMs + 1_000, limit: count / 4, perLane: count, exclude: [] };
  const { leased } = await spool.claim(claim);
  await Promise.all(leased.map((one) => spool.settle(aSettlement(one, { atMs: nowMs }))));
  for (const { message } of leased) ended.add(message.id);
  await spool.ledger.draw({ account: 'client:shop', amount: 7, limit: 10, windowMs: 3_600_000, nowMs });
  await spool[Symbol.asyncDispose]();
  return submissions;
}

function overwrite(file: string, offset: number, bytes: Uint8Array): void {
  const descriptor = openSync(file, 'r+');
  writeSync(descriptor, bytes, 0, bytes.length, offset);
  closeSync(descriptor);
}

/** The pages of a table or index, from the database itself. */
function pagesOf(name: string, type = 'leaf'): number[] {
  const database = new DatabaseSync(join(path, 'spool.db'));
  const rows = database
    .prepare('SELECT pageno FROM dbstat WHERE name = ? AND pagetype = ? ORDER BY pageno')
    .all(name, type);
  database.close();
  return rows.map((row) => Number(row['pageno']));
}

function destroyPage(page: number): void {
  overwrite(join(path, 'spool.db'), (page - 1) * PAGE_BYTES, randomBytes(PAGE_BYTES));
}

/** Each message is whole: in its story, each recipient accounted for once, and its content there while it is queued. */
async function unsound(submissions: readonly Submission[]): Promise<string[]> {
  const lost: string[] = [];
  for (const { message, content } of submissions) {
    const story = await spool.story(message.id);
    if (story === null) {
      lost.push(message.id);
      continue;
    }
    if (story.queued.length === 0) continue;
    const found = await spool.content(message.id);
    if (found.kind !== 'found' || !found.content.equals(content)) lost.push(message.id);
  }
  return lost;
}

function salvageOf(): SalvageReport {
  const { salvaged } = spool.report;
  if (salvaged === null) throw new Error('nothing was salvaged');
  return salvaged;
}

test('a sound spool is opened as it is', async () => {
  const submissions = await filled(40);
  await open();
  expect(spool.report).toEqual({ reaped: 0, salvaged: null });
  expect(await unsound(submissions)).toEqual([]);
});

test('with its header destroyed nothing is lost', async () => {
  const submissions = await filled(40);
  const before = readFileSync(join(path, 'spool.db'));
  overwrite(join(path, 'spool.db'), 0, randomBytes(PAGE_BYTES));
  await open();
  expect(salvageOf()).toMatchObject({ messagesCarried: 40, messagesQuarantined: 0, rowsUnreadable: 0 });
  expect(await unsound(submissions)).toEqual([]);
  expect(await spool.audit()).toMatchObject({ accepted: 60, violations: [] });
  // What was damaged is kept as it was found.
  const kept = readFileSync(salvageOf().keptAs);
  expect(kept.subarray(PAGE_BYTES).equals(before.subarray(PAGE_BYTES))).toBe(true);
  expect(statSync(join(path, 'spool.db')).mode & 0o777).toBe(0o600);
});

test('the ledger, the lanes and the overview come along', async () => {
  await filled(40);
  await open();
  const overview = await spool.overview();
  await spool[Symbol.asyncDispose]();
  overwrite(join(path, 'spool.db'), 0, Buffer.alloc(PAGE_BYTES));
  await open();
  expect(await spool.overview()).toEqual(overview);
  const nowMs = clock.nowMs();
  const draw = { account: 'client:shop', amount: 4, limit: 10, windowMs: 3_600_000, nowMs };
  expect(await spool.ledger.draw(draw)).toMatchObject({ kind: 'refused', used: 7 });
  const { leased } = await spool.claim({ nowMs, leaseUntilMs: nowMs + 1, limit: 500, perLane: 500, exclude: [] });
  expect(leased).toHaveLength(overview.deliveries);
});

test('marks, figures and turns come along', async () => {
  await open();
  const turns = { account: 'pool:main', places: 3, open: [0, 1, 2], count: 1 };
  const mark = { name: 'health:smtp-1', text: '{}', atMs: 5 };
  const figure = { account: 'sent:smtp-1', startsAtMs: 5, amount: 3 };
  await spool.ledger.takeTurns(turns);
  await spool.marks.mark([mark]);
  await spool.ledger.count([{ ...figure, keepUntilMs: clock.nowMs() + 1 }]);
  await spool[Symbol.asyncDispose]();
  overwrite(join(path, 'spool.db'), 0, Buffer.alloc(PAGE_BYTES));
  await open();
  expect(salvageOf()).toMatchObject({ rowsUnreadable: 0 });
  expect(await spool.marks.marks('')).toEqual([mark]);
  expect(await spool.ledger.counts('', 0)).toEqual([figure]);
  expect(await spool.ledger.takeTurns(turns)).toEqual([1]);
});

test('a file that is no database at all is set aside, and the relay starts', async () => {
  writeFileSync(join(path, 'spool.db'), randomBytes(100_000));
  await open();
  expect(salvageOf()).toMatchObject({ messagesCarried: 0 });
  expect(statSync(salvageOf().keptAs).size).toBe(100_000);
  const submission = aSubmission({ atMs: clock.nowMs() });
  expect(await spool.accept(submission)).toMatchObject({ kind: 'accepted' });
  await spool[Symbol.asyncDispose]();
  await open();
  expect(spool.report.salvaged).toBeNull();
  expect(await unsound([submission])).toEqual([]);
});

test('unreadable deliveries are made again from what was received, for an operator to look at', async () => {
  const submissions = await filled(200);
  const [page] = pagesOf('delivery');
  if (page === undefined) throw new Error('the deliveries are on some page');
  destroyPage(page);
  overwrite(join(path, 'spool.db'), 0, Buffer.alloc(16));
  await open();
  expect(salvageOf()).toMatchObject({ messagesCarried: 200 });
  expect(salvageOf().messagesQuarantined).toBeGreaterThan(5);
  expect(await spool.audit()).toMatchObject({ accepted: 300, violations: [] });
  expect(await unsound(submissions)).toEqual([]);
  const quarantined = await spool.list({ state: 'quarantined' }, { limit: 500 });
  const story = await spool.story(quarantined[0]?.delivery.messageId ?? submissions[0]!.message.id);
  expect(story?.events.at(-1)).toMatchObject({ event: 'quarantined' });
});

test('messages whose own rows are all unreadable are made again from what was received, for an operator to look at', async () => {
  const submissions = await filled(200);
  await open();
  const before = await spool.overview();
  await spool[Symbol.asyncDispose]();
  const database = new DatabaseSync(join(path, 'spool.db'));
  const root = database.prepare("SELECT rootpage FROM sqlite_schema WHERE name = 'message'").get()?.['rootpage'];
  database.close();
  destroyPage(Number(root));
  overwrite(join(path, 'spool.db'), 0, Buffer.alloc(16));
  await open();
  expect(await spool.overview()).toMatchObject({
    messages: before.messages,
    deliveries: before.deliveries,
    byState: { queued: 0, quarantined: before.deliveries },
  });
  expect(salvageOf()).toMatchObject({ messagesCarried: 200, messagesQuarantined: before.messages });
  expect(await spool.audit()).toMatchObject({ accepted: 300, violations: [] });
  expect(await unsound(submissions)).toEqual([]);
  const { message } = submissions.at(-1)!;
  const story = await spool.story(message.id);
  expect(story?.message).toMatchObject({ client: message.client, stream: message.stream, priority: message.priority });
  expect(story?.message.envelope.sender).toBe(message.envelope.sender);
});

test('unreadable content quarantines its messages, the others flow', async () => {
  await filled(100);
  const [page] = pagesOf('content');
  if (page === undefined) throw new Error('the content is on some page');
  destroyPage(page);
  overwrite(join(path, 'spool.db'), 0, Buffer.alloc(16));
  await open();
  const { messagesQuarantined, messagesCarried } = salvageOf();
  expect(messagesCarried).toBe(100);
  expect(messagesQuarantined).toBeGreaterThan(0);
  expect(await spool.audit()).toMatchObject({ accepted: 150, violations: [] });
  const nowMs = clock.nowMs();
  const { leased } = await spool.claim({ nowMs, leaseUntilMs: nowMs + 1, limit: 500, perLane: 500, exclude: [] });
  for (const { delivery } of leased) expect((await spool.content(delivery.messageId)).kind).toBe('found');
});

test('damage found in use is salvaged by the restart that follows, and tokens go on', async () => {
  const submissions = await filled(300);
  const pages = pagesOf('delivery');
  for (const page of pages.slice(1)) destroyPage(page);
  const salvaged: SalvageReport[] = [];
  const failures: string[] = [];
  spool = await openEmbeddedSpool({
    path,
    durability: 'fsync',
    clock,
    onFailure: (cause) => failures.push(cause),
    onSalvage: (report) => salvaged.push(report),
  });
  expect(spool.report.salvaged).toBeNull();
  await expect(spool.audit()).rejects.toMatchObject({ kind: 'unavailable' });
  await clock.advanceUntil(() => salvaged.length > 0, { stepMs: 10 });
  expect(failures[0]).toContain('damaged');
  expect(spool.trouble()).toBeNull();
  expect(await unsound(submissions)).toEqual([]);
  expect(await spool.audit()).toMatchObject({ accepted: 450, violations: [] });
  expect(existsSync(join(path, 'spool.suspect'))).toBe(false);
});

test('a crash between setting aside and replacing is finished by the next start', async () => {
  const submissions = await filled(20);
  const [database, complete] = [join(path, 'spool.db'), join(path, 'spool.salvaged-2026-01-01T00-00-00-000Z.db')];
  writeFileSync(complete, readFileSync(database), { mode: 0o600 });
  writeFileSync(database, randomBytes(5_000));
  await open();
  expect(await unsound(submissions)).toEqual([]);
  expect(readdirSync(path)).toContain('spool.corrupt-2026-01-01T00-00-00-000Z.db');
});

test('whatever page is destroyed, the relay starts and every readable message is accounted for', async () => {
  const submissions = await filled(60);
  const sound = readFileSync(join(path, 'spool.db'));
  const pages = sound.length / PAGE_BYTES;
  for (let page = 1; page <= pages; page += 5) {
    writeFileSync(join(path, 'spool.db'), sound);
    destroyPage(page);
    writeFileSync(join(path, 'spool.suspect'), '');
    await open();
    const { messagesCarried, rowsUnreadable } = salvageOf();
    expect(messagesCarried + (rowsUnreadable ?? 0), `page ${page}`).toBeGreaterThanOrEqual(60);
    const known = [];
    for (const submission of submissions) {
      if ((await spool.story(submission.message.id)) !== null) known.push(submission.message.id);
    }
    expect(known.length, `page ${page}`).toBe(messagesCarried);
    const { violations } = await spool.audit();
    // Without the event that tells who was accepted, or how it ended, nothing can be proved, and audit says so.
    const unproved = violations.filter(
      ({ messageId, problem }) =>
        !/nothing tells|never accepted|cannot be read/.test(problem) &&
        !(problem === 'neither ended nor queued' && ended.has(messageId)),
    );
    expect(unproved, `page ${page}`).toEqual([]);
    await spool[Symbol.asyncDispose]();
    for (const name of readdirSync(path)) if (name.startsWith('spool.corrupt')) await rm(join(path, name));
  }
});
