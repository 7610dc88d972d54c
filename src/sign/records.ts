/** The DNS records that a domain needs for its mail to be believed: DKIM, SPF, DMARC, and MX for its bounces. */
import type { SigningKey } from './signing-key.ts';

export type DnsRecord = {
  /** Without a final dot. */
  readonly name: string;
  readonly type: 'TXT' | 'MX';
  /** The whole content: of a TXT record its strings joined; of an MX record `10 relay.example.com`. */
  readonly value: string;
  /** How the content is to be cut in the zone: no string over 255 bytes (RFC 1035 §3.3). One string for MX. */
  readonly strings: readonly string[];
  readonly purpose: 'dkim' | 'spf' | 'dmarc' | 'bounces';
};

/** Where a key's public half is published (RFC 6376 §3.6.1; RFC 8463 §4: Ed25519 as 32 raw bytes). */
export function dkimRecord(key: Pick<SigningKey, 'name' | 'publicKey'>): DnsRecord {
  const der = key.publicKey.export({ type: 'spki', format: 'der' });
  const ed25519 = key.publicKey.asymmetricKeyType === 'ed25519';
  const published = ed25519 ? der.subarray(-32) : der;
  const value = `v=DKIM1; k=${ed25519 ? 'ed25519' : 'rsa'}; p=${published.toString('base64')}`;
  return txt({ name: key.name, purpose: 'dkim', value });
}

/** How a domain's mail leaves, as far as DNS has to know. */
export type Sending = {
  /** The From domain, A-label. */
  readonly domain: string;
  /** Its keys, or those of the domain above it that signs for it. */
  readonly keys: readonly Pick<SigningKey, 'name' | 'publicKey'>[];
  /** The relay's own name: receives the bounces. */
  readonly hostname: string;
  /** Where bounces come back (the policy's `returnPath`); null: the envelope sender stays as the client gave it. */
  readonly returnPath: string | null;
  /** Addresses that mail leaves from: of own exits and of own SMTP servers. */
  readonly addresses: readonly string[];
  /** SPF domains of providers, such as `sendgrid.net`. */
  readonly includes: readonly string[];
  /** Who gets DMARC reports; null: nobody. */
  readonly reportsTo: string | null;
};

/** In the order in which they are best published. SPF stands at every domain that is an envelope sender's. */
export function recordsToPublish(sending: Sending): readonly DnsRecord[] {
  const { domain, hostname, returnPath, reportsTo } = sending;
  const spf = spfValue(sending);
  const records = [...sending.keys.map(dkimRecord), txt({ name: domain, purpose: 'spf', value: spf })];
  if (returnPath !== null && returnPath !== domain) {
    records.push(txt({ name: returnPath, purpose: 'spf', value: spf }));
  }
  const rua = reportsTo === null ? '' : `; rua=mailto:${reportsTo}`;
  records.push(txt({ name: `_dmarc.${domain}`, purpose: 'dmarc', value: `v=DMARC1; p=none${rua}` }));
  if (returnPath !== null) {
    const value = `10 ${hostname}`;
    records.push({ name: returnPath, type: 'MX', purpose: 'bounces', value, strings: [value] });
  }
  return records;
}

/** RFC 7208 §5. Where no address is known, whatever the relay's own name points at. `~all`: DMARC decides on the rest. */
function spfValue({ addresses, includes, hostname }: Sending): string {
  const hosts = addresses.map((address) => (address.includes(':') ? `ip6:${address}` : `ip4:${address}`));
  const others = includes.map((name) => `include:${name}`);
  const terms = [...new Set([...hosts, ...others])];
  return ['v=spf1', ...(terms.length === 0 ? [`a:${hostname}`] : terms), '~all'].join(' ');
}

function txt(record: Pick<DnsRecord, 'name' | 'purpose' | 'value'>): DnsRecord {
  return { ...record, type: 'TXT', strings: cut(record.value) };
}

const LONGEST_STRING_BYTES = 255;

/** All values are ASCII, so characters are bytes. */
function cut(value: string): readonly string[] {
  const strings: string[] = [];
  for (let at = 0; at < value.length; at += LONGEST_STRING_BYTES)
    strings.push(value.slice(at, at + LONGEST_STRING_BYTES));
  return strings;
}

/** One line of a zone file (RFC 1035 §5.1), ready to paste. */
export function zoneLine(record: DnsRecord): string {
  const content =
    record.type === 'TXT'
      ? record.strings.map((text) => `"${text.replaceAll(/["\\]/g, '\\$&')}"`).join(' ')
      : `${record.value}.`;
  return `${record.name}. IN ${record.type} ${record.strings.length > 1 ? `( ${content} )` : content}`;
}
