import { createHmac } from 'node:crypto';
import { expect, test } from 'vitest';
import { HOOK, ONCALL, openAlertingWorld } from '../../../tests/fakes/alerting-rig.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

test('an alert is told once, reminded of after a day, and told to be over once that has lasted', async () => {
  const world = openAlertingWorld();
  await using node = world.start();
  await world.clock.advance(1_000);
  node.raise('egress-down:ip-1', 'ip-1 is down: connection refused');
  node.raise('egress-down:ip-1', 'ip-1 is down: connection refused');
  await world.clock.advance(40_000);
  const [first] = await world.told();
  expect(first?.subject).toBe('[relay.example.com] CRITICAL: egress-down:ip-1');
  expect(first?.text).toContain('ip-1 is down: connection refused');
  expect(first?.text).toContain('since 2026-11-22 12:00 (UTC)');
  expect(first?.text).toContain('what to do: `relevo egress list`');
  world.clock.jumpMs(23 * HOUR);
  await world.clock.advance(MINUTE);
  expect(world.mails).toHaveLength(1);
  world.clock.jumpMs(2 * HOUR);
  await world.clock.advance(MINUTE);
  expect((await world.told()).map(({ subject }) => subject)).toEqual([
    expect.any(String),
    '[relay.example.com] CRITICAL (still so): egress-down:ip-1',
  ]);
  node.clear('egress-down:ip-1', 'ip-1 works again');
  await world.clock.advance(4 * MINUTE);
  expect(world.mails).toHaveLength(2);
  await world.clock.advance(2 * MINUTE);
  const told = await world.told();
  expect(told.at(-1)?.subject).toBe('[relay.example.com] over: egress-down:ip-1');
  expect(told.at(-1)?.text).toContain('ip-1 works again');
  world.clock.jumpMs(48 * HOUR);
  await world.clock.advance(MINUTE);
  expect(world.mails).toHaveLength(3);
  expect(world.marks.all().filter(({ name }) => name !== 'alert:history')).toEqual([]);
});

test('what comes and goes within minutes is told once, and told to be over once', async () => {
  const world = openAlertingWorld();
  await using node = world.start();
  for (let turn = 0; turn < 10; turn++) {
    node.raise('egress-down:ip-1');
    await world.clock.advance(MINUTE);
    node.clear('egress-down:ip-1');
    await world.clock.advance(MINUTE);
  }
  expect(world.mails).toHaveLength(1);
  await world.clock.advance(10 * MINUTE);
  expect(world.mails).toHaveLength(2);
});

test('what is over before anybody was told is told all the same, once', async () => {
  const world = openAlertingWorld();
  await using node = world.start();
  for (let turn = 0; turn < 5; turn++) {
    node.raise('egress-resting:ip-1');
    node.clear('egress-resting:ip-1');
    await world.clock.advance(45_000);
  }
  await world.clock.advance(HOUR);
  expect((await world.told()).map(({ subject }) => subject)).toEqual([
    '[relay.example.com] WARNING (over already): egress-resting:ip-1',
  ]);
});

test('a storm of 300 alerts is one mail, that names the worst and counts the others', async () => {
  const world = openAlertingWorld({ to: [ONCALL, HOOK] });
  await using node = world.start();
  for (let exit = 0; exit < 300; exit++) {
    node.raise(`egress-resting:ip-${exit}`, `ip-${exit} rests`.padEnd(900, '.'));
    if (exit % 30 === 0) await world.clock.advance(1_000);
  }
  node.raise('no-exit', 'no exit is open');
  await world.clock.advance(MINUTE);
  const [told, ...others] = await world.told();
  expect(others).toEqual([]);
  expect(told?.subject).toBe('[relay.example.com] CRITICAL: 301 alerts: no-exit, …');
  expect(told?.text).toMatch(/And \d+ of egress-resting/);
  expect(world.posts).toHaveLength(1);
  expect(Math.max(...world.marks.all().map(({ text }) => text.length))).toBeLessThan(64 * 1024);
});

test('what becomes worse is told at once, and another text only after an hour', async () => {
  const world = openAlertingWorld();
  await using node = world.start();
  const raise = (text: string, severity: 'warning' | 'critical'): void =>
    node.heard({ event: 'alert', atMs: world.clock.nowMs(), name: 'budget:ses', text, raised: true, severity });
  raise('80 % are used', 'warning');
  await world.clock.advance(MINUTE);
  raise('81 % are used', 'warning');
  await world.clock.advance(MINUTE);
  expect(world.mails).toHaveLength(1);
  raise('it is used up', 'critical');
  await world.clock.advance(MINUTE);
  const subjects = (await world.told()).map(({ subject }) => subject.slice(20));
  expect(subjects).toEqual(['WARNING: budget:ses', 'CRITICAL (worse now): budget:ses']);
  raise('it is used up, still', 'critical');
  world.clock.jumpMs(2 * HOUR);
  await world.clock.advance(MINUTE);
  expect((await world.told()).at(-1)?.subject).toContain('(changed)');
  const count = world.mails.length;
  for (const figure of [7, 8]) {
    raise(`it is used up, still (${figure} %)`, 'critical');
    world.clock.jumpMs(2 * HOUR);
    await world.clock.advance(MINUTE);
  }
  // Words are news once, and other figures are none.
  expect(world.mails).toHaveLength(count + 1);
});

test('in quiet times nobody is told but of what is excepted, and at their end of what is still so', async () => {
  const quiet = [{ from: '22:00', to: '07:00', days: ['sun'], except: ['spool-trouble'] }];
  const world = openAlertingWorld({ to: [ONCALL], quiet });
  await using node = world.start();
  world.clock.jumpMs(11 * HOUR);
  node.raise('egress-down:ip-1');
  node.raise('egress-down:ip-2');
  node.raise('spool-trouble');
  await world.clock.advance(MINUTE);
  world.clock.jumpMs(3 * HOUR);
  node.clear('egress-down:ip-2');
  await world.clock.advance(MINUTE);
  expect((await world.told()).map(({ subject }) => subject.slice(20))).toEqual(['CRITICAL: spool-trouble']);
  world.clock.jumpMs(6 * HOUR);
  await world.clock.advance(MINUTE);
  const told = await world.told();
  expect(told).toHaveLength(2);
  expect(told[1]?.text).toContain('egress-down:ip-1');
  expect(told[1]?.text).not.toContain('ip-2');
});

test('each destination hears from its severity on, and kinds that are off are told to nobody', async () => {
  const to = [{ mail: 'boss@example.com', severity: 'critical' }, ONCALL];
  const world = openAlertingWorld({ to, off: ['egress-silent'], severity: { 'egress-resting': 'info' } });
  await using node = world.start();
  node.raise('egress-resting:ip-1');
  node.raise('egress-silent:ip-1');
  await world.clock.advance(MINUTE);
  expect(world.mails.map(({ recipient }) => recipient)).toEqual([ONCALL]);
  expect((await world.told())[0]?.subject).toContain('INFO: egress-resting:ip-1');
  node.raise('no-exit');
  await world.clock.advance(MINUTE);
  expect(world.mails.map(({ recipient }) => recipient).toSorted()).toEqual(['boss@example.com', ONCALL, ONCALL]);
});

test('mail about an exit avoids that exit, and every other that an alert is about', async () => {
  const world = openAlertingWorld();
  await using node = world.start();
  node.raise('failure-rate:ip-1');
  await world.clock.advance(MINUTE);
  expect(world.mails[0]).toMatchObject({ avoids: ['ip-1'], expiresAtMs: expect.any(Number) });
  node.raise('queue-age');
  await world.clock.advance(MINUTE);
  expect(world.mails[1]).toMatchObject({ avoids: ['ip-1'] });
  node.clear('failure-rate:ip-1');
  await world.clock.advance(10 * MINUTE);
  expect(world.mails.at(-1)).toMatchObject({ avoids: [], expiresAtMs: null });
});

test('a program is told as JSON that is signed, a chat in its form, and each is tried again until it takes it', async () => {
  const chat = { url: 'https://chat.example.com/in', form: 'slack' };
  const world = openAlertingWorld({ to: [{ url: HOOK, secret: 'hush' }, chat] });
  world.answer = 503;
  await using node = world.start();
  node.raise('egress-down:ip-1', 'ip-1 is down: "<!channel> & <https://x.test|y>"');
  await world.clock.advance(3 * MINUTE);
  expect(world.posts).toEqual([]);
  const failures = world.events.filter((event) => event.event === 'failed');
  expect(failures).toHaveLength(2);
  expect(JSON.stringify(failures)).not.toContain('secret-path');
  world.answer = 204;
  await world.clock.advance(10 * MINUTE);
  const [post, talk, ...others] = world.posts.toSorted((one, other) =>
    one.url === HOOK ? -1 : other.url === HOOK ? 1 : 0,
  );
  expect(others).toEqual([]);
  const body = JSON.parse(post?.body ?? '') as object;
  expect(body).toMatchObject({
    relay: 'relay.example.com',
    test: false,
    alerts: [
      {
        name: 'egress-down:ip-1',
        kind: 'egress-down',
        about: 'ip-1',
        severity: 'critical',
        state: 'raised',
        told: 'raised',
      },
    ],
  });
  const [, time, mac] = /^t=(\d+),v1=([0-9a-f]{64})$/.exec(post?.headers?.['relevo-signature'] ?? '') ?? [];
  expect(mac).toBe(createHmac('sha256', 'hush').update(`${time}.${post?.body}`).digest('hex'));
  const { text } = JSON.parse(talk?.body ?? '') as { text: string };
  expect(text).toContain('CRITICAL: egress-down:ip-1');
  expect(text).toContain('"&lt;!channel&gt; &amp; &lt;https://x.test|y&gt;"');
});

test('who does not answer is asked once at each look, however many notices wait for it', async () => {
  const world = openAlertingWorld({ to: [HOOK, ONCALL], repeat: null });
  world.answer = new Error('connect ETIMEDOUT');
  {
    await using node = world.start();
    for (const name of ['one', 'two', 'three']) {
      node.raise(`egress-down:${name}`);
      await world.clock.advance(HOUR);
    }
  }
  expect(world.mails).toHaveLength(3);
  const before = world.asked;
  // To its next life all are due: it looks by itself, and then for us.
  await using next = world.start();
  await next.look();
  expect(world.asked - before).toBe(2);
});

test('who takes nothing for a day is told no more of it, and holds up nobody else', async () => {
  const world = openAlertingWorld({ to: [HOOK, ONCALL], repeat: null });
  world.answer = new Error('connect ECONNREFUSED https://hooks.example.com/secret-path');
  await using node = world.start();
  node.raise('no-exit');
  await world.clock.advance(MINUTE);
  expect(world.mails).toHaveLength(1);
  expect(world.marks.all().some(({ name }) => name.startsWith('alert:owed:'))).toBe(true);
  world.clock.jumpMs(25 * HOUR);
  await world.clock.advance(HOUR);
  expect(world.marks.all().some(({ name }) => name.startsWith('alert:owed:'))).toBe(false);
  expect(JSON.stringify(world.events)).not.toContain('secret-path');
});

test('a test goes to everybody at once and says what came of each', async () => {
  const world = openAlertingWorld({ to: [ONCALL, HOOK] });
  world.answer = 500;
  await using node = world.start();
  expect(await node.test()).toEqual([
    { to: ONCALL, kind: 'mail', problem: null },
    { to: 'hooks.example.com', kind: 'webhook', problem: 'it answers 500' },
  ]);
  expect((await world.told())[0]?.subject).toBe('[relay.example.com] test: this is how alerts arrive');
});
