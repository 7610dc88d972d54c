import type { MessageEvent } from '../../message/event.ts';

/**
 * Keeps what events say of addresses that are not to be written to any more: whoever tells a source that its report was
 * taken waits for it first. What was learnt before does no harm again. Rejects where the store does not answer: what the
 * source is asked to send again is learnt then.
 */
export type Learn = (events: readonly MessageEvent[]) => Promise<void>;
