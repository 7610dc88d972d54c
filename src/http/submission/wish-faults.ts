/** What a program wants done with a message, held to the policy. Pure. */
import type { Policy } from '../../policy/schema.ts';
import { expiryOf, timeOf } from '../../policy/times.ts';
import { formatAge } from '../../policy/units.ts';
import type { Fault } from '../faults.ts';
import type { Wishes } from './mail.ts';

/**
 * Whoever writes JSON can be told, other than an old application that speaks SMTP: there a stream that the policy does not know is as
 * good as none. @returns each with the field that it is about; empty: all can be had
 */
export function wishFaults({ stream, sendAt, expires }: Wishes, policy: Policy, nowMs: number): readonly Fault[] {
  const faults: Fault[] = [];
  const tell = (path: string, text: string): void => void faults.push({ in: 'body', path, text });
  if (stream !== null && !Object.hasOwn(policy.streams, stream))
    tell('stream', `the policy has no stream ${stream}, but ${Object.keys(policy.streams).join(', ')}`);
  const { futureReleaseMs } = policy.limits;
  const startMs = Math.max(nowMs, (sendAt === null ? null : timeOf(sendAt)) ?? nowMs);
  if (startMs - nowMs > futureReleaseMs)
    tell(
      'sendAt',
      futureReleaseMs === 0 ? 'mail is not scheduled here' : `mail is held for ${formatAge(futureReleaseMs)} at most`,
    );
  const expiry = expires === null ? null : expiryOf(expires);
  if (expiry?.kind === 'at' && expiry.atMs <= startMs)
    tell('expires', 'expected a time after the one at which it is sent');
  return faults;
}
