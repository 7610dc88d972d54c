import { expect, test } from 'vitest';
import { verdictOf, type VerdictFigures } from './verdict.ts';

const exit = (...gates: string[]) => ({ egress: 'e', closures: gates.map((gate) => ({ gate })) });
const WELL: VerdictFigures = { notReady: [], exits: [exit(), exit()], oldestAgeMs: 60_000, held: 0, alerts: 0 };

test.each([
  ['all is well', {}, 'flows'],
  ['nothing is queued', { oldestAgeMs: null }, 'flows'],
  ['no mail can be taken', { notReady: ['the disk is full'], exits: [exit('down')] }, 'refusing'],
  ['no exit is open', { exits: [exit('down'), exit('limited')] }, 'stuck'],
  ['one of two is down', { exits: [exit('down'), exit()] }, 'partly'],
  ['one has used up its limit, as it may', { exits: [exit('limited'), exit()] }, 'flows'],
  ['something waits for hours', { oldestAgeMs: 4 * 3_600_000 }, 'slow'],
  ['what waits for hours is held', { oldestAgeMs: 4 * 3_600_000, held: 1 }, 'flows'],
  ['an alert is in force', { alerts: 1 }, 'partly'],
  ['the policy has no exit', { exits: [] }, 'flows'],
])('%s', (_, figures, verdict) => {
  expect(verdictOf({ ...WELL, ...figures })).toBe(verdict);
});
