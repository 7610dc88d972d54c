import { describe, expect, test } from 'vitest';
import { testPolicy } from '../../tests/fakes/exits.ts';
import type { PolicyInput } from '../policy/schema.ts';
import type { Mark } from '../spool/marks.ts';
import { checksOf } from './checks.ts';

const NOW_MS = 1_800_000_000_000;
const ADDRESS = '198.51.100.7';
const EGRESS: PolicyInput['egress'] = {
  'ip-1': { type: 'mx', bind: ADDRESS },
  nat: { type: 'mx', bind: '10.0.0.7', address: ADDRESS },
  server: { type: 'smtp', host: 'smtp.example', address: ADDRESS },
  byAddress: { type: 'smtp', host: ADDRESS },
  six: { type: 'mx', bind: '2001:DB8:0::1' },
  other: { type: 'smtp', host: 'smtp.example' },
};
const policy = testPolicy({ egress: EGRESS, blocklists: { zones: ['a.example', 'b.example'] } });
const mark = (name: string, value: object): Mark => ({ name, text: JSON.stringify(value), atMs: NOW_MS });
const down = (more: object = {}): Mark =>
  mark('health:n1:server', {
    failures: 3,
    downSinceMs: NOW_MS - 60_000,
    nextAtMs: NOW_MS + 60_000,
    cause: 'refused',
    ...more,
  });
const zone = (name: string, listed: boolean | null, cause = 'SBL'): object => ({
  zone: name,
  listed,
  cause,
  noted: false,
  unknown: null,
});
const listed = (address = ADDRESS, more: object = {}): Mark =>
  mark(`listing:${address}`, {
    lookedAtMs: NOW_MS - 1_000,
    nextAtMs: NOW_MS + 3_600_000,
    listedSinceMs: NOW_MS - 1_000,
    cleanLooks: null,
    zones: [zone('a.example', true), zone('b.example', false, '')],
    ...more,
  });
const checks = (egress: string, marks: readonly Mark[], more: Partial<Parameters<typeof checksOf>[1]> = {}) =>
  checksOf(egress, { policy, marks, node: 'n1', nowMs: NOW_MS, ...more });
const gates = (...args: Parameters<typeof checks>): string[] => checks(...args).closures.map(({ gate }) => gate);

describe('a mark of a failed check', () => {
  test('closes the exit until the next one', () => {
    expect(checks('server', [down()]).closures).toEqual([
      { gate: 'down', untilMs: NOW_MS + 60_000, cause: '3 checks failed: refused' },
    ]);
  });

  test('of another node, of another exit, or of an exit that is up closes nothing', () => {
    expect(gates('server', [down()], { node: 'n2' })).toEqual([]);
    expect(gates('other', [down()])).toEqual([]);
    expect(gates('server', [down({ downSinceMs: null })])).toEqual([]);
    expect(gates('gone', [down()])).toEqual([]);
  });

  test('whose next check is long overdue closes nothing: whoever made it is gone', () => {
    expect(gates('server', [down({ nextAtMs: NOW_MS - 100_000 })])).toEqual(['down']);
    expect(gates('server', [down({ nextAtMs: NOW_MS - 130_000 })])).toEqual([]);
  });

  test('made before the clock was set back closes nothing for hours', () => {
    expect(gates('server', [down({ nextAtMs: NOW_MS + 3_600_000 })])).toEqual([]);
  });
});

describe('a mark of a listed address', () => {
  test.each(['ip-1', 'nat', 'server', 'byAddress'])('closes %s, which sends from it', (egress) => {
    expect(checks(egress, [listed()]).closures).toEqual([
      { gate: 'listed', untilMs: NOW_MS + 3_600_000, cause: `${ADDRESS} is listed in a.example (SBL)` },
    ]);
  });

  test('closes no exit of another or an unknown address', () => {
    expect(gates('six', [listed()])).toEqual([]);
    expect(gates('other', [listed()])).toEqual([]);
  });

  test('counts for IPv6 however the policy writes it', () => {
    expect(gates('six', [listed('2001:db8::1')])).toEqual(['listed']);
  });

  test('counts however old: nobody says that it is clean', () => {
    expect(gates('ip-1', [listed()], { nowMs: NOW_MS + 30 * 86_400_000 })).toEqual(['listed']);
  });

  test('counts no more where the policy asks that list no more, or asks for more of them', () => {
    const asks = (blocklists: PolicyInput['blocklists']) => ({ policy: testPolicy({ egress: EGRESS, blocklists }) });
    expect(gates('ip-1', [listed()], asks({ zones: ['b.example'] }))).toEqual([]);
    expect(gates('ip-1', [listed()], asks({ zones: [] }))).toEqual([]);
    expect(gates('ip-1', [listed()], asks({ zones: ['a.example', 'b.example'], quorum: 2 }))).toEqual([]);
  });

  test('that was delisted has the exit back at a part of its pace', () => {
    const back = (cleanLooks: number | null) => checks('ip-1', [listed(ADDRESS, { listedSinceMs: null, cleanLooks })]);
    expect([1, 2, null].map((looks) => back(looks))).toEqual([
      { closures: [], pace: 0.25 },
      { closures: [], pace: 0.5 },
      { closures: [], pace: 1 },
    ]);
  });
});

test('an exit that is down and listed says both', () => {
  expect(gates('server', [down(), listed()])).toEqual(['down', 'listed']);
});

test('marks that nobody understands close nothing', () => {
  const marks = [
    { ...down(), text: 'x' },
    { ...listed(), text: '{}' },
  ];
  expect(checks('server', marks)).toEqual({ closures: [], pace: 1 });
});
