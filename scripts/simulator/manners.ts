/** What providers say when they refuse: in words of our own, with the codes and marks by which the large ones are known. */
import type { Provider } from './description.ts';

export type Refusal =
  | 'rate'
  | 'connections'
  | 'perConnection'
  | 'listed'
  | 'reputation'
  | 'policy'
  | 'greylisted'
  | 'unknown'
  | 'full'
  | 'relay';

type Manner = Provider['manner'];

const PLAIN: Readonly<Record<Refusal, string>> = {
  rate: '421 4.7.0 too much mail from {client}, rate limited: try again later',
  connections: '421 4.7.0 too many connections from {client}',
  perConnection: '421 4.4.2 enough messages over this connection',
  listed: '554 5.7.1 service unavailable; client host [{client}] blocked using bl.example',
  reputation: '550 5.7.1 poor reputation of the sending address {client}',
  policy: '550 5.7.1 message refused by local policy',
  greylisted: '451 4.7.1 greylisted, please try again in {seconds} seconds',
  unknown: '550 5.1.1 <{recipient}>: no such user here',
  full: '452 4.2.2 <{recipient}>: mailbox full',
  relay: '550 5.7.1 <{recipient}>: relaying denied',
};

const MANNERS: Readonly<Record<Manner, Partial<Readonly<Record<Refusal, string>>>>> = {
  plain: {},
  google: {
    rate: '421 4.7.28 an unusual rate of mail comes from your address {client}; it is rate limited for now',
    reputation: '550 5.7.1 [{client}] likely suspicious due to the very low reputation of the sending IP address',
    unknown: '550 5.1.1 the account <{recipient}> does not exist',
    full: '452 4.2.2 the inbox of <{recipient}> is out of storage space',
  },
  microsoft: {
    rate: '451 4.7.650 the mail server [{client}] has been temporarily rate limited due to IP reputation (S775)',
    reputation: '550 5.7.1 mail from [{client}] is not taken: part of their network is on our block list (S3150)',
    unknown: '550 5.5.0 requested action not taken: mailbox unavailable (S2017062302)',
  },
  yahoo: {
    rate: '421 4.7.0 [TSS04] messages from {client} temporarily deferred due to unexpected volume',
    listed: '553 5.7.1 [BL21] connections are not accepted from {client}, which is in a public list',
    reputation: '553 5.7.2 [TSS11] all messages from {client} are permanently deferred',
    greylisted: '421 4.7.0 [GL01] message from ({client}) temporarily deferred',
    unknown: '554 delivery error: dd this user has no account here',
  },
};

/** A reply with its code; what stands in braces is filled in. */
export function refusalText(
  refusal: Refusal,
  {
    manner,
    ...about
  }: { readonly manner: Manner; readonly client: string; readonly recipient?: string; readonly seconds?: number },
): string {
  const values: Readonly<Record<string, string | number | undefined>> = about;
  return (MANNERS[manner][refusal] ?? PLAIN[refusal]).replaceAll(/\{(\w+)\}/g, (_, key: string) =>
    String(values[key] ?? ''),
  );
}
