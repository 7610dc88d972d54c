import type { MessageEvent } from './event.ts';

/** What programs outside are told of, by the names that they know. */
export const TOLD_EVENTS = [
  'received',
  'delivered',
  'deferred',
  'bounced',
  'expired',
  'suppressed',
  'discarded',
  'held',
  'complained',
  'unsubscribed',
  'opened',
  'clicked',
  'confirmed',
] as const;
export type ToldEvent = (typeof TOLD_EVENTS)[number];

const NAMES: ReadonlySet<string> = new Set(TOLD_EVENTS);

/** A bounce is one whichever way it came back, and so is a delay. null: nobody outside is told of such. */
export function toldAs({ event }: MessageEvent): ToldEvent | null {
  if (event === 'bounced-later') return 'bounced';
  if (event === 'put-off') return 'deferred';
  return NAMES.has(event) ? (event as ToldEvent) : null;
}
