/**
 * Complaints about mail of ours: believed only with a return path or a report token that was signed for that very message,
 * and noted once for a recipient. Nobody is mailed about one.
 */
import { domainOf } from '../message/address.ts';
import { type CameBack, ofMail } from '../message/event.ts';
import { type DeliveryId, type MessageId, messageIdOf } from '../message/ids.ts';
import { isReturnPath } from '../policy/return-path.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import type { MessageStory, Spool } from '../spool/spool.ts';
import { type Sent, sentIn } from './came-back.ts';
import type { ComplaintReport } from './complaint-report.ts';
import { readReportToken } from './report-token.ts';
import type { Learn } from './suppression/learn.ts';
import { readVerpLocal, type VerpKeys } from './verp.ts';

export type ComplaintNeeds = {
  readonly policy: () => Policy;
  readonly keys: () => VerpKeys | null;
  readonly spool: Pick<Spool, 'story' | 'note'>;
  readonly learn: Learn;
  /** Whether what was signed for a day is still believed. */
  readonly isInTime: (day: number) => boolean;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** What a report is about. `deliveryId` null: only the message is known. */
type Subject = { readonly messageId: MessageId; readonly deliveryId: DeliveryId | null };

/** `unsigned`: nothing in it was signed by us. `unknown`: the history has forgotten that message. */
export type Taken = 'noted' | 'repeated' | 'ignored' | 'unsigned' | 'unknown';

/** Types that are no complaint of a recipient's (RFC 5965 §7.3, RFC 6591, RFC 6430). */
const NO_COMPLAINT: ReadonlySet<string> = new Set(['not-spam', 'auth-failure', 'dmarc']);

/**
 * Keeps a complaint; durable once it resolves, and learnt from. Rejects where the spool fails.
 * @param known the delivery that the address it came to was signed for
 */
export async function keepComplaint(
  needs: ComplaintNeeds,
  report: ComplaintReport,
  known: DeliveryId | null,
): Promise<Taken> {
  const subject = known === null ? subjectOf(needs, report) : { messageId: messageIdOf(known), deliveryId: known };
  if (subject === null) return 'unsigned';
  if (NO_COMPLAINT.has(report.type)) return 'ignored';
  const story = await needs.spool.story(subject.messageId);
  const told = story === null ? null : whomItIsAbout(story, subject, report);
  if (story === null || told === null) return 'unknown';
  const event: CameBack = {
    event: report.type === 'opt-out' || report.type === 'opt-out-list' ? 'unsubscribed' : 'complained',
    atMs: needs.clock.nowMs(),
    messageId: subject.messageId,
    deliveryId: told.deliveryId,
    domain: told.sent.domain,
    recipients: told.recipients,
    source: 'report',
    detail: report.by === '' ? report.type : `${report.type}, by ${report.by}`,
    egress: told.sent.egress,
    host: told.sent.host,
  };
  if (story.events.some((earlier) => isSame(earlier, event))) return 'repeated';
  // Learnt first: a crash in between has the provider send it again, and it is learnt and noted then.
  await needs.learn([event]);
  if ((await needs.spool.note([event])) !== 'noted') return 'unknown';
  needs.emit(ofMail(event, story.message));
  return 'noted';
}

function isSame(earlier: MessageStory['events'][number], event: CameBack): boolean {
  return (
    earlier.event === event.event &&
    earlier.deliveryId === event.deliveryId &&
    'source' in earlier &&
    earlier.source === 'report' &&
    event.recipients.every((address) => earlier.recipients.includes(address))
  );
}

/** A return path says more than a token: it names the delivery. null: nothing in it was signed by us, or it has run out. */
function subjectOf({ policy, keys, isInTime }: ComplaintNeeds, report: ComplaintReport): Subject | null {
  const signing = keys() ?? [];
  for (const address of report.returnPaths) {
    const domain = domainOf(address).toLowerCase();
    if (!isReturnPath(policy(), domain)) continue;
    const token = readVerpLocal(address.slice(0, address.lastIndexOf('@')), domain, signing);
    if (token !== null && isInTime(token.day))
      return { messageId: messageIdOf(token.deliveryId), deliveryId: token.deliveryId };
  }
  for (const text of report.tokens) {
    const token = readReportToken(text, signing);
    if (token !== null && isInTime(token.day)) return { messageId: token.messageId, deliveryId: null };
  }
  return null;
}

type Told = { readonly deliveryId: DeliveryId; readonly sent: Sent; readonly recipients: readonly string[] };

/**
 * The delivery, and who of its recipients complains: whom the report names, or the only one there is. Nobody where that is
 * not clear. null: the history tells of no such delivery.
 */
function whomItIsAbout(story: MessageStory, subject: Subject, report: ComplaintReport): Told | null {
  const ids = subject.deliveryId === null ? deliveriesIn(story) : [subject.deliveryId];
  const all = ids.flatMap((deliveryId) => {
    const sent = sentIn(story, deliveryId);
    return sent === null ? [] : [{ deliveryId, sent }];
  });
  const named = new Set(report.recipients.map((address) => address.toLowerCase()));
  for (const one of all) {
    const recipients = one.sent.recipients.filter((address) => named.has(address.toLowerCase()));
    if (recipients.length > 0) return { ...one, recipients };
  }
  const [first, ...others] = all;
  if (first === undefined) return null;
  const isClear = others.length === 0 && first.sent.recipients.length === 1;
  return { ...first, recipients: isClear ? first.sent.recipients : [] };
}

function deliveriesIn({ events }: MessageStory): readonly DeliveryId[] {
  return [...new Set(events.flatMap((event) => ('deliveryId' in event ? [event.deliveryId] : [])))];
}
