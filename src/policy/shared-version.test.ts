import { expect, test } from 'vitest';
import { loadPolicy } from './file/load.ts';
import { sharedVersion } from './shared-version.ts';

function versionOf(more: string, file = '/etc/one/relevo.yaml', out = 'dailyLimit: 50'): string {
  const text = `hostname: a.example.com\negress: { out: { type: mx, ${out} }, box: { type: sandbox, path: box } }\n${more}`;
  const loaded = loadPolicy({ file, text, env: {}, readFile: () => '' });
  if (loaded.kind === 'refused') throw new Error(JSON.stringify(loaded.problems));
  return sharedVersion(loaded.policy);
}

test('nodes that differ in ports, log and folders alone follow one policy', () => {
  const one = versionOf('listen: [{ port: 2525, tls: none, auth: none }]\nhttp: { listen: 127.0.0.1:9001 }\n');
  expect(versionOf('http: { listen: 127.0.0.1:9002 }\nlog: { level: debug }\n', '/srv/two/relevo.yaml')).toBe(one);
});

test('those whose exits differ do not', () => {
  expect(versionOf('', '/etc/one/relevo.yaml', 'dailyLimit: 60')).not.toBe(versionOf(''));
});
