/** A self-signed certificate for the first start: Node makes keys and signatures, but no X.509 certificates. */
import { createHash, generateKeyPair, type KeyObject, randomBytes, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { promisify } from 'node:util';

import {
  bitString,
  booleanTrue,
  explicit,
  implicit,
  integer,
  objectIdentifier,
  octetString,
  sequence,
  setOf,
  time,
  utf8String,
} from './der.ts';

const newKeyPair = promisify(generateKeyPair);
const DAY_MS = 86_400_000;
/** Ten years, leap days included. */
const LIFETIME_DAYS = 3652;
/** RFC 5280 §4.2.1.6 and appendix A: a common name has at most 64 characters; the names that count are in the SAN. */
const LONGEST_COMMON_NAME = 64;

const OID = {
  commonName: '2.5.4.3',
  ecdsaWithSha256: '1.2.840.10045.4.3.2',
  subjectKeyIdentifier: '2.5.29.14',
  keyUsage: '2.5.29.15',
  subjectAltName: '2.5.29.17',
  extendedKeyUsage: '2.5.29.37',
  serverAuth: '1.3.6.1.5.5.7.3.1',
} as const;

export type CertificateRequest = {
  /** A-label or IP address. The certificate also holds for `localhost`, 127.0.0.1 and ::1. */
  readonly hostname: string;
  /** Wall time; valid from a day before, for clocks that are behind, and for ten years. */
  readonly nowMs: number;
};

/** An EC P-256 key (PKCS#8) and its certificate, both PEM: a handshake costs a fraction of one with RSA. */
export async function makeSelfSignedCertificate({
  hostname,
  nowMs,
}: CertificateRequest): Promise<{ readonly certPem: string; readonly keyPem: string }> {
  const { privateKey, publicKey } = await newKeyPair('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(objectIdentifier(OID.ecdsaWithSha256));
  const name = sequence(
    setOf(sequence(objectIdentifier(OID.commonName), utf8String(hostname.slice(0, LONGEST_COMMON_NAME)))),
  );
  const toBeSigned = sequence(
    explicit(0, integer(Buffer.from([2]))), // X.509 version 3
    integer(serialNumber()),
    algorithm,
    name,
    sequence(time(nowMs - DAY_MS), time(nowMs + LIFETIME_DAYS * DAY_MS)),
    name,
    publicKey.export({ type: 'spki', format: 'der' }),
    explicit(3, sequence(...extensionsOf(hostname, publicKey))),
  );
  const certificate = sequence(toBeSigned, algorithm, bitString(sign('sha256', toBeSigned, privateKey)));
  return { certPem: pemOf(certificate), keyPem: privateKey.export({ type: 'pkcs8', format: 'pem' }).toString() };
}

/** RFC 5280 §4.1.2.2: positive and at most 20 bytes. */
function serialNumber(): Buffer {
  const bytes = randomBytes(16);
  bytes[0] = 0x40 | ((bytes[0] ?? 0) & 0x3f);
  return bytes;
}

function extensionsOf(hostname: string, publicKey: KeyObject): readonly Buffer[] {
  const names = [...new Set([hostname, 'localhost', '127.0.0.1', '::1'])].map(generalName);
  const point = publicKey.export({ type: 'spki', format: 'der' }).subarray(-65);
  return [
    extension(OID.subjectAltName, sequence(...names)),
    // Bit 0, digitalSignature: all that TLS 1.3 asks of an ECDSA key.
    criticalExtension(OID.keyUsage, bitString(Buffer.from([0x80]), 7)),
    extension(OID.extendedKeyUsage, sequence(objectIdentifier(OID.serverAuth))),
    extension(OID.subjectKeyIdentifier, octetString(createHash('sha256').update(point).digest().subarray(0, 20))),
  ];
}

function extension(oid: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), octetString(value));
}

function criticalExtension(oid: string, value: Buffer): Buffer {
  return sequence(objectIdentifier(oid), booleanTrue(), octetString(value));
}

/** RFC 5280 §4.2.1.6: `dNSName [2]` or `iPAddress [7]`. */
function generalName(name: string): Buffer {
  return isIP(name) === 0 ? implicit(2, Buffer.from(name, 'latin1')) : implicit(7, addressBytes(name));
}

function addressBytes(address: string): Buffer {
  if (isIP(address) === 4) return Buffer.from(address.split('.').map(Number));
  // The URL parser writes an IPv6 address in groups of hexadecimal digits only, the dotted form included.
  const [head = '', tail] = new URL(`http://[${address}]`).hostname.slice(1, -1).split('::');
  const before = groupsOf(head);
  const after = groupsOf(tail ?? '');
  const groups = [...before, ...Array<number>(8 - before.length - after.length).fill(0), ...after];
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]));
}

function groupsOf(text: string): readonly number[] {
  return text === '' ? [] : text.split(':').map((group) => Number.parseInt(group, 16));
}

function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}
