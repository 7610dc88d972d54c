/**
 * What the answer of a DNS blocklist means (RFC 5782): listed, clean, or nothing at all. Pure. Only an answer that the zone can
 * have given, through a resolver that was seen to tell its test entries apart, is believed.
 */
import { isIPv4 } from 'node:net';
import { parseNetwork } from '../policy/network.ts';
import type { DnsAnswer } from '../ports.ts';

/** `codes`: the addresses that were answered. `noted`: in a part of the list that says nothing bad of it; '' otherwise. */
export type Verdict =
  | { readonly kind: 'listed'; readonly words: string }
  | { readonly kind: 'clean'; readonly noted: string }
  | { readonly kind: 'unknown'; readonly cause: string };

/** The name by which a zone is asked about an address: octets or nibbles in reverse (RFC 5782 §2.1, §2.4). */
export function listingName(address: string, zone: string): string {
  const network = parseNetwork(address);
  if (network === null) return `${address}.${zone}`;
  const { family, bits } = network;
  if (family === 4) {
    const octets = [0n, 8n, 16n, 24n].map((shift) => (bits >> shift) & 0xffn);
    return `${octets.join('.')}.${zone}`;
  }
  return `${reversedNibbles(bits)}.${zone}`;
}

function reversedNibbles(bits: bigint): string {
  return bits.toString(16).padStart(32, '0').split('').toReversed().join('.');
}

/**
 * Entries that every list must have and must not have, as names (RFC 5782 §5): 127.0.0.2 and 127.0.0.1, and for IPv6
 * ::FFFF:7F00:2 and ::FFFF:7F00:1.
 */
export function testNames(zone: string, family: 4 | 6): { readonly present: string; readonly absent: string } {
  if (family === 4) return { present: `2.0.0.127.${zone}`, absent: `1.0.0.127.${zone}` };
  const named = (last: bigint): string => `${reversedNibbles(0xffff_7f00_0000n + last)}.${zone}`;
  return { present: named(2n), absent: named(1n) };
}

/** Why nothing that the zone answers about addresses of that family can be believed; null: it can. */
export function senseless(
  answers: { readonly present: DnsAnswer<string>; readonly absent: DnsAnswer<string> },
  family: 4 | 6,
): string | null {
  const present = meaningOf(answers.present);
  if (present.kind === 'unknown') return present.cause;
  const absent = meaningOf(answers.absent);
  if (absent.kind === 'unknown') return absent.cause;
  if (absent.kind === 'listed')
    return 'it lists what no list may (RFC 5782 §5): the zone lists everything, or the resolver makes answers up';
  if (present.kind === 'listed') return null;
  return family === 6
    ? NO_IPV6
    : 'it does not list its test entry 127.0.0.2: the zone is gone, or the resolver says “no such name” to everything';
}

/** A list that knows no IPv6: nothing is wrong, and nothing is known. */
export const NO_IPV6 = 'it has no list of IPv6 addresses';

/** @param zone as in the policy */
export function verdictOf(zone: string, answer: DnsAnswer<string>): Verdict {
  const meaning = meaningOf(answer);
  if (meaning.kind === 'unknown') return meaning;
  if (meaning.kind === 'clean') return { kind: 'clean', noted: '' };
  const parts = meaning.codes.map((code) => partOf(zone, code));
  const bad = parts.filter(({ isBad }) => isBad);
  const words = (some: typeof parts): string => [...new Set(some.map(({ name }) => name))].join(', ');
  return bad.length > 0 ? { kind: 'listed', words: words(bad) } : { kind: 'clean', noted: words(parts) };
}

type Meaning =
  | { readonly kind: 'listed'; readonly codes: readonly string[] }
  | { readonly kind: 'clean' }
  | { readonly kind: 'unknown'; readonly cause: string };

function meaningOf(answer: DnsAnswer<string>): Meaning {
  switch (answer.kind) {
    case 'missing':
    case 'none':
      return { kind: 'clean' };
    case 'failed':
      return { kind: 'unknown', cause: `no answer (${answer.cause})` };
    case 'found': {
      const strange = answer.records.map(strangeness).find((cause) => cause !== null);
      return strange === undefined ? { kind: 'listed', codes: answer.records } : { kind: 'unknown', cause: strange };
    }
  }
}

const REFUSALS: Readonly<Record<string, string>> = {
  '127.255.255.252': 'its name is misspelt',
  '127.255.255.254': 'it is a public or open resolver',
  '127.255.255.255': 'it asks too much',
};

/** What makes an answer no word of the list; null: it is one. */
function strangeness(code: string): string | null {
  if (!isIPv4(code) || !code.startsWith('127.'))
    return `the answer ${code} is none of a blocklist: the resolver makes answers up`;
  if (code.startsWith('127.255.255.'))
    return `it refuses this resolver with ${code}: ${REFUSALS[code] ?? 'no reason is known'}`;
  // RFC 5782 §2.1 leaves it out: it is what machines answer that answer everything.
  if (code === '127.0.0.1' || code === '127.0.0.0') return `the answer ${code} means nothing`;
  return null;
}

/** Parts of Spamhaus’ combined list by code. Being in the PBL says what an address is for, not that it sent spam. */
const SPAMHAUS: readonly { readonly codes: readonly number[]; readonly name: string; readonly isBad: boolean }[] = [
  { codes: [2], name: 'SBL', isBad: true },
  { codes: [3], name: 'CSS', isBad: true },
  { codes: [4, 5, 6, 7], name: 'XBL', isBad: true },
  { codes: [9], name: 'DROP', isBad: true },
  { codes: [10, 11], name: 'PBL', isBad: false },
];

function partOf(zone: string, code: string): { readonly name: string; readonly isBad: boolean } {
  const last = code.startsWith('127.0.0.') ? Number(code.slice('127.0.0.'.length)) : null;
  const part = isSpamhaus(zone) && last !== null ? SPAMHAUS.find(({ codes }) => codes.includes(last)) : undefined;
  return part ?? { name: code, isBad: true };
}

function isSpamhaus(zone: string): boolean {
  return /(?:^|\.)spamhaus\.(?:org|net)$/i.test(zone);
}

const REMOVALS: readonly (readonly [RegExp, string])[] = [
  [/(?:^|\.)spamhaus\.(?:org|net)$/i, 'https://check.spamhaus.org/'],
  [/(?:^|\.)spamcop\.net$/i, 'https://www.spamcop.net/bl.shtml'],
  [/(?:^|\.)barracudacentral\.org$/i, 'https://www.barracudacentral.org/rbl/removal-request'],
  [/(?:^|\.)surriel\.com$/i, 'https://psbl.org/'],
];

/** Where to ask to be taken off a list. */
export function removalOf(zone: string): string {
  return REMOVALS.find(([pattern]) => pattern.test(zone))?.[1] ?? `whoever runs ${zone}`;
}
