import { execFileSync } from 'node:child_process';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { ownTimeMs } from '../../tests/fakes/own-time.ts';
import type { RelayEvent } from '../message/event.ts';
import { systemClock } from '../system.ts';
import { openPolicyHolder, type HolderOptions, type PolicyHolder } from './holder.ts';
import { formatProblem } from './file/problem.ts';
import type { Policy } from './schema.ts';

/** The real file system, the real watcher and the real clock: an event is awaited, and how long it took is asserted. */
const open: PolicyHolder[] = [];
afterEach(async () => {
  for (const holder of open.splice(0)) await holder[Symbol.asyncDispose]();
});

type Applied = Extract<RelayEvent, { event: 'policy-applied' }>;
type Refused = Extract<RelayEvent, { event: 'policy-refused' }>;
type PolicyEvent = Applied | Refused;

async function start(text: string, more: Partial<HolderOptions> = {}) {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-holder-'));
  const file = join(folder, 'relevo.yaml');
  writeFileSync(file, text);
  const events: PolicyEvent[] = [];
  let wake = () => {};
  const emit = (event: { event: string }) => {
    events.push(event as PolicyEvent);
    wake();
  };
  const options = { file, env: {}, clock: systemClock, emit, ...more };
  const opened = await openPolicyHolder(options);
  if (opened.kind === 'refused') throw new Error(opened.problems.map(formatProblem).join('\n'));
  open.push(opened.holder);
  events.length = 0;
  /** The next event, which must be the only one so far. */
  const next = async (): Promise<PolicyEvent> => {
    while (events.length === 0) await new Promise<void>((resolve) => (wake = resolve));
    expect(events).toHaveLength(1);
    return events.splice(0)[0] as PolicyEvent;
  };
  return { folder, file, holder: opened.holder, events, next };
}

const policyText = (recipients: number) => `hostname: a.example\nlimits: { recipients: ${recipients} }\n`;
/** No hints: the looks alone must do. */
const blind = { watchFolder: () => null };

describe.each([
  ['with the system’s notices', {}],
  ['by looking alone', blind],
])('%s', (_, watching) => {
  test('a write in place is in force within a second', async () => {
    const { file, holder, next } = await start(policyText(5), watching);
    const tookMs = await ownTimeMs(() => {
      writeFileSync(file, policyText(6));
      return next();
    });
    expect(tookMs).toBeLessThan(1000);
    expect(holder.current().limits.recipients).toBe(6);
    expect(holder.state().problems).toEqual([]);
  });

  test('a rename over the file is in force within a second, time after time', async () => {
    const { folder, file, holder, next } = await start(policyText(5), watching);
    for (const recipients of [6, 7, 8]) {
      const tookMs = await ownTimeMs(() => {
        writeFileSync(join(folder, 'relevo.yaml.new'), policyText(recipients));
        renameSync(join(folder, 'relevo.yaml.new'), file);
        return next();
      });
      expect(tookMs).toBeLessThan(1000);
      expect(holder.current().limits.recipients).toBe(recipients);
    }
  });

  test('a bad edit is refused within a second with its line, and the old policy stays', async () => {
    const { file, holder, next } = await start(policyText(5), watching);
    const before = holder.current();
    const { version } = holder.state();
    let refused: PolicyEvent | null = null;
    const tookMs = await ownTimeMs(async () => {
      writeFileSync(file, 'hostname: a.example\nlimits: { recipients: many, recipents: 5 }\n');
      refused = await next();
    });
    expect(tookMs).toBeLessThan(1000);
    expect(refused).toMatchObject({
      event: 'policy-refused',
      problems: [
        `${file}:2:23 limits.recipients: expected a positive number, found "many"`,
        `${file}:2:29 limits.recipents: unknown key, did you mean "recipients"?`,
      ],
    });
    expect(holder.current()).toBe(before);
    expect(holder.state()).toMatchObject({ version, problems: (refused as unknown as Refused).problems });
  });
});

test('the first policy is told of when it is applied, with its warnings', async () => {
  const events: PolicyEvent[] = [];
  const emit = (event: { event: string }) => void events.push(event as PolicyEvent);
  const { holder, file } = await start('hostname: a.example\negress: { out: { type: mx, region: eu } }\n', {
    emit,
    ...blind,
  });
  const warnings = [`${file}:2:28 egress.out.region: has no effect yet in this version`];
  const { version, appliedAtMs } = holder.state();
  expect(events).toEqual([{ event: 'policy-applied', atMs: appliedAtMs, version, warnings }]);
});

test('a relay does not start with a bad policy, or with none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-holder-'));
  const clock = new FakeClock();
  const options = { file: join(folder, 'none.yaml'), env: {}, clock, emit: () => {}, ...blind };
  const none = await openPolicyHolder(options);
  expect(none).toMatchObject({
    kind: 'refused',
    problems: [{ line: 1, text: 'the file cannot be read: there is none' }],
  });
  writeFileSync(options.file, 'hostname: [a]\n');
  expect(await openPolicyHolder(options)).toMatchObject({ kind: 'refused', problems: [{ path: 'hostname' }] });
  expect(clock.pending).toBe(0);
});

test('a file that is mended is in force again, and one that is put back as it was clears the problems', async () => {
  const { file, holder, next } = await start(policyText(5));
  writeFileSync(file, 'hostname: [a]\n');
  expect((await next()).event).toBe('policy-refused');
  writeFileSync(file, policyText(5));
  expect((await next()).event).toBe('policy-applied');
  expect(holder.state().problems).toEqual([]);
  writeFileSync(file, 'hostname: [a]\n');
  expect((await next()).event).toBe('policy-refused');
  writeFileSync(file, policyText(7));
  expect((await next()).event).toBe('policy-applied');
  expect(holder.current().limits.recipients).toBe(7);
});

test.each([
  ['unsound', 'hostname: a.example\nlimits: { recip'],
  ['sound', 'hostname: a.example\n'],
])('a write that is torn apart is taken whole, and its %s half is never told of', async (_, half) => {
  const { file, holder, next } = await start(policyText(5));
  writeFileSync(file, half);
  // The rest comes before the half has been at rest for long.
  systemClock.after(250, () => writeFileSync(file, policyText(9)));
  expect((await next()).event).toBe('policy-applied');
  expect(holder.current().limits.recipients).toBe(9);
});

test('a named pipe in the place of the file is refused, and the next file is taken', async () => {
  const { folder, file, holder, next } = await start(policyText(5));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  renameSync(join(folder, 'pipe'), file);
  const problems = [`${file}:1:1 the file cannot be read: it is not a regular file`];
  expect(await next()).toMatchObject({ event: 'policy-refused', problems });
  expect(holder.current().limits.recipients).toBe(5);
  rmSync(file);
  writeFileSync(file, policyText(6));
  expect((await next()).event).toBe('policy-applied');
  expect(holder.current().limits.recipients).toBe(6);
});

test('a named pipe in the place of a secret stops nothing', async () => {
  const { folder, file, next } = await start(policyText(5));
  execFileSync('mkfifo', [join(folder, 'secret')]);
  const exit = '{ type: smtp, host: b, username: u, password: "${file:secret}" }';
  writeFileSync(file, `hostname: a\negress: { s: ${exit} }\n`);
  const problems = [expect.stringContaining('cannot be read: it is not a regular file')];
  expect(await next()).toMatchObject({ event: 'policy-refused', problems });
});

test('a deleted file changes nothing and is told of once; a new one is in force', async () => {
  const { file, holder, next } = await start(policyText(5));
  rmSync(file);
  expect(await next()).toMatchObject({
    event: 'policy-refused',
    problems: [`${file}:1:1 the file cannot be read: there is none`],
  });
  expect(holder.current().limits.recipients).toBe(5);
  writeFileSync(file, policyText(6));
  expect((await next()).event).toBe('policy-applied');
  expect(holder.current().limits.recipients).toBe(6);
});

test('a secret that changes in its file is a change of the policy', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-holder-'));
  writeFileSync(join(folder, 'secret'), 'one\n');
  const text = `hostname: a\negress: { s: { type: smtp, host: b, username: u, password: "\${file:${join(folder, 'secret')}}" } }\n`;
  const { holder, next } = await start(text);
  writeFileSync(join(folder, 'secret'), 'two\n');
  await next();
  expect(holder.current().egress['s']).toMatchObject({ password: 'two' });
  rmSync(join(folder, 'secret'));
  expect((await next()).event).toBe('policy-refused');
  expect(holder.current().egress['s']).toMatchObject({ password: 'two' });
});

describe('what the relay makes of a change', () => {
  test('what it cannot apply leaves everything as it was', async () => {
    const onApply = (next: Policy) => Promise.resolve(next.limits.recipients === 6 ? ['listen cannot change'] : []);
    const { file, holder, next } = await start(policyText(5), { onApply });
    writeFileSync(file, policyText(6));
    expect(await next()).toMatchObject({ event: 'policy-refused', problems: ['listen cannot change'] });
    expect(holder.current().limits.recipients).toBe(5);
    writeFileSync(file, policyText(7));
    await next();
    expect(holder.current().limits.recipients).toBe(7);
  });

  test('a failure while it is applied refuses the policy', async () => {
    const onApply = () => Promise.reject(new Error('no such certificate'));
    const { file, holder, next } = await start(policyText(5), { onApply });
    writeFileSync(file, policyText(6));
    expect(await next()).toMatchObject({ problems: ['the policy could not be applied: no such certificate'] });
    expect(holder.current().limits.recipients).toBe(5);
  });

  test('until it is ready the old policy is in force, and the next change waits its turn', async () => {
    const ready: (() => void)[] = [];
    const started: number[] = [];
    const onApply = (next: Policy) => {
      started.push(next.limits.recipients);
      return new Promise<string[]>((resolve) => ready.push(() => resolve([])));
    };
    const { file, holder, next } = await start(policyText(5), { onApply, ...blind });
    writeFileSync(file, policyText(6));
    const first = holder.reload();
    const second = holder.reload();
    await expect.poll(() => started).toEqual([6]);
    expect(holder.current().limits.recipients).toBe(5);
    ready.shift()?.();
    await first;
    await next();
    expect(holder.current().limits.recipients).toBe(6);
    await expect.poll(() => started).toEqual([6, 6]);
    ready.shift()?.();
    await second;
    // The looks saw the write as well, and found nothing new in it.
    expect(started).toEqual([6, 6]);
  });

  test('subscribers are told after the swap, whatever one of them does, until they leave', async () => {
    const { file, holder, events } = await start(policyText(5), blind);
    const told: string[] = [];
    holder.subscribe(() => {
      throw new Error('my own fault');
    });
    const leave = holder.subscribe((next, previous) => {
      told.push(
        `${previous.limits.recipients} → ${next.limits.recipients}, in force ${holder.current().limits.recipients}`,
      );
    });
    writeFileSync(file, policyText(6));
    await holder.reload();
    leave();
    writeFileSync(file, policyText(7));
    await holder.reload();
    expect(told).toEqual(['5 → 6, in force 6']);
    expect(events.map(({ event }) => event as string)).toEqual([
      'policy-applied',
      'failed',
      'policy-applied',
      'failed',
    ]);
  });

  test('SIGHUP applies an unchanged file again, for what hangs on it may have changed', async () => {
    let applied = 0;
    const onApply = () => {
      applied += 1;
      return Promise.resolve([]);
    };
    const { holder, next } = await start(policyText(5), { onApply, ...blind });
    const { version } = holder.state();
    expect((await holder.reload()).version).toBe(version);
    expect((await next()).event).toBe('policy-applied');
    expect(applied).toBe(1);
  });
});

test('nothing is left behind at the end', async () => {
  const clock = new FakeClock();
  const { holder } = await start(policyText(5), { clock, ...blind });
  expect(clock.pending).toBe(1);
  await holder[Symbol.asyncDispose]();
  expect(clock.pending).toBe(0);
});
