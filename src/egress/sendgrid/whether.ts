/** Whether SendGrid took a message, by its Email Activity API (an option of the account). */
import type { HttpAnswer, HttpFailure } from '../cloud/http.ts';
import { DELIVERY_TAG } from '../cloud/tags.ts';
import type { Mail, Whether } from '../egress.ts';

const UNKNOWN: Whether = { kind: 'unknown' };

/**
 * Taken for those of the recipients whom it lists with the delivery. What it does not list is unknown: it lists with minutes
 * of delay, and an account without the option answers 403 or 404. Never rejects if `ask` does not.
 */
export async function whetherBy(
  mail: Mail,
  ask: (path: string) => Promise<HttpAnswer | HttpFailure>,
): Promise<Whether> {
  if (mail.deliveryId === undefined) return UNKNOWN;
  const query = `(unique_args['${DELIVERY_TAG}']="${mail.deliveryId}")`;
  const answer = await ask(`/v3/messages?${new URLSearchParams({ limit: '1000', query }).toString()}`);
  if (answer.kind !== 'answered' || answer.status !== 200) return UNKNOWN;
  const listed = listedIn(answer.body);
  const addresses = mail.recipients.map(({ address }) => address).filter((one) => listed.has(one.toLowerCase()));
  const [first] = addresses;
  if (first === undefined) return UNKNOWN;
  return { kind: 'taken', providerId: listed.get(first.toLowerCase()) ?? null, addresses, others: 'unknown' };
}

/** Message ids by recipient. */
function listedIn(body: Buffer): ReadonlyMap<string, string> {
  const found = new Map<string, string>();
  let parsed: unknown;
  try {
    parsed = JSON.parse(body.toString());
  } catch {
    return found;
  }
  const messages = typeof parsed === 'object' && parsed !== null && 'messages' in parsed ? parsed.messages : null;
  if (!Array.isArray(messages)) return found;
  for (const one of messages as readonly unknown[]) {
    if (typeof one !== 'object' || one === null) continue;
    const { msg_id: id, to_email: to } = one as { readonly msg_id?: unknown; readonly to_email?: unknown };
    if (typeof id === 'string' && typeof to === 'string') found.set(to.toLowerCase(), bareIdOf(id));
  }
  return found;
}

/** Its events add the name of a machine to what the answer to the request had. */
function bareIdOf(id: string): string {
  return id.replace(/\.(?:filter|recvd).*$/, '');
}
