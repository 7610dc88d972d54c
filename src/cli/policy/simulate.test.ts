import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import type { MessageEvent } from '../../message/event.ts';
import type { Simulation } from '../../routing/simulate.ts';
import type { EmbeddedSpool } from '../../spool/embedded/spool.ts';
import { startControl } from '../../control/server.ts';
import { createOperations } from '../../operations/store-operations.ts';

const HOUR_MS = 3_600_000;

const POLICY = `
hostname: relay.example.com
clients:
  shop: { networks: [192.0.2.0/24], senders: ['*@example.com'] }
egress:
  ip-1: { type: mx, dailyLimit: 500, cost: 15 USD/month }
  ip-2: { type: mx, cost: 1.00 USD/1000 }
routes: [{ name: all, use: [ip-1, ip-2] }]
`;
const LOWER = POLICY.replace('dailyLimit: 500', 'dailyLimit: 100');

let rig: CliRig;
/** 150 messages on each of two days, from midnight on, one every two minutes; two of three are delivered. */
beforeAll(async () => {
  rig = new CliRig(POLICY);
  await using spool = await rig.openSpool();
  for (let day = 0; day < 2; day++) {
    const midnightMs = rig.clock.nowMs();
    for (let place = 0; place < 150; place++) {
      await send(spool, midnightMs + place * 120_000, place % 3 !== 0);
    }
    await rig.clock.advance(24 * HOUR_MS);
  }
});
afterAll(() => rig[Symbol.dispose]());

async function send(spool: EmbeddedSpool, atMs: number, isDelivered: boolean): Promise<void> {
  const submission = aSubmission({ atMs, priority: 'high', leaseUntilMs: atMs + 60_000 });
  const result = await spool.accept(submission);
  const [leased] = result.kind === 'accepted' ? result.leased : [];
  if (leased === undefined) throw new Error('nothing was leased');
  const reply = { code: 250, detail: '2.0.0', text: 'taken' };
  const attempt = { number: 1, egress: 'ip-1', host: 'mx.dest.test', address: null, source: null, tls: null, reply };
  const before: MessageEvent = {
    event: 'attempted',
    atMs: atMs + 1_000,
    messageId: leased.message.id,
    deliveryId: leased.delivery.id,
    domain: 'dest.test',
    recipients: ['bob@dest.test'],
    attempt: { ...attempt, tookMs: 900 },
  };
  const rest = { lastEgress: 'ip-1', dueAtMs: atMs + 100 * HOUR_MS };
  const addresses = isDelivered ? ['bob@dest.test'] : [];
  const settlement = aSettlement(leased, { atMs: atMs + 1_000, addresses, before: [before], rest });
  const events = settlement.events.map((event) => (event.event === 'delivered' ? { ...event, egress: 'ip-1' } : event));
  await spool.settle({ ...settlement, events });
}

async function simulated(candidate: string, ...more: string[]): Promise<Simulation & { readonly notes: string[] }> {
  const file = join(rig.folder, 'candidate.yaml');
  writeFileSync(file, candidate);
  const { code, stdout } = await rig.run(['policy', 'simulate', file, '--json', ...more]);
  expect(code).toBe(0);
  return JSON.parse(stdout) as Simulation & { readonly notes: string[] };
}

describe('policy simulate', () => {
  test('shows what a lower daily limit has overflow, day by day, and what that costs', async () => {
    const found = await simulated(LOWER, '--hours', '48');
    expect(found).toMatchObject({
      messages: 300,
      deliveries: 300,
      recorded: { exits: [{ name: 'ip-1', count: 300 }], delay: { meanMs: 1_000, mostMs: 1_000 }, unsent: 100 },
      inForce: { limits: [], costs: [{ currency: 'USD', amount: 1 }], refused: 0, waiting: 0 },
      candidate: {
        exits: [
          { egress: 'ip-1', count: 200 },
          { egress: 'ip-2', count: 100 },
        ],
        limits: [{ egress: 'ip-1', what: 'daily limit', limit: 100, times: 2, overflowed: 100, waited: 0 }],
        costs: [{ currency: 'USD', amount: 1.1 }],
        delay: { waited: 0 },
      },
      changes: { refused: [], routes: [], streams: [], priorities: [] },
      notes: [],
    });
  });

  test('replays the whole first day, so that its limit is used up, and counts the hours that were asked for', async () => {
    // The last day from 04:00 on has 30 messages, and 120 came before.
    const { messages, candidate } = await simulated(LOWER, '--hours', '20');
    expect(messages).toBe(30);
    expect(candidate.exits.map(({ count }) => count)).toEqual([0, 30]);
  });

  test('prints a table for people', async () => {
    const file = join(rig.folder, 'candidate.yaml');
    writeFileSync(file, LOWER);
    const { stdout } = await rig.run(['policy', 'simulate', file, '--hours', '48']);
    expect(stdout).toBe(
      [
        '300 messages (300 deliveries) from 2026-01-01 00:00 to 2026-01-03 00:00 UTC',
        '',
        'EXIT  RECORDED  IN FORCE  CANDIDATE  CHANGE',
        'ip-1  300       300       200        -100',
        'ip-2  0         0         100        +100',
        '',
        'ROUTE  IN FORCE  CANDIDATE  CHANGE',
        'all    300       300',
        '',
        '                     RECORDED  IN FORCE  CANDIDATE',
        'refused              -         0         0',
        'no route             -         0         0',
        'not sent by the end  100       0         0',
        'never sent           -         0         0',
        'had to wait          -         0         0',
        'delay, mean          1.0 s     0 s       0 s',
        'delay, 95 in 100     1.0 s     0 s       0 s',
        'delay, most          1.0 s     0 s       0 s',
        'cost                 -         1.00 USD  1.10 USD',
        'cost per 1000        -         3.33 USD  3.67 USD',
        '',
        'All mail is taken, routed and handled as before.',
        '',
        'Limits reached under the policy in force: none',
        '',
        'Limits reached under the candidate',
        'EXIT  LIMIT            FIRST             IN      OVERFLOWED  WAITED',
        'ip-1  daily limit 100  2026-01-01 03:20  2 days  100         0',
        '',
      ].join('\n'),
    );
  });

  test('changes nothing in the store, and finds no change where there is none', async () => {
    const before = (await rig.run(['queue', 'list', '--json'])).stdout;
    const { inForce, candidate } = await simulated(POLICY);
    expect(candidate).toEqual(inForce);
    expect((await rig.run(['queue', 'list', '--json'])).stdout).toBe(before);
  });

  test('asks the running relay where one runs', async () => {
    await using spool = await rig.openSpool();
    const { clock } = rig;
    const pasts = { 'ip-1': { standing: CLOSED, days: NO_DAYS, providers: {} } };
    const unknown = () => Promise.reject(new Error('not asked'));
    const exits = { stats: unknown, exits: unknown, pause: unknown, resume: unknown, exitPasts: async () => pasts };
    const operations = createOperations({ spool, clock, showsSubjects: () => false, live: null, exits });
    const status = async () => ({ ...STATUS });
    const control = await startControl({
      dataFolder: rig.dataFolder,
      operations: { ...operations, status },
      clock,
      emit: () => undefined,
      messageSizeBytes: () => 1_000,
    });
    if (control.kind === 'failed') throw new Error(control.cause);
    await using _ = control.control;
    const { candidate, messages, notes } = await simulated(LOWER, '--hours', '48');
    expect(messages).toBe(300);
    expect(candidate.exits.map(({ count }) => count)).toEqual([0, 300]);
    expect(notes).toEqual([
      expect.stringContaining('the running relay has version 0123abcd in force'),
      'ip-1 is listed now, and sends nothing in either replay',
    ]);
  });

  test('refuses a candidate as `check` does, and hours that are none', async () => {
    const file = join(rig.folder, 'broken.yaml');
    writeFileSync(file, POLICY.replace('use: [ip-1, ip-2]', 'use: [ip-7]'));
    const { code, stdout } = await rig.run(['policy', 'simulate', file]);
    expect(code).toBe(1);
    expect(stdout).toContain('broken.yaml:8:');
    expect(stdout).toContain('ip-7');
    const checked = await rig.run(['check', file]);
    expect(stdout).toBe(checked.stdout);
    for (const hours of ['0', '745', 'all', '1.5']) {
      expect((await rig.run(['policy', 'simulate', file, '--hours', hours])).code).toBe(2);
    }
  });
});

const CLOSED = {
  closures: [{ gate: 'listed', untilMs: null, cause: 'in zen' }],
  probes: false,
  pace: 1,
  score: 100,
  successRate: 1,
} as const;
const NO_DAYS = { sent: [], regressed: [] };
const STATUS = {
  version: '0',
  pid: 1,
  startedAtMs: 0,
  policyVersion: '0123abcd',
  policyProblems: [],
  notReady: [],
  alerts: [],
};

describe('policy diff', () => {
  test('shows keys that differ, by name, and no secrets', async () => {
    const file = join(rig.folder, 'other.yaml');
    writeFileSync(
      file,
      LOWER.replace(
        'routes:',
        '  ip-3: { type: smtp, host: smtp.example.net, username: me, password: hunter2 }\nroutes:',
      ).replace('routes: [', 'timeZone: Europe/Berlin\nroutes: [{ name: mexico, match: { tld: mx }, use: [ip-2] }, '),
    );
    const { code, stdout } = await rig.run(['policy', 'diff', file]);
    expect(stdout.split('\n')).toEqual([
      '~ egress.ip-1.dailyLimit: 500 → 100',
      '+ egress.ip-3: {"type":"smtp","host":"smtp.example.net","username":"me","password":"(not shown)"}',
      '+ routes.mexico: {"name":"mexico","match":{"tld":"mx"},"use":["ip-2"]}',
      '+ timeZone: Europe/Berlin',
      '',
    ]);
    expect(code).toBe(0);
    expect((await rig.run(['policy', 'diff', rig.policyFile])).stdout).toBe('Nothing differs.\n');
  });
});
