/**
 * The whole of taking a message in: canonical form → header From → spool → only then the answer; its signatures before the spool, or
 * beside it where it goes straight to its lane. The one way in for every client, whatever it speaks.
 */
import { domainOf } from '../message/address.ts';
import { ofMail } from '../message/event.ts';
import { bytesOfFields, type HeaderField } from '../message/header.ts';
import { type MessageId, newMessageId } from '../message/ids.ts';
import type { Message, Recipient } from '../message/message.ts';
import { heldEvents } from '../message/over-quota.ts';
import type { Reply } from '../message/reply.ts';
import type { Screening } from '../message/screening.ts';
import type { NamedClient } from '../policy/admit.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit, Random } from '../ports.ts';
import type { FreshDelivery, Handoff } from '../spool/handoff.ts';
import { type LeasedDelivery, type NewDelivery, type Spool, SpoolError, type Submission } from '../spool/spool.ts';
import type { BlankSignatures } from '../sign/blank-signature.ts';
import { type Canonical, canonicalForm } from './canonical.ts';
import { dedupeOf, type Once } from './dedupe.ts';
import { deliveriesOf } from './deliveries.ts';
import type { Timing } from './handling-parameters.ts';
import { newMessage, receivedEvent, termsOf } from './new-message.ts';
import type { Habits } from './habit-book.ts';
import type { OverQuota } from './quota.ts';
import { REPLIES } from './replies.ts';
import type { Marked, ReturnPaths } from './return-path.ts';
import { whySenderDenied } from './sender-fields.ts';
import type { LeaveBlank } from './sign.ts';
import { Signing } from './signing.ts';
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
  /** `isRepeat`: it had been accepted before. */
  | { readonly kind: 'accepted'; readonly id: MessageId; readonly text: string; readonly isRepeat: boolean }
  | { readonly kind: 'refused'; readonly reply: Reply };

export type ReceiverDeps = {
  readonly policy: () => Policy;
  readonly spool: Pick<Spool, 'accept' | 'trouble' | 'sign'>;
  readonly handoff: Handoff;
  readonly leaveBlank: LeaveBlank;
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
  readonly #signing: Signing;
  #spoolWasFull = false;
  #inFlight = 0;

  constructor(deps: ReceiverDeps) {
    this.#deps = deps;
    this.#signing = new Signing(deps.spool);
  }

  /** Messages between their last byte and their answer, or on their way to their lane. */
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
      this.#failed(error);
      return refused(this.#spoolWasFull ? REPLIES.spoolFull : REPLIES.temporary);
    } finally {
      this.#inFlight -= 1;
    }
  }

  #failed(error: unknown): void {
    const { emit, clock } = this.#deps;
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'ingress', cause: String(error) });
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
    const [signatures, dedupe] = await Promise.all([
      this.#deps.leaveBlank({ fromDomain, fields, body, nowMs: atMs }),
      dedupeOf(incoming, canonical),
    ]);
    const content = Buffer.concat([signatures.headers, header, EMPTY_LINE, body]);
    const message = newMessage({ incoming, canonical, policy, id, atMs, fromDomain, content, terms });
    return { kind: 'ready', incoming, message, content, signatures, dedupe, addresses, warning };
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
    const { handoff, spool, emit, policy, clock } = this.#deps;
    const { message, warning } = ready;
    const { deliveries, fresh } = deliveriesOf(ready, { policy: policy(), handoff });
    const received = receivedEvent(ready, clock.monotonicMs());
    const heldFor = ready.incoming.heldFor ?? null;
    const held = heldFor === null ? null : await this.#heldEvents(ready, { deliveries, heldFor });
    let accepted = false;
    try {
      const { kept, signing } = await this.#signing.begin(ready, fresh.length === deliveries.length);
      const result = await spool.accept({ ...kept, deliveries, received, dedupe: ready.dedupe, ...(held && { held }) });
      if (result.kind === 'duplicate')
        return { kind: 'accepted', id: result.of, text: `${result.of} queued`, isRepeat: true };
      accepted = true;
      // A store that had the message already leases nothing again: it is in the queue, and was told of.
      const leased = result.kind === 'known' ? [] : result.leased;
      this.#handOver(leased, { content: ready.content, signing });
      if (leased.length < fresh.length) cancelAllBut(handoff, fresh, leased);
      this.#spoolWasFull = false;
      if (result.kind === 'accepted') emit(ofMail(received, message));
      if (result.kind === 'accepted') for (const event of held ?? []) emit(ofMail(event, message));
      const note = policy().spool.durability === 'relaxed' ? ' (not yet on disk)' : '';
      const text = `${message.id} queued${note}${warning === null ? '' : `; ${warning}`}`;
      return { kind: 'accepted', id: message.id, text, isRepeat: result.kind === 'known' };
    } finally {
      if (!accepted && fresh.length > 0) handoff.cancel(fresh.map((delivery) => delivery.id));
      if (accepted && held === null && fresh.length < deliveries.length) handoff.wake();
    }
  }

  /** At once, or as soon as it is signed; nobody waits for that. */
  #handOver(
    leased: readonly LeasedDelivery[],
    { content, signing }: { readonly content: Buffer; readonly signing: Promise<void> | null },
  ): void {
    const { handoff } = this.#deps;
    if (signing === null) {
      handoff.take(leased, content);
      return;
    }
    // Whoever stops the relay waits for it, as for its acknowledgement.
    this.#inFlight += 1;
    const signed = signing.then(
      () => content,
      (error: unknown) => {
        this.#failed(error);
        // The attempt signs what the spool keeps.
        return null;
      },
    );
    void signed
      .then((whole) => handoff.take(leased, whole))
      .catch((error: unknown) => this.#failed(error))
      .finally(() => {
        this.#inFlight -= 1;
      });
  }

  /** Of mail that is to wait for its quota. Rejects where nobody would let it go again. */
  async #heldEvents(
    { incoming: { client }, message }: Ready,
    { deliveries, heldFor }: { readonly deliveries: readonly NewDelivery[]; readonly heldFor: string },
  ): Promise<ReturnType<typeof heldEvents>> {
    await this.#deps.overQuota?.expect(client.name, message.id);
    return heldEvents(message, deliveries, heldFor);
  }
}

type Ready = {
  readonly kind: 'ready';
  readonly incoming: Incoming;
  readonly message: Message;
  readonly content: Buffer;
  readonly signatures: BlankSignatures;
  readonly dedupe: Submission['dedupe'];
  readonly addresses: readonly string[];
  readonly warning: string | null;
};

function cancelAllBut(handoff: Handoff, fresh: readonly FreshDelivery[], leased: readonly LeasedDelivery[]): void {
  const taken = new Set(leased.map(({ delivery }) => delivery.id));
  handoff.cancel(fresh.map(({ id }) => id).filter((id) => !taken.has(id)));
  handoff.wake();
}
