/** As much of DER (X.690 §8, §10) as an X.509 certificate needs: each function returns one encoded value. */

const BOOLEAN = 0x01;
const INTEGER = 0x02;
const BIT_STRING = 0x03;
const OCTET_STRING = 0x04;
const OBJECT_IDENTIFIER = 0x06;
const UTF8_STRING = 0x0c;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const SEQUENCE = 0x30;
const SET = 0x31;

export function sequence(...parts: readonly Buffer[]): Buffer {
  return encode(SEQUENCE, Buffer.concat(parts));
}

/** With one member, or members already in the order of their encodings. */
export function setOf(...parts: readonly Buffer[]): Buffer {
  return encode(SET, Buffer.concat(parts));
}

/** Not negative, most significant byte first. */
export function integer(bytes: Buffer): Buffer {
  let start = 0;
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1;
  const shortest = bytes.subarray(start);
  // A first bit of 1 would make it negative.
  const sign = (shortest[0] ?? 0) >= 0x80 || shortest.length === 0 ? [0] : [];
  return encode(INTEGER, Buffer.concat([Buffer.from(sign), shortest]));
}

/** DER leaves out what is the default, so only TRUE is ever written. */
export function booleanTrue(): Buffer {
  return encode(BOOLEAN, Buffer.from([0xff]));
}

/** @param unusedBits of the last byte */
export function bitString(bytes: Buffer, unusedBits = 0): Buffer {
  return encode(BIT_STRING, Buffer.concat([Buffer.from([unusedBits]), bytes]));
}

export function octetString(bytes: Buffer): Buffer {
  return encode(OCTET_STRING, bytes);
}

export function utf8String(text: string): Buffer {
  return encode(UTF8_STRING, Buffer.from(text));
}

/** @param dotted such as `2.5.29.17` */
export function objectIdentifier(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  return encode(OBJECT_IDENTIFIER, Buffer.from([first * 40 + second, ...rest.flatMap(base128)]));
}

/** RFC 5280 §4.1.2.5: UTCTime through 2049, GeneralizedTime from 2050; whole seconds. */
export function time(atMs: number): Buffer {
  const digits = `${new Date(atMs).toISOString().slice(0, 19).replaceAll(/[-T:]/g, '')}Z`;
  return digits < '2050'
    ? encode(UTC_TIME, Buffer.from(digits.slice(2)))
    : encode(GENERALIZED_TIME, Buffer.from(digits));
}

/** A context-specific tag around one value: `[number] EXPLICIT`. */
export function explicit(number: number, value: Buffer): Buffer {
  return encode(0xa0 + number, value);
}

/** A context-specific tag in place of a simple value's own: `[number] IMPLICIT`. */
export function implicit(number: number, content: Buffer): Buffer {
  return encode(0x80 + number, content);
}

function encode(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.from([tag, ...lengthOf(content.length)]), content]);
}

function lengthOf(length: number): readonly number[] {
  if (length < 0x80) return [length];
  const bytes: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256);
  return [0x80 + bytes.length, ...bytes];
}

function base128(arc: number): readonly number[] {
  const bytes = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128)) bytes.unshift(0x80 + (rest % 128));
  return bytes;
}
