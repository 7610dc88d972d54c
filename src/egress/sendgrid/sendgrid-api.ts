/** SendGrid by its v3 API: for messages that survive being said in JSON. */
import type { Clock } from '../../ports.ts';
import type { Mail, Whether } from '../egress.ts';
import { ofFailure } from '../cloud/failure.ts';
import { fittedContent } from '../cloud/headers.ts';
import type { HttpClient } from '../cloud/http.ts';
import type { CloudKey, Order, Prepared, Provider, ProviderAnswer } from '../cloud/provider.ts';
import { answerOf, type ApiAnswer } from './api-answers.ts';
import { askApi } from './api-request.ts';
import type { Reader } from './reader.ts';
import { MESSAGE_MOST_BYTES } from './survival.ts';
import { addressingOf, RECIPIENTS_MOST, v3JsonOf, type V3Envelope, withOnly } from './v3-mail.ts';
import { whetherBy } from './whether.ts';

export type V3Parcel = { readonly envelope: V3Envelope; readonly rest: string };

export type SendGridApiOptions = {
  readonly http: HttpClient;
  readonly endpoint: URL;
  /** Closed with the provider. */
  readonly reader: Pick<Reader, 'read' | typeof Symbol.asyncDispose>;
  readonly clock: Clock;
  /** Mail with a DKIM signature is for another exit: none survives. */
  readonly keepsDkim: boolean;
  /** Header fields that are taken off: names, or patterns with `*`. */
  readonly strip: readonly string[];
};

const NONE: ReadonlySet<string> = new Set();

/** Requests that find out who is refused, of one. */
const ROUNDS_MOST = 5;

export class SendGridApi implements Provider<V3Parcel> {
  readonly title = 'SendGrid';
  readonly host: string;
  readonly batchMost = RECIPIENTS_MOST;
  readonly #options: SendGridApiOptions;

  constructor(options: SendGridApiOptions) {
    this.#options = options;
    this.host = options.endpoint.hostname;
  }

  async prepare(mail: Mail): Promise<Prepared<V3Parcel>> {
    const { reader, keepsDkim, strip } = this.#options;
    // What needs no look at it first.
    if (mail.sender === '') return { kind: 'unfit', why: 'it has the null sender, which the API cannot say' };
    if (mail.content.length > MESSAGE_MOST_BYTES)
      return {
        kind: 'unfit',
        why: `it is larger than SendGrid takes: ${mail.content.length} of ${MESSAGE_MOST_BYTES} bytes`,
      };
    // What would be orders does not come as far as JSON (`survival.ts`).
    const rules = { dkim: 'keep', strip, orders: [], keep: [], once: NONE, rewritten: NONE } as const;
    const content = await fittedContent(mail, rules, null);
    const read = await reader.read(mail.message.id, content, { keepsDkim });
    if (read.kind === 'unfit') return read;
    const addressing = addressingOf(read, mail);
    if (addressing.kind === 'unfit') return addressing;
    return { kind: 'ready', parcel: { envelope: addressing.envelope, rest: read.rest } };
  }

  /** Addresses that SendGrid takes for none are left out, and the others are sent to. */
  async send(order: Order<V3Parcel>): Promise<ProviderAnswer> {
    const refused = new Map<string, { readonly detail: string; readonly text: string }>();
    for (let round = 0; round < ROUNDS_MOST; round++) {
      const left = order.mail.recipients.flatMap(({ address }) => (refused.has(address) ? [] : [address]));
      if (left.length === 0) break;
      const envelope = withOnly(order.parcel.envelope, new Set(left));
      const answer = await this.#ask(order, envelope);
      if (answer.kind === 'taken') return refused.size === 0 ? answer : { ...answer, refused };
      if (answer.kind !== 'bad-recipients') return answer;
      for (const { list, at, text } of answer.places) {
        const email = envelope[list][at]?.email;
        if (email === undefined) return { kind: 'failed', text: `it refuses what it was not asked: ${text}` };
        refused.set(email, { detail: '1.3', text });
      }
    }
    const [first] = refused.values();
    const { detail, text } = first ?? { detail: '1.3', text: 'no recipient' };
    return { kind: 'refused', scope: 'recipient', detail, text };
  }

  whether(mail: Mail, key: CloudKey, signal: AbortSignal): Promise<Whether> {
    const { http, endpoint } = this.#options;
    return whetherBy(mail, (path) =>
      askApi(http, endpoint, { method: 'GET', path, key, body: null, watch: { signal } }),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#options.reader[Symbol.asyncDispose]();
    await this.#options.http[Symbol.asyncDispose]();
  }

  async #ask({ mail, parcel, key, watch }: Order<V3Parcel>, envelope: V3Envelope): Promise<ApiAnswer> {
    const { http, endpoint, clock } = this.#options;
    const body = v3JsonOf(mail, envelope, parcel.rest);
    const result = await askApi(http, endpoint, { method: 'POST', path: '/v3/mail/send', key, body, watch });
    return result.kind === 'failed'
      ? ofFailure(result, this.host)
      : answerOf(result, { host: this.host, nowMs: clock.nowMs() });
  }
}
