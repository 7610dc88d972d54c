/** The trace field that a relay puts on top of what it takes in (RFC 5321 §4.4). */
import { isIPv4, isIPv6 } from 'node:net';
import { formatMailDate } from '../message/date.ts';
import { rawOf } from '../message/header.ts';
import type { MessageId } from '../message/ids.ts';

/** How a message came in. */
export type Origin = {
  /** What the client called itself in EHLO or HELO; null: it came some other way. */
  readonly helo: string | null;
  /** IP address of the client, or `unknown` where a proxy does not know it; null: no network was involved. */
  readonly address: string | null;
  /** RFC 3848 and RFC 6531 §4.3: `ESMTPSA`, `UTF8SMTPS`; `local` for the command line. */
  readonly protocol: string;
  /** `TLSv1.3 with cipher TLS_AES_256_GCM_SHA384`; null: clear text. */
  readonly tls: string | null;
};

export type Trace = {
  readonly origin: Origin;
  readonly hostname: string;
  readonly id: MessageId;
  readonly atMs: number;
  /** Named only when it is the only one (RFC 5321 §7.6): nobody learns of a Bcc. */
  readonly recipients: readonly string[];
};

/**
 * Names the AUTH user nowhere: it is half of a credential.
 * @returns one character a byte, as `HeaderField.raw` has it: what is beyond ASCII is UTF-8 (RFC 6531 §3.7.3)
 */
export function receivedField({ origin, hostname, id, atMs, recipients }: Trace): string {
  const [only] = recipients;
  const target = recipients.length === 1 && only !== undefined ? `\r\n\tfor <${only}>` : '';
  const cipher = origin.tls === null ? '' : `\r\n\t(using ${origin.tls})`;
  return rawOf(
    `Received: ${fromClause(origin)}by ${hostname}${cipher}\r\n\twith ${origin.protocol} id ${id}${target};\r\n\t${formatMailDate(atMs)}\r\n`,
  );
}

function fromClause(origin: Origin): string {
  if (origin.address === null) return '';
  const literal = literalOf(origin.address);
  return `from ${cleanHelo(origin.helo) ?? literal} (${literal})\r\n\t`;
}

function literalOf(address: string): string {
  if (isIPv6(address)) return `[IPv6:${address}]`;
  return isIPv4(address) ? `[${address}]` : 'unknown';
}

/** A host name or an address literal; anything else has no place in a header. */
function cleanHelo(helo: string | null): string | null {
  if (helo === null || helo.length > 255) return null;
  return /^(?:[A-Za-z0-9_](?:[A-Za-z0-9_.-]*[A-Za-z0-9_])?|\[[A-Za-z0-9:.]+\])$/.test(helo) ? helo : null;
}

/**
 * Only names that RFC 3848 §4 and RFC 6531 §4.3 have: who signs in after HELO is ESMTPA all the same.
 * @param session what is true of the session that the message came in by
 */
export function protocolName(session: {
  readonly extended: boolean;
  readonly secure: boolean;
  readonly signedIn: boolean;
  readonly smtpUtf8: boolean;
}): string {
  const { smtpUtf8, extended, secure, signedIn } = session;
  const base = smtpUtf8 ? 'UTF8SMTP' : extended || secure || signedIn ? 'ESMTP' : 'SMTP';
  return `${base}${secure ? 'S' : ''}${signedIn ? 'A' : ''}`;
}
