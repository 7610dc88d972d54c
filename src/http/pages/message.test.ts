import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import {
  about,
  NOW_MS,
  ask,
  attempt,
  EVIL,
  expectHarmless,
  explanation,
  id,
  mail,
  policy,
  sent,
  story,
  transcript,
} from '../../../tests/fakes/hostile-records.ts';
import type { SearchAsk } from '../../spool/search.ts';
import type { MessageStory } from '../../spool/spool.ts';
import { type MessageNeeds, messagePage } from './message.ts';
import { messagesPage } from './messages.ts';

const clock = new FakeClock();

describe('the page Messages', () => {
  test('a search that takes long keeps nobody waiting: what it found comes to the open page', async () => {
    const never = messagesPage({ policy, clock, operations: { search: () => new Promise(() => {}) } });
    const rendered = never.render(ask('/messages?tag=rare'));
    await clock.advance(30);
    expect(String(await (await rendered).main)).toMatch(/data-live="found" aria-busy="true"><p>Looking through/);
    const slow = messagesPage({
      policy,
      clock,
      operations: { search: () => clock.sleep(500).then(() => ({ messages: [], next: null, isWhole: true })) },
    });
    const later = slow.render({ ...ask('/messages?tag=rare'), isLive: true });
    await clock.advance(500);
    expect(String(await (await later).main)).toMatch(/data-live="found" aria-labelledby="found"/);
  });

  test('shows what was found, whatever stands in it, as text', async () => {
    const asked: SearchAsk[] = [];
    const page = messagesPage({
      clock,
      policy,
      operations: {
        search: async (given) => {
          asked.push(given);
          return { messages: [mail], next: 'main:1:X', isWhole: false };
        },
      },
    });
    const path = `/messages?domain=ONE.test&state=bounced&since=2026-11-22T10:00&tag=${encodeURIComponent(EVIL)}&text=`;
    const body = await page.render(ask(path));
    const html = String(await body.main);
    expectHarmless(html);
    expect(asked[0]).toEqual({
      filter: { domain: 'one.test', state: 'bounced', tag: EVIL, sinceMs: Date.parse('2026-11-22T09:00:00Z') },
      limit: 50,
      cursor: null,
    });
    expect(html).toContain(`href="/messages/${id}"`);
    expect(html).toContain('and 2 more');
    expect(html).toMatch(/rel="next" href="[^"]*&amp;cursor=[\w.-]+"/);
    expect(html).toContain('Look further back');
    expect(html).toMatch(/<option value="bounced" selected>/);
  });

  test('says what it cannot search for, and finds nothing then', async () => {
    const page = messagesPage({ policy, clock, operations: { search: () => Promise.reject(new Error('asked')) } });
    const html = String(await (await page.render(ask(`/messages?state=${encodeURIComponent(EVIL)}`))).main);
    expectHarmless(html);
    expect(html).toContain('role="alert"');
  });

  test('is in Spanish for who reads that', async () => {
    const operations = { search: async () => ({ messages: [], next: null, isWhole: true }) };
    const body = await messagesPage({ policy, clock, operations }).render(ask('/messages', { language: 'es' }));
    expect(body.title).toBe('Mensajes');
    expect(String(await body.main)).toContain('No se ha encontrado ningún mensaje.');
  });
});

describe('the page of a message', () => {
  const needs = (of: MessageStory | null): MessageNeeds => ({
    policy,
    clock,
    operations: {
      story: async () => of,
      explain: async () => [explanation],
      transcripts: async () => [transcript],
    },
  });
  const render = async (of: MessageStory | null, given: Parameters<typeof ask>[1] = {}) =>
    messagePage(needs(of)).render(ask(`/messages/${id}`, { params: { id }, ...given }));

  test('is there before it is known why its mail waits', async () => {
    const never = {
      ...needs(story),
      operations: { ...needs(story).operations, explain: () => new Promise<never>(() => {}) },
    };
    const rendered = messagePage(never).render(
      ask(`/messages/${story.message.id}`, { params: { id: story.message.id } }),
    );
    await clock.advance(30);
    const html = String(await (await rendered).main);
    expect(html).toMatch(/data-live="waiting"[^]*aria-busy="true">Looking into it/);
    expect(html).toContain('data-api="POST /api/v1/queue/bounce"');
  });

  test('tells the whole story, whatever servers said in it, as text', async () => {
    const html = String(await (await render(story)).main);
    expectHarmless(html);
    for (const text of ['ip-1', '192.0.2.7', 'TLSv1.3', '192.0.2.1', 'attempt 1', '2 s', 'EHLO relay.example'])
      expect(html).toContain(text);
    expect(html).toContain('220 &quot;');
    expect(html).toContain('2026-11-22 13:00:00');
  });

  test('who may only read changes nothing', async () => {
    expect(String(await (await render(story)).main)).toContain('data-api="POST /api/v1/queue/bounce"');
    expect(String(await (await render(story, { scopes: ['read'] })).main)).not.toContain('data-api');
  });

  test('mail with a time to come is rescheduled or cancelled', async () => {
    const scheduled = { ...story, message: { ...sent.message, sendAtMs: NOW_MS + 3_600_000 } };
    const html = String(await (await render(scheduled)).main);
    expect(html).toContain('data-api="POST /api/v1/queue/reschedule"');
    expect(html).toContain('data-api="POST /api/v1/queue/cancel"');
    expect(html).not.toContain('queue/bounce');
  });

  test.each([
    ['=?UTF-8?Q?Confirmaci=C3=B3n_?= =?utf-8?B?ZGUgdmlhamU=?=', 'Confirmación de viaje'],
    [Buffer.from('Confirmación').toString('latin1'), 'Confirmación'],
    ['=?iso-8859-1?Q?=A1Hola_=3Cb=3E?=', '¡Hola &lt;b&gt;'],
    ['Hola =?utf-8?B?ZGUgdmlh', 'Hola …'],
  ])('the subject %s is shown as its reader sees it', async (subject, shown) => {
    const html = String(await (await render({ ...story, message: { ...sent.message, subject } })).main);
    expect(html).toContain(`<dd>${shown}</dd>`);
  });

  test('a subject that the policy hides is not there', async () => {
    const hidden = { ...story, message: { ...sent.message, subject: null } };
    expect(String(await (await render(hidden)).main)).not.toContain('Subject');
  });

  test('of very many recipients and events some are shown, and the page stays small', async () => {
    const to = Array.from({ length: 5_000 }, (_, n) => `recipient-${n}@many.test`);
    const many: MessageStory = {
      message: sent.message,
      events: [
        { ...sent.received, recipients: to },
        ...Array.from({ length: 3_000 }, () => ({ event: 'attempted', ...about, attempt }) as const),
      ],
      queued: [],
    };
    const html = String(await (await render(many)).main);
    expect(html.length).toBeLessThan(100_000);
    expect(html).toContain('60 of 5,001 are shown');
  });

  test('an unknown one is 404', async () => {
    expect(await render(null)).toMatchObject({ status: 404 });
    expect(await messagePage(needs(story)).render(ask('/messages/x', { params: { id: EVIL } }))).toMatchObject({
      status: 404,
    });
  });
});
