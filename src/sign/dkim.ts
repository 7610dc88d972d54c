/** DKIM signatures for one message (RFC 6376, RFC 8463), relaxed/relaxed, never with `l=`. */
import type { HeaderField } from '../message/header.ts';
import {
  areQuick,
  blankAt,
  type BlankSignature,
  type BlankSignatures,
  blankValue,
  fillIn,
  fitting,
  type MakeValues,
} from './blank-signature.ts';
import { hashBody } from './body-hash.ts';
import type { Keyring } from './keyring.ts';
import { type CoveredHeaders, coverHeaders, DEFAULT_HEADERS, type HeaderList } from './signed-headers.ts';
import type { SigningKey } from './signing-key.ts';

export type Unsigned = {
  readonly keyring: Keyring;
  /** Domain of the header From, A-label in lower case; null where there is none to be had. */
  readonly fromDomain: string | null;
  /** The whole header section, as it will leave: whatever is changed later must be outside `headerList`. */
  readonly fields: readonly HeaderField[];
  /** What follows the empty line, CRLF line ends. Must not change until the promise settles. */
  readonly body: Buffer;
  /** Wall time for `t=`. */
  readonly nowMs: number;
  /** Fields to sign; the default is right for mail. */
  readonly headerList?: HeaderList;
  /** Who makes values that are quick to make. Default: the thread pool, as the others. */
  readonly makeValues?: MakeValues | undefined;
};

export type Signed = {
  /** To be put before the header section: one `DKIM-Signature:` field a key, each ending with CRLF; may be empty. */
  readonly headers: Buffer;
  /** Names of the keys that signed, as in DNS: `rsa2026._domainkey.example.com`. */
  readonly signedBy: readonly string[];
};

/**
 * Signs with every key of the domain that is nearest above `fromDomain`. No such domain, or no From: no signature.
 * The signatures are made on other threads, and a large body is hashed in slices, so nobody waits long for this one.
 * @throws when the cryptography itself fails; nothing has been signed then
 */
export async function signMessage(unsigned: Unsigned): Promise<Signed> {
  const { headers, blanks, make, signedBy } = await leaveBlank(unsigned);
  fillIn(headers, blanks, await make());
  return { headers, signedBy };
}

/** The same but for the values, which can be made by whoever has the time. */
export async function leaveBlank(unsigned: Unsigned): Promise<BlankSignatures & Pick<Signed, 'signedBy'>> {
  const { keyring, fromDomain, fields, body, nowMs, headerList = DEFAULT_HEADERS, makeValues } = unsigned;
  const keys = fromDomain === null ? [] : keyring.keysFor(fromDomain);
  const covered = keys.length === 0 ? null : coverHeaders(fields, headerList);
  if (covered === null) return blanksOf([], makeValues);
  const bodyHash = await hashBody(body);
  const atSeconds = Math.floor(nowMs / 1000);
  return blanksOf(
    keys.map((key) => unsignedField({ key, covered, bodyHash, atSeconds })),
    makeValues,
  );
}

type UnsignedField = {
  readonly key: SigningKey;
  /** Of the field itself, up to the value of `b=`. */
  readonly tags: string;
  /** What is signed, one character a byte. */
  readonly text: string;
};

function unsignedField(of: {
  readonly key: SigningKey;
  readonly covered: CoveredHeaders;
  readonly bodyHash: string;
  readonly atSeconds: number;
}): UnsignedField {
  const { key, covered, bodyHash, atSeconds } = of;
  const tags =
    `v=1; a=${key.algorithm}; c=relaxed/relaxed; d=${key.domain}; h=${covered.names}; ` +
    `q=dns/txt; s=${key.selector}; t=${atSeconds}; bh=${bodyHash}; b=`;
  // The field itself is signed last, with an empty b= and without its CRLF (RFC 6376 §3.7). Its relaxed form is known
  // without folding it: it folds only before single spaces.
  return { key, tags, text: `${covered.canonical}dkim-signature:${tags}` };
}

/** Folds depend on the length of a value alone: what is filled in later is, byte for byte, what would have been there at once. */
function blanksOf(
  unsignedFields: readonly UnsignedField[],
  makeValues: MakeValues | undefined,
): BlankSignatures & Pick<Signed, 'signedBy'> {
  let headers = '';
  const blanks = unsignedFields.map(({ key, tags, text }): BlankSignature => {
    const value = blankValue(key);
    const field = fieldOf(tags, value);
    const at = headers.length + blankAt(field);
    headers += field;
    return { text, algorithm: key.algorithm, key: key.privateKey, at, length: value.length };
  });
  const keys = unsignedFields.map(({ key }) => key);
  const quick = areQuick(keys);
  const onPool = (): Promise<readonly string[]> => Promise.all(unsignedFields.map(valueOnPool));
  return {
    headers: Buffer.from(headers, 'latin1'),
    signedBy: keys.map(({ name }) => name),
    blanks,
    areQuick: quick,
    make: () => (quick && makeValues !== undefined ? makeValues(blanks).catch(onPool) : onPool()),
  };
}

async function valueOnPool({ key, text }: UnsignedField): Promise<string> {
  return fitting(await key.sign(Buffer.from(text, 'latin1')), blankValue(key).length);
}

function fieldOf(tags: string, value: string): string {
  return `${fold(`DKIM-Signature: ${tags}${spaced(value)}`)}\r\n`;
}

/** Whitespace inside `b=` is ignored (RFC 6376 §3.5) and gives the fold a place. */
function spaced(base64: string): string {
  const FIRST = 73;
  const NEXT = 75;
  let text = base64.slice(0, FIRST);
  for (let at = FIRST; at < base64.length; at += NEXT) text += ` ${base64.slice(at, at + NEXT)}`;
  return text;
}

/** Folds before a space wherever 76 characters would be exceeded; a longer word gets a line of its own. */
function fold(text: string): string {
  const WIDTH = 76;
  let folded = '';
  let start = 0;
  while (text.length - start >= WIDTH) {
    let cut = text.lastIndexOf(' ', start + WIDTH - 1);
    if (cut <= start) cut = text.indexOf(' ', start + WIDTH);
    if (cut === -1) break;
    folded += `${text.slice(start, cut)}\r\n`;
    start = cut;
  }
  return folded + text.slice(start);
}
