/**
 * The whole of taking a message in: canonical form → header From → signature → spool → only then the answer. The one way
 * in for every client, whatever it speaks.
 */
import { domainOf } from '../message/address.ts';
import { ofMail } from '../message/event.ts';
import { bytesOfFields, type HeaderField } from '../message/header.ts';
import { deliveryIdOf, type MessageId, newMessageId } from '../message/ids.ts';
import type { Message, Recipient } from '../message/message.ts';
import { heldEvents, overQuotaReply } from '../message/over-quota.ts';
import type { Reply } from '../message/reply.ts';
import type { Screening } from '../message/screening.ts';
import type { NamedClient } from '../policy/admit.ts';
import { isPathPerRecipient } from '../policy/return-path.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit, Random } from '../ports.ts';
import type { FreshDelivery, Handoff } from '../spool/handoff.ts';
import { type LeasedDelivery, type NewDelivery, type Spool, SpoolError, type Submission } from '../spool/spool.ts';
import type { BlankSignature } from '../sign/blank-signature.ts';
import { type Canonical, canonicalForm } from './canonical.ts';
import { dedupeOf, type Once } from './dedupe.ts';
import type { Timing } from './handling-parameters.ts';
import { newMessage, receivedEvent, termsOf } from './new-message.ts';
import type { Habits } from './habit-book.ts';
import type { OverQuota } from './quota.ts';
import { REPLIES } from './replies.ts';
import type { Marked, ReturnPaths } from './return-path.ts';
import { whySenderDenied } from './sender-fields.ts';
import type { Sign } from './sign.ts';
import { type Origin, receivedField } from './trace.ts';
import { type UnsubscribeUrl, withUnsubscribe } from './unsubscribe.ts';

const EMPTY_LINE = Buffer.from('\r\n');

export type Incoming = {
  readonly client: NamedClient;
  readonly sender: string;
  /** At least one, each address once. */
  readonly recipients: readonly Recipient[];
  readonly ret: 'full' | 'hdrs' | null;
  readonly envid: string | null;
  /** RFC 6531: the client asked for it. */
  readonly smtpUtf8: boolean;
  /** What MAIL said of when it may leave and until when. Default: nothing. */
  readonly timing?: Timing;
  /** RFC 6710, as far as the client may go; null: it did not say. Default: it did not. */
  readonly mtPriority?: number | null;
  /**
   * Hands the content over, once: as it came, dot-stuffing taken out, every line with CR LF at its end. A function, so
   * that nobody holds it any longer while the spool has a copy.
   */
  readonly take: () => Buffer;
  readonly eightBit: boolean;
  readonly origin: Origin;
  /** Why it is to wait for the quota of its client; null: it is not. Default: it is not. */
  readonly heldFor?: string | null;
  /** Monotonic, of the command that began it. */
  readonly beganMs: number;
  /** By which it is known when it is sent again. Default: by its Message-ID, its recipients and its body. */
  readonly once?: Once;
  /** Of which trace it is, where that was not said in its header. Default: nobody said. */
  readonly traceparent?: string;
};

export type Received =
  | { readonly kind: 'accepted'; readonly id: MessageId; readonly text: string }
  | { readonly kind: 'refused'; readonly reply: Reply };

export type ReceiverDeps = {
  readonly policy: () => Policy;
  readonly spool: Pick<Spool, 'accept' | 'trouble' | 'signs'>;
  readonly handoff: Handoff;
  readonly sign: Sign;
  /** Absent: no complaints are taken. */
  readonly returnPaths?: Pick<ReturnPaths, 'fieldsFor'>;
  /** Absent: everybody is written to. */
  readonly screening?: Screening;
  /** Absent: no such fields are added. */
  readonly unsubscribeUrl?: UnsubscribeUrl;
  /** Absent: what clients do is not counted. */
  readonly habits?: Habits;
  /** Absent: nothing comes that is to wait for its quota. */
  readonly overQuota?: OverQuota;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
};

export class Receiver {
  readonly #deps: ReceiverDeps;
  #spoolWasFull = false;
  #inFlight = 0;

  constructor(deps: ReceiverDeps) {
    this.#deps = deps;
  }

  /** Messages between their last byte and their answer. */
  get inFlight(): number {
    return this.#inFlight;
  }

  /** Why no mail can be taken now; null: go ahead. */
  trouble(): Reply | null {
    const trouble = this.#deps.spool.trouble();
    if (trouble === null) return null;
    // The port gives words only. Either reply is temporary; 452 tells the client's operator more.
    return this.#spoolWasFull || /\bfull\b/.test(trouble) ? REPLIES.spoolFull : REPLIES.temporary;
  }

  /** `accepted` means durable, as the policy promises it. Never rejects: a surprise is a temporary refusal. */
  async receive(incoming: Incoming): Promise<Received> {
    const refused = (reply: Reply): Received => ({ kind: 'refused', reply });
    return await this.whileInFlight(() => this.#receive(incoming), refused);
  }

  /** Counts what is taken otherwise among the messages in flight. Never rejects: a surprise is a temporary refusal. */
  async whileInFlight<Result>(take: () => Promise<Result>, refused: (reply: Reply) => Result): Promise<Result> {
    this.#inFlight += 1;
    try {
      return await take();
    } catch (error) {
      this.#spoolWasFull = error instanceof SpoolError && error.kind === 'full';
      const { emit, clock } = this.#deps;
      emit({ event: 'failed', atMs: clock.nowMs(), where: 'ingress', cause: String(error) });
      return refused(this.#spoolWasFull ? REPLIES.spoolFull : REPLIES.temporary);
    } finally {
      this.#inFlight -= 1;
    }
  }

  async #receive(incoming: Incoming): Promise<Received> {
    const ready = await this.#prepare(incoming);
    return ready.kind === 'refused' ? ready : await this.#accept(ready);
  }

  /** Everything that needs the content as submitted. */
  async #prepare(incoming: Incoming): Promise<Ready | Extract<Received, { kind: 'refused' }>> {
    const { clock, random, policy: currentPolicy } = this.#deps;
    const policy = currentPolicy();
    const atMs = clock.nowMs();
    const id = newMessageId(atMs, incoming.once?.entropy ?? random.bytes(10));
    const { sender, origin } = incoming;
    const raw = incoming.take();
    const addresses = incoming.recipients.map((recipient) => recipient.address);
    const received = receivedField({ origin, hostname: policy.hostname, id, atMs, recipients: addresses });
    const { hostname, limits, traces } = policy;
    const result = canonicalForm({ raw, sender, id, atMs, hostname, received, limits, traces });
    if (result.kind === 'refused') return result;
    const { canonical } = result;
    const denied = whySenderDenied(incoming.client, canonical);
    if (denied !== null) return { kind: 'refused', reply: denied };
    const terms = termsOf({ incoming, canonical, policy, atMs });
    if ('code' in terms) return { kind: 'refused', reply: terms };
    const suppressed = await this.#whySuppressed(incoming, terms.stream);
    if (suppressed !== null) return { kind: 'refused', reply: suppressed };

    this.#noteLacks(incoming, canonical);
    const fromDomain = canonical.from?.[0] === undefined ? null : domainOf(canonical.from[0]);
    const { body } = canonical;
    const { unsubscribeUrl } = this.#deps;
    const given = withUnsubscribe({ id, incoming, canonical, terms, policy }, unsubscribeUrl);
    const { warning } = given;
    const fields = this.#marked({
      id,
      fromDomain,
      firstAtMs: Math.max(atMs, terms.sendAtMs ?? 0),
      fields: given.fields,
    });
    const header = bytesOfFields(fields);
    const [signed, dedupe] = await Promise.all([
      this.#deps.sign({ fromDomain, fields, body, nowMs: atMs, mayLeaveBlank: this.#deps.spool.signs === true }),
      dedupeOf(incoming, canonical),
    ]);
    const content = Buffer.concat([signed.headers, header, EMPTY_LINE, body]);
    const message = newMessage({ incoming, canonical, policy, id, atMs, fromDomain, content, terms });
    return { kind: 'ready', incoming, message, content, blanks: signed.blanks ?? [], dedupe, addresses, warning };
  }

  /** Of mail that came by SMTP. */
  #noteLacks({ client, origin }: Incoming, { hasDate, submittedMessageId }: Canonical): void {
    if (!/SMTP/.test(origin.protocol)) return;
    if (!hasDate) this.#deps.habits?.note(client.name, ['no-date']);
    if (submittedMessageId === null) this.#deps.habits?.note(client.name, ['no-message-id']);
  }

  /** With what complaints tell it by, behind the trace field of ours. */
  #marked(message: Marked): readonly HeaderField[] {
    const added = this.#deps.returnPaths?.fieldsFor?.(message) ?? [];
    const [received, ...others] = message.fields;
    return received === undefined || added.length === 0 ? message.fields : [received, ...added, ...others];
  }

  /** Where suppressed recipients are refused and none but those is left; the stream is known only now. */
  async #whySuppressed({ client, recipients }: Incoming, stream: string): Promise<Reply | null> {
    const { screening, policy } = this.#deps;
    if (screening === undefined || policy().suppression.onSubmit !== 'reject') return null;
    const addresses = recipients.map(({ address }) => address);
    if (!screening.suspects(addresses)) return null;
    // What cannot be known now is asked again before each attempt.
    const found = await screening.suppressedOf({ addresses, client: client.name, stream }).catch(() => null);
    const [reply = null] = found?.values() ?? [];
    return found?.size === addresses.length ? reply : null;
  }

  async #accept(ready: Ready): Promise<Received> {
    const { handoff, spool, emit, policy } = this.#deps;
    const { message, content, blanks, dedupe, warning } = ready;
    const { deliveries, fresh } = this.#deliveriesOf(ready);
    const received = receivedEvent(ready, this.#deps.clock.monotonicMs());
    const heldFor = ready.incoming.heldFor ?? null;
    const held = heldFor === null ? null : await this.#heldEvents(ready, { deliveries, heldFor });
    let accepted = false;
    try {
      const submission = { message, deliveries, content, blanks, received, dedupe, ...(held && { held }) };
      const result = await spool.accept(submission);
      if (result.kind === 'duplicate') return { kind: 'accepted', id: result.of, text: `${result.of} queued` };
      accepted = true;
      // A store that had the message already leases nothing again: it is in the queue, and was told of.
      const leased = result.kind === 'known' ? [] : result.leased;
      handoff.take(leased, content);
      if (leased.length < fresh.length) cancelAllBut(handoff, fresh, leased);
      this.#spoolWasFull = false;
      if (result.kind === 'accepted') emit(ofMail(received, message));
      if (result.kind === 'accepted') for (const event of held ?? []) emit(ofMail(event, message));
      const note = policy().spool.durability === 'relaxed' ? ' (not yet on disk)' : '';
      const text = `${message.id} queued${note}${warning === null ? '' : `; ${warning}`}`;
      return { kind: 'accepted', id: message.id, text };
    } finally {
      if (!accepted && fresh.length > 0) handoff.cancel(fresh.map((delivery) => delivery.id));
      if (accepted && held === null && fresh.length < deliveries.length) handoff.wake();
    }
  }

  /** Of mail that is to wait for its quota. Rejects where nobody would let it go again. */
  async #heldEvents(
    { incoming: { client }, message }: Ready,
    { deliveries, heldFor }: { readonly deliveries: readonly NewDelivery[]; readonly heldFor: string },
  ): Promise<ReturnType<typeof heldEvents>> {
    await this.#deps.overQuota?.expect(client.name, message.id);
    return heldEvents(message, deliveries, heldFor);
  }

  /**
   * One for each destination domain, or for each recipient where the return path is to name one; those that the hand-off has
   * room for are leased to this node at once.
   */
  #deliveriesOf({ incoming, message, content }: Ready): { deliveries: NewDelivery[]; fresh: FreshDelivery[] } {
    const isEach = message.envelope.sender !== '' && isPathPerRecipient(this.#deps.policy(), message.fromDomain);
    const byDomain = new Map<string, Recipient[]>();
    for (const recipient of incoming.recipients) {
      const domain = domainOf(recipient.address);
      const key = isEach ? recipient.address : domain;
      const others = byDomain.get(key);
      if (others === undefined) byDomain.set(key, [recipient]);
      else others.push(recipient);
    }
    const deliveries: NewDelivery[] = [];
    const fresh: FreshDelivery[] = [];
    const { id, client, priority } = message;
    const { heldFor = null } = incoming;
    const held = heldFor === null ? null : { leaseUntilMs: null, lastReply: overQuotaReply(heldFor) };
    const dueAtMs = Math.max(message.receivedAtMs, message.sendAtMs ?? 0);
    for (const [key, recipients] of byDomain) {
      const domain = isEach ? domainOf(key) : key;
      const deliveryId = deliveryIdOf(id, deliveries.length + 1);
      const delivery = { id: deliveryId, domain, client, priority, sizeBytes: content.length, dueAtMs };
      if (held !== null) {
        deliveries.push({ domain, recipients, dueAtMs, ...held });
        continue;
      }
      const leaseUntilMs = this.#deps.handoff.reserve(delivery);
      if (leaseUntilMs !== null) fresh.push(delivery);
      deliveries.push({ domain, recipients, dueAtMs, leaseUntilMs });
    }
    return { deliveries, fresh };
  }
}

type Ready = {
  readonly kind: 'ready';
  readonly incoming: Incoming;
  readonly message: Message;
  readonly content: Buffer;
  readonly blanks: readonly BlankSignature[];
  readonly dedupe: Submission['dedupe'];
  readonly addresses: readonly string[];
  readonly warning: string | null;
};

function cancelAllBut(handoff: Handoff, fresh: readonly FreshDelivery[], leased: readonly LeasedDelivery[]): void {
  const taken = new Set(leased.map(({ delivery }) => delivery.id));
  handoff.cancel(fresh.map(({ id }) => id).filter((id) => !taken.has(id)));
  handoff.wake();
}
