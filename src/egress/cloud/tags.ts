/**
 * What a provider is told of a message beside its content, and says again in its events: the names are the same with all
 * of them, so that whoever reads the events knows the message. In letters, digits and `-`, as the narrowest (SES) takes.
 */
import type { Mail } from '../egress.ts';

export const MESSAGE_TAG = 'relevo-message';
export const DELIVERY_TAG = 'relevo-delivery';
const STREAM_TAG = 'relevo-stream';
const CLIENT_TAG = 'relevo-client';
/** The message's own `X-Relevo-Tag`. */
export const MAIL_TAG = 'relevo-tag';

export type TagName =
  | typeof MESSAGE_TAG
  | typeof DELIVERY_TAG
  | typeof STREAM_TAG
  | typeof CLIENT_TAG
  | typeof MAIL_TAG;

/** Longer ones are cut: so much SES takes (256) and some room. */
const VALUE_MOST = 200;

/**
 * The tags of a mail by name. Message and delivery id are sent as they are, but that SES takes no `.` in values: there a
 * delivery is `<message id>_<n>` (see `deliveryTagValue`).
 */
export function tagsOf({ message, deliveryId }: Mail): ReadonlyMap<TagName, string> {
  const tags = new Map<TagName, string>([[MESSAGE_TAG, message.id]]);
  if (deliveryId !== undefined) tags.set(DELIVERY_TAG, deliveryId);
  tags.set(STREAM_TAG, message.stream.slice(0, VALUE_MOST));
  tags.set(CLIENT_TAG, message.client.slice(0, VALUE_MOST));
  if (message.tag !== null && message.tag !== '') tags.set(MAIL_TAG, message.tag.slice(0, VALUE_MOST));
  return tags;
}

/** In letters, digits, `_` and `-`, which is all that SES takes: every other character is `_`. */
export function narrowValue(value: string): string {
  return value.replace(/[^A-Za-z0-9_-]/gu, '_');
}

/** The delivery id that an event has, whether narrowed or not: feed it to `parseDeliveryId`. */
export function deliveryTagValue(value: string): string {
  return value.replace('_', '.');
}
