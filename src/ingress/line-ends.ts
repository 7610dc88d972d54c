import { setImmediate as nextTurn } from 'node:timers/promises';

const SLICE_BYTES = 256 * 1024;

/** @property longestLine bytes, without its CR LF */
export type Lines = { readonly text: Buffer; readonly longestLine: number };

/**
 * Text that did not come by SMTP, with CR LF wherever it had CR, LF or CR LF, and at its end. In slices, so that no session
 * waits for it.
 */
export async function withLineEnds(content: Buffer): Promise<Lines> {
  const pieces: Buffer[] = [];
  let [longestLine, running, heldCr] = [0, 0, ''];
  for (let at = 0; at < content.length; at += SLICE_BYTES) {
    if (at > 0) await nextTurn();
    const end = Math.min(content.length, at + SLICE_BYTES);
    const slice = heldCr + content.toString('latin1', at, end);
    // A CR at the end may be half of a CR LF.
    heldCr = end < content.length && slice.endsWith('\r') ? '\r' : '';
    const text = (heldCr === '' ? slice : slice.slice(0, -1)).replaceAll(/\r\n?|\n/g, '\r\n');
    let start = 0;
    for (let cr = text.indexOf('\r', start); cr !== -1; cr = text.indexOf('\r', start)) {
      longestLine = Math.max(longestLine, running + cr - start);
      running = 0;
      start = cr + 2;
    }
    running += text.length - start;
    pieces.push(Buffer.from(text, 'latin1'));
  }
  if (running > 0) pieces.push(Buffer.from('\r\n'));
  return { text: Buffer.concat(pieces), longestLine: Math.max(longestLine, running) };
}
