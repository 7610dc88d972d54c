import { mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { mailTo, NEVER, testPolicy } from '../../tests/fakes/exits.ts';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { testEgress, type EgressUnderTest } from './egress.contract.ts';
import { openSandbox } from './sandbox.ts';

async function open(): Promise<EgressUnderTest & { readonly path: string }> {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-sandbox-'));
  const path = join(folder, 'kept');
  const policy = testPolicy({ egress: { sandbox: { type: 'sandbox', path } } }).egress['sandbox'];
  if (policy?.type !== 'sandbox') throw new Error('not a sandbox');
  const egress = openSandbox('sandbox', policy, new FakeClock());
  return {
    egress,
    path,
    arrived: async () => {
      const names = await readdir(path).catch(() => []);
      const stems = names.filter((name) => name.endsWith('.eml')).map((name) => name.slice(0, -4));
      return Promise.all(
        stems.map(async (stem) => {
          const envelope: unknown = JSON.parse(await readFile(join(path, `${stem}.json`), 'utf8'));
          const { sender, recipients } = envelope as { sender: string; recipients: { address: string }[] };
          const content = await readFile(join(path, `${stem}.eml`));
          return { sender, recipients: recipients.map(({ address }) => address), content };
        }),
      );
    },
    breakDown: () => writeFile(path, 'a file where the folder should be'),
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

testEgress('sandbox', open);

test.skipIf(process.platform !== 'linux')('mail waits where its folder can never be made', async () => {
  const policy = testPolicy({ egress: { sandbox: { type: 'sandbox', path: '/proc/relevo/kept' } } }).egress['sandbox'];
  if (policy?.type !== 'sandbox') throw new Error('not a sandbox');
  await using egress = openSandbox('sandbox', policy, new FakeClock());
  const { outcomes } = await egress.attempt(mailTo({ to: ['b@demo.test'] }), NEVER);
  expect(outcomes).toEqual([expect.objectContaining({ kind: 'deferred' })]);
  expect(JSON.stringify(outcomes)).toContain('the sandbox cannot be written: ENOENT');
});

test('a kept message is for its owner only, and leaves no half files behind', async () => {
  await using far = await open();
  const mail = mailTo({ to: ['b@demo.test'] });
  await far.egress.attempt(mail, NEVER);
  const names = await readdir(far.path);
  expect(names.toSorted()).toEqual([`${mail.message.id}.demo.test.eml`, `${mail.message.id}.demo.test.json`]);
  for (const name of names) expect((await stat(join(far.path, name))).mode & 0o777).toBe(0o600);
  expect((await stat(far.path)).mode & 0o777).toBe(0o700);
});

test('a second attempt of the same message replaces the first', async () => {
  await using far = await open();
  const mail = mailTo();
  await far.egress.attempt(mail, NEVER);
  await far.egress.attempt(mail, NEVER);
  expect(await far.arrived()).toHaveLength(1);
});

test('mail to an address literal is kept as well', async () => {
  await using far = await open();
  const result = await far.egress.attempt(mailTo({ to: ['b@[IPv6:2001:db8::1]'] }), NEVER);
  expect(result.outcomes[0]?.kind).toBe('delivered');
  expect(await readdir(far.path)).toHaveLength(2);
});

test('two messages to one domain, and one message to two domains, do not share a file', async () => {
  await using far = await open();
  const mail = mailTo({ to: ['b@one.test'] });
  await far.egress.attempt(mail, NEVER);
  await far.egress.attempt({ ...mail, domain: 'two.test' }, NEVER);
  await far.egress.attempt(mailTo({ to: ['b@one.test'] }), NEVER);
  expect(await far.arrived()).toHaveLength(3);
});
