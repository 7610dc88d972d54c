import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createTestAuthority, type KeyPair, type TestAuthority } from '../../tests/fakes/certificates.ts';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { openSignInRig, PASSWORD } from '../../tests/fakes/sign-in-rig.ts';
import { Certificate } from '../ingress/tls.ts';
import type { Event } from '../message/event.ts';
import type { OpenPair } from './bound-server.ts';

let authority: TestAuthority;
let [first, second]: KeyPair[] = [];
const folder = mkdtempSync(join(tmpdir(), 'relevo-https-'));
const files = { cert: join(folder, 'relay.crt'), key: join(folder, 'relay.key') };

beforeAll(async () => {
  authority = await createTestAuthority();
  first = await authority.issue('relay.example.com');
  second = await authority.issue('other.example.com');
});

afterAll(async () => {
  await authority[Symbol.asyncDispose]();
  rmSync(folder, { recursive: true, force: true });
});

function put(pair: KeyPair | undefined): void {
  writeFileSync(files.cert, pair?.cert ?? '');
  writeFileSync(files.key, pair?.key ?? '');
}

/** As the relay opens it, on files that the test writes. */
function pairOf(clock: FakeClock, events: Event[] = []): OpenPair {
  return async (changed) => {
    const policy = { ...files, minVersion: 'TLSv1.2', ciphers: null } as const;
    const emit = (event: Event): void => void events.push(event);
    const certificate = await Certificate.load(policy, { clock, emit, changed, alert: 'http-certificate' });
    return {
      get material() {
        return certificate.material;
      },
      apply: () => certificate.apply(policy),
      [Symbol.dispose]: () => certificate[Symbol.dispose](),
    };
  };
}

/** @returns the name in the certificate that is shown, or why nothing is spoken */
async function spoken(port: number, version: 'TLSv1.1' | 'TLSv1.2' | 'TLSv1.3'): Promise<string> {
  const socket: TLSSocket = connect({
    port,
    host: '127.0.0.1',
    rejectUnauthorized: false,
    minVersion: version,
    maxVersion: version,
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  const { promise, resolve } = Promise.withResolvers<string>();
  socket.once('secureConnect', () => resolve(String(socket.getPeerCertificate().subjectaltname).replace('DNS:', '')));
  socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  const name = await promise;
  socket.destroy();
  return name;
}

test('by TLS 1.2 and 1.3 a cookie is for this host and TLS alone', async () => {
  put(first);
  await using rig = await openSignInRig(', tls: true', { openPair: pairOf(new FakeClock()) });
  await rig.addUser('ana', 'admin');
  expect(await spoken(rig.port, 'TLSv1.2')).toBe('relay.example.com');
  expect(await spoken(rig.port, 'TLSv1.3')).toBe('relay.example.com');
  expect(await spoken(rig.port, 'TLSv1.1')).not.toBe('relay.example.com');
  const { set, cookie, page } = await rig.signIn('ana');
  expect(set).toMatch(/^__Host-relevo=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Lax; Secure$/);
  expect(page.text).toContain('You are signed in as ana.');
  // A cookie without the prefix may be set by a neighbour, or over clear text.
  const bare = cookie.replace('__Host-', '');
  expect((await rig.ask('/api/v1/account', { headers: { cookie: bare } })).status).toBe(401);
});

test('another certificate is shown once its files are there, and a broken one never', async () => {
  put(first);
  const clock = new FakeClock();
  const events: Event[] = [];
  await using rig = await openSignInRig(', tls: true', { openPair: pairOf(clock, events) });
  put(second);
  await rig.server.listen();
  expect(await spoken(rig.port, 'TLSv1.3')).toBe('other.example.com');
  writeFileSync(files.cert, 'broken');
  await rig.server.listen();
  expect(await spoken(rig.port, 'TLSv1.3')).toBe('other.example.com');
  expect(events).toMatchObject([{ event: 'alert', name: 'http-certificate', raised: true }]);
});

test('without a certificate that works nothing is opened, and what was open stays', async () => {
  put(undefined);
  await using closed = await openSignInRig(', tls: true', { openPair: pairOf(new FakeClock()) });
  expect(closed.bound).toEqual({ kind: 'failed', cause: expect.stringContaining('http.tls: there is no certificate') });
  await using rig = await openSignInRig('', { openPair: pairOf(new FakeClock()) });
  rig.setPolicy(', tls: true');
  expect((await rig.server.listen()).kind).toBe('failed');
  rig.setPolicy('');
  expect((await rig.ask('/sign-in')).status).toBe(200);
});

test('the listener changes to TLS on its own port, and back', async () => {
  put(first);
  const port = await freePort();
  await using rig = await openSignInRig('', { openPair: pairOf(new FakeClock()), listen: `127.0.0.1:${port}` });
  rig.setPolicy(', tls: true');
  expect(await rig.server.listen()).toEqual({ kind: 'listening', address: '127.0.0.1', port });
  expect(await spoken(port, 'TLSv1.3')).toBe('relay.example.com');
  rig.setPolicy('');
  await rig.server.listen();
  expect((await rig.ask('/sign-in')).status).toBe(200);
});

test('off loopback nothing is opened in clear text, and what was open stays', async () => {
  await using rig = await openSignInRig();
  const wide = await openSignInRig('', { listen: '0.0.0.0:0' });
  expect(wide.bound).toEqual({ kind: 'failed', cause: expect.stringContaining('0.0.0.0:0 is not a loopback address') });
  expect((await rig.ask('/sign-in')).status).toBe(200);
});

test('behind a proxy with TLS cookies are for TLS, addresses those of browsers; in clear text nobody signs in', async () => {
  await using rig = await openSignInRig(', trustedProxies: [127.0.0.1]');
  await rig.addUser('ana', 'admin');
  const signIn = (headers: Record<string, string>) =>
    rig.ask('/api/v1/sign-in', { body: { name: 'ana', password: PASSWORD }, headers });
  const far = { 'x-forwarded-for': '198.51.100.7' };
  expect((await signIn({ ...far, 'x-forwarded-proto': 'http' })).status).toBe(403);
  const answer = await signIn({ ...far, 'x-forwarded-proto': 'https' });
  expect(answer.headers['set-cookie']?.[0]).toMatch(/^__Host-relevo=.*; Secure$/);
  expect(rig.audited.at(-1)?.actor).toEqual({ kind: 'user', name: 'ana', from: '198.51.100.7' });
  // Without the policy's word nobody's is believed.
  rig.setPolicy('');
  await signIn({ ...far, 'x-forwarded-proto': 'https' });
  expect(rig.audited.at(-1)?.actor.from).toBe('127.0.0.1');
});

test('a page whose name was made to lead here gets nothing; a program with a token may use any name', async () => {
  await using rig = await openSignInRig(', names: [status.example.com]');
  const { token } = await rig.tokens.createToken({ name: 'p', scopes: ['admin'], lifetimeMs: null });
  const as = (path: string, headers: Record<string, string>) => rig.ask(path, { headers });
  for (const path of ['/sign-in', '/access', '/api/v1/account'])
    expect((await as(path, { host: 'evil.example' })).status).toBe(421);
  expect((await as('/sign-in', { host: 'status.example.com:8080' })).status).toBe(200);
  const shown = { host: 'relevo:8080', authorization: `Bearer ${token}` };
  expect((await as('/api/v1/users', shown)).status).toBe(200);
  expect((await as('/sign-in', shown)).status).toBe(421);
});

async function freePort(): Promise<number> {
  const server: Server = createServer();
  await new Promise<void>((resolve) => server.listen({ host: '127.0.0.1', port: 0 }, resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
