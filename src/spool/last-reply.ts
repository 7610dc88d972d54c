/** What a delivery was told last, as the engines keep it: the reply as JSON, and in it the exits that the site refused for good. */
import type { Delivery } from '../message/delivery.ts';
import type { Reply } from '../message/reply.ts';

type Told = Pick<Delivery, 'lastReply' | 'refusedBy'>;

/** null: nothing was said. Without a reply no exit was refused. */
export function packLastReply({ lastReply, refusedBy = [] }: Told): string | null {
  if (lastReply === null) return null;
  return JSON.stringify(refusedBy.length === 0 ? lastReply : { ...lastReply, refusedBy });
}

/** @param value what the JSON holds; anything but an object: nothing that can be read */
export function parseLastReply(value: unknown): Told {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { lastReply: null };
  const { refusedBy, ...lastReply } = value as Reply & { readonly refusedBy?: unknown };
  if (!Array.isArray(refusedBy)) return { lastReply };
  return { lastReply, refusedBy: refusedBy.filter((exit) => typeof exit === 'string') };
}
