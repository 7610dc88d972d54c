/** Letting the mail of a client go: by an operator, or by whoever has the link of the alert. */
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../ports.ts';
import type { Marks } from '../spool/marks.ts';
import { type HeldMailNeeds, releaseMail } from './held-mail.ts';
import { holdMark, type Hold, holdOf } from './holds.ts';
import { RELEASED_MARKS } from './guard.ts';

/** Keys that links are signed with: the first signs. */
export type ReleaseKeys = readonly Buffer[];

/** Where links begin, below `http.publicUrl`. */
export const RELEASE_PATH = '/release/';

export type ReleaseToken = { readonly client: string; readonly id: string; readonly untilMs: number };

const GOOD_FOR_MS = 7 * 86_400_000;
const SIGNATURE_BYTES = 16;
const LONGEST = 1_000;

/** It lets one hold go, once, within a week of it. */
export function releaseToken({ client, id, sinceMs }: Hold, keys: ReleaseKeys): string | null {
  const [key] = keys;
  if (key === undefined) return null;
  const claim = Buffer.from([client, id, String(sinceMs + GOOD_FOR_MS)].join('\0')).toString('base64url');
  return `${claim}.${signatureOf(claim, key).toString('base64url')}`;
}

/** null: it was not signed with any of the keys, or its time is over. */
export function readReleaseToken(text: string, keys: ReleaseKeys, nowMs: number): ReleaseToken | null {
  const match = text.length > LONGEST ? null : /^([\w-]+)\.([\w-]{22})$/.exec(text);
  const [, claim = '', signature = ''] = match ?? [];
  const given = Buffer.from(signature, 'base64url');
  if (match === null || !keys.some((key) => timingSafeEqual(given, signatureOf(claim, key)))) return null;
  const [client, id, until] = Buffer.from(claim, 'base64url').toString().split('\0');
  const untilMs = Number(until);
  if (client === undefined || id === undefined || !(untilMs > nowMs)) return null;
  return { client, id, untilMs };
}

function signatureOf(claim: string, key: Buffer): Buffer {
  return createHmac('sha256', key).update(`relevo release\0${claim}`).digest().subarray(0, SIGNATURE_BYTES);
}

export type ReleaseNeeds = HeldMailNeeds & {
  readonly marks: Pick<Marks, 'marks' | 'mark' | 'unmark'>;
  readonly clock: Pick<Clock, 'nowMs'>;
};

/** The hold that is in force; null: there is none. */
export async function currentHold(
  { marks }: { readonly marks: Pick<Marks, 'marks'> },
  client: string,
): Promise<Hold | null> {
  const name = holdMark(client);
  const mark = (await marks.marks(name)).find((one) => one.name === name);
  return mark === undefined ? null : holdOf(mark);
}

/**
 * Lets its mail go, and has the guard learn that it was fine. What threads that did not hear of it hold meanwhile goes within
 * a minute. @param id of the hold that is meant; null: whichever is in force @returns false: there is no such hold
 */
export async function releaseClient(
  needs: ReleaseNeeds,
  { client, id, by }: { readonly client: string; readonly id: string | null; readonly by: string },
): Promise<boolean> {
  const { marks, clock } = needs;
  const hold = await currentHold(needs, client);
  if (hold === null || (id !== null && hold.id !== id)) return false;
  await marks.mark([{ name: `${RELEASED_MARKS}${client}`, text: by.slice(0, 200), atMs: clock.nowMs() }]);
  await marks.unmark([holdMark(client)]);
  await releaseMail(needs, client);
  return true;
}
