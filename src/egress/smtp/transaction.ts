/** One mail transaction: MAIL, RCPT for each recipient, DATA, the content (RFC 5321 §3.3). */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Recipient } from '../../message/message.ts';
import type { Outcome } from '../../message/outcome.ts';
import type { Reply } from '../../message/reply.ts';
import type { Failure, Happening, Stage } from '../classify.ts';
import type { Mail } from '../egress.ts';
import { lackOf, mailCommand, rcptCommand, type TimePolicy, type When } from './envelope.ts';
import type { Session } from './session.ts';
import { PIECE_BYTES, stuffed } from './stuffing.ts';
import type { Heard } from './wire.ts';

export type Part = {
  readonly mail: Mail;
  /** Some of the mail's recipients, at most `MAX_RECIPIENTS`. */
  readonly recipients: readonly Recipient[];
  readonly judge: (stage: Stage, happening: Happening) => Outcome;
  /** Default: strict, and late mail is returned. */
  readonly times?: TimePolicy | undefined;
};

export type Transaction = {
  /** One a recipient of the part, in its order. */
  readonly outcomes: readonly Outcome[];
  /** The connection was gone, or going, before MAIL was answered: if it was a used one, a new one may do better. */
  readonly stale: boolean;
  /** Positions of recipients that the server had no room for in this transaction (RFC 5321 §4.5.3.1.10). */
  readonly surplus: readonly number[];
  /** The peer lost track of a pipelined envelope. */
  readonly confused: boolean;
};

/** RFC 5321 §4.5.3.1.8: what every server must take. */
export const MAX_RECIPIENTS = 100;

/** A peer that takes less than this is not waited for (bytes a second, over a whole message). */
const LEAST_RATE = 8 * 1024;
/** Bytes after which other work gets a turn. */
const TURN_BYTES = 1024 * 1024;

/**
 * Never rejects. Afterwards the session's wire is usable, or closed.
 * @param signal ends it until the final dot is on its way
 */
export async function transact(session: Session, part: Part, signal: AbortSignal): Promise<Transaction> {
  const { wire } = session;
  const { mail, recipients, judge } = part;
  const lack = lackOf(mail, session.extensions, whenOf(session, part));
  if (lack !== null) return same(recipients, judge('mail', { kind: 'lacks', what: lack }));
  const abort = (): void => {
    wire.fail({ kind: 'aborted' });
  };
  if (signal.aborted || mail.mayGo?.() === false) return same(recipients, judge('mail', { kind: 'aborted' }));
  signal.addEventListener('abort', abort, { once: true });
  session.transactions += 1;
  mail.onStage?.('mail');
  wire.startOver();
  const result = await run(session, part, () => {
    signal.removeEventListener('abort', abort);
  });
  signal.removeEventListener('abort', abort);
  // 2yz or 3yz out of place: who knows what the peer waits for now.
  if (result.outcomes.some((one) => one.kind === 'deferred' && one.reply.code < 400)) wire.fail(OUT_OF_TURN);
  return result;
}

function whenOf({ clock }: Session, { times = STRICT }: Part): When {
  return { ...times, nowMs: clock.nowMs() };
}

const STRICT: TimePolicy = { deliverBy: 'strict', onLate: 'return' };

async function run(session: Session, part: Part, onDot: () => void): Promise<Transaction> {
  const { extensions, wire, timeouts } = session;
  const { mail, recipients, judge } = part;
  const pipelined = extensions.pipelining;
  const reset = session.begun ? 'RSET\r\n' : '';
  const commands = [
    mailCommand(mail, extensions, whenOf(session, part)),
    ...recipients.map((one) => rcptCommand(one, extensions)),
    'DATA\r\n',
  ];
  // RFC 2920 §3.1: DATA ends the group, since the content must wait for 354.
  if (pipelined) wire.send(reset + commands.join(''));
  else if (reset !== '') wire.send(reset);
  let at = 0;
  const ask = (): Promise<Heard> => {
    const command = commands[at++];
    if (!pipelined && command !== undefined) wire.send(command);
    return wire.heard(timeouts.replyMs);
  };

  if (reset !== '') {
    const heard = await wire.heard(timeouts.replyMs);
    if (!isCode(heard, 2)) return { ...same(recipients, judge('mail', heard)), stale: isGoing(heard) };
  }
  session.begun = true;
  const sender = await ask();
  if (!isCode(sender, 2)) {
    const outcome = judge('mail', sender);
    await skip(session, pipelined && sender.kind === 'reply' ? recipients.length + 1 : 0);
    return { ...same(recipients, outcome), stale: isGoing(sender), confused: isConfusion(sender, pipelined) };
  }
  mail.onStage?.('rcpt');
  const envelope = await askRecipients(part, ask);
  if (envelope.broken !== null) return ended(part, envelope, { stage: 'rcpt', happening: envelope.broken });
  if (envelope.accepted === 0) {
    await skip(session, pipelined ? 1 : 0);
    return ended(part, envelope, null);
  }
  mail.onStage?.('data');
  const go = await ask();
  if (!isCode(go, 3)) return ended(part, envelope, { stage: 'data', happening: go, pipelined });
  mail.onStage?.('content');
  return ended(part, envelope, await sendContent(session, mail, onDot));
}

type EnvelopeReplies = {
  /** null: accepted. */
  readonly refusals: readonly (Outcome | null)[];
  readonly accepted: number;
  readonly surplus: readonly number[];
  /** What ended the conversation; null: it goes on. */
  readonly broken: Happening | null;
};

async function askRecipients({ recipients, judge }: Part, ask: () => Promise<Heard>): Promise<EnvelopeReplies> {
  const refusals: (Outcome | null)[] = [];
  const surplus: number[] = [];
  let accepted = 0;
  for (let at = 0; at < recipients.length; at++) {
    const heard = await ask();
    // A lost connection or 421 is about everyone; those refused for good before stay refused.
    if (heard.kind !== 'reply' || heard.reply.code === 421) return { refusals, accepted, surplus, broken: heard };
    if (isCode(heard, 2)) {
      accepted += 1;
      refusals.push(null);
      continue;
    }
    refusals.push(judge('rcpt', heard));
    if (isSurplus(heard.reply)) surplus.push(at);
  }
  return { refusals, accepted, surplus, broken: null };
}

type End = { readonly stage: Stage; readonly happening: Happening; readonly pipelined?: boolean };

/** @param end what became of the accepted recipients; null: there were none */
function ended({ recipients, judge }: Part, envelope: EnvelopeReplies, end: End | null): Transaction {
  const fate = end === null ? null : judge(end.stage, end.happening);
  const outcomes = recipients.map(
    (_, at): Outcome => envelope.refusals[at] ?? fate ?? judge('rcpt', { kind: 'garbage', what: 'no reply' }),
  );
  // Only a server that took some of them is asked again for the others.
  const surplus = fate?.kind === 'delivered' ? envelope.surplus : [];
  const confused = end?.pipelined === true && isConfusion(end.happening, true);
  return { outcomes, stale: false, surplus, confused };
}

async function sendContent(session: Session, { content, mayGo }: Mail, onDot: () => void): Promise<End> {
  const { wire, timeouts } = session;
  if (!wire.usable) return interrupted(session, 'spoke');
  const { clock } = session;
  const endMs = clock.monotonicMs() + timeouts.dataMs + (content.length / LEAST_RATE) * 1000;
  let sinceTurn = 0;
  let held: Buffer | null = null;
  for (const piece of stuffed(content)) {
    if (held !== null) {
      const leftMs = Math.min(timeouts.replyMs, endMs - clock.monotonicMs());
      const flushed = leftMs > 0 ? await wire.flush(held, leftMs) : 'timeout';
      if (flushed !== 'written') return interrupted(session, flushed);
      sinceTurn += PIECE_BYTES;
      if (sinceTurn >= TURN_BYTES) {
        sinceTurn = 0;
        await nextTurn();
      }
    }
    held = piece;
  }
  if (mayGo?.() === false) return { stage: 'content', happening: wire.fail({ kind: 'aborted' }) };
  onDot();
  wire.recorder?.note(`the message, ${content.length} bytes, and the final dot`);
  if (held !== null) wire.sendLast(held);
  const verdict = await wire.heard(timeouts.dataMs);
  session.begun = false;
  return { stage: verdict.kind === 'reply' || wire.dotIsOut ? 'after-dot' : 'content', happening: verdict };
}

const OUT_OF_TURN: Failure = { kind: 'garbage', what: 'a reply out of turn' };

/** A reply in the middle of the content is the verdict (552, 421), and the connection is of no more use: the dot is owed. */
async function interrupted(session: Session, why: 'spoke' | 'timeout'): Promise<End> {
  const { wire } = session;
  if (why === 'timeout') return { stage: 'content', happening: wire.fail({ kind: 'timeout' }) };
  const heard = await wire.heard(session.timeouts.replyMs);
  const refusal = heard.kind === 'reply' && heard.reply.code >= 400;
  const happening = refusal || heard.kind !== 'reply' ? heard : OUT_OF_TURN;
  wire.fail(happening.kind === 'reply' ? { kind: 'lost', code: 'closed' } : happening);
  return { stage: 'content', happening };
}

/** Hears out the replies to pipelined commands after a refusal; should DATA have been taken all the same, nothing is sent. */
async function skip(session: Session, replies: number): Promise<void> {
  const { wire, timeouts } = session;
  for (let left = replies; left > 0; left--) {
    const heard = await wire.heard(timeouts.replyMs);
    if (heard.kind !== 'reply' || heard.reply.code === 421) {
      wire.fail({ kind: 'lost', code: 'closed' });
      return;
    }
    if (left > 1 || !isCode(heard, 3)) continue;
    // RFC 2920 §3.1: a server that answers 354 without a recipient gets a lone dot.
    wire.send('.\r\n');
    const end = await wire.heard(timeouts.replyMs);
    if (end.kind === 'reply') session.begun = false;
  }
}

function same(recipients: readonly Recipient[], outcome: Outcome): Transaction {
  return { outcomes: recipients.map(() => outcome), stale: false, surplus: [], confused: false };
}

function isCode(heard: Heard, digit: 2 | 3): heard is Heard & { kind: 'reply' } {
  return heard.kind === 'reply' && Math.trunc(heard.reply.code / 100) === digit;
}

function isGoing(heard: Heard): boolean {
  return heard.kind === 'lost' || (heard.kind === 'reply' && heard.reply.code === 421);
}

/** 452 or 552 about the transaction's size, not about a full mailbox (RFC 3463 §3.3, §3.6). */
function isSurplus({ code, detail }: Reply): boolean {
  return (code === 452 || code === 552) && (detail === null || detail === '5.3');
}

function isConfusion(happening: Happening, pipelined: boolean): boolean {
  return pipelined && happening.kind === 'reply' && (happening.reply.code === 500 || happening.reply.code === 503);
}
