/** The way in without SMTP: by the command line and by HTTP. Same checks, same spool, same answer. */
import { isAscii } from 'node:buffer';
import { formatMailbox, parseMailbox } from '../message/address.ts';
import type { MessageId } from '../message/ids.ts';
import type { Recipient } from '../message/message.ts';
import type { Reply } from '../message/reply.ts';
import { clientByName, senderAllowed } from '../policy/admit.ts';
import type { Policy } from '../policy/schema.ts';
import type { Once } from './dedupe.ts';
import { withLineEnds } from './line-ends.ts';
import { drawQuota, type QuotaDeps } from './quota.ts';
import type { Receiver } from './receive.ts';
import { lineTooLongFor, REPLIES } from './replies.ts';

export type Submission = {
  /** A client of the policy. */
  readonly client: string;
  /** `local@domain`, or '' for the null sender. */
  readonly sender: string;
  readonly recipients: readonly string[];
  /** Any line ends; they become CR LF. */
  readonly content: Buffer;
  /** Of who submits; null: somebody on this machine. */
  readonly address: string | null;
  /** As in Received: `local`, `HTTP`. */
  readonly protocol: string;
  /** See `Incoming.once`. */
  readonly once?: Once;
  /** See `Incoming.traceparent`. */
  readonly traceparent?: string;
};

/** What a refusal is about, for who has other words for it than SMTP. `content`: the message itself. */
export type RefusalAbout = 'client' | 'sender' | 'recipients' | 'size' | 'quota' | 'content' | 'temporary';

export type SubmitResult =
  /** `isRepeat`: it had been accepted before. */
  | { readonly kind: 'accepted'; readonly id: MessageId; readonly isRepeat: boolean }
  /** The reply that SMTP would have given; `recipient`: the address that it is about. */
  | { readonly kind: 'refused'; readonly reply: Reply; readonly about: RefusalAbout; readonly recipient?: string };

type SubmitDeps = QuotaDeps & {
  readonly policy: () => Policy;
  readonly receiver: Receiver;
};

/** Accepted means durable, and for all recipients. Never rejects. */
export async function submit(deps: SubmitDeps, submission: Submission): Promise<SubmitResult> {
  const beganMs = deps.clock.monotonicMs();
  const policy = deps.policy();
  const client = clientByName(policy, submission.client);
  if (client === null) return refused(REPLIES.authRequired);
  const envelope = readEnvelope(submission, policy);
  if (envelope.kind === 'refused') return envelope;
  if (!senderAllowed(client.client, envelope.sender)) return refused(REPLIES.senderDenied);
  const limitBytes = Math.min(
    client.client.messageSizeBytes ?? policy.limits.messageSizeBytes,
    policy.limits.messageSizeBytes,
  );
  const text = await canonicalText(submission.content, limitBytes, policy.limits.lineLength);
  if (!Buffer.isBuffer(text)) return refused(text);
  const trouble = deps.receiver.trouble();
  if (trouble !== null) return refused(trouble);
  const drawn = await drawQuota(deps, client, envelope.recipients.length);
  if (drawn.kind === 'refused') return refused(drawn.reply);
  const origin = { helo: null, address: submission.address, protocol: submission.protocol, tls: null };
  const received = await deps.receiver.receive({
    client,
    sender: envelope.sender,
    recipients: envelope.recipients,
    ret: null,
    envid: null,
    smtpUtf8: true,
    take: () => text,
    eightBit: !isAscii(text),
    origin,
    beganMs,
    heldFor: drawn.kind === 'held' ? drawn.why : null,
    ...(submission.once === undefined ? {} : { once: submission.once }),
    ...(submission.traceparent === undefined ? {} : { traceparent: submission.traceparent }),
  });
  if (received.kind === 'refused') return refused(received.reply);
  return { kind: 'accepted', id: received.id, isRepeat: received.isRepeat };
}

type Envelope = { readonly kind: 'ok'; readonly sender: string; readonly recipients: readonly Recipient[] };

function readEnvelope(submission: Submission, policy: Policy): Envelope | Extract<SubmitResult, { kind: 'refused' }> {
  const sender = submission.sender === '' ? '' : canonicalAddress(submission.sender);
  if (sender === null) return refused(REPLIES.badSender);
  const recipients = new Map<string, Recipient>();
  for (const text of submission.recipients) {
    const address = canonicalAddress(text);
    if (address === null) return { ...refused(REPLIES.badRecipient), recipient: text };
    recipients.set(address, { address, notify: null, orcpt: null });
  }
  if (recipients.size === 0) return refused(REPLIES.noRecipients);
  if (recipients.size > policy.limits.recipients) return refused(REPLIES.tooManyRecipients);
  return { kind: 'ok', sender, recipients: [...recipients.values()] };
}

function canonicalAddress(text: string): string | null {
  const mailbox = parseMailbox(text);
  return mailbox === null ? null : formatMailbox(mailbox);
}

/** CR LF everywhere, the end included; or why it cannot be taken. */
async function canonicalText(content: Buffer, limitBytes: number, lineLength: number): Promise<Buffer | Reply> {
  if (content.length > limitBytes) return REPLIES.tooBig;
  if (content.includes(0)) return REPLIES.nul;
  const { text, longestLine } = await withLineEnds(content);
  return longestLine > lineLength ? lineTooLongFor(lineLength) : text;
}

function refused(reply: Reply): Extract<SubmitResult, { kind: 'refused' }> {
  return { kind: 'refused', reply, about: ABOUT.get(reply) ?? (reply.code < 500 ? 'temporary' : 'content') };
}

const ABOUT: ReadonlyMap<Reply, RefusalAbout> = new Map<Reply, RefusalAbout>([
  [REPLIES.authRequired, 'client'],
  [REPLIES.badSender, 'sender'],
  [REPLIES.senderDenied, 'sender'],
  [REPLIES.fromDenied, 'sender'],
  [REPLIES.senderFieldDenied, 'sender'],
  [REPLIES.badRecipient, 'recipients'],
  [REPLIES.noRecipients, 'recipients'],
  [REPLIES.tooManyRecipients, 'recipients'],
  [REPLIES.tooBig, 'size'],
  [REPLIES.headerTooBig, 'size'],
  [REPLIES.overQuota, 'quota'],
]);
