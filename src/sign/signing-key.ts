/** One private key, parsed once, that can sign on all cores at the same time. */
import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';

/** `a=` of a signature (RFC 6376 §3.3, RFC 8463 §3). */
export type DkimAlgorithm = 'rsa-sha256' | 'ed25519-sha256';

export type SigningKey = {
  /** `d=`, lower-case A-label. */
  readonly domain: string;
  /** `s=`. */
  readonly selector: string;
  /** Where its public half is published: `selector._domainkey.domain`. */
  readonly name: string;
  readonly algorithm: DkimAlgorithm;
  /** Of the modulus; null for Ed25519. */
  readonly rsaBits: number | null;
  readonly publicKey: KeyObject;
  /** Signs on the thread pool. Rejects only when the cryptography itself fails. */
  sign(message: Buffer): Promise<Buffer>;
};

export type PrivateKeyReading =
  | {
      readonly kind: 'key';
      readonly algorithm: DkimAlgorithm;
      readonly rsaBits: number | null;
      /** What is unwise about it; null: nothing. */
      readonly warning: string | null;
    }
  | { readonly kind: 'unusable'; readonly reason: string };

/** Verifiers must not accept less (RFC 8301 §3.2). */
const LEAST_RSA_BITS = 1024;
/** RFC 8301 §3.2: signers should use at least this. */
const GOOD_RSA_BITS = 2048;
/** RFC 8301 §3.2: verifiers need not be able to check more. */
const MOST_RSA_BITS = 4096;

/** Says whether a PEM text (PKCS#1, PKCS#8) holds a private key that DKIM can use. */
export function readPrivateKey(pem: string): PrivateKeyReading {
  if (/-----BEGIN ENCRYPTED PRIVATE KEY-----|^Proc-Type: 4,ENCRYPTED/m.test(pem)) {
    return { kind: 'unusable', reason: 'is encrypted with a passphrase; store it without one' };
  }
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(pem)) {
    const reason = pem.includes('-----BEGIN PUBLIC KEY-----') ? 'holds a public key' : 'holds no PEM private key';
    return { kind: 'unusable', reason: `${reason}; a private key in PKCS#8 or PKCS#1 PEM form is needed` };
  }
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    return { kind: 'unusable', reason: `holds a private key that can't be read (${(error as Error).message})` };
  }
  if (key.asymmetricKeyType === 'ed25519') {
    return { kind: 'key', algorithm: 'ed25519-sha256', rsaBits: null, warning: null };
  }
  if (key.asymmetricKeyType !== 'rsa') {
    return { kind: 'unusable', reason: `holds a key of type ${key.asymmetricKeyType}; DKIM knows rsa and ed25519` };
  }
  return judgeRsa(key.asymmetricKeyDetails?.modulusLength ?? 0);
}

function judgeRsa(rsaBits: number): PrivateKeyReading {
  if (rsaBits < LEAST_RSA_BITS) {
    const reason = `holds an RSA key of ${rsaBits} bits; verifiers refuse less than ${LEAST_RSA_BITS} (RFC 8301 §3.2)`;
    return { kind: 'unusable', reason };
  }
  let warning: string | null = null;
  if (rsaBits < GOOD_RSA_BITS) warning = `RSA key of ${rsaBits} bits is weak; use ${GOOD_RSA_BITS}`;
  if (rsaBits > MOST_RSA_BITS)
    warning = `RSA key of ${rsaBits} bits: many verifiers check no more than ${MOST_RSA_BITS}`;
  return { kind: 'key', algorithm: 'rsa-sha256', rsaBits, warning };
}

/**
 * @param pem a text that `readPrivateKey` called a key
 * @param copies most signatures at a time: the number of cores
 */
export function makeSigningKey(named: {
  readonly domain: string;
  readonly selector: string;
  readonly pem: string;
  readonly copies: number;
}): SigningKey {
  const { domain, selector, pem, copies } = named;
  const ring = new KeyRing(pem, copies);
  const publicKey = createPublicKey(pem);
  const about = { domain, selector, name: `${selector}._domainkey.${domain}`, publicKey };
  if (publicKey.asymmetricKeyType === 'ed25519') {
    return {
      ...about,
      algorithm: 'ed25519-sha256',
      rsaBits: null,
      // RFC 8463 §3: the SHA-256 digest is what PureEdDSA signs.
      sign: (message) => ring.sign(null, createHash('sha256').update(message).digest()),
    };
  }
  const rsaBits = publicKey.asymmetricKeyDetails?.modulusLength ?? null;
  return { ...about, algorithm: 'rsa-sha256', rsaBits, sign: (message) => ring.sign('sha256', message) };
}

/**
 * Equal key objects: one alone makes its signatures one after the other, even on the thread pool (measured). A further
 * one is parsed when all are busy, up to `copies`.
 */
class KeyRing {
  readonly #pem: string;
  readonly #copies: number;
  readonly #keys: { readonly key: KeyObject; inFlight: number }[] = [];

  constructor(pem: string, copies: number) {
    this.#pem = pem;
    this.#copies = copies;
    this.#keys.push({ key: createPrivateKey(pem), inFlight: 0 });
  }

  async sign(algorithm: 'sha256' | null, message: Buffer): Promise<Buffer> {
    const lent = this.#leastBusy();
    lent.inFlight += 1;
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        sign(algorithm, message, lent.key, (error, signature) => {
          if (error === null) resolve(signature);
          else reject(error);
        });
      });
    } finally {
      lent.inFlight -= 1;
    }
  }

  #leastBusy(): { readonly key: KeyObject; inFlight: number } {
    let best = this.#keys[0] as { readonly key: KeyObject; inFlight: number };
    for (const one of this.#keys) if (one.inFlight < best.inFlight) best = one;
    if (best.inFlight === 0 || this.#keys.length >= this.#copies) return best;
    const fresh = { key: createPrivateKey(this.#pem), inFlight: 0 };
    this.#keys.push(fresh);
    return fresh;
  }
}
