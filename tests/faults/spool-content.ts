import { checksumOf } from '../../src/spool/checksum.ts';

/** Content that can be told from a message's id alone: up to 8 KB, each different. */
export function contentOf(id: string): Buffer {
  return Buffer.alloc(200 + (checksumOf(Buffer.from(id)) % 8_000), `${id}\r\n`);
}
