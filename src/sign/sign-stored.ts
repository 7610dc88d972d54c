/** Signs what the spool keeps without signatures. */
import { bodyOffsetOf, parseHeaderBlock } from '../message/header.ts';
import type { Message } from '../message/message.ts';
import type { Signer } from './signer.ts';

/** @param content as it is kept, without the signatures. @returns with them. Rejects when the cryptography itself fails */
export type SignStored = (message: Message, content: Buffer) => Promise<Buffer>;

/**
 * By the keys in force, and as of the time when it came: as long as the keys are the same, so is the signature. Rejects, too, while a
 * key that the policy names for it cannot be read: it was taken to be signed.
 */
export function storedSigner({ sign, lacksFor }: Pick<Signer, 'sign' | 'lacksFor'>): SignStored {
  return async ({ fromDomain, receivedAtMs }, content) => {
    const [lack] = fromDomain === null ? [] : lacksFor(fromDomain);
    if (lack !== undefined) throw new Error(lack.text);
    const bodyAt = bodyOffsetOf(content);
    const { fields } = parseHeaderBlock(content.subarray(0, bodyAt));
    const { headers } = await sign({ fromDomain, fields, body: content.subarray(bodyAt), nowMs: receivedAtMs });
    return Buffer.concat([headers, content]);
  };
}
