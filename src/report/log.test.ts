import { spawn } from 'node:child_process';
import { mkdtempSync, openSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';
import { expect, test } from 'vitest';
import { FakeClock, settled } from '../../tests/fakes/clock.ts';
import type { Event } from '../message/event.ts';
import { deliveryIdOf, newMessageId } from '../message/ids.ts';
import { policySchema } from '../policy/schema.ts';
import type { LineOutput } from './line-writer.ts';
import { createLog } from './log.ts';
import { fileOutput } from './log-output.ts';

const messageId = newMessageId(1_700_000_000_000, Buffer.alloc(10, 7));
const of = { messageId, deliveryId: deliveryIdOf(messageId, 1), domain: 'example.net', recipients: ['a@example.net'] };
const received: Event = {
  event: 'received',
  atMs: 1_700_000_000_000,
  messageId,
  client: 'app',
  sender: 'shop@example.com',
  recipients: ['a@example.net'],
  sizeBytes: 4096,
  stream: 'transactional',
  priority: 'high',
  protocol: 'ESMTPSA',
  peer: '192.0.2.1',
  messageIdHeader: '<1@example.com>',
  subject: 'Your invoice',
  tookMs: 3,
};
const delivered: Event = {
  event: 'delivered',
  atMs: 1_700_000_001_000,
  ...of,
  egress: 'direct',
  reply: { code: 250, detail: '0.0', text: 'queued as 1' },
};

function policyWith(log: { level?: 'debug' | 'info' | 'warn' | 'error'; subjects?: boolean }) {
  return policySchema.parse({ hostname: 'relay.example.com', log });
}

/** Collects what is written; answers each write in a later turn, as real outputs do. */
function collector() {
  const texts: string[] = [];
  const output: LineOutput = (chunk, done) => {
    texts.push(chunk.toString());
    setImmediate(() => done(null, chunk.length));
  };
  return {
    output,
    lines: () =>
      texts
        .join('')
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line)),
  };
}

test('an event is one JSON line with its level, time, name and fields', async () => {
  const { output, lines } = collector();
  const log = createLog({ output, clock: new FakeClock(), policy: () => policyWith({}) });
  log.sink(received);
  log.sink(delivered);
  await log.end(1_000);
  expect(lines()).toEqual([
    {
      level: 'info',
      time: '2023-11-14T22:13:20.000Z',
      event: 'received',
      messageId,
      client: 'app',
      sender: 'shop@example.com',
      recipients: ['a@example.net'],
      sizeBytes: 4096,
      stream: 'transactional',
      priority: 'high',
      protocol: 'ESMTPSA',
      peer: '192.0.2.1',
      messageIdHeader: '<1@example.com>',
      tookMs: 3,
    },
    {
      level: 'info',
      time: '2023-11-14T22:13:21.000Z',
      event: 'delivered',
      ...of,
      egress: 'direct',
      reply: '250 2.0.0 queued as 1',
    },
  ]);
});

test('subjects are logged only where the policy says so', async () => {
  const { output, lines } = collector();
  const log = createLog({ output, clock: new FakeClock(), policy: () => policyWith({ subjects: true }) });
  log.sink(received);
  await log.end(1_000);
  expect(lines()[0]).toMatchObject({ subject: 'Your invoice' });
});

test('the level of the policy in force decides, from the next event on', async () => {
  const { output, lines } = collector();
  let policy = policyWith({ level: 'warn' });
  const log = createLog({ output, clock: new FakeClock(), policy: () => policy });
  log.sink(received);
  log.sink({ event: 'in-doubt', atMs: 1, ...of, reason: 'reply lost' });
  policy = policyWith({ level: 'info' });
  log.sink(delivered);
  policy = policyWith({ level: 'error' });
  log.sink({ event: 'alert', atMs: 1, name: 'x', text: 'y', raised: true });
  log.sink({ event: 'failed', atMs: 1, where: 'here', cause: 'x' });
  await log.end(1_000);
  expect(lines().map((line) => line.event)).toEqual(['in-doubt', 'delivered', 'failed']);
});

test('what a peer says cannot break out of its line', async () => {
  const { output, lines } = collector();
  const log = createLog({ output, clock: new FakeClock(), policy: () => null });
  const text = `no\r\n{"event":"forged"}\u0000${'x'.repeat(100_000)}`;
  log.sink({ ...delivered, reply: { code: 250, detail: null, text } });
  await log.end(1_000);
  expect(lines()).toHaveLength(1);
  expect(lines()[0].reply.length).toBeLessThan(1_100);
});

test('an output without space is tried again, in order and with no line torn', async () => {
  const clock = new FakeClock();
  let full = true;
  let got = '';
  const log = createLog({
    clock,
    policy: () => null,
    output: (chunk, done) => {
      // A full disk takes a part and then nothing.
      const writtenBytes = full ? Math.min(10, chunk.length) : chunk.length;
      got += chunk.subarray(0, writtenBytes).toString();
      const error = full ? Object.assign(new Error('no space'), { code: 'ENOSPC' }) : null;
      setImmediate(() => done(error, writtenBytes));
    },
  });
  log.sink(received);
  await settled();
  log.sink(delivered);
  await clock.advance(3_000);
  full = false;
  await clock.advance(1_000);
  await settled();
  const events = got
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).event);
  expect(events).toEqual(['received', 'delivered']);
});

test('a log that nobody takes stays bounded, and says afterwards how many lines are missing', async () => {
  const clock = new FakeClock();
  let stuck = true;
  let got = '';
  const log = createLog({
    clock,
    policy: () => null,
    output: (chunk, done) => {
      if (!stuck) got += chunk.toString();
      setImmediate(() =>
        stuck ? done(Object.assign(new Error('busy'), { code: 'EAGAIN' }), 0) : done(null, chunk.length),
      );
    },
  });
  const heavy: Event = { ...received, recipients: Array.from({ length: 900 }, (_, n) => `user${n}@example.net`) };
  for (let n = 0; n < 1_000; n++) log.sink(heavy);
  await settled();
  expect(log.lost).toBeGreaterThan(500);
  stuck = false;
  for (let n = 0; n < 10; n++) await clock.advance(20);
  const lines = got.split('\n').filter(Boolean);
  expect(lines.length).toBe(1_000 - log.lost + 1);
  expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ event: 'log-lost', lines: log.lost });
});

test('ending does not wait for an output that never answers', async () => {
  const clock = new FakeClock();
  const log = createLog({ clock, policy: () => null, output: () => {} });
  log.sink(received);
  await settled();
  let ended = false;
  const end = log.end(500).then(() => (ended = true));
  await clock.advance(499);
  expect(ended).toBe(false);
  await clock.advance(1);
  await end;
});

/** A relay in small: logs many lines to standard output and goes on working; says on standard error how it went. */
const CHILD = `
const here = ${JSON.stringify(pathToFileURL(resolve(import.meta.dirname)).href)};
const { createLog } = await import(here + '/log.ts');
const { standardOutput } = await import(here + '/log-output.ts');
const clock = { nowMs: () => Date.now(), after: (ms, run) => { const t = setTimeout(run, ms); return () => clearTimeout(t); } };
const log = createLog({ output: standardOutput(), clock, policy: () => null });
let turns = 0;
const timer = setInterval(() => {
  for (let n = 0; n < 100; n++) log.sink({ event: 'failed', atMs: Date.now(), where: 'x', cause: 'y'.repeat(200) });
  if (++turns < 20) return;
  clearInterval(timer);
  log.end(200).then(() => { process.stderr.write('worked ' + turns); process.exit(0); });
}, 10);
`;

function child(stdout: 'pipe' | number) {
  const process_ = spawn(process.execPath, ['--input-type=module', '-e', CHILD], { stdio: ['ignore', stdout, 'pipe'] });
  let said = '';
  process_.stderr?.on('data', (chunk) => (said += chunk));
  const exit = new Promise<{ code: number | null; said: string }>((done) =>
    process_.once('close', (code) => done({ code, said })),
  );
  return { process_, exit };
}

test('a reader that goes away does not end the process', async () => {
  const { process_, exit } = child('pipe');
  process_.stdout?.once('data', () => process_.stdout?.destroy());
  expect(await exit).toEqual({ code: 0, said: 'worked 20' });
});

test('a reader that stops reading neither stops the process nor its end', async () => {
  const { process_, exit } = child('pipe');
  process_.stdout?.pause();
  const code = new Promise((done) => process_.once('exit', done));
  expect(await code).toBe(0);
  process_.stdout?.resume();
  expect((await exit).said).toBe('worked 20');
});

test('a disk without space does not end the process', async () => {
  const { exit } = child(openSync('/dev/full', 'w'));
  expect(await exit).toEqual({ code: 0, said: 'worked 20' });
});

test('a log in a file has every line whole', async () => {
  const file = join(mkdtempSync(join(tmpdir(), 'relevo-log-')), 'log');
  const log = createLog({ output: fileOutput(openSync(file, 'a')), clock: new FakeClock(), policy: () => null });
  for (let n = 0; n < 2_000; n++) log.sink({ ...received, atMs: n });
  await log.end(1_000);
  const lines = readFileSync(file, 'utf8').split('\n').filter(Boolean);
  expect(lines.map((line) => Date.parse(JSON.parse(line).time))).toEqual(Array.from({ length: 2_000 }, (_, n) => n));
});
