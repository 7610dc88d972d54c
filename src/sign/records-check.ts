/** Compares the records that should be published with what DNS has. */
import { BlockList, isIP } from 'node:net';

import type { Dns, DnsAnswer } from '../ports.ts';
import type { DnsRecord } from './records.ts';

/**
 * `present`: published, or something that does the same. `different`: something else stands there. `unknown`: DNS did
 * not answer, so nothing can be said.
 */
export type RecordState = 'present' | 'missing' | 'different' | 'unknown';

export type CheckedRecord = {
  readonly record: DnsRecord;
  readonly state: RecordState;
  /** The records of this purpose that DNS has at the name. */
  readonly found: readonly string[];
  /** For the operator: what to do about it; null where nothing is to be done. */
  readonly advice: string | null;
};

/** Looks up each record, all at once. Never rejects. */
export async function checkRecords(records: readonly DnsRecord[], dns: Dns): Promise<readonly CheckedRecord[]> {
  return await Promise.all(records.map((record) => checkRecord(record, dns)));
}

async function checkRecord(record: DnsRecord, dns: Dns): Promise<CheckedRecord> {
  const answer = record.type === 'MX' ? await mxTexts(record.name, dns) : await dns.txt(record.name);
  if (answer.kind === 'failed') {
    return { record, state: 'unknown', found: [], advice: `DNS did not answer (${answer.cause}); try again` };
  }
  const all = answer.kind === 'found' ? answer.records : [];
  const found = all.filter((text) => isOfPurpose(record.purpose, text));
  if (found.length === 0) {
    return { record, state: 'missing', found, advice: `publish ${record.type} ${record.name}: ${record.value}` };
  }
  const advice = adviceOn(record, found);
  return { record, state: advice === null ? 'present' : 'different', found, advice };
}

async function mxTexts(name: string, dns: Dns): Promise<DnsAnswer<string>> {
  const answer = await dns.mx(name);
  if (answer.kind !== 'found') return answer;
  return { kind: 'found', records: answer.records.map(({ preference, exchange }) => `${preference} ${exchange}`) };
}

/** A name may carry other TXT records, such as verification tokens. */
function isOfPurpose(purpose: DnsRecord['purpose'], text: string): boolean {
  switch (purpose) {
    case 'dkim':
      // RFC 6376 §3.6.1: v= is optional, p= is not.
      return /(?:^|;)\s*p\s*=/.test(text);
    case 'spf':
      return /^v=spf1(?: |$)/i.test(text);
    case 'dmarc':
      return /^v\s*=\s*DMARC1\s*(?:;|$)/.test(text);
    case 'bounces':
      return true;
  }
}

/** What keeps the found records from doing what the wanted one would; null: nothing. */
function adviceOn(record: DnsRecord, found: readonly string[]): string | null {
  const [only] = found;
  const several = found.length > 1 ? `publish one record only, there are ${found.length}` : null;
  switch (record.purpose) {
    case 'dkim':
      return several ?? adviceOnKey(record.value, only ?? '');
    case 'spf':
      // RFC 7208 §4.5: more than one is a permanent error.
      return several ?? adviceOnSpf(record.value, only ?? '');
    case 'dmarc':
      // Whatever its policy is, it is the owner's.
      return several ?? (tagsOf(only ?? '').has('p') ? null : 'add a policy, p=none at least (RFC 7489 §6.3)');
    case 'bounces':
      return found.some((text) => exchangeOf(text) === exchangeOf(record.value))
        ? null
        : `publish MX ${record.value}, so that bounces come back to this relay`;
  }
}

function adviceOnKey(wanted: string, found: string): string | null {
  const [ours, theirs] = [tagsOf(wanted), tagsOf(found)];
  const key = theirs.get('p') ?? '';
  if (key === '') return 'this selector is revoked (empty p=): make a key with another selector';
  if ((theirs.get('k') ?? 'rsa') !== ours.get('k'))
    return `the key published is of another type; publish k=${ours.get('k')}`;
  if (key !== ours.get('p')) return 'another key is published than the one that signs; publish this one';
  const hashes = theirs.get('h')?.split(':');
  if (hashes !== undefined && !hashes.includes('sha256')) return 'h= does not allow sha256; leave it out';
  const uses = theirs.get('s')?.split(':') ?? ['*'];
  return uses.includes('*') || uses.includes('email') ? null : 's= does not allow email; leave it out';
}

/** RFC 6376 §3.2: whitespace around tags, and inside a key, says nothing. */
function tagsOf(text: string): ReadonlyMap<string, string> {
  const tags = new Map<string, string>();
  for (const tag of text.split(';')) {
    const equals = tag.indexOf('=');
    if (equals > 0) tags.set(tag.slice(0, equals).trim(), tag.slice(equals + 1).replace(/\s+/g, ''));
  }
  return tags;
}

function adviceOnSpf(wanted: string, found: string): string | null {
  const terms = found
    .toLowerCase()
    .split(/\s+/)
    // `+` is the default qualifier (RFC 7208 §4.6.2); what others qualify does not pass.
    .map((term) => (term.startsWith('+') ? term.slice(1) : term));
  if (terms.includes('all')) return 'it lets everyone send (+all); use ~all';
  // What another domain's record has can't be seen here.
  if (terms.some((term) => term.startsWith('redirect='))) return null;
  const networks = networksOf(terms);
  const lacking = wanted
    .split(' ')
    .filter((term) => term !== 'v=spf1' && !term.endsWith('all'))
    .filter((term) => !terms.includes(term.toLowerCase()) && !covers(networks, term));
  return lacking.length === 0 ? null : `add ${lacking.join(' ')}`;
}

function networksOf(terms: readonly string[]): BlockList {
  const networks = new BlockList();
  for (const term of terms) {
    const match = /^ip([46]):([^/]+)(?:\/(\d{1,3}))?$/.exec(term);
    const [, version, address = '', length] = match ?? [];
    const family = version === '6' ? 'ipv6' : 'ipv4';
    const most = family === 'ipv6' ? 128 : 32;
    if (match === null || isIP(address) !== Number(version) || Number(length ?? 0) > most) continue;
    networks.addSubnet(address, Number(length ?? most), family);
  }
  return networks;
}

function covers(networks: BlockList, term: string): boolean {
  const match = /^ip[46]:(.+)$/.exec(term);
  const address = match?.[1] ?? '';
  const version = isIP(address);
  return version !== 0 && networks.check(address, version === 6 ? 'ipv6' : 'ipv4');
}

/** `10 Relay.Example.com.` → `relay.example.com` */
function exchangeOf(text: string): string {
  return (text.split(' ')[1] ?? '').toLowerCase().replace(/\.$/, '');
}
