import type { Reply } from '../message/reply.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import { ContentCollector } from './content-collector.ts';
import type { MemoryBudget } from './memory-budget.ts';
import { MessageDecoder } from './message-decoder.ts';
import type { Incoming } from './receive.ts';
import { RETURNED_KEPT_BYTES } from './return-path.ts';
import { lineTooLongFor, REPLIES } from './replies.ts';
import type { Session, Transaction } from './session.ts';
import { type Origin, protocolName } from './trace.ts';

/** The least rate counts from here on. */
const RATE_GRACE_MS = 30_000;
/** An oversized message is read to its end, so that the client hears why; but not for ever. */
const TOLERATED_BEYOND_BYTES = 16 * 1024 * 1024;

/** A message between 354 and its last dot: what is kept of it, and what is wrong with it. */
export class IncomingContent {
  readonly #policy: () => Policy;
  readonly #rejectsBareNewlines: boolean;
  readonly #limitBytes: number;
  readonly #sinceMs: number;
  readonly #collector: ContentCollector;
  readonly decoder: MessageDecoder;

  /** @returns null: there is no room for a message of the declared size */
  static reserve(
    deps: {
      readonly policy: () => Policy;
      readonly budget: MemoryBudget;
      readonly returnBudget: MemoryBudget;
      readonly clock: Clock;
    },
    session: Session,
    transaction: Transaction,
  ): IncomingContent | null {
    const limitBytes = session.sizeLimitBytes(transaction.client);
    const { forReturnPath } = transaction;
    const keptBytes = forReturnPath ? Math.min(limitBytes, RETURNED_KEPT_BYTES) : limitBytes;
    const reservedBytes = Math.min(transaction.sizeBytes ?? 0, keptBytes);
    const budget = forReturnPath ? deps.returnBudget : deps.budget;
    if (!budget.reserve(reservedBytes)) return null;
    const collector = new ContentCollector({ budget, limitBytes, reservedBytes, keptBytes });
    return new IncomingContent({
      policy: deps.policy,
      rejectsBareNewlines: session.listener.bareNewline === 'reject',
      limitBytes,
      sinceMs: deps.clock.monotonicMs(),
      collector,
    });
  }

  private constructor(parts: {
    readonly policy: () => Policy;
    readonly rejectsBareNewlines: boolean;
    readonly limitBytes: number;
    readonly sinceMs: number;
    readonly collector: ContentCollector;
  }) {
    this.#policy = parts.policy;
    this.#rejectsBareNewlines = parts.rejectsBareNewlines;
    this.#limitBytes = parts.limitBytes;
    this.#sinceMs = parts.sinceMs;
    this.#collector = parts.collector;
    this.decoder = new MessageDecoder(parts.collector);
  }

  /** Whether it comes in more slowly than `limits.dataRate`, counted from its start. */
  isTooSlow(nowMs: number): boolean {
    const neededMs = (this.decoder.lengthBytes / this.#policy().limits.dataRateBytesPerS) * 1000;
    return nowMs - this.#sinceMs > RATE_GRACE_MS + neededMs;
  }

  /** Lets go early of what will be refused. @returns why to hang up at once; null: read on */
  abandon(): Reply | null {
    const refusal = this.whyNot();
    if (refusal === null) return null;
    this.#collector.discard();
    return this.decoder.lengthBytes > this.#limitBytes + TOLERATED_BEYOND_BYTES ? REPLIES.tooBig : null;
  }

  /** What is wrong with what has come so far; null: nothing. */
  whyNot(): Reply | null {
    const { decoder } = this;
    const { lineLength } = this.#policy().limits;
    if (this.#collector.overflow === 'size') return REPLIES.tooBig;
    if (this.#collector.overflow === 'memory') return REPLIES.noMemory;
    if (this.#rejectsBareNewlines && decoder.hasBareNewline) return REPLIES.bareNewline;
    if (decoder.hasNul) return REPLIES.nul;
    return decoder.longestLine > lineLength ? lineTooLongFor(lineLength) : null;
  }

  /** Whether `take` has only the start of it. */
  get isCut(): boolean {
    return this.#collector.isCut;
  }

  /** The whole content, once; where it is cut, its start up to the end of a line. */
  take(): Buffer {
    const content = this.#collector.finish();
    return this.isCut ? content.subarray(0, content.lastIndexOf('\r\n') + 2) : content;
  }

  /** Gives the memory back; may be called again. */
  discard(): void {
    this.#collector.discard();
  }
}

/** The whole message with all that is known of it, or why it is refused. */
export function incomingOf(
  session: Session,
  parts: { readonly transaction: Transaction; readonly content: IncomingContent; readonly cipher: string | null },
): Incoming | Reply {
  const { client, sender, ret, envid, smtpUtf8, beganMs, recipients, timing, mtPriority, heldFor } = parts.transaction;
  if (client === null) return REPLIES.relayDenied;
  return {
    client,
    sender,
    recipients: [...recipients.values()],
    ret,
    envid,
    smtpUtf8,
    timing,
    mtPriority,
    take: () => parts.content.take(),
    eightBit: parts.content.decoder.isEightBit,
    origin: originOf(session, { smtpUtf8, cipher: parts.cipher }),
    beganMs,
    heldFor,
  };
}

/** How what the session sends comes in. */
export function originOf(
  { hello, secure, signedIn, shownAddress }: Session,
  { smtpUtf8, cipher }: { readonly smtpUtf8: boolean; readonly cipher: string | null },
): Origin {
  const extended = hello?.extended === true;
  const protocol = protocolName({ extended, secure, signedIn: signedIn !== null, smtpUtf8 });
  return { helo: hello?.name ?? null, address: shownAddress, protocol, tls: cipher };
}
