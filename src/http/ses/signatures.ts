/** Programs that sign what they ask: known by their access key before a body is read, believed once it was. */
import { createHash } from 'node:crypto';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { type AccessKey, isAccessKeyId, secretOf } from '../access-key.ts';
import { type Admission, type AdmissionNeeds, admitToken } from '../admission.ts';
import type { Answer } from '../answer.ts';
import type { Principal } from '../principal.ts';
import { sesError } from './errors.ts';
import { isSignedWith, isTimely, shownSignature, type ShownSignature, type SignedRequest } from './signature.ts';

export type SignaturesNeeds = Omit<AdmissionNeeds, 'sessionOf'> & {
  /** The token that an access key belongs to, by the hash of its text; null: nobody's. @throws SpoolError */
  readonly ofAccessKey: (id: string) => Promise<{ readonly accessKey: AccessKey; readonly hash: Buffer } | null>;
  /** Those of the installation. Never rejects. */
  readonly keys: () => Promise<readonly Buffer[]>;
};

type Pending = { readonly request: SignedRequest; readonly shown: ShownSignature; readonly secret: string };

const SLICE_BYTES = 1024 * 1024;
const UNKNOWN = sesError('UnrecognizedClientException', 403, {
  message: 'The security token included in the request is invalid.',
});
const NOT_SIGNED =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.';

export class Signatures {
  readonly #needs: SignaturesNeeds;
  /** What is not believed yet, by who it says it is. */
  readonly #pending = new WeakMap<Principal, Pending>();

  constructor(needs: SignaturesNeeds) {
    this.#needs = needs;
  }

  /** Before the body: whose signature it says it is. null: it shows none. `believed` has to follow. */
  async admit(request: SignedRequest & { readonly peer: string }): Promise<Admission | null> {
    const read = shownSignature(request);
    if (read.kind === 'none') return null;
    if (read.kind === 'bad') return refused(sesError('IncompleteSignatureException', 400, { message: read.text }));
    const { shown } = read;
    const { peer } = request;
    if (!isTimely(shown, this.#needs.clock.nowMs())) {
      const now = new Date(this.#needs.clock.nowMs()).toISOString();
      const message = `Signature expired or not yet current: ${shown.time} is not within 15 minutes of ${now}`;
      return refused(sesError('InvalidSignatureException', 403, { message }));
    }
    const found = isAccessKeyId(shown.accessKeyId) ? await this.#needs.ofAccessKey(shown.accessKeyId) : null;
    const secret = found === null ? null : secretOf(found.accessKey, await this.#needs.keys());
    if (found === null || secret === null) {
      const reason = found === null ? 'the access key is not known' : 'http.accessKeys has not the key of its secret';
      return refused(this.#failed(peer, '', reason) ?? UNKNOWN);
    }
    const admission = await admitToken(this.#needs, { peer }, found.hash);
    if (admission.kind !== 'admitted') return admission;
    this.#pending.set(admission.principal, { request, shown, secret });
    return admission;
  }

  /** @returns why what was sent is not believed; null: it is, or was not signed in the first place */
  async believed(principal: Principal, body: Buffer): Promise<Answer | null> {
    const pending = this.#pending.get(principal);
    if (pending === undefined) return null;
    const { request, shown, secret } = pending;
    if (isSignedWith(secret, request, { shown, bodySha256: await sha256Of(body) })) return null;
    const barred = this.#failed(principal.peer, principal.name, 'the signature is wrong');
    return barred ?? sesError('InvalidSignatureException', 403, { message: NOT_SIGNED });
  }

  /** By which it is told from others; null: it shows none. */
  shownBy(principal: Principal): ShownSignature | null {
    return this.#pending.get(principal)?.shown ?? null;
  }

  #failed(peer: string, user: string, reason: string): Answer | null {
    const { attempts, emit, clock } = this.#needs;
    if (attempts.isBarred(peer)) {
      const headers = { 'retry-after': String(attempts.barredSeconds()) };
      return sesError('TooManyRequestsException', 429, {
        message: 'Too many wrong signatures from this address',
        headers,
      });
    }
    attempts.failed(peer);
    emit({ event: 'auth-failed', atMs: clock.nowMs(), peer, user, reason: `API: ${reason}` });
    return null;
  }
}

function refused(answer: Answer): Admission {
  return { kind: 'refused', answer };
}

/** Hex. In slices, so that nobody waits for a large one. */
async function sha256Of(body: Buffer): Promise<string> {
  const hash = createHash('sha256');
  for (let at = 0; at < body.length; at += SLICE_BYTES) {
    if (at > 0) await nextTurn();
    hash.update(body.subarray(at, at + SLICE_BYTES));
  }
  return hash.digest('hex');
}
