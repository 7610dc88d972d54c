/** The certificates that Amazon SNS signs with: fetched once each, few at most, however many posts ask for them. */
import { type KeyObject, X509Certificate } from 'node:crypto';
import type { Clock, Fetch } from '../../ports.ts';

export type SnsKey =
  | { readonly kind: 'good'; readonly key: KeyObject }
  | { readonly kind: 'refused' }
  | { readonly kind: 'later'; readonly why: string };

const MOST = 16;
/** One that could not be had, or was not good, is not asked for again so soon. */
const FAILED_MS = 60_000;
/** Addresses that are asked for in an hour: Amazon has one a region for about a year. */
const FETCHES_AN_HOUR = 60;
const HOUR_MS = 3_600_000;

/** `untilMs`: monotonic. A certificate stays: whether it holds is looked at each time. */
type Kept = { readonly found: Promise<Found>; untilMs: number };
type Found =
  | { readonly kind: 'certificate'; readonly certificate: X509Certificate }
  | { readonly kind: 'refused' }
  | { readonly kind: 'later'; readonly why: string };

export class SnsCertificates {
  readonly #fetch: Fetch;
  readonly #clock: Clock;
  readonly #kept = new Map<string, Kept>();
  #hourFromMs = Number.NEGATIVE_INFINITY;
  #fetches = 0;

  constructor({ fetch, clock }: { readonly fetch: Fetch; readonly clock: Clock }) {
    this.#fetch = fetch;
    this.#clock = clock;
  }

  /** @param url an `https:` address at Amazon. Whose it is, TLS says; when it holds and for what, the certificate */
  async at(url: string): Promise<SnsKey> {
    const found = await this.#find(url);
    if (found.kind !== 'certificate') return found;
    const { certificate } = found;
    const nowMs = this.#clock.nowMs();
    const isNow = Date.parse(certificate.validFrom) <= nowMs && nowMs <= Date.parse(certificate.validTo);
    const isGood = isNow && isOfSns(certificate) && !certificate.ca;
    return isGood ? { kind: 'good', key: certificate.publicKey } : { kind: 'refused' };
  }

  #find(url: string): Promise<Found> {
    const nowMs = this.#clock.monotonicMs();
    const known = this.#kept.get(url);
    if (known !== undefined && nowMs < known.untilMs) return known.found;
    if (nowMs - this.#hourFromMs >= HOUR_MS) {
      this.#hourFromMs = nowMs;
      this.#fetches = 0;
    }
    if (this.#fetches >= FETCHES_AN_HOUR)
      return Promise.resolve({ kind: 'later', why: 'too many certificates were asked for in an hour' });
    this.#fetches += 1;
    const kept: Kept = { found: this.#get(url), untilMs: nowMs + FAILED_MS };
    this.#kept.set(url, kept);
    this.#makeRoom();
    void kept.found.then(({ kind }) => {
      if (kind === 'certificate') kept.untilMs = Number.POSITIVE_INFINITY;
    });
    return kept.found;
  }

  /** Whoever asks for what there is not drives no certificate out. */
  #makeRoom(): void {
    if (this.#kept.size <= MOST) return;
    const urls = [...this.#kept.keys()];
    const oldest = urls.find((url) => this.#kept.get(url)?.untilMs !== Number.POSITIVE_INFINITY) ?? urls[0];
    if (oldest !== undefined) this.#kept.delete(oldest);
  }

  async #get(url: string): Promise<Found> {
    try {
      const { status, body } = await this.#fetch({ url, timeoutMs: 10_000, mostBytes: 64 * 1024 });
      if (status >= 400 && status < 500) return { kind: 'refused' };
      if (status !== 200) return { kind: 'later', why: `the certificate at ${url}: status ${status}` };
      return { kind: 'certificate', certificate: new X509Certificate(body) };
    } catch (cause) {
      if (cause instanceof Error && 'code' in cause && String(cause.code).startsWith('ERR_OSSL'))
        return { kind: 'refused' };
      return {
        kind: 'later',
        why: `the certificate at ${url}: ${cause instanceof Error ? cause.message : String(cause)}`,
      };
    }
  }
}

/** The names differ by region: `sns.amazonaws.com`, `sns-signing.eu-south-1.amazonaws.com`. */
function isOfSns({ subject, subjectAltName = '' }: X509Certificate): boolean {
  const names = [
    /(?:^|\n)CN=(.*)$/m.exec(subject)?.[1] ?? '',
    ...subjectAltName.split(/,\s*/).map((name) => name.replace(/^DNS:/, '')),
  ];
  return names.some((name) => /^sns[a-z0-9.-]*\.amazonaws\.com(?:\.cn)?$/.test(name));
}
