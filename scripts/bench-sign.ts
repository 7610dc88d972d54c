/**
 * What a DKIM signature costs: bare `crypto.sign` of the message, relevo's signer, and mailauth's `dkimSign`, for RSA-2048,
 * Ed25519 and both; text, of which little has to be canonicalised, and indented HTML, of which each line has. CPU time of the
 * whole process a message (the thread pool's included), and how late the event loop ran.
 *
 *     node scripts/bench-sign.ts [messages per figure, 1000]
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { cpus } from 'node:os';

import mailauth from 'mailauth/lib/dkim/sign.js';

import { bodyOffsetOf, parseHeaderBlock } from '../src/message/header.ts';
import { signMessage } from '../src/sign/dkim.ts';
import { type DkimDomains, type Keyring, openKeyring } from '../src/sign/keyring.ts';

const COUNT = Number(process.argv[2] ?? 1000);
const IN_FLIGHT = 8;
/** Odd: the median is one of them. */
const ROUNDS = 5;
const NOW_MS = 1_790_000_000_000;
const HEADER = [
  'Received: from app.example.com (app.example.com [192.0.2.7])\r\n\tby relay.example.com with ESMTPSA; Tue, 1 Dec 2026 10:00:00 +0000',
  'From: Example Shop <shop@example.com>',
  'To: Ana <ana@example.net>',
  'Subject: Your order 4711 is on its way',
  'Date: Tue, 1 Dec 2026 10:00:00 +0000',
  'Message-ID: <4711.1796119200@example.com>',
  'MIME-Version: 1.0',
  'Content-Type: text/plain; charset=utf-8',
  'Content-Transfer-Encoding: 8bit',
  'List-Unsubscribe: <https://example.com/u/4711>',
  'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
].join('\r\n');
const BODIES = {
  text: 'The quick brown fox jumps over the lazy dog and then walks home again.\r\n',
  html: `${' '.repeat(10)}<td class="cell" style="padding:0">The quick brown fox</td>\r\n`,
};

const keys: Record<'rsa' | 'ed', KeyObject> = {
  rsa: generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey,
  ed: generateKeyPairSync('ed25519').privateKey,
};
const pems = { rsa: pemOf(keys.rsa), ed: pemOf(keys.ed) };

function pemOf(key: KeyObject): string {
  return key.export({ type: 'pkcs8', format: 'pem' });
}

async function keyringOf(names: readonly ('rsa' | 'ed')[]): Promise<Keyring> {
  const domains: DkimDomains = { 'example.com': { dkim: names.map((name) => ({ selector: name, key: name })) } };
  return await openKeyring(domains, {
    readFile: (path) =>
      Promise.resolve({ kind: 'read', stamp: path, mode: 0o600, pem: path === 'rsa' ? pems.rsa : pems.ed }),
  });
}

/** CPU microseconds and wall microseconds a message, with some under way at the same time as in a relay. */
async function measure(once: () => Promise<unknown>): Promise<{ cpu: number; wall: number }> {
  for (let warm = 0; warm < 50; warm++) await once();
  let left = COUNT;
  const before = process.cpuUsage();
  const startedAt = process.hrtime.bigint();
  await Promise.all(
    Array.from({ length: IN_FLIGHT }, async () => {
      while (left-- > 0) await once();
    }),
  );
  const wall = Number(process.hrtime.bigint() - startedAt) / 1000 / COUNT;
  const { user, system } = process.cpuUsage(before);
  return { cpu: (user + system) / COUNT, wall };
}

/** The floor: `crypto.sign` of the same bytes, with keys that are parsed already, and nothing else. */
function bare(names: readonly ('rsa' | 'ed')[], message: Buffer): () => Promise<void> {
  const copies = Array.from({ length: cpus().length }, () => ({
    rsa: createPrivateKey(pems.rsa),
    ed: createPrivateKey(pems.ed),
  }));
  let turn = 0;
  return async () => {
    const own = copies[turn++ % copies.length] as (typeof copies)[0];
    await Promise.all(
      names.map(
        (name) =>
          new Promise<void>((resolve, reject) => {
            const done = (error: Error | null): void => (error === null ? resolve() : reject(error));
            if (name === 'rsa') sign('sha256', message, own.rsa, done);
            else sign(null, message, own.ed, done);
          }),
      ),
    );
  };
}

async function ours(names: readonly ('rsa' | 'ed')[], message: Buffer): Promise<() => Promise<unknown>> {
  const keyring = await keyringOf(names);
  const offset = bodyOffsetOf(message);
  return async () => {
    const { fields } = parseHeaderBlock(message.subarray(0, offset));
    await signMessage({ keyring, fromDomain: 'example.com', fields, body: message.subarray(offset), nowMs: NOW_MS });
  };
}

function theirs(names: readonly ('rsa' | 'ed')[], message: Buffer): () => Promise<unknown> {
  return async () =>
    await mailauth.dkimSign(message, {
      canonicalization: 'relaxed/relaxed',
      signTime: NOW_MS,
      signingDomain: 'example.com',
      selector: 'unused',
      privateKey: '',
      signatureData: names.map((name) => ({ signingDomain: 'example.com', selector: name, privateKey: pems[name] })),
    });
}

console.log('body size    keys     bare µs   relevo µs  (over bare)   mailauth µs  (over bare)   relevo wall µs');
for (const [kind, sizeBytes] of [
  ['text', 4096],
  ['text', 51_200],
  ['html', 4096],
  ['html', 51_200],
] as const) {
  const line = BODIES[kind];
  const body = line.repeat(Math.ceil(sizeBytes / line.length)).slice(0, sizeBytes - HEADER.length - 4);
  const message = Buffer.from(`${HEADER}\r\n\r\n${body}`);
  for (const names of [['rsa'], ['ed'], ['rsa', 'ed']] as const) {
    const rounds: { bare: number; own: number; wall: number; other: number }[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      const floor = await measure(bare(names, message));
      const own = await measure(await ours(names, message));
      const other = await measure(theirs(names, message));
      rounds.push({ bare: floor.cpu, own: own.cpu, wall: own.wall, other: other.cpu });
    }
    rounds.sort((a, b) => a.own / a.bare - b.own / b.bare);
    const median = rounds[Math.floor(ROUNDS / 2)] as (typeof rounds)[0];
    const over = (figure: number): string => `${((figure / median.bare - 1) * 100).toFixed(0)} %`.padStart(10);
    const cell = (figure: number): string => figure.toFixed(0).padStart(9);
    console.log(
      `${kind} ${String(sizeBytes).padEnd(7)} ${names.join('+').padEnd(7)} ${cell(median.bare)} ${cell(median.own)} ${over(median.own)}    ` +
        `${cell(median.other)} ${over(median.other)}    ${cell(median.wall)}`,
    );
  }
}
