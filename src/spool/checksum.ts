import { crc32 } from 'node:zlib';

/** CRC-32 of stored content: finds what a disk changed behind our back. No protection against intent. */
export function checksumOf(content: Uint8Array): number {
  return crc32(content);
}
