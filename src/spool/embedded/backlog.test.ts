import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { aSettlement, aSubmission } from '../../../tests/fakes/submission.ts';
import type { LeasedDelivery } from '../spool.ts';
import { openEmbeddedSpool } from './spool.ts';

test('what somebody waits for does not stand behind a thousand settlements', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'relevo-backlog-'));
  const clock = new FakeClock();
  const nowMs = clock.nowMs();
  await using spool = await openEmbeddedSpool({ path: folder.path, durability: 'relaxed', clock });
  const content = Buffer.from('x');
  await Promise.all(Array.from({ length: 2_000 }, () => spool.accept(aSubmission({ atMs: nowMs, content }))));
  const leased: LeasedDelivery[] = [];
  while (leased.length < 2_000)
    leased.push(
      ...(await spool.claim({ nowMs, leaseUntilMs: nowMs + 1, limit: 500, perLane: 500, exclude: [] })).leased,
    );
  let settled = 0;
  const settling = leased.map(async (one) => {
    expect(await spool.settle(aSettlement(one, { atMs: nowMs, addresses: [] }))).toBe('settled');
    settled += 1;
  });
  // Sent behind them.
  await new Promise((resolve) => setImmediate(resolve));
  const [overview, accepted] = await Promise.all([
    spool.overview(),
    spool.accept(aSubmission({ atMs: nowMs, content })),
  ]);
  expect(settled).toBeLessThan(1_000);
  expect(overview).toMatchObject({ byState: { queued: 2_000 } });
  expect(accepted).toMatchObject({ kind: 'accepted' });
  await Promise.all(settling);
  expect(await spool.audit()).toMatchObject({ accepted: 2_001, queued: 2_001, violations: [] });
});
