import { expect, test } from 'vitest';
import { lackedWarnings } from './bound-exits.ts';
import { loadPolicy } from './file/load.ts';

const REDIS = 'spool: { engine: redis, url: "redis://127.0.0.1:6379" }\n';

async function warningsOf(egress: string, more = ''): Promise<readonly string[]> {
  const text = `hostname: relay.example.com\n${more}egress:\n${egress}routes: [{ name: all, use: [direct] }]\n`;
  const loaded = loadPolicy({ file: 'relevo.yaml', text, env: {}, readFile: () => '' });
  if (loaded.kind === 'refused') throw new Error(JSON.stringify(loaded.problems));
  return lackedWarnings(loaded.bound, async (address) => address === '192.0.2.1');
}

const DIRECT = '  direct: { type: mx }\n';

test('an exit whose local address the machine lacks is told of with its place in the file', async () => {
  expect(
    await warningsOf(
      `${DIRECT}  here: { type: mx, bind: 192.0.2.1 }\n  gone: { type: mx, bind: 198.51.100.77, node: a }\n  off: { type: mx, bind: 198.51.100.78, enabled: false }\n`,
    ),
  ).toEqual([
    'relevo.yaml:5:27 egress.gone.bind: this machine does not have 198.51.100.77: no mail goes out by this exit',
  ]);
});

test('on a spool that nodes share it may be for another node, and is where the policy says so', async () => {
  expect(
    await warningsOf(
      `${DIRECT}  gone: { type: mx, bind: 198.51.100.77 }\n  theirs: { type: mx, bind: 198.51.100.78, node: b }\n`,
      REDIS,
    ),
  ).toEqual([
    'relevo.yaml:5:27 egress.gone.bind: this machine does not have 198.51.100.77: only a node that has it sends by this exit',
  ]);
});
