import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { once } from 'node:events';
import { expect, test } from 'vitest';
import { startLoad } from '../fakes/load.ts';
import { freePort } from '../fakes/postfix.ts';
import { RelayProcess } from '../fakes/relay-process.ts';

const MB = 1024 ** 2;

async function relayWith(limits: string): Promise<{ relay: RelayProcess; port: number }> {
  const port = await freePort();
  const relay = new RelayProcess(`
hostname: relay.test
listen: [{ port: ${port}, address: 127.0.0.1, tls: none, auth: none }]
limits: ${limits}
clients: { apps: { networks: [127.0.0.0/8], senders: ["*"] } }
egress: { sandbox: { type: sandbox, path: ../data/sandbox } }
http: { listen: 127.0.0.1:${await freePort()} }
`);
  await relay.start();
  return { relay, port };
}

/** Most memory that the process ever had, bytes. */
function peakMemory(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

/** Sends one message of `chunks` × 1 MB and returns the final reply, or the reply that ended it early. */
async function sendLarge(port: number, chunks: number, declare: boolean): Promise<string> {
  const socket = connect(port, '127.0.0.1');
  const read = lines(socket);
  const closed = once(socket, 'close');
  const chunk = Buffer.from(`${'z'.repeat(62)}\r\n`.repeat(MB / 64));
  try {
    await read();
    for (const command of [
      'HELO large.test\r\n',
      `MAIL FROM:<a@large.test>${declare ? ` SIZE=${chunks * MB}` : ''}\r\n`,
      'RCPT TO:<b@dest.test>\r\n',
      'DATA\r\n',
    ]) {
      socket.write(command);
      const reply = await read();
      if (/^[45]/.test(reply)) return reply;
    }
    socket.write('From: a@large.test\r\nSubject: large\r\n\r\n');
    for (let n = 0; n < chunks; n++) {
      if (!socket.write(chunk)) await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed]);
    }
    socket.write('.\r\n');
    return await read();
  } finally {
    socket.destroy();
  }
}

function lines(socket: Socket): () => Promise<string> {
  const replies: string[] = [];
  let text = '';
  let wake: (() => void) | null = null;
  let ended = false;
  socket.on('data', (data: Buffer) => {
    text += data.toString('latin1');
    const parts = text.split('\r\n');
    text = parts.pop() ?? '';
    replies.push(...parts.filter((line) => line[3] !== '-'));
    wake?.();
  });
  socket.on('error', () => undefined);
  socket.on('close', () => {
    ended = true;
    wake?.();
  });
  return async () => {
    while (replies.length === 0 && !ended) await new Promise<void>((resolve) => (wake = resolve));
    return replies.shift() ?? 'closed';
  };
}

test.each([{ declare: true }, { declare: false }])(
  'fifty clients with a message of the maximum size each do not exhaust memory (size declared: $declare)',
  { timeout: 240_000 },
  async ({ declare }) => {
    const { relay, port } = await relayWith('{ perAddress: 200 }');
    await using _ = relay;
    const replies = await Promise.all(Array.from({ length: 50 }, () => sendLarge(port, 24, declare)));
    const accepted = replies.filter((reply) => reply.startsWith('250')).length;
    expect(accepted).toBeGreaterThan(0);
    for (const reply of replies) expect(reply).toMatch(/^(250 2\.6\.0|452 4\.3\.1) /);
    expect(peakMemory(relay.pid)).toBeLessThan(900 * MB);
    // What was refused comes again, and goes through once there is room.
    expect(await sendLarge(port, 24, declare)).toMatch(/^250 /);
    const report = await relay.audit();
    expect(report['accepted']).toBe(accepted + 1);
  },
);

test(
  'a thousand connections that idle or drip do not keep mail from getting through',
  { timeout: 120_000 },
  async () => {
    const { relay, port } = await relayWith('{ connections: 1100, perAddress: 2000 }');
    await using _ = relay;
    const sockets = Array.from({ length: 1000 }, () => connect(port, '127.0.0.1').on('error', () => undefined));
    await Promise.all(sockets.map((socket) => once(socket, 'data')));
    const drip = setInterval(() => {
      for (const socket of sockets) socket.write('E');
    }, 200);
    try {
      const load = startLoad({ port: () => port, sessions: 10, prefix: 'idle', count: 300 });
      const before = Date.now();
      await load.finished;
      expect(load.acknowledged.size).toBe(300);
      expect(Date.now() - before).toBeLessThan(15_000);
      expect(peakMemory(relay.pid)).toBeLessThan(400 * MB);
    } finally {
      clearInterval(drip);
      for (const socket of sockets) socket.destroy();
    }
    await relay.audit();
  },
);
