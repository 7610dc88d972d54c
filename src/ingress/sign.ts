/** What receiving has to do with signatures: which there are to be, and who makes their values. */
import type { HeaderField } from '../message/header.ts';
import { type BlankSignatures, fillIn } from '../sign/blank-signature.ts';
import type { Spool, Submission } from '../spool/spool.ts';

/** Of what will leave. A rejection is a temporary failure. */
export type LeaveBlank = (message: {
  readonly fromDomain: string | null;
  readonly fields: readonly HeaderField[];
  readonly body: Buffer;
  readonly nowMs: number;
}) => Promise<BlankSignatures>;

/**
 * Makes the values and writes them into the content, which begins with the fields. Where the spool cannot (any more), they are
 * made on the thread pool. Rejects when the cryptography itself fails.
 */
export async function signContent(
  content: Buffer,
  { blanks, areQuick, make }: BlankSignatures,
  spool: Pick<Spool, 'sign'>,
): Promise<void> {
  if (blanks.length === 0) return;
  const values = areQuick && spool.sign !== undefined ? await spool.sign(blanks).catch(make) : await make();
  fillIn(content, blanks, values);
}

/**
 * What the spool is to keep. Mail that waits there is kept with its signatures, so that each is made once; mail that goes straight to
 * its lane is kept without, and its client does not wait for them.
 */
export async function keptOf(
  { message, content, signatures }: Pick<Submission, 'message' | 'content'> & { readonly signatures: BlankSignatures },
  { signing, waits }: { readonly signing: Promise<void>; readonly waits: boolean },
): Promise<Pick<Submission, 'message' | 'content'>> {
  const { byteLength } = signatures.headers;
  if (waits || byteLength === 0) {
    await signing;
    return { message, content };
  }
  // Looked at once the message is kept; until then a failure is nobody's.
  signing.catch(() => undefined);
  return { message: { ...message, unsigned: true }, content: content.subarray(byteLength) };
}
