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
  /** For `signAtOnce`. */
  readonly privateKey: KeyObject;
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
  const isEd25519 = publicKey.asymmetricKeyType === 'ed25519';
  const algorithm = isEd25519 ? 'ed25519-sha256' : 'rsa-sha256';
  return {
    domain,
    selector,
    name: `${selector}._domainkey.${domain}`,
    algorithm,
    rsaBits: isEd25519 ? null : (publicKey.asymmetricKeyDetails?.modulusLength ?? null),
    publicKey,
    privateKey: ring.first,
    sign: (message) => ring.sign(signedOf(algorithm, message)),
  };
}

/**
 * Signs on the thread that calls.
 * @throws when the cryptography itself fails
 */
export function signAtOnce(algorithm: DkimAlgorithm, key: KeyObject, message: Buffer): Buffer {
  const { digest, data } = signedOf(algorithm, message);
  return sign(digest, data, key);
}

type SignedData = { readonly digest: 'sha256' | null; readonly data: Buffer };

/** RFC 8463 §3: the SHA-256 digest is what PureEdDSA signs. */
function signedOf(algorithm: DkimAlgorithm, message: Buffer): SignedData {
  if (algorithm === 'rsa-sha256') return { digest: 'sha256', data: message };
  return { digest: null, data: createHash('sha256').update(message).digest() };
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

  get first(): KeyObject {
    return (this.#keys[0] as { readonly key: KeyObject }).key;
  }

  async sign({ digest, data }: SignedData): Promise<Buffer> {
    const lent = this.#leastBusy();
    lent.inFlight += 1;
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        sign(digest, data, lent.key, (error, signature) => {
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
