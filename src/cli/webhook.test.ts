import { expect, test } from 'vitest';
import { CliRig, MINIMAL_POLICY } from '../../tests/fakes/cli-rig.ts';
import { freshHook, hookMark, hookOf, type HookState, hookText } from '../report/webhooks/hook-state.ts';

const URL = 'https://app.example.com/mail?key=hidden';
const POLICY = `${MINIMAL_POLICY}webhooks: [{ url: '${URL}', secret: hush, events: [delivered, bounced] }]\n`;

async function kept(rig: CliRig, state: Partial<HookState>): Promise<void> {
  await using spool = await rig.openSpool();
  const text = hookText({ ...freshHook(null), ...state });
  await spool.marks.mark([{ name: hookMark(URL), text, atMs: rig.clock.nowMs() }]);
}

async function stateOf(rig: CliRig): Promise<HookState | null> {
  await using spool = await rig.openSpool();
  const [mark] = await spool.marks.marks(hookMark(URL));
  return mark === undefined ? null : hookOf(mark);
}

test('what each was told is listed, with what is wrong as exit code 1, and no secret', async () => {
  using rig = new CliRig(POLICY);
  await (await rig.openSpool())[Symbol.asyncDispose]();
  expect(await rig.run(['webhook', 'list'])).toMatchObject({
    code: 0,
    stdout: expect.stringMatching(/app\.example\.com +new +never +delivered bounced/),
  });
  await kept(rig, {
    failingSinceMs: rig.clock.nowMs(),
    failures: 2,
    cause: 'it answers 500',
    disabledAtMs: rig.clock.nowMs(),
  });
  const { code, stdout } = await rig.run(['webhook', 'list']);
  expect(code).toBe(1);
  expect(stdout).toMatch(/app\.example\.com +disabled since .*: it answers 500/);
  expect(stdout).not.toMatch(/hidden|hush/);
});

test('one that was given up is told again once it is resumed', async () => {
  using rig = new CliRig(POLICY);
  await kept(rig, { failingSinceMs: rig.clock.nowMs(), failures: 9, disabledAtMs: rig.clock.nowMs(), dueAtMs: 1e15 });
  expect((await rig.run(['webhook', 'resume', 'app.example.com'])).stdout).toBe(
    'app.example.com is told again, from where it was.\n',
  );
  expect(await stateOf(rig)).toMatchObject({ disabledAtMs: null, dueAtMs: 0, failures: 0 });
  expect((await rig.run(['webhook', 'resume', 'app.exmple.com'])).stderr).toContain('did you mean app.example.com?');
});

test('a stretch of time to be told again is written down, once', async () => {
  using rig = new CliRig(POLICY);
  await (await rig.openSpool())[Symbol.asyncDispose]();
  expect((await rig.run(['webhook', 'replay', 'app.example.com', '--since', '6h'])).stderr).toContain(
    'was told nothing yet',
  );
  await kept(rig, {});
  const { code, stdout } = await rig.run(['webhook', 'replay', 'app.example.com', '--since', '6h', '--until', '2h']);
  expect({ code, stdout }).toEqual({
    code: 0,
    stdout: expect.stringMatching(/^app\.example\.com is told again what happened from .* until /),
  });
  const nowMs = rig.clock.nowMs();
  expect((await stateOf(rig))?.replay).toEqual({
    place: null,
    fromMs: nowMs - 6 * 3_600_000,
    untilMs: nowMs - 2 * 3_600_000,
  });
  expect((await rig.run(['webhook', 'replay', 'app.example.com', '--since', '1h'])).stderr).toContain(
    'being told again already',
  );
  expect((await rig.run(['webhook', 'replay', 'app.example.com', '--since', 'noon'])).code).toBe(2);
});
