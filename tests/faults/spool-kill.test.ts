import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { MessageId } from '../../src/message/ids.ts';
import { openEmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { FakeClock } from '../fakes/clock.ts';
import { contentOf } from './spool-content.ts';

const KILLS = 12;
let path = '';

beforeAll(async () => {
  path = await mkdtemp(join(tmpdir(), 'relevo-kill-'));
});
afterAll(async () => {
  await rm(path, { recursive: true, force: true });
});

/** What the child was told before it died. */
async function killedUnderLoad(afterLines: number): Promise<readonly string[]> {
  const child = spawn(process.execPath, [join(import.meta.dirname, 'spool-child.ts'), path, 'fsync'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  const lines: string[] = [];
  for await (const line of linesOf(child)) {
    lines.push(line);
    if (lines.length === afterLines) child.kill('SIGKILL');
  }
  await ended;
  if (child.signalCode !== 'SIGKILL') throw new Error(`the child ended by itself with ${child.exitCode}`);
  return lines;
}

function linesOf(child: ChildProcess): AsyncIterable<string> {
  if (child.stdout === null) throw new Error('its output is a pipe');
  return createInterface({ input: child.stdout });
}

test(`killed ${KILLS} times under load, a spool loses nothing that it answered for`, async () => {
  const accepted = new Set<MessageId>();
  const delivered = new Set<string>();
  for (let kill = 0; kill < KILLS; kill++) {
    // Anywhere from the first answers on: inside a group, between two, in a checkpoint.
    for (const line of await killedUnderLoad(2 + Math.floor(Math.random() * 1_500))) {
      const [what, id = '', address = ''] = line.split(' ');
      if (what === 'accepted') accepted.add(id as MessageId);
      if (what === 'delivered') delivered.add(`${id} ${address}`);
    }
  }
  const clock = new FakeClock(Date.now());
  await using spool = await openEmbeddedSpool({ path, durability: 'fsync', clock });
  expect(spool.report.salvaged).toBeNull();
  expect(accepted.size).toBeGreaterThan(200);
  const wrong: string[] = [];
  for (const id of accepted) {
    const story = await spool.story(id);
    if (story === null) {
      wrong.push(`${id} is lost`);
      continue;
    }
    if (story.queued.length === 0) continue;
    const found = await spool.content(id);
    if (found.kind !== 'found' || !found.content.equals(contentOf(id))) wrong.push(`${id} has lost its content`);
  }
  expect(wrong).toEqual([]);
  const report = await spool.audit();
  expect(report.violations).toEqual([]);
  expect(report.finished.delivered).toBeGreaterThanOrEqual(delivered.size);
  for (const one of delivered) {
    const [id = '', address = ''] = one.split(' ');
    const story = await spool.story(id as MessageId);
    const told = story?.events.some((event) => event.event === 'delivered' && event.recipients.includes(address));
    if (told !== true) wrong.push(`${one} was delivered and is not known to be`);
  }
  expect(wrong).toEqual([]);
  // A copy may have gone out twice only where a lease was lost, and each of those is on record.
  const inDoubt = report.possibleDuplicates;
  expect(inDoubt).toBeGreaterThan(0);
});
