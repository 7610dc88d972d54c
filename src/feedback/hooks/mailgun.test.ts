import { describe, expect, test } from 'vitest';
import { mailgunPost } from '../../../tests/fakes/provider-posts.ts';
import { readMailgun } from './mailgun.ts';
import type { HookReading } from './provider-event.ts';
import type { Tokens } from './tokens.ts';

const NOW_MS = Date.UTC(2026, 10, 22, 12);
const HOURS = 3_600_000;
const of = { signingKey: 'key-1', atMs: NOW_MS, token: 'e'.repeat(50) };

const unused: Tokens = {
  take: async () => ({ kind: 'ours', used: async () => undefined, unused: async () => undefined }),
};
const read = (body: Buffer, signingKey = 'key-1'): Promise<HookReading> =>
  readMailgun({ headers: {}, body, nowMs: NOW_MS }, { signingKey, tokens: unused });
const eventOf = async (data: object) => {
  const reading = await read(mailgunPost({ id: 'm', recipient: 'ann@dest.test', ...data }, of).body);
  return reading.kind === 'events' ? reading.events[0] : undefined;
};

describe('a post of Mailgun', () => {
  const opened = { id: 'm', event: 'opened', recipient: 'ann@dest.test' };
  const wrong: readonly (readonly [string, Buffer, string])[] = [
    ['without a signature', Buffer.from(JSON.stringify({ 'event-data': opened })), 'unsigned'],
    ['with a signature of another key', mailgunPost(opened, { ...of, signingKey: 'key-2' }).body, 'signature'],
    ['of half a day ago', mailgunPost(opened, { ...of, atMs: NOW_MS - 12 * HOURS }).body, 'old'],
    ['of the future', mailgunPost(opened, { ...of, atMs: NOW_MS + HOURS }).body, 'old'],
    ['that is no JSON', Buffer.from('a=b'), 'unsigned'],
    ['that is nested 100,000 deep', Buffer.from('['.repeat(100_000)), 'unsigned'],
    [
      'of which all but the signature is broken',
      Buffer.from(`[{${mailgunPost(opened, of).body.toString()}`),
      'malformed',
    ],
    ['of 250 KB of signatures', Buffer.from(`{"signature":{"x":1},`.repeat(12_000)), 'unsigned'],
    ['of 300 KB', mailgunPost({ ...opened, x: 'x'.repeat(300_000) }, of).body, 'too-large'],
  ];
  test.each(wrong)('%s is refused', async (_, body, reason) => {
    expect(await read(body)).toEqual({ kind: 'refused', reason });
  });

  test('of a subaccount is believed by the signature of the account above it', async () => {
    const post = JSON.parse(mailgunPost(opened, of).body.toString()) as { signature: Record<string, string> };
    const signature = { ...post.signature, signature: '0'.repeat(64), 'parent-signature': post.signature['signature'] };
    expect(await read(Buffer.from(JSON.stringify({ ...post, signature })))).toMatchObject({ kind: 'events' });
  });

  test('says what became of mail, in words of our own', async () => {
    expect(await eventOf({ event: 'accepted' })).toMatchObject({ what: 'taken' });
    expect(
      await eventOf({ event: 'delivered', 'delivery-status': { code: 250, message: 'OK', 'mx-host': 'mx.dest.test' } }),
    ).toMatchObject({ what: 'confirmed', detail: '250 OK', host: 'mx.dest.test' });
    expect(
      await eventOf({ event: 'failed', severity: 'temporary', 'delivery-status': { code: 452, message: 'full' } }),
    ).toMatchObject({ what: 'put-off', detail: '452 full', reply: null });
    expect(await eventOf({ event: 'clicked', url: 'https://shop.test/' })).toMatchObject({
      what: 'clicked',
      detail: 'https://shop.test/',
    });
    for (const what of ['opened', 'complained', 'unsubscribed'])
      expect(await eventOf({ event: what })).toMatchObject({ what });
  });

  test('says why mail bounced; codes of its own are none of SMTP', async () => {
    const failed = async (data: object) => (await eventOf({ event: 'failed', severity: 'permanent', ...data }))?.reply;
    expect(
      await failed({
        reason: 'bounce',
        'delivery-status': { code: 550, message: '5.1.1 no such user', 'enhanced-code': '5.1.1' },
      }),
    ).toEqual({ code: 550, detail: '1.1', text: 'no such user' });
    expect(
      await failed({
        reason: 'suppress-bounce',
        'delivery-status': { code: 605, description: 'Not delivering to previously bounced address' },
      }),
    ).toEqual({
      code: 550,
      detail: '1.1',
      text: 'Mailgun dropped it (suppress-bounce): Not delivering to previously bounced address',
    });
    expect(await failed({ reason: 'suppress-unsubscribe', 'delivery-status': { code: 606 } })).toMatchObject({
      detail: '7.1',
    });
    expect(await failed({ reason: 'old', 'delivery-status': { code: 498, message: 'No MX for dest.test' } })).toEqual({
      code: 450,
      detail: null,
      text: 'No MX for dest.test',
    });
    expect(
      (await eventOf({ event: 'rejected', reject: { reason: 'Sandbox', description: 'not allowed' } }))?.reply,
    ).toEqual({
      code: 554,
      detail: '7.1',
      text: 'Mailgun rejected it: Sandbox: not allowed',
    });
  });

  test('names the mail by its variables and by its message id', async () => {
    const event = await eventOf({
      event: 'opened',
      timestamp: 1_800_000_000.25,
      'user-variables': { 'relevo-delivery': 'M.1', 'relevo-message': 'M', theirs: 'x' },
      message: { headers: { 'message-id': '20260203@mg.test' } },
    });
    expect(event).toMatchObject({
      tags: { 'relevo-delivery': 'M.1', 'relevo-message': 'M' },
      providerIds: ['20260203@mg.test', '<20260203@mg.test>'],
      atMs: 1_800_000_000_250,
    });
    // It is a list where there is none.
    expect(await eventOf({ event: 'opened', 'user-variables': [] })).toMatchObject({ tags: {}, providerIds: [] });
  });
});
