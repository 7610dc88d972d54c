import { isIPv4, isIPv6 } from 'node:net';
import { domainToASCII } from 'node:url';

/** A mailbox in canonical form: `domain` is a lower-case A-label or an address literal, `local` is as given. */
export type Mailbox = { readonly local: string; readonly domain: string };

// RFC 5321 §4.1.2 wants a dot only between two other characters; see `parseMailbox`.
const DOT_STRING =
  /^\.*[A-Za-z0-9!#$%&'*+/=?^_`{|}~\u00a0-\u{10FFFF}-][A-Za-z0-9!#$%&'*+./=?^_`{|}~\u00a0-\u{10FFFF}-]*$/u;
// RFC 5321 §4.1.2: printable ASCII (and UTF-8, RFC 6531) between quotes, `"` and `\` only after a backslash.
const QUOTED_STRING = /^"(?:[ !#-[\]-~\u00a0-\u{10FFFF}]|\\[ -~])*"$/u;

/**
 * Parses `local@domain` without angle brackets and without a source route (RFC 5321 §4.1.2, RFC 6531 §3.3).
 * Local part and domain of at most 255 octets each. RFC 5321 §4.5.3.1.1 promises a local part of 64 and asks for no such
 * limit where it can be avoided: senders that carry another address in them (SRS, VERP, BATV) are longer every day. Dots
 * may stand anywhere in a local part, though RFC 5321 §4.1.2 forbids `a.@b`, `.a@b` and `a..b@c`: such mailboxes exist,
 * once given out by mobile operators, and whether one does is for its own server to say.
 * @returns null for anything else, a bare local part included
 */
export function parseMailbox(text: string): Mailbox | null {
  const at = text.lastIndexOf('@');
  if (at < 1) return null;
  const local = text.slice(0, at);
  if (Buffer.byteLength(local) > 255) return null;
  if (!DOT_STRING.test(local) && !QUOTED_STRING.test(local)) return null;
  const domain = parseDomain(text.slice(at + 1));
  return domain === null ? null : { local, domain };
}

/** A domain as an A-label in lower case, or an address literal in brackets; null if it is neither. */
export function parseDomain(text: string): string | null {
  if (text.startsWith('[')) return parseLiteral(text);
  if (text.length === 0 || text.length > 255) return null;
  // Plain ASCII host names, the common case, need no IDNA.
  const ascii = /^[A-Za-z0-9_.-]+$/.test(text) && !/xn--/i.test(text) ? text.toLowerCase() : domainToASCII(text);
  if (ascii === '' || ascii.length > 255) return null;
  const labels = ascii.split('.');
  const sound = labels.every((label) => label.length <= 63 && /^[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?$/.test(label));
  // `domainToASCII` reads `0x7f.1` and the like as addresses: a domain must not turn into one.
  return sound && !isIPv4(ascii) ? ascii : null;
}

function parseLiteral(text: string): string | null {
  if (!text.endsWith(']')) return null;
  const inside = text.slice(1, -1);
  if (isIPv4(inside)) return `[${inside}]`;
  const match = /^IPv6:(.+)$/i.exec(inside);
  if (match?.[1] !== undefined && isIPv6(match[1]) && !match[1].includes('%'))
    return `[IPv6:${match[1].toLowerCase()}]`;
  return null;
}

/** The IP address inside `[192.0.2.1]` or `[IPv6:2001:db8::1]`; null for a domain name. */
export function literalAddress(domain: string): string | null {
  if (!domain.startsWith('[')) return null;
  return domain.slice(1, -1).replace(/^IPv6:/i, '');
}

export function formatMailbox(mailbox: Mailbox): string {
  return `${mailbox.local}@${mailbox.domain}`;
}

/** The domain of an address in canonical form; '' for the null sender. */
export function domainOf(address: string): string {
  return address.slice(address.lastIndexOf('@') + 1);
}

/** The longest domain that is known among `domain` (canonical) and those above it; null: none is. */
export function nearestDomain(domain: string, isKnown: (domain: string) => boolean): string | null {
  for (let one = domain; one !== '';) {
    if (isKnown(one)) return one;
    const dot = one.indexOf('.');
    one = dot === -1 ? '' : one.slice(dot + 1);
  }
  return null;
}

/** True when the local part or the domain needs SMTPUTF8 on the wire; the domain never does in canonical form. */
export function needsSmtpUtf8(address: string): boolean {
  // oxlint-disable-next-line no-control-regex -- the question is exactly whether a byte is outside ASCII
  return !/^[\x00-\x7f]*$/.test(address);
}

/**
 * Whether a mailbox matches a glob such as `*@example.com`, `*@*.example.com`, `news-*@example.com` or `*`.
 * `*` stands for any run of characters, `@` included only in the lone `*`. Case does not count.
 */
export function matchesGlob(glob: string, value: string): boolean {
  if (glob === '*') return true;
  let pattern = globs.get(glob);
  if (pattern === undefined) {
    const source = glob.split('*').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
    pattern = new RegExp(`^${source.join('[^@]*')}$`, 'iu');
    if (globs.size > 10_000) globs.clear();
    globs.set(glob, pattern);
  }
  return pattern.test(value);
}

/** Compiled globs: they come from the policy, so there are few; bounded all the same. */
const globs = new Map<string, RegExp>();
