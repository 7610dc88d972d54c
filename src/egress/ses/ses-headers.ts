/** What SES takes of a header section, by its documents (Amazon SES header fields). */
import type { HeaderRules } from '../cloud/headers.ts';

/**
 * Of each SES takes one at most. Those that a sound message may have several of are thinned out; a second From or Subject
 * is the sender's mistake, and SES says so.
 */
const ONCE: ReadonlySet<string> = new Set([
  'comments',
  'delivered-to',
  'dkim-signature',
  'domainkey-signature',
  'errors-to',
  'keywords',
  'return-path',
]);

/** SES writes these itself, so that no signature may cover them. */
const REWRITTEN: ReadonlySet<string> = new Set(['date', 'message-id', 'return-path', 'bounces-to']);

/** Another configuration set, tags, somebody else's identity, where bounces go. */
const ORDERS: readonly string[] = ['x-ses-*', 'return-path'];

export function sesHeaderRules(policy: {
  readonly dkim: HeaderRules['dkim'];
  readonly stripHeaders: readonly string[];
  readonly keepHeaders: readonly string[];
}): HeaderRules {
  const { dkim, stripHeaders: strip, keepHeaders: keep } = policy;
  return { dkim, strip, orders: ORDERS, keep, once: ONCE, rewritten: REWRITTEN };
}
