/**
 * Return paths (VERP): under which address mail goes out, whose mail is taken at such an address, and what becomes of it.
 * Whatever came back is told to the envelope sender of the message that the address names, and to nobody else.
 */
import { createHash } from 'node:crypto';
import { domainOf, formatMailbox } from '../message/address.ts';
import { type CameBack, type MessageEvent, ofMail } from '../message/event.ts';
import { type DeliveryId, type MessageId, messageIdOf, newMessageId } from '../message/ids.ts';
import type { Message } from '../message/message.ts';
import type { HeaderField } from '../message/header.ts';
import { formatReply, type Reply } from '../message/reply.ts';
import { complaintAddressFor, isComplaintAddress, isReturnPath, returnPathFor } from '../policy/return-path.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import type { MessageStory, Spool } from '../spool/spool.ts';
import { writeAnswer } from './answer.ts';
import { headerOf, natureOf } from './automatic.ts';
import { readCameBack, type Reading, type Sent, sentIn } from './came-back.ts';
import { type ComplaintReport, readComplaint } from './complaint-report.ts';
import { keepComplaint, type Taken } from './complaints.ts';
import type { OwnMail } from './own-mail.ts';
import { writeReport } from './report.ts';
import { hearsByMail } from './reporter.ts';
import { reportFields, reportToken } from './report-token.ts';
import type { Learn } from './suppression/learn.ts';
import { type ToPostmaster, toPostmaster } from './to-postmaster.ts';
import { DAY_MS, readVerpLocal, type VerpKeys, verpLocal, type VerpToken } from './verp.ts';

/** A server that took mail tries for some days; its report may be underway for as long. */
const VALID_DAYS = 30;
/** Of one delivery, beside one for each recipient; what comes after it is counted and dropped. */
const MOST_CAME_BACK = 100;

const TAKEN: Reply = { code: 250, detail: '6.0', text: 'taken' };
const NO_REPORT: Reply = { code: 550, detail: '7.1', text: 'only complaint reports (RFC 5965) are taken here' };
const TOO_MANY: Reply = { code: 450, detail: '7.1', text: 'too many messages to this address, try again later' };
const NO_SUCH_MESSAGE: Reply = { code: 550, detail: '1.1', text: 'no such message any more' };

export type ReturnPathNeeds = {
  readonly policy: () => Policy;
  /** null: they cannot be had; no return path is made or believed then. */
  readonly keys: () => VerpKeys | null;
  readonly spool: Pick<Spool, 'story' | 'note'>;
  readonly submitOwn: (mail: OwnMail) => Promise<void>;
  /** Of dead addresses and complaints, before they are noted. */
  readonly learn: Learn;
  readonly clock: Clock;
  readonly emit: Emit;
};

export type ReturnPaths = {
  /** The envelope sender that a delivery goes out with: the message's own where its From domain has no return path. */
  reversePath(message: Message, deliveryId: DeliveryId): string;
  /** Fields that a message gets so that complaints tell what it is; none where its From domain has no return path. */
  fieldsFor(message: Marked): readonly HeaderField[];
  /** `known`: a return path of ours that has not run out, or an address for complaints. `unknown`: at a return-path domain, and none of ours. */
  judge(address: string): 'elsewhere' | 'unknown' | 'known';
  /**
   * Takes what came to a `known` address. 2yz: the sender's report is durable, or there is nobody to tell. Rejects where
   * the spool fails.
   */
  take(mail: ReturnedMail): Promise<Reply>;
};

/** A message before it is signed. */
export type Marked = {
  readonly id: MessageId;
  readonly fromDomain: string | null;
  /** When it is first to be sent. */
  readonly firstAtMs: number;
  readonly fields: readonly HeaderField[];
};

export type ReturnedMail = {
  readonly address: string;
  /** Every line ends with CR LF. */
  readonly content: Buffer;
  /** It was longer, and this is its start. Default: it is whole. */
  readonly isCut?: boolean;
  /** The trace field for it (RFC 5321 §4.4), one character a byte. @param id under which it is passed on */
  readonly trace: (id: MessageId) => string;
};

type Parts = ReturnPathNeeds & { readonly forward: ToPostmaster };

export function openReturnPaths(given: ReturnPathNeeds): ReturnPaths {
  const needs = { ...given, forward: toPostmaster(given) };
  return {
    reversePath: (message, deliveryId) => reversePath(needs, message, deliveryId),
    fieldsFor: (message) => fieldsFor(needs, message),
    judge: (address) => {
      if (!isReturnPath(needs.policy(), domainOf(address))) return 'elsewhere';
      if (isComplaintAddress(needs.policy(), address)) return 'known';
      return tokenOf(needs, address) === null ? 'unknown' : 'known';
    },
    take: (mail) => take(needs, mail),
  };
}

function reversePath({ policy, keys }: ReturnPathNeeds, message: Message, deliveryId: DeliveryId): string {
  const { sender } = message.envelope;
  const domain = sender === '' ? null : returnPathFor(policy(), message.fromDomain);
  const signing = domain === null ? null : keys();
  if (domain === null || signing === null) return sender;
  const day = dayOf(Math.max(message.receivedAtMs, message.sendAtMs ?? 0));
  return formatMailbox({ local: verpLocal({ deliveryId, day }, domain, signing), domain });
}

function dayOf(atMs: number): number {
  return Math.floor(atMs / DAY_MS);
}

function fieldsFor({ policy, keys }: ReturnPathNeeds, message: Marked): readonly HeaderField[] {
  const { id, fromDomain, firstAtMs, fields } = message;
  const signing = returnPathFor(policy(), fromDomain) === null ? null : keys();
  if (signing === null) return [];
  const isNamed = fields.some(({ name }) => name === 'cfbl-address');
  const address = isNamed ? null : complaintAddressFor(policy(), fromDomain);
  return reportFields(reportToken({ messageId: id, day: dayOf(firstAtMs) }, signing), address);
}

/** null: not one of ours, or it has run out. */
function tokenOf(needs: ReturnPathNeeds, address: string): VerpToken | null {
  const domain = domainOf(address);
  const token = readVerpLocal(address.slice(0, -domain.length - 1), domain, needs.keys() ?? []);
  return token !== null && isInTime(needs, token.day) ? token : null;
}

/** It may have waited in the queue for as long as mail may. */
function isInTime({ policy, clock }: ReturnPathNeeds, day: number): boolean {
  return clock.nowMs() < (day + 1 + VALID_DAYS) * DAY_MS + policy().retry.expireMs;
}

async function take(needs: Parts, mail: ReturnedMail): Promise<Reply> {
  if (isComplaintAddress(needs.policy(), mail.address)) return await takeComplaint(needs, mail);
  const token = tokenOf(needs, mail.address);
  const story = token === null ? null : await needs.spool.story(messageIdOf(token.deliveryId), token.deliveryId);
  const sent = story === null || token === null ? null : sentIn(story, token.deliveryId);
  if (story === null || token === null || sent === null) return NO_SUCH_MESSAGE;
  const { deliveryId } = token;
  const complaint = readComplaint(mail.content);
  if (complaint?.isReport === true) {
    await keepComplaint(complaintNeeds(needs), complaint, deliveryId);
    return TAKEN;
  }
  const digest = createHash('sha256').update(`${deliveryId}\0`).update(mail.content).digest();
  const reportId = newMessageId(story.message.receivedAtMs, digest);
  const content = Buffer.concat([Buffer.from(mail.trace(reportId), 'latin1'), mail.content]);
  const returned: Returned = { deliveryId, content, isCut: mail.isCut === true, story, sent, reportId };
  const earlier = story.events.filter(isCameBack).filter((event) => event.deliveryId === deliveryId);
  const isRepeat = earlier.some((event) => 'report' in event && event.report === returned.reportId);
  if (!isRepeat) await keep(needs, returned, earlier.length);
  return TAKEN;
}

/** What is no report goes to the postmaster, bounces excepted: nobody of ours sends from there. */
async function takeComplaint(needs: Parts, mail: ReturnedMail): Promise<Reply> {
  const { address, content } = mail;
  const report = readComplaint(content);
  const taken = report === null ? 'unsigned' : await keepComplaint(complaintNeeds(needs), report, null);
  const why = DROPPED[taken];
  if (why === null) return TAKEN;
  if (report?.isReport !== true) return await passOn(needs, mail);
  needs.emit({ event: 'complaint-dropped', atMs: needs.clock.nowMs(), address, reason: `${why} (${summary(report)})` });
  return TAKEN;
}

async function passOn({ forward }: Parts, mail: ReturnedMail): Promise<Reply> {
  const nature = natureOf(headerOf(mail.content), '');
  if (nature === 'bounce' || nature === 'delayed') return NO_REPORT;
  const forwarding = await forward(mail);
  if (forwarding === 'forwarded') return TAKEN;
  return forwarding === 'nobody' ? NO_REPORT : TOO_MANY;
}

const DROPPED = {
  noted: null,
  repeated: null,
  ignored: null,
  unsigned: 'nothing in it was signed by this relay',
  unknown: 'the history has forgotten the message that it is about',
} as const satisfies Record<Taken, string | null>;

function summary({ type, by }: ComplaintReport): string {
  return by === '' ? type : `${type}, by ${by}`;
}

function complaintNeeds(needs: ReturnPathNeeds) {
  return { ...needs, isInTime: (day: number) => isInTime(needs, day) };
}

function isCameBack(event: MessageEvent): event is CameBack {
  return event.event === 'bounced-later' || event.event === 'answered';
}

type Returned = {
  readonly deliveryId: DeliveryId;
  /** With our trace field on top. */
  readonly content: Buffer;
  readonly isCut: boolean;
  readonly story: MessageStory;
  readonly sent: Sent;
  /** The same content twice is the same report. */
  readonly reportId: MessageId;
};

/** The report first: a repeat after a crash in between queues nothing twice, and is noted then. */
async function keep(needs: ReturnPathNeeds, returned: Returned, earlier: number): Promise<void> {
  const { emit, spool } = needs;
  if (earlier >= MOST_CAME_BACK + returned.sent.recipients.length) {
    emit({ event: 'answered', what: 'surplus', report: null, ...about(needs, returned), recipients: [] });
    return;
  }
  const reading = readCameBack(returned.content, returned.sent);
  const report = await tellSender(needs, returned, reading);
  const events = eventsOf(reading, { ...about(needs, returned), report, egress: returned.sent.egress });
  // Learnt first: after a crash in between the other server sends it again, and it is learnt and noted then.
  await needs.learn(events);
  if ((await spool.note(events)) === 'noted') for (const event of events) emit(ofMail(event, returned.story.message));
}

function about({ clock }: ReturnPathNeeds, { deliveryId, sent }: Returned) {
  return { atMs: clock.nowMs(), messageId: messageIdOf(deliveryId), deliveryId, domain: sent.domain };
}

type About = ReturnType<typeof about> & { readonly report: MessageId | null; readonly egress: string | null };

/** One for each reply that recipients got. */
function eventsOf(reading: Reading, { egress, ...of }: About): CameBack[] {
  if (reading.kind !== 'failed') return [{ event: 'answered', what: reading.kind, ...of, recipients: [] }];
  const byReply = new Map<string, { readonly reply: Reply; readonly recipients: string[] }>();
  for (const { address, reply } of reading.recipients) {
    const known = byReply.get(formatReply(reply));
    if (known === undefined) byReply.set(formatReply(reply), { reply, recipients: [address] });
    else known.recipients.push(address);
  }
  const { host } = reading;
  return [...byReply.values()].map((one) => ({ event: 'bounced-later', ...of, ...one, host, egress }));
}

/** @returns the report; null: there is nobody to tell, or his address is a return path, where nobody reads */
async function tellSender(needs: ReturnPathNeeds, returned: Returned, reading: Reading): Promise<MessageId | null> {
  const { policy, clock, submitOwn } = needs;
  const { story, content, isCut, reportId: id, deliveryId } = returned;
  const { message } = story;
  const to = message.envelope.sender;
  if (to === '' || isReturnPath(policy(), domainOf(to))) return null;
  const isBounce = reading.kind === 'failed' || reading.kind === 'delayed';
  if (isBounce && !hearsByMail(policy(), message)) return null;
  const { hostname } = policy();
  const atMs = clock.nowMs();
  await submitOwn({
    id,
    recipient: to,
    endsMail: false,
    content:
      reading.kind === 'failed'
        ? writeReport(
            {
              kind: 'returned',
              message,
              deliveryId,
              recipients: reading.recipients.map(({ address, reply }) => ({
                recipient: { address, notify: null, orcpt: null },
                reply,
                host: reading.host,
              })),
              atMs,
              retryUntilMs: null,
              content: null,
            },
            { id, hostname, to, atMs, original: content, isCut, doubleBounce: false },
          )
        : writeAnswer({ id, hostname, message, what: reading.kind, atMs, status: reading.status, content, isCut }),
  });
  return id;
}
