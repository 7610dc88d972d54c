/** The key that checks SendGrid's signatures, as its dashboard shows it. */
import { createPublicKey, type KeyObject } from 'node:crypto';

/** @param text PEM, or the base64 of what is in it (DER). @returns null: no public key on the curve P-256 */
export function parseWebhookKey(text: string): KeyObject | null {
  // A variable of the environment may have its line ends written out.
  const body = text
    .replaceAll('\\n', '\n')
    .replace(/-----(?:BEGIN|END) PUBLIC KEY-----/g, '')
    .replace(/\s+/g, '');
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(body)) return null;
  try {
    const key = createPublicKey({ key: Buffer.from(body, 'base64'), format: 'der', type: 'spki' });
    return key.asymmetricKeyDetails?.namedCurve === 'prime256v1' ? key : null;
  } catch {
    return null;
  }
}
