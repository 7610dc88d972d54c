import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { closeSync, openSync, rmSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openEmbeddedSpool, type EmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { SpoolError, type LeasedDelivery, type Submission } from '../../src/spool/spool.ts';
import { FakeClock } from '../fakes/clock.ts';
import { aSettlement, aSubmission } from '../fakes/submission.ts';

const clock = new FakeClock();
let disk = '';
let spool: EmbeddedSpool;

beforeEach(async () => {
  disk = await mkdtemp(join(tmpdir(), 'relevo-full-'));
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=12m', 'tmpfs', disk]);
  spool = await openEmbeddedSpool({ path: join(disk, 'spool'), durability: 'fsync', clock });
});
afterEach(async () => {
  await spool[Symbol.asyncDispose]();
  execFileSync('umount', [disk]);
  await rm(disk, { recursive: true });
});

/** Accepts until there is no room, twenty at a time; what was answered for. */
async function filledUp(): Promise<Submission[]> {
  const kept: Submission[] = [];
  for (let full = false; !full;) {
    const submissions = Array.from({ length: 20 }, () =>
      aSubmission({ atMs: clock.nowMs(), content: randomBytes(8_000) }),
    );
    const results = await Promise.allSettled(submissions.map((submission) => spool.accept(submission)));
    for (const [place, result] of results.entries()) {
      const submission = submissions[place];
      if (result.status === 'fulfilled' && submission !== undefined) kept.push(submission);
      if (result.status === 'fulfilled') continue;
      full = true;
      if (!(result.reason instanceof SpoolError) || result.reason.kind !== 'full') throw result.reason;
    }
  }
  return kept;
}

/** Somebody else takes all the space that is left. */
function fillDisk(): string {
  const file = join(disk, 'of-somebody-else');
  const descriptor = openSync(file, 'w');
  try {
    for (let bytes = 65_536; bytes >= 1;) {
      try {
        if (writeSync(descriptor, Buffer.alloc(bytes)) < bytes) bytes = Math.floor(bytes / 2);
      } catch {
        bytes = Math.floor(bytes / 2);
      }
    }
  } finally {
    closeSync(descriptor);
  }
  return file;
}

async function allLeased(): Promise<readonly LeasedDelivery[]> {
  const nowMs = clock.nowMs();
  const request = { nowMs, leaseUntilMs: nowMs + 60_000, limit: 500, perLane: 500, exclude: [] };
  const all: LeasedDelivery[] = [];
  for (;;) {
    const { leased, nextDueAtMs } = await spool.claim(request);
    all.push(...leased);
    if (nextDueAtMs === null) return all;
  }
}

/** The owner looks at the disk once a second of real time. */
async function eventually(holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 10_000; !(await holds());) {
    if (performance.now() > deadline) throw new Error(`not so within 10 s: ${holds.toString()}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

async function accepts(): Promise<boolean> {
  try {
    await spool.accept(aSubmission({ atMs: clock.nowMs() }));
    return true;
  } catch {
    return false;
  }
}

async function sound(kept: readonly Submission[]): Promise<boolean> {
  for (const { message, content } of kept) {
    const found = await spool.content(message.id);
    if (found.kind !== 'found' || !found.content.equals(content)) return false;
  }
  return true;
}

test('a spool that has filled its disk refuses, keeps what it has, and goes on once mail has left', async () => {
  const kept = await filledUp();
  expect(kept.length).toBeGreaterThan(300);
  expect(spool.trouble()).toMatch(/full/);
  expect(await sound(kept)).toBe(true);
  for (const leased of await allLeased()) {
    expect(await spool.settle(aSettlement(leased, { atMs: clock.nowMs() }))).toBe('settled');
  }
  await eventually(accepts);
  await eventually(() => spool.trouble() === null);
  const { violations, finished } = await spool.audit();
  expect({ violations, delivered: finished.delivered }).toEqual({ violations: [], delivered: kept.length });
});

test('with every last byte taken by somebody else, what was accepted is still delivered, and nothing is lost', async () => {
  const kept = await filledUp();
  const foreign = fillDisk();
  const leased = await allLeased();
  expect(leased).toHaveLength(kept.length);
  for (const one of leased.slice(0, 200)) {
    expect(await spool.settle(aSettlement(one, { atMs: clock.nowMs() }))).toBe('settled');
  }
  expect(
    await sound(
      kept.slice(200).filter(({ message }) => !leased.slice(0, 200).some((one) => one.message.id === message.id)),
    ),
  ).toBe(true);
  rmSync(foreign);
  await eventually(accepts);
  for (const one of leased.slice(200)) {
    expect(await spool.settle(aSettlement(one, { atMs: clock.nowMs() }))).toBe('settled');
  }
  const { violations, finished } = await spool.audit();
  expect({ violations, delivered: finished.delivered }).toEqual({ violations: [], delivered: kept.length });
});

test('a disk that somebody else fills while mail comes in makes refusals, not losses', async () => {
  const submissions = Array.from({ length: 20 }, () =>
    aSubmission({ atMs: clock.nowMs(), content: randomBytes(8_000) }),
  );
  await Promise.all(submissions.map((submission) => spool.accept(submission)));
  const foreign = fillDisk();
  const more = await filledUp();
  expect(await sound([...submissions, ...more])).toBe(true);
  rmSync(foreign);
  await eventually(accepts);
  expect((await spool.audit()).violations).toEqual([]);
});
