import { createHash } from 'node:crypto';
import { domainOf } from '../message/address.ts';
import { newMessageId, type MessageId } from '../message/ids.ts';
import { type Message, OWN_CLIENT } from '../message/message.ts';
import type { Notice, Report } from '../message/notice.ts';
import { isReturnPath } from '../policy/return-path.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import type { Spool } from '../spool/spool.ts';
import type { OwnMail } from './own-mail.ts';
import { DOUBLE_BOUNCE, writeReport } from './report.ts';

export type SubmitOwn = (mail: OwnMail) => Promise<void>;

export type ReporterNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly spool: Pick<Spool, 'content'>;
  readonly submitOwn: SubmitOwn;
};

/**
 * Writes reports and queues them. To the envelope sender only, which was checked against the client's `senders` when the
 * message came in: never to the null sender (RFC 5321 §6.1), never to who a header names. A failed report of the relay's
 * own goes to the postmaster once, as a double bounce, and a failed double bounce goes nowhere.
 */
export function createReporter(needs: ReporterNeeds): Report {
  return async (notice) => {
    const { message } = notice;
    if (notice.kind !== 'relayed' && !hearsByMail(needs.policy(), message)) return;
    if (message.envelope.sender !== '') {
      await submit(needs, notice, { to: message.envelope.sender, doubleBounce: false });
      return;
    }
    const failed = notice.kind === 'failed' || notice.kind === 'expired';
    if (message.client !== OWN_CLIENT || !failed) return;
    const { postmaster } = needs.policy();
    if (isForPostmaster(notice, postmaster)) drop(needs, notice);
    else await submit(needs, notice, { to: postmaster, doubleBounce: true });
  };
}

/**
 * Reports of mail that a provider had taken, as it says itself: to the envelope sender, under the rules of all reports, and
 * never to a return path of the relay's own, where nobody reads. Nothing is told of what the relay reported itself.
 * @returns what resolves with the report once that is durable; with null: nobody is told
 */
export function returnedReporter(needs: ReporterNeeds): (notice: Notice) => Promise<MessageId | null> {
  return async (notice) => {
    const { message } = notice;
    const { sender: to } = message.envelope;
    if (to === '' || message.client === OWN_CLIENT || isReturnPath(needs.policy(), domainOf(to))) return null;
    if (!hearsByMail(needs.policy(), message)) return null;
    await submit(needs, notice, { to, doubleBounce: false });
    return reportIdOf(notice);
  };
}

/** Whether the client of the message wants its senders to be told by mail (`bounceMail`). */
export function hearsByMail({ clients }: Policy, { client }: Pick<Message, 'client'>): boolean {
  return !Object.hasOwn(clients, client) || clients[client]?.bounceMail !== false;
}

function isForPostmaster({ message, recipients }: Notice, postmaster: string): boolean {
  if (message.messageIdHeader.startsWith(`<${DOUBLE_BOUNCE}`)) return true;
  return recipients.some(({ recipient }) => recipient.address.toLowerCase() === postmaster.toLowerCase());
}

function drop({ emit, clock }: ReporterNeeds, { deliveryId, recipients }: Notice): void {
  const to = recipients.map(({ recipient }) => recipient.address).join(', ');
  const cause = `${deliveryId}: a report to ${to} could not be delivered either, and is dropped`;
  emit({ event: 'failed', atMs: clock.nowMs(), where: 'double bounce', cause });
}

async function submit(
  { policy, clock, spool, submitOwn }: ReporterNeeds,
  notice: Notice,
  { to, doubleBounce }: { readonly to: string; readonly doubleBounce: boolean },
): Promise<void> {
  const original = notice.content ?? (isAbout(notice) ? await contentOf(spool, notice.message.id) : null);
  const id = reportIdOf(notice);
  const terms = { id, hostname: policy().hostname, to, atMs: clock.nowMs(), original, doubleBounce };
  await submitOwn({ id, recipient: to, content: writeReport(notice, terms), endsMail: notice.kind !== 'delayed' });
}

/** Whether the original belongs to it; to one of a message that came back belongs what came. */
function isAbout({ kind }: Notice): boolean {
  return kind !== 'returned';
}

async function contentOf(spool: Pick<Spool, 'content'>, id: MessageId): Promise<Buffer | null> {
  const found = await spool.content(id);
  return found.kind === 'found' ? found.content : null;
}

/** The same news of the same recipients is the same message, however often a crash makes the relay tell it. */
export function reportIdOf({ kind, deliveryId, message, recipients }: Notice): MessageId {
  const addresses = recipients.map(({ recipient }) => recipient.address).toSorted();
  const digest = createHash('sha256')
    .update(JSON.stringify([deliveryId, kind, addresses]))
    .digest();
  return newMessageId(message.receivedAtMs, digest);
}
