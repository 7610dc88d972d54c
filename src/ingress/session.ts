/** What a session may do, command by command: decisions free of the library and of the wire. */
import { envelopeDigest } from '../message/envelope-digest.ts';
import type { Recipient } from '../message/message.ts';
import type { Reply } from '../message/reply.ts';
import type { Screening } from '../message/screening.ts';
import { clientByName, clientForAddress, type NamedClient, senderAllowed } from '../policy/admit.ts';
import type { ListenerPolicy, Policy } from '../policy/schema.ts';
import type { Authenticator } from './auth.ts';
import { type MailCommand, parseMail, parseRcpt } from './envelope-command.ts';
import { mtPriorityUpTo, type Timing, timingAt } from './handling-parameters.ts';
import { type Looseness, loosenessOf } from './looseness.ts';
import type { Habits } from './habit-book.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { drawQuota, type QuotaDeps } from './quota.ts';
import type { Receiver } from './receive.ts';
import type { ReturnPaths } from './return-path.ts';
import { REPLIES, senderOkAt } from './replies.ts';

export type SessionDeps = QuotaDeps & {
  readonly policy: () => Policy;
  readonly authenticator: Authenticator;
  readonly receiver: Receiver;
  readonly budget: MemoryBudget;
  /** Of what comes to return paths. */
  readonly returnBudget: MemoryBudget;
  readonly returnPaths: ReturnPaths;
  /** Absent: everybody is written to. */
  readonly screening?: Screening;
  /** Absent: what clients do is not counted. */
  readonly habits?: Habits;
};

/** One mail transaction, from MAIL on. */
export type Transaction = MailCommand & {
  /** null: a stranger, whose every recipient is refused, return paths excepted. */
  readonly client: NamedClient | null;
  readonly recipients: Map<string, Recipient>;
  readonly timing: Timing;
  /** Its only recipient is a return path: anybody may send there, and nothing is relayed. */
  forReturnPath: boolean;
  /** It is taken, and waits, since it is over the quota: why; null: it is not. */
  heldFor: string | null;
  /** How its MAIL was written, where that is not as RFC 5321 §4.1.1.2 has it. */
  readonly looseness: Looseness | null;
  /** Monotonic. */
  readonly beganMs: number;
};

/** Of a client whose address its proxy does not know: in no network, and not this machine. */
export const UNKNOWN_ADDRESS = 'unknown';

export class Session {
  readonly #deps: SessionDeps;
  readonly listener: ListenerPolicy;
  /** The address that rights hang on; XCLIENT changes it, to `UNKNOWN_ADDRESS` too. */
  address: string;
  /** The address that is shown; XFORWARD changes only this one. */
  shownAddress: string;
  #loopback: boolean;
  secure: boolean;
  hello: { readonly name: string; readonly extended: boolean } | null = null;
  /** The AUTH user; looked up again in each transaction, since the policy may have changed. */
  signedIn: string | null = null;
  /** The client whose rights bound those of the session that XCLIENT made; null: no XCLIENT. */
  proxiedBy: NamedClient | null = null;
  transaction: Transaction | null = null;
  /** How it signed in; null: it did not. */
  mechanism: 'login' | 'plain' | null = null;
  /** A message was accepted in it. */
  hasSent = false;
  hasQuit = false;
  /** A password was checked in this session, so no proxy's word is needed. */
  #signedInHere = false;

  constructor(
    deps: SessionDeps,
    start: { readonly listener: ListenerPolicy; readonly address: string; readonly secure: boolean },
  ) {
    this.#deps = deps;
    this.listener = start.listener;
    this.address = start.address;
    this.shownAddress = start.address;
    this.secure = start.secure;
    this.#loopback = /^(?:127\.|::1$)/.test(start.address);
  }

  get policy(): Policy {
    return this.#deps.policy();
  }

  /** AUTH only where passwords are safe: under TLS, or from this very machine. */
  get canAuthenticate(): boolean {
    return this.listener.auth === 'required' && (this.secure || this.#loopback);
  }

  /** Whether mail may come in here that is the relay's own to schedule (RFC 4865: submission only). */
  get offersHandling(): boolean {
    return this.listener.auth === 'required' || this.client() !== null;
  }

  /** How far ahead mail may be scheduled, ms; 0: it is not offered. */
  get furthestMs(): number {
    return this.offersHandling ? this.policy.limits.futureReleaseMs : 0;
  }

  /** Wall time. */
  get nowMs(): number {
    return this.#deps.clock.nowMs();
  }

  /** Who this is now; null: a stranger. */
  client(): NamedClient | null {
    const { policy } = this;
    const client =
      this.signedIn === null ? clientForAddress(policy, this.address) : clientByName(policy, this.signedIn);
    const bound = this.proxiedBy;
    if (client === null || bound === null || this.#signedInHere) return client;
    return client.name === bound.name || bound.client.senders.includes('*') ? client : null;
  }

  signIn(user: string): void {
    this.signedIn = user;
    this.#signedInHere = true;
  }

  /** RFC 3207 §4.2: nothing that was said in clear text counts. */
  upgraded(): void {
    this.secure = true;
    this.#startOver();
  }

  /** XCLIENT: the session is somebody else's from now on. The proxy's word for who that is counts as far as its own rights go. */
  actFor(other: {
    readonly address: string;
    readonly user: string | null;
    readonly proxiedBy: NamedClient | null;
  }): void {
    this.#startOver();
    this.proxiedBy = other.proxiedBy;
    this.address = other.address;
    this.shownAddress = other.address;
    if (other.address === UNKNOWN_ADDRESS) this.#loopback = false;
    this.signedIn = other.user;
  }

  #startOver(): void {
    this.hello = null;
    this.signedIn = null;
    this.#signedInHere = false;
    this.transaction = null;
  }

  sizeLimitBytes(client: NamedClient | null): number {
    const { messageSizeBytes } = this.policy.limits;
    if (this.transaction?.forReturnPath === true) return messageSizeBytes;
    return Math.min(client?.client.messageSizeBytes ?? messageSizeBytes, messageSizeBytes);
  }

  mail(argument: string): Reply {
    if (this.transaction !== null) return REPLIES.nestedMail;
    const client = this.client();
    if (client === null && this.listener.auth === 'required') {
      return this.refused('MAIL', this.canAuthenticate ? REPLIES.authRequired : REPLIES.tlsRequired);
    }
    const { offersHandling, furthestMs, nowMs } = this;
    const offer = { auth: this.canAuthenticate, handling: offersHandling, hold: furthestMs > 0 };
    const parsed = parseMail(argument, offer);
    if (parsed.kind === 'refused') return this.refused('MAIL', parsed.reply);
    const { value } = parsed;
    const timing = timingAt(value, { nowMs, furthestMs });
    const refusal = 'code' in timing ? timing : client === null ? null : this.#whyNotMail(client, value);
    if (refusal !== null || 'code' in timing)
      return this.refused('MAIL', refusal ?? REPLIES.badParameter, { sender: value.sender, recipients: new Map() });
    const beganMs = this.#deps.clock.monotonicMs();
    const mtPriority =
      value.mtPriority === null || client === null ? null : mtPriorityUpTo(client.client.maxPriority, value.mtPriority);
    this.transaction = {
      ...value,
      mtPriority,
      timing,
      client,
      recipients: new Map(),
      looseness: loosenessOf(argument),
      forReturnPath: false,
      heldFor: null,
      beganMs,
    };
    return mtPriority === null || mtPriority === value.mtPriority ? REPLIES.senderOk : senderOkAt(mtPriority);
  }

  #whyNotMail(client: NamedClient, { sender, sizeBytes }: MailCommand): Reply | null {
    if (!senderAllowed(client.client, sender)) return REPLIES.senderDenied;
    if (sizeBytes !== null && sizeBytes > this.sizeLimitBytes(client)) return REPLIES.tooBig;
    if (sizeBytes !== null && !this.#deps.budget.hasRoomFor(sizeBytes)) return REPLIES.noMemory;
    return this.#deps.receiver.trouble();
  }

  rcpt(argument: string): Reply | Promise<Reply> {
    const { transaction, policy } = this;
    if (transaction === null) return REPLIES.mailFirst;
    const { smtpUtf8, client, recipients } = transaction;
    const parsed = parseRcpt(argument, { smtpUtf8, postmaster: policy.postmaster });
    if (parsed.kind === 'refused') return this.refused('RCPT', parsed.reply);
    const { address } = parsed.value;
    const verdict = this.#deps.returnPaths.judge(address);
    if (verdict !== 'elsewhere') return this.#rcptReturnPath(transaction, parsed.value, verdict === 'known');
    if (client === null) return this.refused('RCPT', REPLIES.relayDenied);
    const isFull = transaction.forReturnPath || recipients.size >= policy.limits.recipients;
    if (!recipients.has(address) && isFull) {
      return this.refused('RCPT', REPLIES.tooManyRecipients);
    }
    const { screening } = this.#deps;
    if (policy.suppression.onSubmit === 'reject' && screening?.suspects([address]) === true) {
      return this.#rcptUnlessSuppressed(screening, { recipients, recipient: parsed.value, client });
    }
    recipients.set(address, parsed.value);
    return REPLIES.recipientOk;
  }

  /** Its stream is in the header: what holds for one stream only is found later. So is what cannot be known now. */
  async #rcptUnlessSuppressed(
    screening: Screening,
    to: Pick<Transaction, 'recipients'> & { readonly recipient: Recipient; readonly client: NamedClient },
  ): Promise<Reply> {
    const { recipient, client, recipients } = to;
    const { address } = recipient;
    const ask = { addresses: [address], client: client.name, stream: '' };
    const found = await screening.suppressedOf(ask).catch(() => null);
    const refusal = found?.get(address);
    if (refusal !== undefined) return this.refused('RCPT', refusal);
    recipients.set(address, recipient);
    return REPLIES.recipientOk;
  }

  /** A return path has a transaction of its own: whoever gets 452 sends the others their mail in another. */
  #rcptReturnPath(transaction: Transaction, recipient: Recipient, isKnown: boolean): Reply {
    const { recipients, sizeBytes } = transaction;
    if (!isKnown) return this.refused('RCPT', REPLIES.unknownRecipient);
    if (recipients.size > 0 && !recipients.has(recipient.address))
      return this.refused('RCPT', REPLIES.tooManyRecipients);
    if (sizeBytes !== null && sizeBytes > this.policy.limits.messageSizeBytes)
      return this.refused('RCPT', REPLIES.tooBig);
    const trouble = this.#deps.receiver.trouble();
    if (trouble !== null) return this.refused('RCPT', trouble);
    recipients.set(recipient.address, recipient);
    transaction.forReturnPath = true;
    return REPLIES.recipientOk;
  }

  /** Whether DATA may start, quota aside; null: it may. */
  whyNotData(): Reply | null {
    if (this.transaction === null) return REPLIES.mailFirst;
    if (this.transaction.recipients.size === 0) return REPLIES.noRecipients;
    return null;
  }

  /** Takes the recipients out of the client's quota, and says why not; null: it has none. */
  drawQuota(): Promise<Reply | null> | null {
    const { transaction } = this;
    const client = transaction?.client ?? null;
    if (client?.client.quota === undefined || transaction === null || transaction.forReturnPath) return null;
    return this.#drawQuota(transaction, client);
  }

  async #drawQuota(transaction: Transaction, client: NamedClient): Promise<Reply | null> {
    const drawn = await drawQuota(this.#deps, client, transaction.recipients.size);
    if (drawn.kind === 'held') transaction.heldFor = drawn.why;
    return drawn.kind === 'refused' ? drawn.reply : null;
  }

  /** The peer closed the connection. */
  left(): void {
    const client = this.hasSent && !this.hasQuit ? this.client() : null;
    if (client !== null) this.#deps.habits?.note(client.name, ['no-quit']);
  }

  /** Tells of a refusal; returns the reply. */
  refused(
    command: string,
    reply: Reply,
    of: Pick<Transaction, 'sender' | 'recipients'> | null = command === 'DATA' ? this.transaction : null,
  ): Reply {
    const { emit, clock } = this.#deps;
    const client = (this.transaction?.client ?? this.client())?.name ?? null;
    // What is put off is known when it comes again.
    const isPutOff = reply.code < 500 && of !== null && client !== null;
    const envelope = isPutOff ? envelopeDigest(of.sender, [...of.recipients.keys()]) : null;
    const told = { atMs: clock.nowMs(), peer: this.shownAddress, client, command, reply };
    emit({ event: 'refused', ...told, ...(envelope === null ? {} : { envelope }) });
    return reply;
  }
}
