import { spawn } from 'node:child_process';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { request } from 'node:http';
import { connect, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { CliRig } from '../../tests/fakes/cli-rig.ts';
import { FakeLive } from '../../tests/fakes/fake-live.ts';
import { aSubmission, deliveryOf } from '../../tests/fakes/submission.ts';
import type { Event } from '../message/event.ts';
import { connectControl } from './client.ts';
import { startControl, type ControlBinding } from './server.ts';
import type { Operations } from '../operations/operations.ts';
import { createOperations } from '../operations/store-operations.ts';

let rig: CliRig;
let things: AsyncDisposableStack;
const events: Event[] = [];
const emit = (event: Event) => void events.push(event);

beforeEach(() => {
  rig = new CliRig();
  things = new AsyncDisposableStack();
  things.use(rig);
  events.length = 0;
});
afterEach(() => things.disposeAsync());

function start(operations: Operations, dataFolder = rig.dataFolder): Promise<ControlBinding> {
  return startControl({ dataFolder, operations, clock: rig.clock, emit, messageSizeBytes: () => 1_000_000 });
}

/** A relay in small: a store, and the socket over it. */
async function running(dataFolder = rig.dataFolder) {
  const spool = things.use(await rig.openSpool());
  const live = new FakeLive();
  const operations = createOperations({ spool, clock: rig.clock, showsSubjects: () => true, live, emit });
  const binding = await start(operations, dataFolder);
  if (binding.kind !== 'listening') throw new Error(binding.cause);
  things.use(binding.control);
  return { spool, live, control: binding.control };
}

const socket = () => join(rig.dataFolder, 'relevo.sock');

test('commands reach the running relay, which has the store for itself', async () => {
  const { spool, live } = await running();
  const one = aSubmission({ atMs: rig.clock.nowMs() });
  await spool.accept(one);
  const listed = JSON.parse((await rig.run(['queue', 'list', '--json'])).stdout);
  expect(listed.deliveries).toMatchObject([{ id: deliveryOf(one) }]);
  expect((await rig.run(['explain', one.message.id])).stdout).toContain('every exit of route default rests');
  expect(JSON.parse((await rig.run(['message', one.message.id, '--json'])).stdout).message.subject).toBe('hello');
  expect((await rig.run(['audit'])).code).toBe(0);
  expect((await rig.run(['queue', 'shape'])).stdout).toContain('dest.test');
  expect((await rig.run(['queue', 'hold', '--all'])).stdout).toBe('1 delivery held.\n');
  expect(live.wakes).toBe(0);
  expect((await rig.run(['queue', 'release', '--all'])).stdout).toBe('1 delivery released.\n');
  expect(live.wakes).toBe(1);
  expect((await rig.run(['queue', 'bounce', '--domain', 'dest.test'])).stdout).toBe('2 deliveries bounced.\n');
  expect(live.bounces).toEqual([{ domain: 'dest.test' }]);
});

test('log and metrics hear of each delivery that an operator changed', async () => {
  const { spool } = await running();
  const one = aSubmission({ atMs: rig.clock.nowMs(), to: ['a@dest.test', 'b@dest.test'] });
  await spool.accept(one);
  await spool.accept(aSubmission({ atMs: rig.clock.nowMs(), leaseUntilMs: rig.clock.nowMs() + 60_000 }));
  for (const action of ['hold', 'hold', 'release', 'discard']) await rig.run(['queue', action, '--all']);
  expect(events).toMatchObject(
    ['held', 'released', 'discarded'].map((event) => ({
      event,
      deliveryId: deliveryOf(one),
      recipients: ['a@dest.test', 'b@dest.test'],
    })),
  );
  expect(events).toHaveLength(3);
});

test('a delivery that is under way is left alone and counted', async () => {
  const { spool } = await running();
  await spool.accept(aSubmission({ atMs: rig.clock.nowMs(), leaseUntilMs: rig.clock.nowMs() + 60_000 }));
  const held = await rig.run(['queue', 'hold', '--all']);
  expect(held.stdout).toBe('0 deliveries held.\n1 delivery under way and left alone.\n');
});

test('a message is handed over byte for byte, with everything that was said of it', async () => {
  const { live } = await running();
  const content = 'From: <shop@example.com>\r\nSubject: \u00fcber\r\n\r\n{"not": "the ask"}\n\0\r\n';
  writeFileSync(join(rig.folder, 'm.eml'), content);
  const options = ['--client', 'shop', '--stream', 'marketing', '--priority', 'low', '--tag', 'may'];
  const to = ['--to', 'a@dest.test', 'B@DEST.test'];
  const sent = await rig.run(['send', '--from', 'shop@example.com', ...to, '--file', 'm.eml', ...options]);
  expect(sent).toMatchObject({ code: 0, stderr: '' });
  expect(sent.stdout).toMatch(/^Accepted: relevo message [0-9A-Z]{26}\n$/);
  expect(live.mails).toEqual([
    {
      sender: 'shop@example.com',
      recipients: ['a@dest.test', 'B@dest.test'],
      content: Buffer.from(content),
      client: 'shop',
      stream: 'marketing',
      priority: 'low',
      tag: 'may',
    },
  ]);
});

test('without a file a message comes from standard input, or a test message is made', async () => {
  const { live } = await running();
  const send = ['send', '--from', '<>', '--to', 'a@dest.test'];
  await rig.run(send, 'Subject: piped\n\nfrom a file with LF\n');
  await rig.run([...send, '--subject', 'try\r\nBcc: evil@x.test']);
  expect(live.mails.map((mail) => mail.content.toString())).toEqual([
    'Subject: piped\r\n\r\nfrom a file with LF\r\n',
    'To: <a@dest.test>\r\nSubject: try Bcc: evil@x.test\r\n\r\nThis is a test message, sent by `relevo send`.\r\n',
  ]);
  expect(live.mails[0]?.sender).toBe('');
});

test('a refusal is told, with exit code 1; what is no address is a usage error', async () => {
  await running();
  const refused = await rig.run(['send', '--from', 'a@example.com', '--to', 'nobody@dest.test', '--subject', 'x']);
  expect(refused).toMatchObject({ code: 1, stdout: '', stderr: 'relevo: refused: 550 5.7.1 not permitted\n' });
  for (const args of [
    ['--from', 'nonsense', '--to', 'a@dest.test'],
    ['--from', 'a@dest.test', '--to', 'nonsense'],
    ['--from', 'a@dest.test', '--to', 'b@dest.test', '--priority', 'huge'],
    ['--from', 'a@dest.test', '--to', 'b@dest.test', '--file', 'nowhere.eml'],
    ['--from', 'a@dest.test'],
  ])
    expect(await rig.run(['send', ...args])).toMatchObject({ code: 2, stdout: '' });
});

test('the socket is for its owner only, in a folder for its owner only', async () => {
  const { control } = await running();
  expect(statSync(socket()).mode & 0o777).toBe(0o600);
  await control[Symbol.asyncDispose]();
  expect(existsSync(socket())).toBe(false);

  const fresh = join(rig.folder, 'made/data');
  const binding = await start({} as Operations, fresh);
  expect(statSync(fresh).mode & 0o777).toBe(0o700);
  if (binding.kind === 'listening') await binding.control[Symbol.asyncDispose]();
});

test('a second relay on the same folder is refused, and the first goes on', async () => {
  await running();
  expect(await start({} as Operations)).toEqual({
    kind: 'failed',
    cause: `another relay is running on ${rig.dataFolder}`,
  });
  expect((await rig.run(['audit'])).code).toBe(0);
});

test('the socket of a relay that was killed is replaced', async () => {
  mkdirSync(rig.dataFolder);
  const script = `require('net').createServer().listen(${JSON.stringify(socket())}, () => process.kill(process.pid, 'SIGKILL'))`;
  await new Promise((done) => spawn(process.execPath, ['-e', script]).once('exit', done));
  expect(existsSync(socket())).toBe(true);
  expect(await connectControl(rig.dataFolder)).toEqual({ kind: 'none' });
  await running();
  expect((await connectControl(rig.dataFolder)).kind).toBe('connected');
});

test('a folder whose path is too long for a socket has a link to a short one', async () => {
  const long = join(rig.folder, 'x'.repeat(120), 'data');
  const binding = await start({ status: async () => null } as unknown as Operations, long);
  expect(binding.kind).toBe('listening');
  const link = join(long, 'relevo.sock');
  expect(lstatSync(link).isSymbolicLink()).toBe(true);
  const target = readlinkSync(link);
  expect(statSync(target).mode & 0o777).toBe(0o600);
  expect((await connectControl(long)).kind).toBe('connected');
  // One that was killed leaves the link; the next one takes over.
  if (binding.kind !== 'listening') return;
  await binding.control[Symbol.asyncDispose]();
  expect(existsSync(target)).toBe(false);
  expect(readdirSync(long)).toEqual([]);
});

test('a socket that does not answer is told from none', async () => {
  mkdirSync(rig.dataFolder);
  const silent = createServer((connection) => connection.destroy()).listen(socket());
  await new Promise((done) => silent.once('listening', done));
  expect(await connectControl(rig.dataFolder)).toMatchObject({ kind: 'failed' });
  const refused = await rig.run(['audit']);
  expect(refused).toMatchObject({ code: 1, stdout: '' });
  await new Promise((done) => silent.close(done));
});

function post(path: string, body: Buffer | string, headers = {}): Promise<{ status: number; text: string }> {
  return new Promise((resolve, reject) => {
    const asked = request({ socketPath: socket(), method: 'POST', path, headers, agent: false }, (response) => {
      let text = '';
      response.on('data', (chunk) => (text += chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, text }));
    });
    asked.on('error', reject);
    asked.end(body);
  });
}

test('what is no request is answered, and harms nothing', async () => {
  const { spool } = await running();
  await spool.accept(aSubmission({ atMs: rig.clock.nowMs() }));
  for (const [path, body, status] of [
    ['/drop', '{}\n', 404],
    ['/constructor', '{}\n', 404],
    ['/list', 'nonsense', 400],
    ['/list', '{}\n', 400],
    ['/change', '{"action":"discard","filter":{"everything":true}}\n', 400],
    ['/change', '{"action":"explode","filter":{}}\n', 400],
    ['/story', '{"id":"1 OR 1=1"}\n', 400],
  ] as const)
    expect({ path, body, status: (await post(path, body)).status }).toEqual({ path, body, status });
  const garbage = connect(socket());
  garbage.end('\0\0\0 garbage\r\n\r\n');
  await new Promise((done) => garbage.on('close', done).resume());
  expect((await spool.overview()).deliveries).toBe(1);
  expect((await rig.run(['audit'])).code).toBe(0);
});

test('what is larger than a message may be is refused without being kept', async () => {
  const { live } = await running();
  const ask = JSON.stringify({
    sender: '',
    recipients: ['a@b.test'],
    client: null,
    stream: null,
    priority: null,
    tag: null,
  });
  const body = Buffer.concat([Buffer.from(`${ask}\n`), Buffer.alloc(10_000_000, 'x')]);
  expect((await post('/submit', body)).status).toBe(413);
  expect((await post('/submit', body, { 'transfer-encoding': 'chunked' })).status).toBe(413);
  expect(live.mails).toEqual([]);
});

test('a surprise inside the relay is an event, and for the asker a sentence', async () => {
  const operations = {
    status: async () => null,
    audit: () => Promise.reject(new TypeError('undefined is not a function')),
  };
  const binding = await start(operations as unknown as Operations);
  if (binding.kind === 'listening') things.use(binding.control);
  const asked = await rig.run(['audit']);
  expect(asked).toEqual({ code: 1, stdout: '', stderr: 'relevo: the relay failed; its log says why\n' });
  expect(events).toMatchObject([
    { event: 'failed', where: 'control', cause: expect.stringContaining('not a function') },
  ]);
});

test('a relay that ends in the middle of an answer is told so', async () => {
  mkdirSync(rig.dataFolder);
  const dying = createServer((connection) => {
    connection.on('error', () => {});
    connection.once('data', (chunk) => {
      if (chunk.includes('/status')) connection.end('HTTP/1.1 200 OK\r\ncontent-length: 14\r\n\r\n{"value":null}');
      else connection.end('HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{"value":');
    });
  }).listen(socket());
  await new Promise((done) => dying.once('listening', done));
  const asked = await rig.run(['audit']);
  expect(asked).toMatchObject({ code: 1, stdout: '' });
  expect(asked.stderr).toMatch(/ended while it was asked|broke off/);
  await new Promise((done) => dying.close(done));
});

test.runIf(process.getuid?.() === 0)('who may not use the socket is told which user may', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-other-'));
  const binding = await start({ status: async () => null } as unknown as Operations, join(folder, 'data'));
  if (binding.kind === 'listening') things.use(binding.control);
  const file = join(import.meta.dirname, 'client.ts');
  const script = `process.setuid(65534); const { connectControl } = await import(${JSON.stringify(file)}); console.log(JSON.stringify(await connectControl(${JSON.stringify(join(folder, 'data'))})));`;
  const child = spawn(process.execPath, ['--input-type=module', '-e', script]);
  let said = '';
  child.stdout.on('data', (chunk) => (said += chunk));
  child.stderr.on('data', (chunk) => (said += chunk));
  await new Promise((done) => child.once('close', done));
  rmSync(folder, { recursive: true, force: true });
  expect(said).toContain('run this as the user that the relay runs as');
});
