import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { CliRig, MINIMAL_POLICY } from '../../tests/fakes/cli-rig.ts';
import { DnsZone, fakeDns } from '../../tests/fakes/dns.ts';

const WITH_KEYS = `${MINIMAL_POLICY}domains:
  example.com:
    dkim:
      - { selector: rsa2026, key: ../certs/dkim/example.com.rsa2026.pem }
      - { selector: ed2026, key: ../certs/dkim/example.com.ed2026.pem }
`;

type Printed = { name: string; type: string; value: string; state: string };

test('keys are made for a domain, with policy lines and zone lines to paste', async () => {
  using rig = new CliRig();
  const made = await rig.run(['dkim', 'keygen', 'Example.COM']);
  expect(made).toMatchObject({ code: 0, stderr: '' });
  for (const line of WITH_KEYS.split('\n').slice(-6, -1)) expect(made.stdout).toContain(`${line}\n`);
  expect(made.stdout).toMatch(/^rsa2026\._domainkey\.example\.com\. IN TXT \( "v=DKIM1; k=rsa; p=.{100}/m);
  for (const name of ['rsa2026', 'ed2026']) {
    const file = join(rig.folder, `certs/dkim/example.com.${name}.pem`);
    expect(readFileSync(file, 'utf8')).toContain('PRIVATE KEY');
    expect(statSync(file).mode & 0o777).toBe(0o600);
  }
  const again = await rig.run(['dkim', 'keygen', 'example.com']);
  expect(again).toMatchObject({ code: 1, stdout: '' });
  expect(again.stderr).toContain('is there already');
});

test('one key with a selector of its own, as JSON', async () => {
  using rig = new CliRig();
  const made = await rig.run(['dkim', 'keygen', 'example.org', '--selector', 's1', '--out', 'keys', '--json']);
  const { domain, keys } = JSON.parse(made.stdout);
  expect(domain).toBe('example.org');
  expect(keys).toMatchObject([
    {
      type: 'rsa',
      selector: 's1',
      path: join(rig.folder, 'keys/example.org.s1.pem'),
      record: { name: 's1._domainkey.example.org' },
    },
  ]);
  expect((await rig.run(['dkim', 'keygen', 'no domain'])).code).toBe(2);
  expect((await rig.run(['dkim', 'keygen', 'a.test', '--selector', '../x'])).code).toBe(2);
  expect((await rig.run(['dkim', 'keygen', 'a.test', '--type', 'dsa'])).code).toBe(2);
});

test('the records to publish are said, and once they are published that they are', async () => {
  using rig = new CliRig(WITH_KEYS);
  await rig.run(['dkim', 'keygen', 'example.com']);
  const missing = await rig.run(['dns', 'example.com', '--json']);
  expect(missing.code).toBe(1);
  const { records } = JSON.parse(missing.stdout) as { records: Printed[] };
  expect(records.map(({ name, state }) => [name, state])).toEqual([
    ['rsa2026._domainkey.example.com', 'missing'],
    ['ed2026._domainkey.example.com', 'missing'],
    ['example.com', 'missing'],
    ['_dmarc.example.com', 'missing'],
  ]);
  // Each is there once, to be copied.
  const said = await rig.run(['dns', 'example.com']);
  expect(said.stdout.match(/^missing: /gm)).toHaveLength(4);
  expect(said.stdout.match(/v=DMARC1/g)).toHaveLength(1);
  expect(said.stdout).toContain(
    'missing: TXT _dmarc.example.com (dmarc)\n  publish: _dmarc.example.com. IN TXT "v=DMARC1; p=none',
  );
  rig.dns = fakeDns(new DnsZone(Object.fromEntries(records.map(({ name, value }) => [name, { txt: [value] }]))));
  const present = await rig.run(['dns', 'example.com']);
  expect(present).toMatchObject({ code: 0, stderr: '' });
  expect(present.stdout.match(/^ok: /gm)).toHaveLength(4);
});

test('a record that says something else is shown beside what it should be', async () => {
  using rig = new CliRig(WITH_KEYS);
  await rig.run(['dkim', 'keygen', 'example.com']);
  rig.dns = fakeDns(new DnsZone({ 'rsa2026._domainkey.example.com': { txt: ['v=DKIM1; k=rsa; p=AAAA'] } }));
  const { code, stdout } = await rig.run(['dns', 'example.com']);
  expect(code).toBe(1);
  expect(stdout).toContain('different: TXT rsa2026._domainkey.example.com (dkim)\n');
  expect(stdout).toContain('  found:   v=DKIM1; k=rsa; p=AAAA\n');
});

test('a DNS that does not answer is no verdict, and need not be asked', async () => {
  using rig = new CliRig(WITH_KEYS);
  await rig.run(['dkim', 'keygen', 'example.com']);
  const zone = new DnsZone();
  for (const name of [
    'rsa2026._domainkey.example.com',
    'ed2026._domainkey.example.com',
    'example.com',
    '_dmarc.example.com',
  ])
    zone.set(name, { fault: 'timeout' });
  rig.dns = fakeDns(zone);
  const unknown = await rig.run(['dns', 'example.com']);
  expect(unknown.code).toBe(0);
  expect(unknown.stdout.match(/^unknown: /gm)).toHaveLength(4);
  const asked = zone.queries.length;
  const printed = await rig.run(['dns', 'example.com', '--no-check']);
  expect(printed.code).toBe(0);
  expect(printed.stdout.trimEnd().split('\n')).toHaveLength(4);
  expect(zone.queries).toHaveLength(asked);
});

test('a domain without a key is told how to get one', async () => {
  using rig = new CliRig();
  const none = await rig.run(['dns', 'example.com', '--no-check']);
  expect(none.code).toBe(1);
  expect(none.stderr).toContain('relevo dkim keygen example.com');
  expect((await rig.run(['dns', 'no domain'])).code).toBe(2);
});
