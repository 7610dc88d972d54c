/** A DNS server on loopback, UDP and TCP on one port, that answers from a `DnsZone`, faults included (RFC 1035). */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, isIPv4, type Server, type Socket } from 'node:net';
import type { DnsZone, RecordType, ZoneEntry } from './dns.ts';

export type DnsServer = AsyncDisposable & {
  /** For `dns.servers` of a policy: `127.0.0.1:PORT`. */
  readonly address: string;
  readonly port: number;
  readonly zone: DnsZone;
};

const TYPES: Readonly<Record<number, RecordType>> = { 1: 'a', 15: 'mx', 16: 'txt', 28: 'aaaa' };
const CODES = { servfail: 2, nxdomain: 3, refused: 5 } as const;
const TRUNCATED = 0x0200;
/** RFC 1035 §4.2.1: what fits into a datagram without EDNS; with it, our servers go no further either. */
const MAX_DATAGRAM_BYTES = 1232;

export async function startDnsServer(zone: DnsZone): Promise<DnsServer> {
  // The port that UDP got may be taken for TCP: then another one is tried.
  for (let tries = 0; ; tries++) {
    const udp = createSocket('udp4');
    udp.bind(0, '127.0.0.1');
    await once(udp, 'listening');
    const { port } = udp.address();
    const tcp = createServer();
    const sockets = new Set<Socket>();
    try {
      tcp.listen(port, '127.0.0.1');
      await once(tcp, 'listening');
    } catch (error) {
      udp.close();
      if (tries < 20) continue;
      throw error;
    }
    serve({ udp, tcp, sockets, zone });
    const close = async (): Promise<void> => {
      for (const socket of sockets) socket.destroy();
      await Promise.all([new Promise<void>((done) => udp.close(done)), new Promise((done) => tcp.close(done))]);
    };
    return { address: `127.0.0.1:${port}`, port, zone, [Symbol.asyncDispose]: close };
  }
}

type Parts = { readonly udp: UdpSocket; readonly tcp: Server; readonly sockets: Set<Socket>; readonly zone: DnsZone };

function serve({ udp, tcp, sockets, zone }: Parts): void {
  udp.on('message', (query, from) => {
    const answer = respond(query, zone);
    if (answer === null) return;
    const small =
      answer.truncate || answer.packet.length > MAX_DATAGRAM_BYTES ? cut(answer.packet, query) : answer.packet;
    udp.send(small, from.port, from.address);
  });
  tcp.on('connection', (socket) => {
    sockets.add(socket);
    let pending: Buffer = Buffer.alloc(0);
    socket.on('error', () => {});
    socket.on('close', () => sockets.delete(socket));
    socket.on('data', (chunk: Buffer) => {
      pending = Buffer.concat([pending, chunk]);
      while (pending.length >= 2 && pending.length >= 2 + pending.readUInt16BE(0)) {
        const end = 2 + pending.readUInt16BE(0);
        const answer = respond(pending.subarray(2, end), zone);
        pending = pending.subarray(end);
        if (answer !== null) socket.write(Buffer.concat([uint16(answer.packet.length), answer.packet]));
      }
    });
  });
}

/** null: no answer is to come. */
function respond(query: Buffer, zone: DnsZone): { readonly packet: Buffer; readonly truncate: boolean } | null {
  const question = parseQuestion(query);
  if (question === null) return null;
  const type = TYPES[question.type];
  if (type === undefined) return { packet: packet({ query, code: 0, question, records: [] }), truncate: false };
  const answer = zone.answer(type, question.name);
  if (answer.kind === 'records') {
    const records = encoded(type, answer.entry);
    return { packet: packet({ query, code: 0, question, records }), truncate: answer.entry.truncated === true };
  }
  if (answer.fault === 'timeout') return null;
  return { packet: packet({ query, code: CODES[answer.fault], question, records: [] }), truncate: false };
}

type Question = { readonly name: string; readonly type: number; readonly end: number };

function parseQuestion(query: Buffer): Question | null {
  if (query.length < 17 || query.readUInt16BE(4) !== 1) return null;
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.'), type: query.readUInt16BE(at + 1), end: at + 5 };
}

type Answer = {
  readonly query: Buffer;
  readonly code: number;
  readonly question: Question;
  readonly records: readonly Buffer[];
};

function packet({ query, code, question, records }: Answer): Buffer {
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  // A response that recursion is available for.
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(1, 4);
  header.writeUInt16BE(records.length, 6);
  // The name of each record points back to the question's (RFC 1035 §4.1.4); 60 s to live.
  const answers = records.map((data) =>
    Buffer.concat([uint16(0xc00c), uint16(question.type), uint16(1), uint16(0), uint16(60), uint16(data.length), data]),
  );
  return Buffer.concat([header, query.subarray(12, question.end), ...answers]);
}

function cut(whole: Buffer, query: Buffer): Buffer {
  const end = parseQuestion(query)?.end ?? 12;
  const small = Buffer.from(whole.subarray(0, end));
  small.writeUInt16BE(small.readUInt16BE(2) | TRUNCATED, 2);
  small.writeUInt16BE(0, 6);
  return small;
}

function encoded(type: RecordType, entry: ZoneEntry): Buffer[] {
  switch (type) {
    case 'a':
      return (entry.a ?? []).map((address) => Buffer.from(address.split('.').map(Number)));
    case 'aaaa':
      return (entry.aaaa ?? []).map(encodeIPv6);
    case 'mx':
      return (entry.mx ?? []).map(([preference, exchange]) =>
        Buffer.concat([uint16(preference), encodeName(exchange)]),
      );
    case 'txt':
      return (entry.txt ?? []).map(encodeText);
  }
}

function encodeName(name: string): Buffer {
  const labels = name.split('.').filter((label) => label !== '');
  return Buffer.concat([
    ...labels.flatMap((label) => [Buffer.from([label.length]), Buffer.from(label)]),
    Buffer.from([0]),
  ]);
}

/** Strings of at most 255 octets. */
function encodeText(text: string): Buffer {
  const bytes = Buffer.from(text);
  const parts: Buffer[] = [];
  for (let at = 0; at < bytes.length || at === 0; at += 255) {
    const part = bytes.subarray(at, at + 255);
    parts.push(Buffer.from([part.length]), part);
  }
  return Buffer.concat(parts);
}

function encodeIPv6(address: string): Buffer {
  const [head = '', tail] = withHexTail(address).split('::');
  const before = head.split(':').filter((group) => group !== '');
  const after = (tail ?? '').split(':').filter((group) => group !== '');
  const zeros = tail === undefined ? 0 : 8 - before.length - after.length;
  const groups = [...before, ...Array.from({ length: zeros }, () => '0'), ...after];
  return Buffer.concat(groups.map((group) => uint16(Number.parseInt(group, 16))));
}

/** `::ffff:127.0.0.1` with its last four octets as two groups. */
function withHexTail(address: string): string {
  const tail = address.slice(address.lastIndexOf(':') + 1);
  if (!isIPv4(tail)) return address;
  const [a = 0, b = 0, c = 0, d = 0] = tail.split('.').map(Number);
  return `${address.slice(0, -tail.length)}${(a * 256 + b).toString(16)}:${(c * 256 + d).toString(16)}`;
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
