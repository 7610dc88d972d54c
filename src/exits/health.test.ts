import { describe, expect, test } from 'vitest';
import { testPolicy } from '../../tests/fakes/exits.ts';
import { HealthRig as Rig, OK, ONE, REFUSED, server } from '../../tests/fakes/health-rig.ts';
import type { ProbeResult } from '../egress/probe.ts';
import type { PolicyInput } from '../policy/schema.ts';

async function started(...args: ConstructorParameters<typeof Rig>): Promise<Rig> {
  const rig = new Rig(...args);
  await rig.health.start();
  return rig;
}

describe('an exit', () => {
  test('that works is checked once in 5 minutes, and not in the first of them', async () => {
    const rig = await started();
    await rig.pass(60);
    expect(rig.checks).toEqual([]);
    await rig.pass(840);
    expect(rig.checks).toHaveLength(3);
    expect(rig.alerts()).toEqual([]);
    expect(rig.gates()).toEqual([]);
  });

  test('is not checked at the same moment as others', async () => {
    const fractions = [0.3, 0.6, 0.9];
    const random = { fraction: () => fractions.shift() ?? 0, bytes: (count: number) => Buffer.alloc(count) };
    const rig = await started(
      { s1: server('one.example'), s2: server('two.example'), s3: server('three.example') },
      { random },
    );
    await rig.pass(900);
    const times = rig.checks.map((check) => Number.parseInt(check, 10));
    expect(times.length).toBeGreaterThanOrEqual(8);
    expect(new Set(times).size).toBe(times.length);
  });

  test('that stops working is out after the second failed check, told once, and back by itself', async () => {
    const rig = await started();
    await rig.pass(100);
    rig.result = REFUSED;
    await rig.pass(70);
    expect(rig.gates()).toEqual([]);
    await rig.pass(20);
    expect(rig.gates()).toEqual(['down']);
    await rig.pass(1_200);
    expect(rig.gates()).toEqual(['down']);
    expect(rig.alerts()).toEqual([
      'raised egress-down:s1: s1 is down: 2 checks failed: smtp.example: connection refused. Nothing goes out by it; it is checked again in 30 s, and comes back by itself',
    ]);
    rig.result = OK;
    await rig.pass(301);
    expect(rig.gates()).toEqual([]);
    expect(rig.alerts()).toHaveLength(2);
    expect(rig.alerts()[1]).toMatch(/^over egress-down:s1: s1 works again after 2\d min$/);
  });

  test('by which mail failed is checked within seconds', async () => {
    const rig = await started();
    await rig.pass(10);
    rig.health.heard({ event: 'alert', atMs: 0, name: 'egress-resting:s1', text: '', raised: true });
    rig.health.heard({ event: 'alert', atMs: 0, name: 'egress-resting:unknown', text: '', raised: true });
    await rig.pass(4);
    expect(rig.checks).toHaveLength(1);
  });

  test('whose server says nothing to mail is checked within seconds', async () => {
    const rig = await started();
    await rig.pass(10);
    rig.health.heard({ event: 'failed', atMs: 0, where: 'egress s1', cause: 's1 did not answer for 15 s' });
    rig.health.heard({ event: 'failed', atMs: 0, where: 'egress unknown', cause: '' });
    await rig.pass(4);
    expect(rig.checks).toHaveLength(1);
  });

  test('that is down is knocked at no sooner because mail failed', async () => {
    const rig = await started();
    rig.result = REFUSED;
    await rig.pass(400);
    const { length } = rig.checks;
    rig.health.heard({ event: 'alert', atMs: 0, name: 'egress-resting:s1', text: '', raised: true });
    await rig.pass(4);
    expect(rig.checks).toHaveLength(length);
  });

  test('that delivers mail is not taken out by checks that find it full', async () => {
    const rig = await started();
    rig.result = REFUSED;
    for (let round = 0; round < 40; round++) {
      await rig.pass(14);
      rig.delivered('s1');
    }
    expect(rig.checks.length).toBeGreaterThan(3);
    expect(rig.gates()).toEqual([]);
  });

  test('whose address is missing here is for others to tell', async () => {
    const rig = await started({ ip: { type: 'mx', bind: '192.0.2.1' } });
    rig.result = { kind: 'failed', stage: 'bind', cause: 'this machine does not have 192.0.2.1', steps: [], tookMs: 1 };
    await rig.pass(1_000);
    expect(rig.checks.length).toBeGreaterThan(1);
    expect(rig.alerts()).toEqual([]);
    expect(rig.gates('ip')).toEqual([]);
  });

  test('of another node, without an own address, or switched off is not checked', async () => {
    const egress: PolicyInput['egress'] = {
      there: server('one.example', { node: 'n2' }),
      any: { type: 'mx' },
      off: server('two.example', { enabled: false }),
    };
    const rig = await started(egress, { isShared: true });
    await rig.pass(700);
    expect(rig.checks).toEqual([]);
  });

  test('is never checked twice at once, however long a check takes', async () => {
    const rig = await started();
    rig.result = new Promise(() => {});
    await rig.pass(1_200);
    expect(rig.checks).toHaveLength(1);
  });

  test('whose check breaks is checked again, and the break is told', async () => {
    const rig = await started();
    const broken = Promise.reject<ProbeResult>(new Error('a bug'));
    broken.catch(() => undefined);
    rig.result = broken;
    await rig.pass(700);
    expect(rig.checks.length).toBeGreaterThan(1);
    expect(rig.events[0]).toMatchObject({ event: 'failed', where: 'check of egress s1' });
  });
});

describe('another policy', () => {
  test('has a new exit checked within seconds, and one with other settings begin anew', async () => {
    const rig = await started();
    rig.result = REFUSED;
    await rig.pass(400);
    expect(rig.gates()).toEqual(['down']);
    rig.result = OK;
    const before = rig.checks.length;
    rig.policy = testPolicy({ egress: { s1: server('better.example'), s2: server('two.example') } });
    await rig.pass(4);
    expect(
      rig.checks
        .slice(before)
        .map((check) => check.split(' ')[1])
        .toSorted(),
    ).toEqual(['better.example', 'two.example']);
    expect(rig.gates()).toEqual([]);
    expect(rig.alerts()[1]).toMatch(/^over egress-down:s1: s1 has other settings/);
  });

  test('without an exit has its mark taken away', async () => {
    const rig = await started();
    await rig.pass(400);
    expect(rig.marks.all()).toHaveLength(1);
    rig.policy = testPolicy({ egress: { s2: server('two.example') } });
    await rig.pass(2);
    expect(rig.marks.all().map(({ name }) => name)).not.toContain('health:n1:s1');
  });

  test('with shorter distances is followed at once', async () => {
    const rig = await started();
    rig.policy = testPolicy({ egress: ONE, health: { every: '10s' } });
    await rig.pass(60);
    expect(rig.checks.length).toBeGreaterThanOrEqual(5);
  });
});

describe('the next start', () => {
  test('knows what is down, tells it, and checks it at once', async () => {
    const rig = await started();
    rig.result = REFUSED;
    await rig.pass(400);
    const before = rig.checks.length;
    await rig.restart();
    expect(rig.alerts().filter((alert) => alert.startsWith('raised'))).toHaveLength(2);
    rig.result = OK;
    await rig.pass(2);
    expect(rig.checks).toHaveLength(before + 1);
    expect(rig.gates()).toEqual([]);
  });

  test('forgets exits that are gone, and nodes that are gone for a week', async () => {
    const rig = new Rig();
    const text = JSON.stringify({ failures: 0, downSinceMs: null, nextAtMs: 0, cause: '' });
    const atMs = rig.clock.nowMs();
    await rig.marks.mark([
      { name: 'health:n1:gone', text, atMs },
      { name: 'health:old:s1', text, atMs: atMs - 8 * 86_400_000 },
      { name: 'health:n2:s1', text, atMs },
    ]);
    await rig.health.start();
    await rig.pass(1);
    expect(rig.marks.all().map(({ name }) => name)).toEqual(['health:n2:s1']);
  });
});

describe('a store that is away', () => {
  test('gets later what came of the checks', async () => {
    const rig = new Rig();
    rig.marks.isAway = true;
    await rig.health.start();
    rig.result = REFUSED;
    await rig.pass(400);
    expect(rig.alerts()).toHaveLength(1);
    rig.marks.isAway = false;
    await rig.pass(1);
    expect(rig.gates()).toEqual(['down']);
  });

  test('a clock that is set back does not make old marks win', async () => {
    const rig = await started();
    rig.result = REFUSED;
    await rig.pass(400);
    rig.clock.jumpMs(-3_600_000);
    rig.result = OK;
    await rig.pass(400);
    expect(rig.marks.read('health:n1:s1')).toMatchObject({ failures: 0 });
  });
});
