import type { Draw, DrawResult, Ledger } from '../../src/spool/ledger.ts';
import type { FreshDelivery, Handoff } from '../../src/spool/handoff.ts';
import type { AcceptResult, LeasedDelivery, Spool, SpoolError, Submission } from '../../src/spool/spool.ts';
import type { Delivery } from '../../src/message/delivery.ts';
import { deliveryIdOf, type MessageId } from '../../src/message/ids.ts';

/** The accepting side of a spool, in memory: keeps what it was given, and fails when told to. */
export class RecordingSpool implements Pick<Spool, 'accept' | 'trouble' | 'sign'> {
  sign?: NonNullable<Spool['sign']>;
  readonly accepted: Submission[] = [];
  /** What the next `accept` calls do. */
  failure: SpoolError | Error | null = null;
  troubleText: string | null = null;
  /** `accept` waits for it: the moment between the last byte and the answer. */
  gate: Promise<void> | null = null;
  readonly #keys = new Map<string, MessageId>();

  async accept(submission: Submission): Promise<AcceptResult> {
    if (this.gate !== null) await this.gate;
    if (this.failure !== null) throw this.failure;
    const key = submission.dedupe?.key;
    const known = key === undefined ? undefined : this.#keys.get(key);
    if (known !== undefined) return { kind: 'duplicate', of: known };
    if (key !== undefined) this.#keys.set(key, submission.message.id);
    this.accepted.push(submission);
    return { kind: 'accepted', leased: leasedOf(submission) };
  }

  trouble(): string | null {
    return this.troubleText;
  }

  /** The only message, or the last one. */
  get last(): Submission {
    const last = this.accepted.at(-1);
    if (last === undefined) throw new Error('nothing was accepted');
    return last;
  }

  /** The last message as text, one character a byte. */
  get text(): string {
    return this.last.content.toString('latin1');
  }
}

/** Counts in memory, exactly. */
export class MemoryLedger implements Ledger {
  readonly used = new Map<string, number>();

  async draw({ account, amount, limit, windowMs, nowMs }: Draw): Promise<DrawResult> {
    const before = this.used.get(account) ?? 0;
    if (before + amount > limit) {
      return { kind: 'refused', used: before, resetsAtMs: nowMs - (nowMs % windowMs) + windowMs };
    }
    this.used.set(account, before + amount);
    return { kind: 'granted', used: before + amount };
  }
}

/** A scheduler that has no room (or all of it) and remembers what it was told. */
export class RecordingHandoff implements Handoff {
  leaseUntilMs: number | null = null;
  readonly reserved: FreshDelivery[] = [];
  readonly taken: { readonly leased: readonly LeasedDelivery[]; readonly content: Buffer | null }[] = [];
  readonly cancelled: string[] = [];
  wakes = 0;

  reserve(delivery: FreshDelivery): number | null {
    if (this.leaseUntilMs !== null) this.reserved.push(delivery);
    return this.leaseUntilMs;
  }

  take(leased: readonly LeasedDelivery[], content: Buffer | null): void {
    this.taken.push({ leased, content });
  }

  cancel(ids: readonly string[]): void {
    this.cancelled.push(...ids);
  }

  wake(): void {
    this.wakes += 1;
  }
}

function leasedOf({ message, deliveries }: Submission): LeasedDelivery[] {
  return deliveries.flatMap(({ domain, recipients, dueAtMs, leaseUntilMs }, place) => {
    if (leaseUntilMs === null) return [];
    const delivery: Delivery = {
      id: deliveryIdOf(message.id, place + 1),
      messageId: message.id,
      domain,
      recipients,
      client: message.client,
      stream: message.stream,
      priority: message.priority,
      state: 'queued',
      attempts: 0,
      createdAtMs: message.receivedAtMs,
      dueAtMs,
      warnedAtMs: null,
      lastReply: null,
      lastEgress: null,
    };
    return [{ delivery, message, lease: { token: 1, untilMs: leaseUntilMs } }];
  });
}
