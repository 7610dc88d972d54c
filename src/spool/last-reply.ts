/**
 * What a delivery was told last, as the engines keep it: the reply as JSON, and in it the exits that the site refused for
 * good, and the one whose attempt is in doubt.
 */
import { ANY_EXIT, type Delivery } from '../message/delivery.ts';
import type { Reply } from '../message/reply.ts';

type Told = Pick<Delivery, 'lastReply' | 'refusedBy' | 'doubtBy'>;

/** null: nothing was said. Without a reply no exit was refused. */
export function packLastReply({ lastReply, refusedBy = [], doubtBy }: Told): string | null {
  const doubt = doubtBy === undefined ? {} : { doubtBy };
  if (lastReply === null) return doubtBy === undefined ? null : JSON.stringify(doubt);
  if (refusedBy.length === 0 && doubtBy === undefined) return JSON.stringify(lastReply);
  return JSON.stringify({ ...lastReply, ...(refusedBy.length === 0 ? {} : { refusedBy }), ...doubt });
}

/** What of it must be kept even where there is no room: without it a copy might be sent that could have been asked for. */
export function packDoubt({ doubtBy }: Pick<Told, 'doubtBy'>): string | null {
  return packLastReply({ lastReply: null, ...(doubtBy === undefined ? {} : { doubtBy }) });
}

/** Of what was reaped and is held: no exit was asked of it, and who releases it wants it sent. */
export const REAPED: Reply = { code: 451, detail: '4.2', text: 'in doubt: what came of its attempt was not written' };

/** The same of a delivery whose owner died: it may have gone out, and nobody wrote by which exit. `value`: as it was. */
export function packReaped(value: unknown, { isHeld }: { readonly isHeld: boolean }): string {
  const { lastReply, ...was } = parseLastReply(value);
  const told = { ...was, lastReply: isHeld ? REAPED : lastReply, doubtBy: ANY_EXIT };
  return packLastReply(told) ?? '';
}

/** @param value what the JSON holds; anything but an object: nothing that can be read */
export function parseLastReply(value: unknown): Told {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return { lastReply: null };
  const { refusedBy, doubtBy, ...reply } = value as Reply & {
    readonly refusedBy?: unknown;
    readonly doubtBy?: unknown;
  };
  const doubt = typeof doubtBy === 'string' ? { doubtBy } : {};
  const lastReply = Object.keys(reply).length === 0 ? null : reply;
  if (!Array.isArray(refusedBy)) return { lastReply, ...doubt };
  return { lastReply, refusedBy: refusedBy.filter((exit) => typeof exit === 'string'), ...doubt };
}
