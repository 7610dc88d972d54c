import { createHash, generateKeyPairSync } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';

import { dkimVerify } from 'mailauth/lib/dkim/verify.js';
import { describe, expect, test } from 'vitest';

import { keyFiles } from '../../tests/fakes/key-files.ts';
import { bodyOffsetOf, parseHeaderBlock } from '../message/header.ts';
import { hashBody } from './body-hash.ts';
import { type Signed, signMessage } from './dkim.ts';
import { type DkimDomains, type Keyring, openKeyring } from './keyring.ts';
import { dkimRecord } from './records.ts';

const NOW_MS = 1_796_119_200_987;
const pems = new Map([
  ['rsa', generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' })],
  ['ed', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })],
  ['other', generateKeyPairSync('ed25519').privateKey.export({ type: 'pkcs8', format: 'pem' })],
]);
const BOTH: DkimDomains = {
  'example.com': {
    dkim: [
      { selector: 'rsa2026', key: 'rsa' },
      { selector: 'ed2026', key: 'ed' },
    ],
  },
};
const MESSAGE = Buffer.from(
  [
    'Received: from app.example.com by relay.example.com; Tue, 1 Dec 2026 10:00:00 +0000',
    'From: Shop <shop@example.com>',
    'To: ana@example.net',
    'Subject: Your order =?utf-8?Q?is_on_its_way?=',
    ' and will be there tomorrow',
    'Date: Tue, 1 Dec 2026 10:00:00 +0000',
    'Message-ID: <1@example.com>',
    'MIME-Version: 1.0',
    'Content-Type: text/plain; charset=utf-8',
    'List-Unsubscribe: <https://example.com/u/1>',
    'X-Mailer: app',
    '',
    'Hello  Ana, \t ',
    'größe',
    '',
    '',
    '',
  ].join('\r\n'),
);

async function keyringOf(domains: DkimDomains): Promise<Keyring> {
  return await openKeyring(domains, {
    readFile: keyFiles(pems),
  });
}

async function signWith(
  domains: DkimDomains,
  message = MESSAGE,
  fromDomain: string | null = 'example.com',
): Promise<Signed> {
  const offset = bodyOffsetOf(message);
  const { fields } = parseHeaderBlock(message.subarray(0, offset));
  const keyring = await keyringOf(domains);
  return await signMessage({ keyring, fromDomain, fields, body: message.subarray(offset), nowMs: NOW_MS });
}

/** What mailauth says of each signature, top down, with the keys' records in its DNS. */
async function verdicts(message: Buffer, domains: DkimDomains): Promise<string[]> {
  const keyring = await keyringOf(domains);
  const zone = new Map(keyring.keys().map((key) => [key.name, dkimRecord(key).strings]));
  const { results } = await dkimVerify(message, {
    resolver: (name: string) => {
      const strings = zone.get(name);
      if (strings === undefined) return Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }));
      return Promise.resolve([[...strings]]);
    },
  });
  return results.map(({ status, algo, signingDomain }) => `${status.result} ${algo} ${signingDomain}`);
}

function tagsOf(signed: Signed): Map<string, string>[] {
  return signed.headers
    .toString('latin1')
    .split(/^DKIM-Signature: /m)
    .slice(1)
    .map(
      (field) =>
        new Map(field.split(/;\s+/).map((tag) => [tag.slice(0, tag.indexOf('=')), tag.slice(tag.indexOf('=') + 1)])),
    );
}

describe('a message of a domain with an RSA and an Ed25519 key', () => {
  test('gets both signatures, and mailauth verifies them', async () => {
    const signed = await signWith(BOTH);
    expect(signed.signedBy).toEqual(['rsa2026._domainkey.example.com', 'ed2026._domainkey.example.com']);
    const sent = Buffer.concat([signed.headers, MESSAGE]);
    expect(await verdicts(sent, BOTH)).toEqual(['pass rsa-sha256 example.com', 'pass ed25519-sha256 example.com']);
  });

  test('still verifies with a trace field above it, other whitespace and folds, and its X- fields gone', async () => {
    const { headers } = await signWith(BOTH);
    const text = Buffer.concat([headers, MESSAGE]).toString('latin1');
    const relayed = `Received: from elsewhere\r\n${text}`
      .replace('X-Mailer: app\r\n', '')
      .replace('=\r\n and will', '= and\r\n\twill')
      .replace('Hello  Ana, \t \r\n', 'Hello Ana,\r\n');
    expect(await verdicts(Buffer.from(relayed, 'latin1'), BOTH)).toEqual([
      'pass rsa-sha256 example.com',
      'pass ed25519-sha256 example.com',
    ]);
  });

  test.each(['From', 'To', 'Cc', 'Subject', 'Date', 'Message-ID', 'Reply-To', 'MIME-Version', 'Content-Type'])(
    'does not verify once a further %s field is added',
    async (name) => {
      const { headers } = await signWith(BOTH);
      const sent = Buffer.concat([Buffer.from(`${name}: x@example.org\r\n`), headers, MESSAGE]);
      expect(await verdicts(sent, BOTH)).toEqual(['fail rsa-sha256 example.com', 'fail ed25519-sha256 example.com']);
    },
  );

  test.each([
    'Sender',
    'In-Reply-To',
    'References',
    'Content-Transfer-Encoding',
    'List-Id',
    'List-Unsubscribe',
    'List-Unsubscribe-Post',
  ])('does not verify once a further %s field is added below its own', async (name) => {
    const { headers } = await signWith(BOTH);
    const text = Buffer.concat([headers, MESSAGE]).toString('latin1');
    const changed = Buffer.from(text.replace('\r\n\r\n', `\r\n${name}: x\r\n\r\n`), 'latin1');
    expect(await verdicts(changed, BOTH)).toEqual(['fail rsa-sha256 example.com', 'fail ed25519-sha256 example.com']);
  });

  test('does not verify with another body', async () => {
    const { headers } = await signWith(BOTH);
    const changed = Buffer.from(
      Buffer.concat([headers, MESSAGE]).toString('latin1').replace('Hello', 'Hallo'),
      'latin1',
    );
    expect(await verdicts(changed, BOTH)).toEqual([
      'neutral rsa-sha256 example.com',
      'neutral ed25519-sha256 example.com',
    ]);
  });

  test('is signed relaxed/relaxed, with the time of the clock, without l=, and names only what it should', async () => {
    const signed = await signWith(BOTH);
    for (const tags of tagsOf(signed)) {
      expect([...tags.keys()]).toEqual(['v', 'a', 'c', 'd', 'h', 'q', 's', 't', 'bh', 'b']);
      expect(tags.get('c')).toBe('relaxed/relaxed');
      expect(tags.get('t')).toBe('1796119200');
      const names = (tags.get('h') ?? '').split(/:\s+/).map((name) => name.toLowerCase());
      expect(names.filter((name) => name === 'from')).toHaveLength(2);
      expect(names.filter((name) => name === 'cc')).toHaveLength(1);
      expect(names.filter((name) => /^(x-|received$|return-path$|bcc$)/.test(name))).toEqual([]);
    }
  });

  test('has no signature line over 78 characters but where one word is longer', async () => {
    const { headers } = await signWith(BOTH);
    for (const line of headers.toString('latin1').split('\r\n')) {
      expect(line.length <= 78 || !line.trimStart().includes(' ')).toBe(true);
    }
  });
});

describe('the signing domain', () => {
  const domains: DkimDomains = {
    'example.com': { dkim: [{ selector: 's', key: 'ed' }] },
    'News.Example.com': { dkim: [{ selector: 'n', key: 'other' }] },
    'plain.example.com': {},
    'bücher.example': { dkim: [{ selector: 'b', key: 'ed' }] },
  };

  test.each([
    ['example.com', ['s._domainkey.example.com']],
    ['shop.example.com', ['s._domainkey.example.com']],
    ['news.example.com', ['n._domainkey.news.example.com']],
    ['a.b.news.example.com', ['n._domainkey.news.example.com']],
    ['plain.example.com', []],
    ['notexample.com', []],
    ['com', []],
    ['xn--bcher-kva.example', ['b._domainkey.xn--bcher-kva.example']],
    ['[192.0.2.1]', []],
    ['', []],
    [null, []],
  ])('of From at %s: %j', async (fromDomain, signedBy) => {
    const signed = await signWith(domains, MESSAGE, fromDomain);
    expect(signed.signedBy).toEqual(signedBy);
    expect(signed.headers.length > 0).toBe(signedBy.length > 0);
  });
});

test('a message without From gets no signature', async () => {
  const signed = await signWith(BOTH, Buffer.from('Subject: x\r\n\r\nbody\r\n'));
  expect(signed).toEqual({ headers: Buffer.alloc(0), signedBy: [] });
});

test('many signatures with one key at the same time all verify', async () => {
  const all = await Promise.all(Array.from({ length: 20 }, () => signWith(BOTH)));
  const first = all[0]?.headers.toString('latin1') ?? '';
  expect(await verdicts(Buffer.concat([Buffer.from(first, 'latin1'), MESSAGE]), BOTH)).toHaveLength(2);
  for (const { headers } of all) expect(headers.toString('latin1')).toBe(first);
});

describe('whatever a message is made of, nobody else waits for its signature', () => {
  const MB = 1024 * 1024;
  const HEADER = 'From: a@example.com\r\n';
  const bodies: [string, () => Buffer, string][] = [
    ['25 MB of spaces', () => Buffer.alloc(25 * MB, ' '), ''],
    ['25 MB of spaces and a letter', () => Buffer.concat([Buffer.alloc(25 * MB, ' '), Buffer.from('x')]), ' x\r\n'],
    ['one line of 25 MB', () => Buffer.alloc(25 * MB, 'x'), `${'x'.repeat(25 * MB)}\r\n`],
    ['13 million empty lines', () => Buffer.alloc(26 * MB, '\r\n'), ''],
    [
      'a million empty lines and a letter',
      () => Buffer.from(`${'\r\n'.repeat(1_000_000)}x`),
      `${'\r\n'.repeat(1_000_000)}x\r\n`,
    ],
    ['25 MB of tabs and letters', () => Buffer.alloc(25 * MB, '\ta'), `${' a'.repeat(12.5 * MB)}\r\n`],
    [
      '25 MB of lines with whitespace at the end',
      () => Buffer.alloc(25 * MB, 'ab \t \t\r\n'),
      'ab\r\n'.repeat((25 * MB) / 8),
    ],
    ['25 MB of lone carriage returns', () => Buffer.alloc(25 * MB, '\r'), `${'\r'.repeat(25 * MB)}\r\n`],
  ];

  test.each(bodies)(
    'body: %s',
    async (_what, make, relaxed) => {
      const body = make();
      const expected = createHash('sha256').update(relaxed, 'latin1').digest('base64');
      const { result, delayMs } = await longestDelay(() => hashBody(body));
      expect(result).toBe(expected);
      expect(delayMs).toBeLessThan(250);
    },
    60_000,
  );

  test('a body without line ends takes time in proportion to its size', async () => {
    const cpuMs = async (megabytes: number): Promise<number> => {
      const body = Buffer.alloc(megabytes * MB, '\tx');
      const before = process.threadCpuUsage();
      await hashBody(body);
      const { user, system } = process.threadCpuUsage(before);
      return (user + system) / 1_000;
    };
    await cpuMs(2);
    // 12 times as much, and 144 times if each stretch looked for a line end through all of the body.
    expect((await cpuMs(24)) / (await cpuMs(2))).toBeLessThan(40);
  });

  test.each([
    ['50,000 fields', HEADER + 'a:\r\n'.repeat(50_000)],
    ['50,000 fields that are signed', HEADER + 'To:\r\n'.repeat(50_000)],
    ['a field of 256 KB of spaces', `${HEADER}Subject: ${' '.repeat(256 * 1024)}x\r\n`],
    ['a field of 256 KB of spaces and tabs', `${HEADER}Subject: ${' \t'.repeat(128 * 1024)}\r\n`],
    ['a field of 64,000 folds', `${HEADER}Subject: x${'\r\n x'.repeat(64_000)}\r\n`],
    ['a field name of 256 KB', `${HEADER}${'a'.repeat(256 * 1024)}: x\r\n`],
  ])(
    'header: %s',
    async (_what, header) => {
      const message = Buffer.from(`${header}\r\nbody\r\n`);
      const { result, delayMs } = await longestDelay(() =>
        signWith({ 'example.com': BOTH['example.com'] ?? {} }, message),
      );
      expect(delayMs).toBeLessThan(250);
      expect(result.headers.length).toBeLessThan(10_000);
      // Folds are no part of what is signed (RFC 6376 §3.4.2), and the oracle takes half a minute over 64,000 of them.
      const unfolded = Buffer.from(`${header.replaceAll(/\r\n(?=[ \t])/g, '')}\r\nbody\r\n`);
      expect(await verdicts(Buffer.concat([result.headers, unfolded]), BOTH)).toEqual([
        'pass rsa-sha256 example.com',
        'pass ed25519-sha256 example.com',
      ]);
    },
    60_000,
  );
});

/** The longest that anything else on the event loop had to wait meanwhile, in processor time: a turn of it after the other is timed. */
async function longestDelay<T>(work: () => Promise<T>): Promise<{ result: T; delayMs: number }> {
  let finished = false;
  let delayMs = 0;
  let before = process.threadCpuUsage();
  const working = work().finally(() => (finished = true));
  while (!finished) {
    await nextTurn();
    const { user, system } = process.threadCpuUsage(before);
    delayMs = Math.max(delayMs, (user + system) / 1_000);
    before = process.threadCpuUsage();
  }
  return { result: await working, delayMs };
}
