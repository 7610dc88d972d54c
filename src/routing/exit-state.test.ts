import { expect, test } from 'vitest';
import {
  afterAsked,
  afterFailure,
  afterNothing,
  afterStart,
  afterSuccess,
  CLOSED,
  gateOf,
  type Circuit,
} from './exit-state.ts';

const FAILED = { cause: 'sign-in refused', decisive: true };

/** Rests in seconds of an exit that fails at every probe. */
function restsOf(probes: number): number[] {
  let circuit = afterFailure(CLOSED, { ...FAILED, nowMs: 0 });
  const rests = [circuit.restMs / 1000];
  for (let probe = 0; probe < probes; probe++) {
    const nowMs = circuit.restsUntilMs ?? 0;
    circuit = afterFailure(afterStart(circuit), { ...FAILED, nowMs });
    rests.push(((circuit.restsUntilMs ?? 0) - nowMs) / 1000);
  }
  return rests;
}

test('an exit that fails rests for 30 s, then for a minute at a time', () => {
  expect(restsOf(7)).toEqual([30, 60, 60, 60, 60, 60, 60, 60]);
});

test('after the rest one attempt at a time finds out, and a success opens it for all', () => {
  const rested = afterFailure(CLOSED, { ...FAILED, nowMs: 0 });
  expect(gateOf(rested, 29_999)).toBe('resting');
  expect(gateOf(rested, 30_000)).toBe('open');
  const probing = afterStart(rested);
  expect(gateOf(probing, 30_000)).toBe('probing');
  // The probe's destination was at fault: the exit may be probed again.
  expect(gateOf(afterNothing(probing), 30_001)).toBe('open');
  expect(afterSuccess(probing, 30_001)).toEqual(CLOSED);
});

test('failures of attempts that were under way do not prolong the rest', () => {
  const rested = afterFailure(CLOSED, { ...FAILED, nowMs: 0 });
  expect(afterFailure(rested, { ...FAILED, nowMs: 5_000 })).toBe(rested);
});

test('a connection that breaks is no proof; three in a row are', () => {
  const strikes = (count: number): Circuit => {
    let circuit = CLOSED;
    for (let strike = 0; strike < count; strike++) {
      circuit = afterFailure(circuit, { cause: 'closed', decisive: false, nowMs: 0 });
    }
    return circuit;
  };
  expect([1, 2, 3].map((count) => gateOf(strikes(count), 0))).toEqual(['open', 'open', 'resting']);
});

test('a rest that a provider asked for is no failure, and what was under way does not end it', () => {
  const asked = afterAsked(CLOSED, { nowMs: 0, restMs: 10_000, cause: 'too fast' });
  expect(gateOf(asked, 9_999)).toBe('resting');
  expect(afterSuccess(asked, 5_000)).toBe(asked);
  expect(afterFailure(asked, { ...FAILED, nowMs: 5_000 })).toBe(asked);
  // The longest of what it asked for holds.
  expect(afterAsked(asked, { nowMs: 1_000, restMs: 2_000, cause: 'too fast' })).toBe(asked);
  expect(gateOf(afterAsked(asked, { nowMs: 1_000, restMs: 20_000, cause: 'too fast' }), 20_999)).toBe('resting');
  expect(gateOf(asked, 10_000)).toBe('open');
  expect(afterSuccess(afterStart(asked), 10_001)).toEqual(CLOSED);
});
