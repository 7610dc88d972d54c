import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { Duplex } from 'node:stream';
import { connect as connectTls, createServer as createTlsServer } from 'node:tls';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createTestAuthority, type TestAuthority } from '../../../tests/fakes/certificates.ts';
import { FakeClock, settled } from '../../../tests/fakes/clock.ts';
import { Wire, type Heard } from './wire.ts';

/** A connection whose far end, and whose system buffer, a test holds in its hands. */
function rig() {
  const taken: (() => void)[] = [];
  const stream = new Duplex({
    read: () => {},
    write: (_chunk, _encoding, done: () => void) => {
      taken.push(done);
    },
  });
  const clock = new FakeClock();
  const wire = new Wire(stream as unknown as Socket, clock);
  return { wire, clock, stream, take: () => taken.shift()?.(), say: (text: string) => stream.push(text) };
}

async function fate(heard: Promise<Heard>): Promise<string> {
  const result = await heard;
  return result.kind === 'reply' ? `${result.reply.code}` : result.kind;
}

describe('the final dot', () => {
  test('is out once the system has taken it', async () => {
    const { wire, take, stream } = rig();
    wire.sendLast(Buffer.from('.\r\n'));
    expect(wire.dotIsOut).toBe(false);
    take();
    await settled();
    expect(wire.dotIsOut).toBe(true);
    const heard = wire.heard(1_000);
    stream.destroy();
    expect(await fate(heard)).toBe('lost');
    expect(wire.dotIsOut).toBe(true);
  });

  test('is not out when the connection ends while it waits to be taken', async () => {
    const { wire, stream } = rig();
    wire.sendLast(Buffer.from('.\r\n'));
    const heard = wire.heard(1_000);
    stream.destroy(Object.assign(new Error('reset'), { code: 'ECONNRESET' }));
    expect(await heard).toEqual({ kind: 'lost', code: 'ECONNRESET' });
    expect(wire.dotIsOut).toBe(false);
  });

  test('is not out when the reply to the last message was', async () => {
    const { wire, take } = rig();
    wire.sendLast(Buffer.from('.\r\n'));
    take();
    await settled();
    wire.startOver();
    expect(wire.dotIsOut).toBe(false);
  });
});

describe('a connection that is lost while the end of a message goes out', () => {
  let authority: TestAuthority;
  beforeAll(async () => {
    authority = await createTestAuthority();
  });
  afterAll(() => authority[Symbol.asyncDispose]());

  /** Hands over more than the system takes to a peer that reads nothing and goes away. */
  async function dotIsOutOver(kind: 'TLS' | 'clear text'): Promise<boolean> {
    const pair = await authority.issue('mail.example.org');
    const server = kind === 'TLS' ? createTlsServer(pair) : createServer();
    const accepted = once(server, kind === 'TLS' ? 'secureConnection' : 'connection');
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const target = { port, host: '127.0.0.1' };
    const socket = kind === 'TLS' ? connectTls({ ...target, rejectUnauthorized: false }) : connect(target);
    await once(socket, kind === 'TLS' ? 'secureConnect' : 'connect');
    const [peer] = (await accepted) as [Socket];
    peer.on('error', () => {});
    const wire = new Wire(socket, new FakeClock());
    wire.sendLast(Buffer.alloc(64 * 1024 * 1024));
    const heard = fate(wire.heard(1_000));
    peer.destroy();
    expect(await heard).toBe('lost');
    server.close();
    return wire.dotIsOut;
  }

  test('has the final dot in doubt under TLS: its last record may be out before we learn of it', async () => {
    expect(await dotIsOutOver('TLS')).toBe(true);
  });

  test('has not sent it in clear text', async () => {
    expect(await dotIsOutOver('clear text')).toBe(false);
  });
});

describe('time', () => {
  test('counts for the whole reply, however its bytes drip in', async () => {
    const { wire, clock, say } = rig();
    const heard = fate(wire.heard(5 * 60_000));
    for (let minute = 0; minute < 4; minute++) {
      say('250-more\r\n');
      await clock.advance(60_000);
    }
    say('25');
    await clock.advance(60_000);
    expect(await heard).toBe('timeout');
    expect(wire.usable).toBe(false);
    expect(clock.pending).toBe(0);
  });

  test('is not spent on a reply that is already there', async () => {
    const { wire, clock, say } = rig();
    say('250 one\r\n250 two\r\n');
    await settled();
    expect([await fate(wire.heard(0)), await fate(wire.heard(0))]).toEqual(['250', '250']);
    expect(clock.pending).toBe(0);
  });

  test('ends a flush that the peer does not take', async () => {
    const { wire, clock } = rig();
    const flushed = wire.flush(Buffer.alloc(100), 60_000);
    await clock.advance(60_000);
    expect(await flushed).toBe('timeout');
  });
});

describe('an idle connection', () => {
  test('tells when the peer speaks or leaves, and is usable no more', async () => {
    for (const end of ['421 idle\r\n', null]) {
      const { wire, stream } = rig();
      let told = 0;
      wire.onUnrest = () => {
        told += 1;
      };
      expect(wire.usable).toBe(true);
      stream.push(end);
      await settled();
      expect([told, wire.usable]).toEqual([1, false]);
    }
  });

  test('is not usable with half a reply', async () => {
    const { wire, say } = rig();
    say('25');
    await settled();
    expect(wire.usable).toBe(false);
  });
});

test('what was said before the end is heard before the end', async () => {
  const { wire, stream, say } = rig();
  say('421 closing\r\n');
  stream.push(null);
  await settled();
  expect([await fate(wire.heard(0)), await fate(wire.heard(0))]).toEqual(['421', 'lost']);
});

test('a flush ends when the peer speaks before it has taken everything', async () => {
  const { wire, say } = rig();
  const flushed = wire.flush(Buffer.alloc(100), 60_000);
  say('552 too big\r\n');
  expect(await flushed).toBe('spoke');
  expect(await fate(wire.heard(0))).toBe('552');
});
