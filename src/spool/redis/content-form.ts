/**
 * Content as it is stored: a byte that says how (0 as it is, 1 zstd), CRC-32 of the content, the bytes.
 * Compressed when that saves an eighth at least.
 */
import { promisify } from 'node:util';
import { zstdCompress, zstdCompressSync, zstdDecompress, zstdDecompressSync } from 'node:zlib';
import { checksumOf } from '../checksum.ts';

const HEAD_BYTES = 5;
/** Under this there is nothing to save worth the time. */
const COMPRESSED_FROM_BYTES = 512;
/** From here on it is done in another thread: handing it over costs as much as doing a smaller one. */
const ELSEWHERE_FROM_BYTES = 65_536;

const compress = promisify(zstdCompress);
const decompress = promisify(zstdDecompress);

/** Resolves to a buffer of its own. */
export async function packContent(content: Buffer): Promise<Buffer> {
  const body = await compressed(content);
  const head = Buffer.alloc(HEAD_BYTES);
  head.writeUInt8(body === content ? 0 : 1, 0);
  head.writeUInt32BE(checksumOf(content), 1);
  return Buffer.concat([head, body]);
}

/** The same with another checksum: content that was damaged elsewhere stays so. */
export function contentWith(packed: Buffer, checksum: number): Buffer {
  const changed = Buffer.from(packed);
  changed.writeUInt32BE(checksum, 1);
  return changed;
}

async function compressed(content: Buffer): Promise<Buffer> {
  if (content.length < COMPRESSED_FROM_BYTES) return content;
  // Room for whatever becomes of it (ZSTD_COMPRESSBOUND, and some), at once: 37 µs in place of 44 for 4 KB, for which Node makes room of 16.
  const chunkSize = content.length + (content.length >> 8) + 64;
  const isHere = content.length < ELSEWHERE_FROM_BYTES;
  const smaller = isHere ? zstdCompressSync(content, { chunkSize }) : await compress(content);
  return smaller.length <= content.length * (7 / 8) ? smaller : content;
}

/** null: it is not what was stored. */
export async function unpackContent(stored: Buffer): Promise<Buffer | null> {
  if (stored.length < HEAD_BYTES) return null;
  const content = await body(stored).catch(() => null);
  return content !== null && checksumOf(content) === stored.readUInt32BE(1) ? content : null;
}

async function body(stored: Buffer): Promise<Buffer | null> {
  const bytes = stored.subarray(HEAD_BYTES);
  if (stored[0] === 0) return bytes;
  if (stored[0] !== 1) return null;
  return bytes.length < ELSEWHERE_FROM_BYTES ? zstdDecompressSync(bytes) : decompress(bytes);
}
