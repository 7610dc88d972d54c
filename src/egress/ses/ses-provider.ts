/** Amazon SES by its API v2: the message as it is (`Content.Raw`), to the recipients of the envelope. */
import type { SendEmailCommandInput } from '@aws-sdk/client-sesv2';
import type { SesEgressPolicy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import type { Mail } from '../egress.ts';
import { ofFailure } from '../cloud/failure.ts';
import { type ExitSign, fittedContent } from '../cloud/headers.ts';
import type { Order, Prepared, Provider, ProviderAnswer } from '../cloud/provider.ts';
import { narrowValue, tagsOf } from '../cloud/tags.ts';
import type { SesAccountWatch } from './ses-account.ts';
import { sesAnswer } from './ses-answer.ts';
import type { SesClient } from './ses-client.ts';
import { sesHeaderRules } from './ses-headers.ts';

/** By its documents: recipients of a call, bytes of a message, of a line. */
const BATCH_MOST = 50;
const SIZE_MOST = 40 * 1024 * 1024;
const LINE_MOST = 1_000;

const FIRST_LOOK_MOST_MS = 2_000;

export type SesProviderNeeds = {
  readonly policy: SesEgressPolicy;
  readonly client: SesClient;
  /** null: nothing is known of the account. */
  readonly account: SesAccountWatch | null;
  readonly sign: ExitSign | null;
  readonly clock: Clock;
  readonly dispose: () => Promise<void>;
};

/** What is sent: the message. */
export type SesParcel = Buffer;

export function sesProvider(needs: SesProviderNeeds): Provider<SesParcel> {
  const { policy, account, dispose } = needs;
  return {
    title: 'Amazon SES',
    host: sesHost(policy),
    batchMost: BATCH_MOST,
    prepare: (mail) => prepared(mail, needs),
    send: (order) => send(order, needs),
    holdsBack: async (recipients) => (await account?.holdsBack(recipients)) ?? null,
    pace: () => {
      const perSecond = account?.account?.perSecond ?? null;
      return perSecond === null ? null : { perSecond, text: `SES allows ${perSecond}/s` };
    },
    [Symbol.asyncDispose]: dispose,
  };
}

export function sesHost({ endpoint, region }: Pick<SesEgressPolicy, 'endpoint' | 'region'>): string {
  return endpoint === undefined ? `email.${region}.amazonaws.com` : new URL(endpoint).hostname;
}

async function prepared(mail: Mail, { policy, sign, account, clock }: SesProviderNeeds): Promise<Prepared<SesParcel>> {
  if (mail.message.envelope.smtpUtf8)
    return { kind: 'unfit', why: 'SES takes no addresses and headers in UTF-8 (SMTPUTF8)' };
  // What the account may is known before its first message, where SES says it soon.
  if (account !== null && account.account === null)
    await Promise.race([account.known(), clock.sleep(FIRST_LOOK_MOST_MS)]);
  const content = await fittedContent(mail, sesHeaderRules(policy), sign);
  if (content.length > SIZE_MOST)
    return { kind: 'unfit', why: `SES takes messages of at most ${SIZE_MOST / 1_048_576} MB` };
  if (hasLineLongerThan(content, LINE_MOST))
    return { kind: 'unfit', why: `SES takes no lines longer than ${LINE_MOST} bytes` };
  return { kind: 'ready', parcel: content };
}

function hasLineLongerThan(content: Buffer, most: number): boolean {
  let start = 0;
  for (let end = content.indexOf(0x0a); end !== -1; end = content.indexOf(0x0a, start)) {
    if (end + 1 - start > most) return true;
    start = end + 1;
  }
  return content.length - start > most;
}

async function send({ mail, parcel, key, watch }: Order<SesParcel>, needs: SesProviderNeeds): Promise<ProviderAnswer> {
  const { policy, client, account } = needs;
  const addresses = mail.recipients.map(({ address }) => address);
  const input: SendEmailCommandInput = {
    // SES has no null sender: a report goes out under the address of its From, and what bounces of it ends at SES.
    ...(mail.sender === '' ? {} : { FromEmailAddress: mail.sender }),
    Destination: { ToAddresses: addresses },
    Content: { Raw: { Data: parcel } },
    EmailTags: [...tagsOf(mail)].map(([Name, value]) => ({ Name, Value: narrowValue(value) })),
    ...(policy.configurationSet === null ? {} : { ConfigurationSetName: policy.configurationSet }),
  };
  const result = await client.sendEmail(input, key, watch);
  switch (result.kind) {
    case 'done':
      account?.sent(addresses.length);
      return { kind: 'taken', providerId: result.output.id, text: 'taken' };
    case 'refused':
      return result.error.name === '' && result.error.status === 504
        ? { kind: 'in-doubt', text: 'it answered 504: somebody on the way gave up waiting' }
        : sesAnswer(result.error, addresses);
    case 'garbled':
      return { kind: 'in-doubt', text: 'its answer was not understood, or cut off' };
    case 'failed':
      return ofFailure(result, sesHost(policy));
  }
}
