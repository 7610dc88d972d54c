/** IP addresses and networks as numbers. An IPv4 address mapped into IPv6 (RFC 4291 §2.5.5.2) is the IPv4 address. */
import { isIPv4, isIPv6 } from 'node:net';

export type Network = {
  readonly family: 4 | 6;
  readonly bits: bigint;
  /** Length of the prefix: 0–32 or 0–128. */
  readonly prefix: number;
};

const WIDTH = { 4: 32, 6: 128 } as const;
const MAPPED_PREFIX = 96;
const MAPPED = 0xffffn;

/** Reads `192.0.2.0/24`, `2001:db8::/32` or an address alone; null for anything else. A zone (`%eth0`) is dropped. */
export function parseNetwork(text: string): Network | null {
  const [address = '', prefixText, ...rest] = text.split('/');
  if (rest.length > 0) return null;
  const bare = address.split('%', 1)[0] ?? '';
  const family = isIPv4(bare) ? 4 : isIPv6(bare) ? 6 : null;
  if (family === null) return null;
  if (prefixText !== undefined && !/^\d{1,3}$/.test(prefixText)) return null;
  const prefix = prefixText === undefined ? WIDTH[family] : Number(prefixText);
  if (prefix > WIDTH[family]) return null;
  return unmapped({ family, prefix, bits: family === 4 ? bitsOf4(bare) : bitsOf6(bare) });
}

/** Whether `inner` lies in `outer` whole. */
export function containsNetwork(outer: Network, inner: Network): boolean {
  if (outer.family !== inner.family || outer.prefix > inner.prefix) return false;
  const shift = BigInt(WIDTH[outer.family] - outer.prefix);
  return outer.bits >> shift === inner.bits >> shift;
}

/** The same text for the same network, however it is written: host bits do not count. */
export function networkKey({ family, bits, prefix }: Network): string {
  return `${family}/${prefix}/${bits >> BigInt(WIDTH[family] - prefix)}`;
}

/** Its first address stands for all of it. */
export function withoutHostBits({ family, bits, prefix }: Network): Network {
  const shift = BigInt(WIDTH[family] - prefix);
  return { family, prefix, bits: (bits >> shift) << shift };
}

/** `192.0.2.0/24`, `2001:db8::/32`. */
export function formatNetwork({ family, bits, prefix }: Network): string {
  if (family === 4) return `${partsOf(bits, { count: 4, width: 8 }).join('.')}/${prefix}`;
  const groups = partsOf(bits, { count: 8, width: 16 }).map((group) => group.toString(16));
  // The URL parser knows how IPv6 addresses are abbreviated (RFC 5952).
  return `${new URL(`http://[${groups.join(':')}]`).hostname.slice(1, -1)}/${prefix}`;
}

/** The highest first. */
function partsOf(bits: bigint, { count, width }: { readonly count: number; readonly width: number }): bigint[] {
  return Array.from({ length: count }, (_, place) =>
    BigInt.asUintN(width, bits >> BigInt(width * (count - 1 - place))),
  );
}

function unmapped(network: Network): Network {
  if (network.family === 4 || network.prefix < MAPPED_PREFIX || network.bits >> 32n !== MAPPED) return network;
  return { family: 4, bits: network.bits & 0xffff_ffffn, prefix: network.prefix - MAPPED_PREFIX };
}

function bitsOf4(address: string): bigint {
  return BigInt(address.split('.').reduce((bits, octet) => bits * 256 + Number(octet), 0));
}

function bitsOf6(address: string): bigint {
  // The last 32 bits may be written as an IPv4 address.
  const hex = address.replace(/\d+\.\d+\.\d+\.\d+$/, (four) => {
    const bits = bitsOf4(four);
    return `${(bits >> 16n).toString(16)}:${(bits & 0xffffn).toString(16)}`;
  });
  const [head = '', tail] = hex.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].reduce((bits, group) => (bits << 16n) | BigInt(`0x${group}`), 0n);
}
