/** A long queue that no exit takes, older than mail that may go: whose turn it is in the store. */
import { expect } from 'vitest';
import { scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { FULL_STANDING, type Standing } from '../../routing/standing.ts';
import type { PolicyInput } from '../../policy/schema.ts';

const POLICY: Partial<PolicyInput> = {
  streams: { news: {}, mail: {} },
  egress: { bulk: { type: 'mx' }, other: { type: 'mx' } },
  routes: [
    { name: 'news', match: { stream: 'news' }, use: ['bulk'] },
    { name: 'all', use: ['other'] },
  ],
};

const PAUSED: Standing = { ...FULL_STANDING, closures: [{ gate: 'paused', untilMs: null, cause: 'by an operator' }] };

/** `bulk` is paused: what is `news` cannot go. */
function world(name: string, run: (scheduling: Scheduling, standing: { bulk: Standing }) => Promise<void>) {
  const standing = { bulk: PAUSED };
  scheduled(name, (scheduling) => run(scheduling, standing), {
    policy: POLICY,
    needs: { standingOf: (exit) => (exit === 'bulk' ? standing.bulk : FULL_STANDING) },
  });
}

/** News to 40 destinations, and a letter to one more, of which it is the turn last. */
async function queued(scheduling: Scheduling, news: number, letters: number): Promise<void> {
  const { clock } = scheduling;
  const dueAtMs = clock.nowMs() + 60_000;
  const each = Array.from({ length: news }, (_, place) => ({
    to: [`a${place}@d${place % 40}.test`],
    stream: 'news',
    dueAtMs,
  }));
  for (const one of each) await scheduling.store(one);
  for (let place = 0; place < letters; place++)
    await scheduling.store({ to: [`b${place}@good.test`], stream: 'mail', dueAtMs: dueAtMs + 10 });
  await clock.advance(dueAtMs + 10 - clock.nowMs());
}

async function dueNews({ spool, clock }: Scheduling): Promise<number> {
  const all = await spool.list({}, { limit: 5_000 });
  return all.filter(({ delivery }) => delivery.stream === 'news' && delivery.dueAtMs <= clock.nowMs()).length;
}

world('mail that may go is not kept until all older mail that may not has been put off', async (scheduling) => {
  await queued(scheduling, 3_000, 20);
  const { clock } = scheduling;
  const other = scheduling.exit('other');
  await clock.advanceUntil(() => other.attempts.length === 20, { stepMs: 10, withinMs: 400 });
  expect(await dueNews(scheduling)).toBeGreaterThan(2_000);
  // What was looked past has its turn all the same.
  await clock.advanceUntil(async () => (await dueNews(scheduling)) === 0, { stepMs: 100, withinMs: 5_000 });
  expect(scheduling.exit('bulk').attempts).toEqual([]);
});

world('mail that was looked past goes as soon as its exit is used again', async (scheduling, standing) => {
  await queued(scheduling, 1_000, 1);
  await scheduling.clock.advance(200);
  standing.bulk = FULL_STANDING;
  scheduling.scheduler.standingsChanged(['bulk']);
  const bulk = scheduling.exit('bulk');
  await scheduling.clock.advanceUntil(() => bulk.attempts.length > 400, { stepMs: 20, withinMs: 1_000 });
  await scheduling.drained();
});
