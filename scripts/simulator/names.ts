/** A DNS server that knows the simulated providers and nothing else: MX of their domains, addresses of their hosts (RFC 1035). */
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { isIPv4 } from 'node:net';
import type { Endpoint, Provider } from './description.ts';

const TYPE_A = 1;
const TYPE_MX = 15;
const NO_ERROR = 0;
const NO_SUCH_NAME = 3;
const TTL_SECONDS = 5;

type Zone = {
  /** Host by domain. */
  readonly mx: ReadonlyMap<string, string>;
  /** Addresses by host. */
  readonly a: ReadonlyMap<string, readonly string[]>;
};

export type NameServer = AsyncDisposable & { readonly endpoint: Endpoint };

/** Answers by UDP; rejects with a Node system error where it cannot listen. */
export async function startNameServer({ host, port }: Endpoint, providers: readonly Provider[]): Promise<NameServer> {
  const zone = zoneOf(providers);
  const socket: Socket = createSocket(isIPv4(host) ? 'udp4' : 'udp6');
  socket.bind(port, host);
  await once(socket, 'listening');
  socket.on('error', () => {});
  socket.on('message', (query, from) => {
    const answer = answerTo(query, zone);
    if (answer !== null) socket.send(answer, from.port, from.address);
  });
  return {
    endpoint: { host, port: socket.address().port },
    [Symbol.asyncDispose]: () => new Promise<void>((done) => socket.close(() => done())),
  };
}

function zoneOf(providers: readonly Provider[]): Zone {
  const hostOf = ({ name }: Provider): string => `mx.${name}`.toLowerCase();
  const mx = providers.flatMap((provider) =>
    provider.domains.map((domain): [string, string] => [domain.toLowerCase(), hostOf(provider)]),
  );
  const a = providers.map((provider): [string, string[]] => {
    const addresses = provider.listen.map(({ host }) => host).filter((host) => isIPv4(host));
    return [hostOf(provider), [...new Set(addresses)]];
  });
  return { mx: new Map(mx), a: new Map(a) };
}

function answerTo(query: Buffer, { mx, a }: Zone): Buffer | null {
  const question = questionIn(query);
  if (question === null) return null;
  const { name, type, end } = question;
  const host = mx.get(name);
  const addresses = a.get(name);
  const records: Buffer[] = [];
  if (type === TYPE_MX && host !== undefined) records.push(Buffer.concat([uint16(10), encodedName(host)]));
  if (type === TYPE_A) for (const address of addresses ?? []) records.push(Buffer.from(address.split('.').map(Number)));
  const code = host === undefined && addresses === undefined ? NO_SUCH_NAME : NO_ERROR;
  const header = Buffer.concat([
    query.subarray(0, 2),
    uint16(0x8580 | code),
    uint16(1),
    uint16(records.length),
    uint16(0),
    uint16(0),
  ]);
  // The name of each record points back to the question's.
  const answers = records.map((record) =>
    Buffer.concat([
      uint16(0xc00c),
      uint16(type),
      uint16(1),
      uint16(0),
      uint16(TTL_SECONDS),
      uint16(record.length),
      record,
    ]),
  );
  return Buffer.concat([header, query.subarray(12, end), ...answers]);
}

/** null: not one question that can be read. */
function questionIn(query: Buffer): { readonly name: string; readonly type: number; readonly end: number } | null {
  if (query.length < 17 || query.readUInt16BE(4) !== 1) return null;
  const labels: string[] = [];
  let at = 12;
  for (let length = query[at] ?? 0; length > 0; length = query[at] ?? 0) {
    if (length > 63 || at + length + 6 > query.length) return null;
    labels.push(query.toString('latin1', at + 1, at + 1 + length));
    at += 1 + length;
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 };
}

function encodedName(name: string): Buffer {
  const labels = name
    .split('.')
    .map((label) => Buffer.concat([Buffer.from([label.length]), Buffer.from(label, 'latin1')]));
  return Buffer.concat([...labels, Buffer.from([0])]);
}

function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}
