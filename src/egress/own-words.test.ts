/** What no server said is marked as the relay's own words: it counts against no exit, and no host is named for it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { DnsZone, fakeDns } from '../../tests/fakes/dns.ts';
import { mailTo, NEVER, testPolicy } from '../../tests/fakes/exits.ts';
import { way } from '../../tests/fakes/mx-way.ts';
import { classify, type Happening, type Lack, type PeerKind, type Stage } from './classify.ts';
import { openSandbox } from './sandbox.ts';
import { upstreamHops } from './smtp/smtp-egress.ts';

const STAGES = {
  connect: 1,
  greeting: 1,
  ehlo: 1,
  tls: 1,
  auth: 1,
  mail: 1,
  rcpt: 1,
  data: 1,
  content: 1,
  'after-dot': 1,
} as const satisfies Record<Stage, 1>;
const LACKS = {
  smtputf8: 1,
  size: 1,
  'deliver-by': 1,
  time: 1,
  starttls: 1,
  auth: 1,
  'auth-mechanism': 1,
  'tls-for-auth': 1,
} as const satisfies Record<Lack, 1>;
const keysOf = <Key extends string>(of: Record<Key, 1>): Key[] => Object.keys(of) as Key[];

test('whatever stops a conversation without a reply, and nothing that a server said', () => {
  const unsaid: Happening[] = [
    { kind: 'lost', code: 'ECONNRESET' },
    { kind: 'lost', code: 'EADDRNOTAVAIL' },
    { kind: 'timeout' },
    { kind: 'garbage', what: 'x' },
    { kind: 'aborted' },
    { kind: 'untrusted', cause: 'x' },
    { kind: 'resting' },
    ...keysOf(LACKS).map((what): Happening => ({ kind: 'lacks', what })),
  ];
  for (const stage of keysOf(STAGES))
    for (const peer of ['mx', 'upstream'] satisfies PeerKind[]) {
      for (const happening of unsaid)
        expect(classify({ stage, happening, peer, who: 'mx' }).own, `${stage} ${happening.kind}`).toBe(true);
      for (const code of [250, 354, 421, 450, 451, 452, 500, 550, 552, 554]) {
        const happening: Happening = { kind: 'reply', reply: { code, detail: null, text: 'x' } };
        expect(classify({ stage, happening, peer, who: 'mx' }).own, `${stage} ${code}`).toBeUndefined();
      }
    }
});

test('a domain that is not there, takes no mail, has no host, or loops', async () => {
  const zone = {
    'null.test': { mx: [[0, '']] },
    'empty.test': { mx: [[10, 'mx.empty.test']] },
    'loop.test': { mx: [[10, 'own.test']] },
    'own.test': { a: ['192.0.2.99'] },
    'private.test': { mx: [[10, 'mx.private.test']] },
    'mx.private.test': { a: ['10.0.0.1'] },
  } as const;
  const isOwn = (address: string): boolean => address === '192.0.2.99';
  for (const domain of ['missing.test', 'null.test', 'empty.test', 'loop.test', '[192.0.2.99]', 'private.test']) {
    const { outcome } = await way(domain, zone, { isOwn, privateAddresses: false });
    expect(outcome, domain).toMatchObject({ own: true, reply: { code: expect.any(Number) } });
  }
});

test('an own server without an address', async () => {
  const found = await upstreamHops('smart.test', fakeDns(new DnsZone({}))).next();
  expect(found).toMatchObject({ done: true, value: { scope: 'egress', own: true } });
});

test('a sandbox that cannot be written', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-own-words-'));
  try {
    await writeFile(join(folder, 'file'), '');
    const path = join(folder, 'file', 'in');
    const policy = testPolicy({ egress: { aside: { type: 'sandbox', path } } }).egress['aside'];
    if (policy?.type !== 'sandbox') throw new Error('not a sandbox');
    await using sandbox = openSandbox('aside', policy, new FakeClock());
    const { outcomes } = await sandbox.attempt(mailTo(), NEVER);
    expect(outcomes).toEqual([expect.objectContaining({ kind: 'deferred', own: true })]);
  } finally {
    await rm(folder, { recursive: true });
  }
});
