/** What every engine keeps of how many deliveries each destination has of each age. */
import { describe, expect, test } from 'vitest';
import { aSettlement, aSubmission } from '../../tests/fakes/submission.ts';
import { eachWith, type Engine } from './engine.contract.ts';
import type { ShapeRow, Spool } from './spool.ts';

const MINUTE_MS = 60_000;
const AGES_MS = [5, 20, 80, 320, 1_280].map((minutes) => minutes * MINUTE_MS);
/** In the middle of the columns. */
const AGES_OF_MAIL_MS = [1, 10, 40, 160, 640, 3_000].map((minutes) => minutes * MINUTE_MS);

function byDomain(rows: readonly ShapeRow[] | undefined): Map<string, ShapeRow> {
  return new Map((rows ?? []).map((row) => [row.domain, row]));
}

/** The same by looking at each. */
async function counted(spool: Spool, nowMs: number): Promise<Map<string, ShapeRow>> {
  const rows = new Map<string, { domain: string; total: number; byAge: number[] }>();
  for (const { delivery } of await spool.list({}, { limit: 10_000 })) {
    const { domain } = delivery;
    const row = rows.get(domain) ?? { domain, total: 0, byAge: [...AGES_MS.map(() => 0), 0] };
    const at = AGES_MS.findIndex((ageMs) => nowMs - delivery.createdAtMs < ageMs);
    const column = at === -1 ? AGES_MS.length : at;
    row.total += 1;
    row.byAge[column] = (row.byAge[column] ?? 0) + 1;
    rows.set(domain, row);
  }
  return rows;
}

/** @param engine opens it on an empty store */
export function testShape(engine: Engine): void {
  describe(`${engine.name}: the shape of the queue`, () => {
    const fixture = eachWith(engine);

    test('mail of all ages is counted by destination, through all that becomes of it', async () => {
      const { spool, clock } = fixture();
      const nowMs = clock.nowMs();
      const agrees = async (): Promise<void> => {
        const rows = await spool.shape?.({ nowMs, agesMs: AGES_MS });
        expect(byDomain(rows)).toEqual(await counted(spool, nowMs));
      };
      const mail = Array.from({ length: 300 }, (_, n) =>
        aSubmission({
          atMs: nowMs - (AGES_OF_MAIL_MS[n % AGES_OF_MAIL_MS.length] ?? 0),
          to: [`a@dest-${n % 7}.test`, `b@dest-${n % 7}.test`, `c@rare-${n % 50}.test`],
        }),
      );
      await Promise.all(mail.map((submission) => spool.accept(submission)));
      await agrees();
      await spool.hold({ domain: 'dest-1.test' }, nowMs);
      await spool.discard({ domain: 'dest-2.test' }, nowMs);
      const { leased } = await spool.claim({
        nowMs,
        leaseUntilMs: nowMs + MINUTE_MS,
        limit: 120,
        perLane: 50,
        exclude: [],
      });
      await agrees();
      await Promise.all(
        leased.map((one, n) =>
          spool.settle(aSettlement(one, { atMs: nowMs, ...(n % 3 === 0 ? { addresses: [] } : {}) })),
        ),
      );
      await agrees();
      await spool.discard({}, nowMs);
      expect(await spool.shape?.({ nowMs, agesMs: AGES_MS })).toEqual([]);
    });
  });
}
