import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CliRig } from '../../tests/fakes/cli-rig.ts';

test('a file that is wrong, or is not there, is told with the key', async () => {
  using rig = new CliRig();
  const file = join(rig.folder, 'providers.yaml');
  const missing = await rig.run(['simulate-provider', file]);
  expect(missing).toMatchObject({ code: 1, stdout: '' });
  expect(missing.stderr).toContain('ENOENT');
  writeFileSync(file, 'providers: [{ name: a, listen: "127.0.0.1:0", rate: fast }]\n');
  const wrong = await rig.run(['simulate-provider', file]);
  expect(wrong.code).toBe(1);
  expect(wrong.stderr).toContain('providers.0.rate: expected a rate such as 1000/h');
});

test('an address that is taken is told, and nothing is left listening', async () => {
  using rig = new CliRig();
  const other = createServer();
  other.listen(0, '127.0.0.1');
  await once(other, 'listening');
  const address = other.address();
  const port = typeof address === 'object' ? address?.port : 0;
  const file = join(rig.folder, 'providers.yaml');
  writeFileSync(file, `providers: [{ name: a, listen: "127.0.0.1:${port}" }]\n`);
  const run = await rig.run(['simulate-provider', file]);
  expect(run.code).toBe(1);
  expect(run.stderr).toContain('EADDRINUSE');
  other.close();
});
