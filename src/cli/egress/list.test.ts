import { expect, test } from 'vitest';
import { CliRig } from '../../../tests/fakes/cli-rig.ts';

const HOUR = 3_600_000;
const DAY = 86_400_000;

const POLICY = `
hostname: relay.example.com
timeZone: Europe/Berlin
egress:
  ip-1: { type: mx, dailyLimit: 500, hourlyLimit: 60, rate: 1000/h, warmup: {} }
  ip-2: { type: mx, dailyLimit: 5, delay: 2s }
  ip-3: { type: mx, enabled: false }
  ip-4: { type: mx, warmup: { perProvider: true } }
  ip-5: { type: mx, warmup: { start: 2026-02-01 } }
routes: [{ name: all, use: [ip-1, ip-2] }]
`;

test('exits are listed with what is used and left of each limit, and when it begins anew', async () => {
  using rig = new CliRig(POLICY);
  // 2026-01-01 at 01:00 in Berlin.
  const nowMs = rig.clock.nowMs();
  const today = { startsAtMs: nowMs - HOUR, endsAtMs: nowMs - HOUR + DAY };
  const hour = { startsAtMs: nowMs, endsAtMs: nowMs + HOUR };
  {
    await using spool = await rig.openSpool();
    const spend = async (account: string, window: typeof today, amount: number): Promise<void> => {
      const ask = { account, ...window, holder: 'h', limit: 1_000, nowMs, untilMs: nowMs + 1_000 };
      await spool.ledger.takeBlock({ ...ask, wanted: amount });
      await spool.ledger.spend({ ...ask, amount });
    };
    await spend('egress:ip-1', today, 80);
    await spend('egress:ip-1', hour, 60);
    await spend('egress:ip-2', today, 5);
    await spend('egress:ip-4:google', today, 7);
    const keepUntilMs = nowMs + 400 * DAY;
    await spool.ledger.count([
      { account: 'sent:ip-1', startsAtMs: today.startsAtMs - DAY, amount: 50, keepUntilMs },
      { account: 'sent:ip-1', startsAtMs: today.startsAtMs, amount: 80, keepUntilMs },
      // Of the hour that ends now, and before it.
      { account: 'sent-at-rate:ip-1', startsAtMs: nowMs - HOUR / 2, amount: 70, keepUntilMs },
      { account: 'sent-at-rate:ip-1', startsAtMs: nowMs - 2 * HOUR, amount: 900, keepUntilMs },
      { account: 'sent-at-rate:ip-10', startsAtMs: nowMs - HOUR / 2, amount: 5, keepUntilMs },
      { account: 'sent-to:ip-4:google', startsAtMs: today.startsAtMs, amount: 7, keepUntilMs },
    ]);
  }
  const { code, stdout } = await rig.run(['egress', 'list']);
  expect(stdout.split('\n')).toEqual([
    'EXIT  TYPE  STATE        SCORE  DELIVERED  HOUR   DAY     RATE       CONN.  WARM-UP          RESETS',
    'ip-1  mx    limited      100    -          60/60  80/100  70/1000/h  -      day 2 of 6       in 60 min',
    'ip-2  mx    limited      100    -          -      5/5     2 s apart  -      -                in 23 h',
    'ip-3  mx    disabled     100    -          -      -       -          -      -                -',
    'ip-4  mx    not running  100    -          -      -       -          -      by provider      -',
    'ip-5  mx    limited      100    -          -      -       -          -      from 2026-02-01  -',
    'ip-1: limited: hourly limit 60/60, opens in 60 min',
    'ip-2: limited: daily limit 5/5, opens in 23 h',
    'ip-5: limited: warm-up starts on 2026-02-01',
    'ip-4 at google: warm-up day 1 of 6, 7/50 today',
    'No relay is running.',
    '',
  ]);
  expect(code).toBe(0);
  const { exits } = JSON.parse((await rig.run(['egress', 'list', '--json'])).stdout) as {
    readonly exits: readonly unknown[];
  };
  expect(exits[0]).toMatchObject({
    egress: 'ip-1',
    enabled: true,
    isRunning: false,
    limits: {
      day: { limit: 100, used: 80, left: 20, resetsAtMs: today.endsAtMs },
      hour: { limit: 60, used: 60, left: 0, resetsAtMs: hour.endsAtMs },
      rate: { count: 1_000, windowMs: HOUR, used: 70, left: 930 },
      nextAtMs: null,
      connections: null,
      warmup: { kind: 'warming', day: 2, days: 6, cap: 100 },
    },
  });
});

test('none that can send is an exit code of 1', async () => {
  using rig = new CliRig(
    'hostname: a\negress: { out: { type: mx, enabled: false }, in: { type: mx, warmup: { start: 2027-01-01 } } }\n',
  );
  expect((await rig.run(['egress', 'list'])).code).toBe(1);
});
