/** When a message may leave, and until when it is of use: what envelope, header and stream say, put together. Pure. */
import type { Message } from '../message/message.ts';
import type { Reply } from '../message/reply.ts';
import type { Directives } from './canonical.ts';
import type { Timing } from './handling-parameters.ts';
import { REPLIES, tooFarAhead } from './replies.ts';

export type TimingAsk = {
  readonly directives: Pick<Directives, 'sendAtMs' | 'expires'>;
  /** What MAIL asked for; null: nothing. */
  readonly envelope: Timing | null;
  readonly nowMs: number;
  /** `limits.futureRelease`. */
  readonly furthestMs: number;
  /** The stream's `expires`. */
  readonly streamExpiresMs: number | null;
};

export type MessageTiming = Pick<Message, 'sendAtMs' | 'deliverBy' | 'expiresAtMs' | 'expiresAfterMs'>;

/**
 * Where envelope and header both hold it back, the later time counts, so that neither is broken; a time that has passed
 * is none. Of several ends the first counts. Refused is what could not be sent in time by its own terms.
 */
export function messageTiming(
  ask: TimingAsk,
): { readonly kind: 'ok'; readonly timing: MessageTiming } | { readonly kind: 'refused'; readonly reply: Reply } {
  const { directives, envelope, nowMs, furthestMs } = ask;
  const startMs = Math.max(nowMs, directives.sendAtMs ?? 0, envelope?.sendAtMs ?? 0);
  // After DATA there is no 501, and the text says which field it is about.
  if (startMs - nowMs > furthestMs)
    return {
      kind: 'refused',
      reply: { code: 554, detail: '6.0', text: `X-Relevo-Send-At: ${tooFarAhead(furthestMs).text}` },
    };
  const deliverBy = envelope?.deliverBy ?? null;
  const { expires } = directives;
  const isLate = (atMs: number): boolean => atMs <= startMs;
  if ((expires?.kind === 'at' && isLate(expires.atMs)) || (deliverBy?.mode === 'return' && isLate(deliverBy.atMs))) {
    return { kind: 'refused', reply: REPLIES.expiredAlready };
  }
  const after = [expires?.kind === 'after' ? expires.afterMs : null, ask.streamExpiresMs].filter((one) => one !== null);
  return {
    kind: 'ok',
    timing: {
      ...(startMs > nowMs ? { sendAtMs: startMs } : {}),
      ...(deliverBy === null ? {} : { deliverBy }),
      ...(expires?.kind === 'at' ? { expiresAtMs: expires.atMs } : {}),
      ...(after.length === 0 ? {} : { expiresAfterMs: Math.min(...after) }),
    },
  };
}
