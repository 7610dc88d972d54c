/** Records of mail in which everything that came from outside is an attack, and what pages must make of it. */
import { expect } from 'vitest';
import type { Transcript } from '../../src/message/transcript.ts';
import type { Explanation } from '../../src/operations/operations.ts';
import type { FoundMail } from '../../src/spool/search.ts';
import type { MessageStory, QueuedDelivery } from '../../src/spool/spool.ts';
import { aSubmission } from './submission.ts';
import { loaded } from './policy-text.ts';
import type { PageAsk } from '../../src/http/page.ts';
import type { Scope } from '../../src/http/token.ts';

export const NOW_MS = Date.parse('2026-11-22T12:00:00Z');
export const EVIL = `"'><script>alert(1)</script><img src=x onerror=alert(2)>&amp;`;
const { policy: POLICY } = loaded(`hostname: relay.example
timeZone: Europe/Madrid
egress: { ip-1: { type: sandbox } }
routes: [{ name: all, use: [ip-1] }]
`);
export const policy = () => POLICY;
const reply = { code: 550, detail: '1.1', text: EVIL };
export const sent = aSubmission({
  atMs: NOW_MS - 60_000,
  to: [`${EVIL.replaceAll(/[\s]/g, '')}@one.test`, 'b@one.test'],
  sender: `x${EVIL}@example.com`,
  terms: { subject: EVIL, tag: EVIL, messageIdHeader: `<${EVIL}>` },
});
export const { id } = sent.message;
const deliveryId = `${id}.1` as QueuedDelivery['delivery']['id'];
const [recipients = []] = sent.deliveries.map((one) => one.recipients);
export const queued: QueuedDelivery = {
  delivery: {
    id: deliveryId,
    messageId: id,
    domain: 'one.test',
    recipients,
    client: 'shop',
    stream: 'transactional',
    priority: 'normal',
    state: 'queued',
    attempts: 2,
    createdAtMs: NOW_MS - 60_000,
    dueAtMs: NOW_MS + 60_000,
    warnedAtMs: null,
    lastReply: reply,
    lastEgress: EVIL,
  },
  sender: `x${EVIL}@example.com`,
  sizeBytes: 1_234,
  leasedUntilMs: null,
};
export const about = { atMs: NOW_MS, messageId: id, deliveryId, domain: 'one.test', recipients: ['b@one.test'] };
export const attempt = {
  number: 1,
  egress: 'ip-1',
  host: EVIL,
  address: '192.0.2.7',
  source: '192.0.2.1',
  tls: 'TLSv1.3',
  reply,
  providerId: EVIL,
  tookMs: 1_500,
};
export const story: MessageStory = {
  message: sent.message,
  events: [
    sent.received,
    { event: 'attempted', ...about, attempt },
    { event: 'deferred', ...about, dueAtMs: NOW_MS + 60_000, reason: EVIL },
    { event: 'bounced', ...about, reply, egress: 'ip-1' },
    { event: 'complained', ...about, source: 'hook:x', detail: EVIL, egress: null },
    { event: 'bounced-later', ...about, reply, host: EVIL, egress: null, report: id },
  ],
  queued: [queued],
};
export const explanation: Explanation = {
  deliveryId,
  domain: 'one.test',
  recipients: ['b@one.test'],
  state: 'queued',
  attempts: 2,
  dueAtMs: NOW_MS + 60_000,
  leasedUntilMs: null,
  lastReply: reply,
  lastEgress: 'ip-1',
  reasons: [EVIL],
};
export const transcript: Transcript = {
  deliveryId,
  number: 2,
  egress: 'ip-1',
  atMs: NOW_MS,
  lines: [
    { atMs: 12.4, from: 'server', text: `220 ${EVIL}` },
    { atMs: 13, from: 'relay', text: 'EHLO relay.example' },
  ],
  isWhole: false,
};

/** What somebody asks for who signed in and may change things, unless said otherwise. */
export function ask(
  path: string,
  {
    scopes = ['read', 'operate'],
    language = 'en',
    params = {},
  }: Partial<Pick<PageAsk, 'params' | 'language'>> & { readonly scopes?: readonly Scope[] } = {},
): PageAsk {
  const principal = { kind: 'user', name: 'ann', scopes, peer: '192.0.2.9' } as const;
  return { principal, params, query: new URL(path, 'http://x').searchParams, language, nowMs: NOW_MS, csrf: 'c' };
}

/** Whatever came from outside is text: no tag, attribute or script of it is in the page. */
export function expectHarmless(html: string): void {
  expect(html).not.toMatch(/<script|<img|onerror=alert\(2\)>/);
  // Nothing that came from outside ends an attribute, or begins one.
  for (const [tag] of html.matchAll(/<[a-z][^>]*>/g)) {
    expect(tag.replaceAll(/="[^"]*"/g, '')).toMatch(/^<[a-z][a-z0-9-]*(?:\s+[a-z-]+)*\s*\/?>$/);
    expect(tag).not.toMatch(/\s(?:style|on[a-z]+)="/);
  }
}

export const mail: FoundMail = {
  id,
  receivedAtMs: NOW_MS - 60_000,
  client: 'shop',
  stream: 'transactional',
  priority: 'normal',
  tag: EVIL,
  sender: `x${EVIL}@example.com`,
  subject: EVIL,
  messageIdHeader: '<x>',
  sizeBytes: 12_345,
  recipients: 3,
  recipient: `${EVIL}@one.test`,
  states: { bounced: 2, 'in-doubt': 1 },
  egress: EVIL,
};
