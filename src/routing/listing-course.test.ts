import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { testPolicy } from '../../tests/fakes/exits.ts';
import { afterLooks, type Look } from './listing-course.ts';
import { returnPace, type ListingRecord } from './listing-record.ts';
import type { Verdict } from './listing.ts';

const LISTED: Verdict = { kind: 'listed', words: 'SBL' };
const CLEAN: Verdict = { kind: 'clean', noted: '' };
const UNKNOWN: Verdict = { kind: 'unknown', cause: 'no answer' };
const HOUR_MS = 3_600_000;
const ZONES = ['a.example', 'b.example'];

/** Looks an hour apart, each with a verdict for each zone. */
function course(rounds: readonly (readonly Verdict[])[], quorum = 1): ListingRecord[] {
  const { blocklists } = testPolicy({ blocklists: { zones: ZONES, quorum } });
  let before: ListingRecord | null = null;
  return rounds.map((verdicts, hour) => {
    const looks: Look[] = ZONES.map((zone, at) => ({ zone, verdict: verdicts[at] ?? CLEAN, text: '' }));
    before = afterLooks(before, looks, { nowMs: hour * HOUR_MS, blocklists });
    return before;
  });
}

const isListed = ({ listedSinceMs }: ListingRecord): boolean => listedSinceMs !== null;
const pace = (record: ListingRecord): number => (isListed(record) ? 0 : returnPace(record.cleanLooks));

describe('an address', () => {
  test('is listed with the look that finds it so, and comes back by a quarter, a half, all', () => {
    expect(course([[], [LISTED], [LISTED], [], [], [], []]).map(pace)).toEqual([1, 0, 0, 0.25, 0.5, 1, 1]);
  });

  test('that is listed again on its way back begins anew', () => {
    expect(course([[LISTED], [], [], [LISTED], [], [], []]).map(pace)).toEqual([0, 0.25, 0.5, 0, 0.25, 0.5, 1]);
  });

  test('that is listed stays so where nothing is known, however long', () => {
    expect(
      course([
        [LISTED, CLEAN],
        [UNKNOWN, UNKNOWN],
        [UNKNOWN, CLEAN],
        [CLEAN, UNKNOWN],
      ]).map(isListed),
    ).toEqual([true, true, true, false]);
  });

  test('of which nothing is known is not listed, and nothing is made of that', () => {
    expect(
      course([
        [UNKNOWN, UNKNOWN],
        [UNKNOWN, UNKNOWN],
      ]),
    ).toMatchObject([
      { listedSinceMs: null, cleanLooks: null },
      { zones: [{ listed: null, unknown: { sinceMs: 0, cause: 'no answer' } }, {}] },
    ]);
  });

  test('takes no step back up by a look that told nothing', () => {
    expect(course([[LISTED], [], [UNKNOWN, UNKNOWN], [UNKNOWN, UNKNOWN], []]).map(pace)).toEqual([
      0, 0.25, 0.25, 0.25, 0.5,
    ]);
  });

  test('is listed where as many lists say so as the policy asks for', () => {
    const rounds = [
      [LISTED, CLEAN],
      [LISTED, LISTED],
      [CLEAN, LISTED],
    ];
    expect(course(rounds, 2).map(isListed)).toEqual([false, true, false]);
  });

  test('an address noted by a part that closes nothing is not listed', () => {
    expect(course([[{ kind: 'clean', noted: 'PBL' }]])).toMatchObject([
      { listedSinceMs: null, zones: [{ noted: true, cause: 'PBL' }, {}] },
    ]);
  });

  test('is closed exactly while the last word of enough lists is that it is listed', () => {
    const verdict = fc.constantFrom(LISTED, CLEAN, UNKNOWN);
    fc.assert(
      fc.property(fc.array(fc.tuple(verdict, verdict), { maxLength: 30 }), fc.constantFrom(1, 2), (rounds, quorum) => {
        const last: (string | null)[] = [null, null];
        for (const [at, record] of course(rounds, quorum).entries()) {
          for (const [place, { kind }] of (rounds[at] ?? []).entries()) if (kind !== 'unknown') last[place] = kind;
          expect(isListed(record)).toBe(last.filter((kind) => kind === 'listed').length >= quorum);
        }
      }),
    );
  });
});
