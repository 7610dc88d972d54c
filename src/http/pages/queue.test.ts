import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import {
  ask,
  EVIL,
  expectHarmless,
  explanation,
  NOW_MS,
  policy,
  queued,
} from '../../../tests/fakes/hostile-records.ts';
import type { Suppression } from '../../spool/suppressions.ts';
import type { Language } from '../page.ts';
import { type QueueNeeds, queuePage } from './queue.ts';
import { type SuppressionNeeds, suppressionPage } from './suppression.ts';

const clock = new FakeClock();

describe('the page Queue', () => {
  const needs = (over: Partial<QueueNeeds['operations']> = {}): QueueNeeds => ({
    policy,
    clock,
    troubles: { ofExit: () => [], deferralOf: () => ({ atMs: NOW_MS, reason: EVIL }) },
    operations: {
      overview: async () => ({
        messages: 1,
        deliveries: 1_000_000,
        byState: { queued: 1, held: 0, quarantined: 0 },
        byPriority: { high: 0, normal: 1, low: 0 },
        leased: 0,
        oldestCreatedAtMs: null,
        contentBytes: 1,
      }),
      shape: async () => ({
        agesMs: [300_000, 600_000],
        rows: [{ domain: EVIL, total: 1_000_001, byAge: [1, 1_000_000, 0] }],
        isWhole: true,
      }),
      list: async () => [queued],
      preview: async () => ({ found: [queued], count: 321, busy: 1, isWhole: false }),
      explain: async () => [explanation],
      ...over,
    },
  });
  const render = async (path: string, of = needs()) => String(await (await queuePage(of).render(ask(path))).main);

  test('shows what waits by destination and age, hot where it is much, without a walk', async () => {
    const html = await render('/queue', needs({ preview: () => Promise.reject(new Error('walked')) }));
    expectHarmless(html);
    expect(html).toMatch(/class="num heat-1">1</);
    expect(html).toMatch(/class="num heat-5">1,000,000</);
    expect(html).toMatch(/class="num heat-0"></);
    expect(html.match(/<bdi>/g)?.length).toBeGreaterThanOrEqual(1);
    expect(html).toContain('1,000,000 deliveries');
    expect(html).toContain(`href="/queue?domain=${encodeURIComponent(EVIL).replaceAll("'", '&#39;')}"`);
  });

  test('a filter that many have to be looked through for keeps nobody waiting', async () => {
    const html = render('/queue?client=shop', needs({ preview: () => new Promise(() => {}) }));
    await clock.advance(30);
    expect(await html).toMatch(/data-live="deliveries" aria-busy="true"><p>Looking through/);
    // What can be done to all that match is there at once: nothing of it comes later.
    expect(await html).toContain('<form data-keep');
  });

  test('a queue that takes long to count is shown without its shape, which comes later', async () => {
    const html = render('/queue', needs({ shape: () => new Promise(() => {}) }));
    await clock.advance(50);
    expect(await html).toContain('Being counted');
    expect(await html).toContain('1,000,000 deliveries');
  });

  test('a filter is counted before anything is done by it, and goes along as it is', async () => {
    const html = await render('/queue?domain=one.test&scheduled=true&client=shop');
    expect(html).toContain('at least 321 deliveries');
    expect(html).toContain('<input type="hidden" name="domain" value="one.test"');
    expect(html).toContain('<input type="hidden" name="scheduled" value="true" data-as="boolean"');
    expect(html).toMatch(/data-api="POST \/api\/v1\/queue\/bounce"\s+data-confirm="[^"]+"\s+data-preview/);
  });

  test('what cannot be a filter is said, and nothing is changed by it', async () => {
    const html = await render(`/queue?id=${encodeURIComponent(EVIL)}`);
    expectHarmless(html);
    expect(html).toContain('There cannot be such mail');
    expect(html).not.toContain('data-preview');
  });
});

describe('the page Suppression', () => {
  const entry: Suppression = {
    address: `${EVIL}@one.test`,
    client: null,
    stream: 'marketing',
    reason: 'hard-bounce',
    evidence: EVIL,
    source: EVIL,
    atMs: NOW_MS - 3_600_000,
    untilMs: NOW_MS - 1,
  };
  const clock = new FakeClock();
  const needs: SuppressionNeeds = {
    policy,
    clock,
    operations: { suppressions: async () => ({ entries: [entry], next: EVIL }) },
  };
  const render = async (path: string, given = {}) =>
    String(await (await suppressionPage(needs).render(ask(path, given))).main);

  test('a search that takes long keeps nobody waiting', async () => {
    const never = suppressionPage({ ...needs, operations: { suppressions: () => new Promise(() => {}) } });
    const rendered = never.render(ask('/suppression?domain=rare.test'));
    await clock.advance(30);
    expect(String(await (await rendered).main)).toMatch(
      /data-live="entries" aria-busy="true"[^>]*>\s*<p>Looking through/,
    );
  });

  test('shows whom, why, by whom and until when, as text', async () => {
    const html = await render('/suppression?reason=hard-bounce');
    expectHarmless(html);
    expect(html).toContain('hard bounce');
    expect(html).toContain('over');
    expect(html).toContain('data-api="DELETE /api/v1/suppressions"');
    expect(html).toContain('/api/v1/suppressions/export?reason=hard-bounce&amp;format=csv');
  });

  test('who may only read adds, removes and imports nothing', async () => {
    expect(await render('/suppression', { scopes: ['read'] })).not.toContain('data-api');
  });

  test('says what it cannot filter for', async () => {
    expect(await render(`/suppression?address=${encodeURIComponent('no address')}`)).toContain('role="alert"');
  });

  test.each(['en', 'es'] satisfies Language[])('has all its words in %s', async (language) => {
    expect(await render('/suppression', { language })).not.toContain('undefined');
  });
});
