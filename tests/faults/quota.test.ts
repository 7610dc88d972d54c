import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest';
import { startRedis } from '../fakes/redis.ts';
import type { RedisServer } from '../fakes/redis-server.ts';
import { aPrefix } from '../fakes/redis-store.ts';

const LIMIT = 500;

let server: RedisServer;
const children: ChildProcess[] = [];
beforeAll(async () => {
  server = await startRedis();
});
afterEach(() => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
});

type Sender = {
  readonly child: ChildProcess;
  sent: number;
  over: boolean;
  waits: boolean;
  readonly failures: string[];
};

function startSender(of: { prefix: string; holder: string; leaseMs: number; most?: number }): Sender {
  const args = [server.url, of.prefix, of.holder, String(LIMIT), String(of.leaseMs), String(of.most ?? 0)];
  const child = spawn(process.execPath, [join(import.meta.dirname, 'quota-child.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  children.push(child);
  const sender: Sender = { child, sent: 0, over: false, waits: false, failures: [] };
  createInterface({ input: child.stdout }).on('line', (line) => {
    if (line === 'sent') sender.sent += 1;
    else if (line === 'over') sender.over = true;
    else if (line === 'waits') sender.waits = true;
    else sender.failures.push(line);
  });
  return sender;
}

function sumOf(senders: readonly Sender[]): number {
  return senders.reduce((sum, { sent }) => sum + sent, 0);
}

test('four processes on one limit of 500 send 500, not 501', { timeout: 60_000 }, async () => {
  const prefix = aPrefix();
  const four = ['a', 'b', 'c', 'd'].map((holder) => startSender({ prefix, holder, leaseMs: 60_000 }));
  await expect.poll(() => four.every(({ over }) => over), { timeout: 50_000 }).toBe(true);
  expect(sumOf(four)).toBe(LIMIT);
  expect(four.flatMap(({ failures }) => failures)).toEqual([]);
});

test(
  'what a killed process had left of its block is sent by the others when its time is over',
  { timeout: 60_000 },
  async () => {
    const prefix = aPrefix();
    const leaseMs = 4_000;
    const killed = startSender({ prefix, holder: 'killed', leaseMs, most: 12 });
    await expect.poll(() => killed.waits, { timeout: 20_000 }).toBe(true);
    killed.child.kill('SIGKILL');
    const others = ['b', 'c'].map((holder) => startSender({ prefix, holder, leaseMs }));
    await expect.poll(() => others.every(({ over }) => over), { timeout: 20_000 }).toBe(true);
    await expect.poll(() => sumOf([killed, ...others]), { timeout: 30_000 }).toBe(LIMIT);
    expect(killed.sent).toBeLessThan(30);
  },
);
