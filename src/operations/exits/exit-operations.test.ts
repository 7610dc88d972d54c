/** The state of an exit has one source, whichever command asks. */
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';
import { openExitStandings } from '../../exits/standings.ts';
import { loadPolicy } from '../../policy/file/load.ts';
import { statsNeeds } from '../../access/relay-stats.ts';
import type { ExitPlace } from '../../routing/choose.ts';
import { exitOperations } from './exit-operations.ts';

const POLICY = `
hostname: relay.example.com
egress:
  here: { type: mx, dailyLimit: 5 }
  theirs: { type: mx, bind: 192.0.2.7 }
  gone: { type: mx, bind: 198.51.100.77 }
routes: [{ name: all, use: [here, theirs, gone] }]
`;

const DAY = 86_400_000;

async function spendAll(rig: CliRig): Promise<void> {
  await using spool = await rig.openSpool();
  const nowMs = rig.clock.nowMs();
  const startsAtMs = Math.floor(nowMs / DAY) * DAY;
  const ask = { account: 'egress:here', startsAtMs, endsAtMs: startsAtMs + DAY, holder: 'h', nowMs };
  await spool.ledger.takeBlock({ ...ask, limit: 5, wanted: 5, untilMs: nowMs + 1_000 });
  await spool.ledger.spend({ ...ask, amount: 5 });
}

test('an exit at its limit is limited in both lists, and the time is when it opens', async () => {
  using rig = new CliRig(POLICY);
  await spendAll(rig);
  const [list, stats] = [await rig.run(['egress', 'list']), await rig.run(['stats'])];
  for (const { stdout } of [list, stats]) {
    expect(stdout).toMatch(/^here +(?:mx +)?limited /m);
    expect(stdout).toContain('here: limited: daily limit 5/5, opens in 24 h\n');
    expect(stdout).toMatch(/^theirs +(?:mx +)?not running /m);
  }
});

test('an exit whose address is on another node, or on none, is told with the cause', async () => {
  using rig = new CliRig(POLICY);
  await using spool = await rig.openSpool();
  const { clock } = rig;
  const loaded = loadPolicy({
    file: 'relevo.yaml',
    text: readFileSync(rig.policyFile, 'utf8'),
    env: {},
    readFile: () => '',
  });
  if (loaded.kind === 'refused') throw new Error('refused');
  const policy = () => loaded.policy;
  const { marks, ledger } = spool;
  await using standings = await openExitStandings({ policy, marks, tallies: ledger, clock, node: 'n1', judges: true });
  const stats = statsNeeds({ policy, clock, spool, standings });
  const places = new Map<string, ExitPlace>([
    ['theirs', { kind: 'elsewhere', node: 'b' }],
    ['gone', { kind: 'nowhere', cause: 'this machine does not have 198.51.100.77' }],
  ]);
  const operations = exitOperations({
    policy,
    clock,
    marks,
    ledger,
    standings,
    stats,
    alerts: () => [],
    places: async () => (egress) => places.get(egress) ?? { kind: 'here' },
  });
  const wanted = [
    [],
    [{ gate: 'elsewhere', cause: 'is on node b', untilMs: null }],
    [{ gate: 'nowhere', cause: 'this machine does not have 198.51.100.77', untilMs: null }],
  ];
  expect((await operations.exits()).map(({ closures }) => closures)).toEqual(wanted);
  expect((await operations.stats()).exits.map(({ closures }) => closures)).toEqual(wanted);
});
