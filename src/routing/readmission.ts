/** A recorded message under another policy: whether it would be taken, and as what. Pure. */
import { OWN_CLIENT, type Priority } from '../message/message.ts';
import { clientByName, senderAllowed, streamAndPriority, streamPriority } from '../policy/admit.ts';
import type { ClientPolicy, Policy } from '../policy/schema.ts';
import type { PassedMessage } from '../spool/traffic.ts';

export type Readmitted =
  | { readonly kind: 'refused'; readonly reason: string }
  | { readonly kind: 'taken'; readonly stream: string; readonly priority: Priority };

/**
 * What a message said of itself is not kept: a stream or a priority that is the one which it had without a word is taken
 * for that, and follows the other policy; any other is taken for its own word.
 * @param inForce under which it came
 */
export function readmitted(
  message: PassedMessage,
  { inForce, candidate }: { readonly inForce: Policy; readonly candidate: Policy },
): Readmitted {
  if (message.client === OWN_CLIENT) return { kind: 'taken', stream: message.stream, priority: message.priority };
  const now = clientByName(candidate, message.client)?.client;
  if (now === undefined) return { kind: 'refused', reason: `there is no client ${message.client}` };
  if (!senderAllowed(now, message.sender))
    return { kind: 'refused', reason: `${message.client} may not send as ${message.sender}` };
  const limitBytes = Math.min(candidate.limits.messageSizeBytes, now.messageSizeBytes ?? Number.POSITIVE_INFINITY);
  if (message.sizeBytes > limitBytes) return { kind: 'refused', reason: `larger than ${limitBytes} bytes` };
  const then = clientByName(inForce, message.client)?.client;
  const said = then === undefined ? message : ownWord(message, { inForce, client: then });
  const { stream, priority } = streamAndPriority(candidate, now, { isBulk: false, ...said });
  return { kind: 'taken', stream, priority };
}

type Word = { readonly stream: string | null; readonly priority: Priority | null; readonly isBulk: boolean };

function ownWord(
  { stream, priority }: PassedMessage,
  { inForce, client }: { readonly inForce: Policy; readonly client: ClientPolicy },
): Word {
  const unsaid = (isBulk: boolean) => streamAndPriority(inForce, client, { stream: null, priority: null, isBulk });
  const isPlain = unsaid(false).stream === stream;
  const isBulk = !isPlain && unsaid(true).stream === stream;
  const usual = client.priority ?? streamPriority(inForce, stream);
  return { stream: isPlain || isBulk ? null : stream, priority: priority === usual ? null : priority, isBulk };
}
