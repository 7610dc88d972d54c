import { expect, test } from 'vitest';
import { CliRig, MINIMAL_POLICY } from '../../../tests/fakes/cli-rig.ts';
import { FakeLive } from '../../../tests/fakes/fake-live.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { openExitStandings } from '../../exits/standings.ts';
import { budgetWindow } from '../../policy/money.ts';
import { loadPolicy } from '../../policy/file/load.ts';
import type { Policy } from '../../policy/schema.ts';
import type { RelayStats } from '../../access/relay-stats.ts';
import { statsNeeds } from '../../access/relay-stats.ts';
import { DAY_MS, HOUR_MS } from '../../routing/outcome-figures.ts';
import type { EmbeddedSpool } from '../../spool/embedded/spool.ts';
import { startControl } from '../../control/server.ts';
import { exitOperations } from '../../operations/exits/exit-operations.ts';
import { createOperations } from '../../operations/store-operations.ts';

const POLICY = `${MINIMAL_POLICY}egress:
  smtp-1: { type: smtp, host: smtp-1.example.com, dailyLimit: 500, cost: 25 USD/month }
  smtp-2: { type: smtp, host: smtp-2.example.com, dailyLimit: 500, cost: 1.50 USD/1000, budget: 4 USD/month }
  spare: { type: sandbox, enabled: false }
`;

/** 100 answers an hour ago by the first, three days ago by the second. */
async function count({ ledger }: EmbeddedSpool, nowMs: number): Promise<void> {
  const put = (name: string, amount: number, agoMs: number, kinds = 'outcome') => {
    const hour = Math.floor((nowMs - agoMs) / HOUR_MS) * HOUR_MS;
    const day = Math.floor((nowMs - agoMs) / DAY_MS) * DAY_MS;
    const keepUntilMs = nowMs + 40 * DAY_MS;
    return ledger.count([
      { account: `${kinds}:${name}`, startsAtMs: hour, amount, keepUntilMs },
      { account: `${kinds}-day:${name}`, startsAtMs: day, amount, keepUntilMs },
    ]);
  };
  await put('smtp-1:google:delivered', 80, HOUR_MS);
  await put('smtp-1:other:blocked', 15, HOUR_MS);
  await put('smtp-1:other:deferred', 5, HOUR_MS);
  await put('smtp-2:other:delivered', 2_000, 3 * DAY_MS);
  await took(ledger, nowMs);
  await put('accepted', 90, HOUR_MS, 'flow');
  await put('delivered', 80, HOUR_MS, 'flow');
  await put('delivered', 2_000, 3 * DAY_MS, 'flow');
  await put('bounced', 7, 20 * DAY_MS, 'flow');
}

/** What they took for money: by the second, in part at a price that it had before. */
async function took(ledger: EmbeddedSpool['ledger'], nowMs: number): Promise<void> {
  const put = (account: string, amount: number, daysAgo: number) => {
    const startsAtMs = Math.floor(nowMs / DAY_MS - daysAgo) * DAY_MS;
    return { account: `cost:${account}`, startsAtMs, amount, keepUntilMs: nowMs + DAY_MS };
  };
  await ledger.count([
    put('exit:smtp-1:free', 1_000, 1),
    put('exit:smtp-2:USD.1500000.1000', 2_000, 3),
    put('exit:smtp-2:USD.1000000.1000', 500, 5),
    put('exit:smtp-2:USD.1500000.1000', 9_999, 40),
    put('stream:transactional:USD.1500000.1000', 2_000, 3),
    put('tag:password%20reset:USD.1500000.1000', 20, 3),
  ]);
  const { account, startsAtMs, endsAtMs } = budgetWindow('smtp-2', nowMs, 'UTC');
  const quota = { account, startsAtMs, endsAtMs, holder: 'a' };
  await ledger.takeBlock({ ...quota, wanted: 3_500_000, limit: 4_000_000, nowMs, untilMs: nowMs + DAY_MS });
  await ledger.spend({ ...quota, amount: 3_500_000 });
}

async function filled(rig: CliRig): Promise<void> {
  rig.clock.jumpMs(20 * DAY_MS + 13 * HOUR_MS);
  await using spool = await rig.openSpool();
  await spool.accept(aSubmission({ atMs: rig.clock.nowMs() - 180_000 }));
  await count(spool, rig.clock.nowMs());
}

function policyOf(rig: CliRig): Policy {
  const { policyText: text, policyFile: file } = rig;
  const loaded = loadPolicy({ file, text, env: {}, readFile: () => '' });
  if (loaded.kind === 'refused') throw new Error(JSON.stringify(loaded.problems));
  return loaded.policy;
}

test('the figures are shown without a relay running', async () => {
  using rig = new CliRig(POLICY);
  await filled(rig);
  const { code, stdout } = await rig.run(['stats']);
  expect(code).toBe(0);
  const lines = stdout.split('\n').map((line) => line.replaceAll(/ {2,}/g, '  '));
  expect(lines).toContain('RECIPIENTS  TODAY  7 DAYS  30 DAYS');
  expect(lines).toContain('accepted  90  90  90');
  expect(lines).toContain('delivered  80  2080  2080');
  expect(lines).toContain('bounced  0  0  7');
  expect(lines).toContain('1 delivery queued, the oldest for 3 min.');
  expect(lines.find((line) => line.startsWith('smtp-1 '))).toMatch(
    /^smtp-1 {2}reputation {2}68(?:\.\d)? {2}80\.0 % {2}100 {2}100 {2}0\/\d+ {2}- {2}- {2}- {2}25\.00 USD$/,
  );
  expect(lines.find((line) => line.startsWith('smtp-2 '))).toBe(
    'smtp-2  not running  100  100.0 %  0  2000  0/500  -  -  -  3.50 USD',
  );
  expect(stdout).not.toContain('spare');
  expect(stdout).toMatch(/smtp-1: reputation: score 6\d.* of 100 \(blocked 15\.8 % .*paused below 70, looked at again/);
  expect(lines).toContain('COST 2026-01  COUNT  TO DATE  FORECAST  BUDGET');
  expect(lines).toContain('smtp-1  1000  25.00 USD  25.00 USD  -');
  // 2,500 in 5 days: 500 a day for the ten days and a half that are left.
  expect(lines).toContain('smtp-2  2500  3.50 USD  11.34 USD  3.50/4 USD');
  expect(lines).toContain('all  28.50 USD  36.34 USD');
  expect(lines).toContain('stream  transactional  2000  3.00 USD');
  expect(lines).toContain('tag  password reset  20  0.03 USD');
  expect(lines).toContain('The month turns in 10 d.');
  expect(stdout).toContain(
    'Own servers carried 1000, 1.50 USD at the price of smtp-2 (1.5 USD for 1000), and cost 25.00 USD: 23.50 USD dearer so far',
  );
  expect(stdout).toContain(
    '  the budget of smtp-2 (3.50 of 4 USD used) will be used up about 2026-01-22 at the pace of the last days, the month would come to 11.34 USD: raise it',
  );
  expect(stdout).toContain('No relay is running.');
});

test('the figures are given as JSON', async () => {
  using rig = new CliRig(POLICY);
  await filled(rig);
  const stats = JSON.parse((await rig.run(['stats', '--json'])).stdout) as RelayStats;
  expect(stats.today).toMatchObject({ accepted: 90, delivered: 80, bounced: 0 });
  expect(stats.month).toMatchObject({ accepted: 90, delivered: 2_080, bounced: 7 });
  expect(stats.alerts).toBeNull();
  expect(stats.exits.map(({ egress }) => egress)).toEqual(['smtp-1', 'smtp-2']);
  expect(stats.exits[0]).toMatchObject({
    level: 'paused',
    closures: [{ gate: 'reputation' }],
    today: { delivered: 80, blocked: 15, deferred: 5, bounced: 0, complained: 0 },
    successRate: 0.8,
  });
});

test('an exit is paused and resumed without a relay running', async () => {
  using rig = new CliRig(POLICY);
  await filled(rig);
  const paused = await rig.run(['egress', 'pause', 'smtp-2', '--reason', 'new disks']);
  expect(paused).toMatchObject({
    code: 0,
    stdout: 'smtp-2 is paused: no new mail goes out by it until `relevo egress resume smtp-2`.\n',
  });
  expect((await rig.run(['stats'])).stdout).toContain('smtp-2: paused: paused by an operator: new disks\n');
  expect((await rig.run(['egress', 'pause', 'smtp-2', '--reason', 'old disks'])).stdout).toMatch(
    /^smtp-2 was paused already/,
  );
  expect((await rig.run(['stats'])).stdout).toContain('smtp-2: paused: paused by an operator: old disks\n');
  const resumed = await rig.run(['egress', 'resume', 'smtp-2', '--json']);
  expect(JSON.parse(resumed.stdout)).toEqual({ egress: 'smtp-2', paused: false, changed: true, forget: false });
  expect((await rig.run(['egress', 'resume', 'smtp-2'])).stdout).toBe('smtp-2 was not paused.\n');
  expect((await rig.run(['stats'])).stdout).not.toContain('paused by');
});

test('what is held against an exit is forgotten where an operator says so, until the next hour', async () => {
  using rig = new CliRig(POLICY);
  await filled(rig);
  const figures = async () => {
    const stats = JSON.parse((await rig.run(['stats', '--json'])).stdout) as RelayStats;
    return stats.exits[0];
  };
  expect((await figures())?.level).toBe('paused');
  const { stdout } = await rig.run(['egress', 'resume', 'smtp-1', '--forget']);
  expect(stdout).toBe('smtp-1 was not paused. Its reputation begins anew.\n');
  expect(await figures()).toMatchObject({ level: 'good', score: 100, closures: [], week: { blocked: 15 } });
  rig.clock.jumpMs(HOUR_MS);
  {
    await using spool = await rig.openSpool();
    const startsAtMs = Math.floor(rig.clock.nowMs() / HOUR_MS) * HOUR_MS;
    const account = 'outcome:smtp-1:other:blocked';
    await spool.ledger.count([{ account, startsAtMs, amount: 20, keepUntilMs: startsAtMs + DAY_MS }]);
  }
  expect(await figures()).toMatchObject({ level: 'paused' });
});

test('an exit that the policy does not have cannot be paused', async () => {
  using rig = new CliRig(POLICY);
  await filled(rig);
  const { code, stderr } = await rig.run(['egress', 'pause', 'smpt-1']);
  expect(code).toBe(1);
  expect(stderr).toBe('relevo: the policy has no egress smpt-1 (did you mean smtp-1?)\n');
});

test('a running relay hears of it at once, and shows its alerts', async () => {
  using rig = new CliRig(POLICY);
  await filled(rig);
  await using things = new AsyncDisposableStack();
  const spool = things.use(await rig.openSpool());
  const { clock } = rig;
  const loaded = policyOf(rig);
  const policy = () => loaded;
  const { marks, ledger } = spool;
  const standings = things.use(
    await openExitStandings({ policy, marks, tallies: ledger, clock, node: 'n1', judges: true }),
  );
  const stats = statsNeeds({ policy, clock, spool, standings });
  const alerts = () => [{ name: 'x', text: 'the cat\u001b is on the roof', sinceMs: clock.nowMs() - 240_000 }];
  const exits = exitOperations({ policy, clock, marks, ledger, standings, stats, alerts });
  const operations = createOperations({ spool, clock, showsSubjects: () => true, live: new FakeLive(), exits });
  const { dataFolder } = rig;
  const binding = await startControl({ dataFolder, operations, clock, emit: () => {}, messageSizeBytes: () => 1_000 });
  if (binding.kind !== 'listening') throw new Error(binding.cause);
  things.use(binding.control);
  expect((await rig.run(['egress', 'pause', 'smtp-2'])).code).toBe(0);
  expect(standings.standingOf('smtp-2').closures).toMatchObject([{ gate: 'paused' }]);
  expect((await rig.run(['stats'])).stdout).toContain('Alerts in force:\n  the cat? is on the roof (for 4 min)\n');
  expect((await rig.run(['egress', 'resume', 'smtp-2'])).code).toBe(0);
  expect(standings.standingOf('smtp-2').closures).toEqual([]);
  expect((await rig.run(['egress', 'resume', 'nosuch'])).stderr).toContain('the policy has no egress nosuch');
});

test('what providers report of the mail that they took stands beside it, where they report anything', async () => {
  using rig = new CliRig(POLICY);
  await filled(rig);
  expect((await rig.run(['stats'])).stdout).not.toContain('REPORTED');
  const nowMs = rig.clock.nowMs();
  {
    await using spool = await rig.openSpool();
    const startsAtMs = Math.floor(nowMs / DAY_MS) * DAY_MS;
    const put = (what: string, amount: number, daysAgo: number) => ({
      account: `report-day:${what}`,
      startsAtMs: startsAtMs - daysAgo * DAY_MS,
      amount,
      keepUntilMs: nowMs + DAY_MS,
    });
    const figures = [put('smtp-2:opened', 7, 0), put('smtp-2:opened', 5, 20), put('smtp-2:clicked', 9, 35)];
    await spool.ledger.count([...figures, put('smtp-2:confirmed', 20, 1), put('spare:opened', 1, 0)]);
  }
  const { exits } = JSON.parse((await rig.run(['stats', '--json'])).stdout) as RelayStats;
  const reported = {
    confirmed: 20,
    opened: 12,
    clicked: 0,
    'bounced-later': 0,
    complained: 0,
    unsubscribed: 0,
    'put-off': 0,
  };
  expect(exits.map(({ egress, reported: said }) => [egress, said])).toEqual([
    ['smtp-1', null],
    ['smtp-2', reported],
  ]);
  expect((await rig.run(['stats'])).stdout).toMatch(
    /^REPORTED IN 30 DAYS +CONFIRMED +PUT OFF +BOUNCED LATER +COMPLAINED +UNSUBSCRIBED +OPENED +CLICKED *\nsmtp-2 +20 +0 +0 +0 +0 +12 +0 *$/m,
  );
});
