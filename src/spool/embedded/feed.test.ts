/** What is followed by numbers, where rows of the database are lost. */
import { writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { entry, numbered } from '../suppressions.contract.ts';
import { openEmbeddedSpool } from './spool.ts';

test('who followed a store that was damaged goes on, though its last rows could not be read', async () => {
  const path = await mkdtemp(join(tmpdir(), 'relevo-feed-'));
  const clock = new FakeClock();
  try {
    const submissions = [1, 2, 3].map(() => aSubmission({ atMs: clock.nowMs() }));
    const followed = await (async () => {
      await using spool = await openEmbeddedSpool({ path, durability: 'relaxed', clock });
      for (const submission of submissions) await spool.accept(submission);
      await spool.suppressions.suppress([1, 2, 3].map((n) => entry({ address: numbered(n) })));
      return [await spool.feed.feedEnd(), (await spool.suppressions.suppressedSince(0, 10)).upTo] as const;
    })();
    const database = new DatabaseSync(join(path, 'spool.db'));
    database.exec('DELETE FROM event WHERE seq > 1; DELETE FROM suppression WHERE number > 1');
    database.close();
    writeFileSync(join(path, 'spool.suspect'), '');
    await using spool = await openEmbeddedSpool({ path, durability: 'relaxed', clock });
    expect(spool.report.salvaged).not.toBeNull();
    const late = aSubmission({ atMs: clock.nowMs() });
    await spool.accept(late);
    await spool.suppressions.suppress([entry({ address: numbered(9) })]);
    const [place, since] = followed;
    expect((await spool.feed.feed(place, 100)).events).toContainEqual(late.received);
    expect((await spool.suppressions.suppressedSince(since, 10)).addresses).toEqual([numbered(9)]);
  } finally {
    await rm(path, { recursive: true, force: true });
  }
});
