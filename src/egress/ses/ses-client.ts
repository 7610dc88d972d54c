/** The SDK of SES, loaded when an exit needs it: one client a key, and what each request came to. */
import type * as SesSdk from '@aws-sdk/client-sesv2';
import type { GetAccountCommandOutput, SendEmailCommandInput, SESv2Client } from '@aws-sdk/client-sesv2';
import type { Clock } from '../../ports.ts';
import type { HttpAnswer, HttpClient, HttpFailure, HttpWatch } from '../cloud/http.ts';
import type { CloudKey } from '../cloud/provider.ts';
import { retryAfterMs } from '../cloud/retry-after.ts';
import { SdkExchange, SdkTransport, TransportError } from './sdk-transport.ts';
import type { SesError } from './ses-answer.ts';

/** `garbled`: an answer that is no success of SES, though its status says so. */
export type SesResult<Output> =
  | { readonly kind: 'done'; readonly output: Output }
  | { readonly kind: 'refused'; readonly error: SesError }
  | { readonly kind: 'garbled' }
  | HttpFailure;

export type SesClientOptions = {
  readonly region: string;
  /** null: Amazon's own. */
  readonly endpoint: string | null;
  readonly http: HttpClient;
  readonly clock: Clock;
};

type Sdk = typeof SesSdk;

/** Never retries, never rejects. */
export class SesClient {
  readonly #options: SesClientOptions;
  readonly #clients = new Map<string, SESv2Client>();
  #sdk: Promise<Sdk> | null = null;

  constructor(options: SesClientOptions) {
    this.#options = options;
  }

  async sendEmail(
    input: SendEmailCommandInput,
    key: CloudKey,
    watch: HttpWatch,
  ): Promise<SesResult<{ readonly id: string | null }>> {
    const sdk = await this.load();
    const client = this.#clientOf(sdk, key);
    return this.#tried(watch, async (exchange) => {
      const { MessageId } = await client.send(new sdk.SendEmailCommand(input), { exchange } as object);
      return MessageId === undefined || MessageId === '' ? null : { id: MessageId };
    });
  }

  async account(key: CloudKey, signal: AbortSignal): Promise<SesResult<GetAccountCommandOutput>> {
    const sdk = await this.load();
    const client = this.#clientOf(sdk, key);
    return this.#tried({ signal }, (exchange) => client.send(new sdk.GetAccountCommand({}), { exchange } as object));
  }

  /** Takes a moment, the first time. */
  load(): Promise<Sdk> {
    return (this.#sdk ??= import('@aws-sdk/client-sesv2'));
  }

  dispose(): void {
    for (const client of this.#clients.values()) client.destroy();
  }

  async #tried<Output>(
    watch: HttpWatch,
    send: (exchange: SdkExchange) => Promise<Output | null>,
  ): Promise<SesResult<Output>> {
    const exchange = new SdkExchange(watch);
    try {
      const output = await send(exchange);
      return output === null || exchange.answer?.isWhole === false ? { kind: 'garbled' } : { kind: 'done', output };
    } catch (error) {
      if (error instanceof TransportError) return error.failure;
      const { answer } = exchange;
      if (answer === null) return { kind: 'refused', error: ownError(error) };
      if (answer.status >= 200 && answer.status < 300) return { kind: 'garbled' };
      return { kind: 'refused', error: this.#errorOf(answer) };
    }
  }

  #clientOf(sdk: Sdk, key: CloudKey): SESv2Client {
    const known = this.#clients.get(key.secret);
    if (known !== undefined) return known;
    const { region, endpoint, http } = this.#options;
    const [accessKeyId = '', ...rest] = key.secret.split(':');
    const client = new sdk.SESv2Client({
      region,
      ...(endpoint === null ? {} : { endpoint }),
      ...(key.secret === '' ? {} : { credentials: { accessKeyId, secretAccessKey: rest.join(':') } }),
      maxAttempts: 1,
      // architecture: the SDK's name for it
      requestHandler: new SdkTransport(http),
    });
    this.#clients.set(key.secret, client);
    return client;
  }

  /** Not as the SDK reads it: of an answer that is no JSON it makes an error of its own. */
  #errorOf({ status, headers, body }: HttpAnswer): SesError {
    const { clock } = this.#options;
    const parsed = jsonOf(body);
    const type = textOf(headers['x-amzn-errortype'] ?? parsed['__type'] ?? parsed['code']);
    const name = /^(?:.*#)?([A-Za-z]+)/.exec(type.slice(0, 200))?.[1] ?? '';
    const text = textOf(parsed['message'] ?? parsed['Message']);
    const dateMs = Date.parse(headers.date ?? '');
    return {
      name,
      text: text === '' && name === '' ? 'what it says is no answer of SES' : text,
      status,
      retryAfterMs: retryAfterMs(headers['retry-after'], clock.nowMs()),
      aheadMs: Number.isNaN(dateMs) ? null : dateMs - clock.nowMs(),
    };
  }
}

/** What the SDK found wrong before it asked: no credentials, an input that it does not take. */
function ownError(error: unknown): SesError {
  const { name, message } = error instanceof Error ? error : new Error(String(error));
  return { name, text: message.split('\n')[0] ?? '', status: 0, retryAfterMs: null, aheadMs: null };
}

function jsonOf(body: Buffer): Record<string, unknown> {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return typeof parsed === 'object' && parsed !== null ? { ...parsed } : {};
  } catch {
    return {};
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
