import { expect, test } from 'vitest';
import {
  afterSignal,
  connectionsFor,
  freshFeedback,
  isResting,
  isSuspect,
  withMost,
  type Feedback,
  type Signal,
} from './feedback.ts';

/** One attempt after the other: the limit after each. */
function limitsAfter(signals: readonly Signal[], start = freshFeedback(10)): number[] {
  let feedback = start;
  return signals.map((signal, place) => {
    feedback = afterSignal(feedback, signal, { number: place + 1, next: place + 2, nowMs: 0 });
    return feedback.limit;
  });
}

/** Several attempts that were under way together. */
function together(feedback: Feedback, signals: readonly Signal[], nowMs = 0, first = 1): Feedback {
  const next = first + signals.length;
  return signals.reduce(
    (state, signal, place) => afterSignal(state, signal, { number: first + place, next, nowMs }),
    feedback,
  );
}

test('the limit halves when the destination says not now, and rises by one a round of successes', () => {
  const signals: Signal[] = ['refused', ...Array.from({ length: 5 + 6 + 7 }, (): Signal => 'success')];
  expect(limitsAfter(signals)).toEqual([5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 7, 7, 7, 7, 7, 7, 7, 8]);
});

test('it never falls below one and never rises above what the policy allows', () => {
  expect(limitsAfter(['refused', 'refused', 'refused', 'refused', 'refused'])).toEqual([5, 2, 1, 1, 1]);
  expect(limitsAfter(Array.from({ length: 30 }, (): Signal => 'success'))).toEqual(
    Array.from({ length: 30 }, () => 10),
  );
});

test('trouble of attempts that were under way together counts once', () => {
  expect(together(freshFeedback(10), ['refused', 'refused', 'refused', 'refused']).limit).toBe(5);
});

test('a single trouble among successes does not make it swing', () => {
  const limits = limitsAfter(['success', 'success', 'refused', 'success', 'success', 'success']);
  expect(limits).toEqual([10, 10, 5, 5, 5, 5]);
});

test('a destination that cannot be reached by half of its connections in a row is dead, and rests ever longer', () => {
  let feedback = together(freshFeedback(10), ['unreachable', 'unreachable', 'unreachable', 'unreachable']);
  expect(isResting(feedback, 0)).toBe(false);
  feedback = afterSignal(feedback, 'unreachable', { number: 5, next: 11, nowMs: 0 });
  expect(isResting(feedback, 29_999)).toBe(true);
  // Those that were under way still fail: the rest is not prolonged.
  feedback = together(feedback, ['unreachable', 'unreachable'], 5_000, 6);
  expect(isResting(feedback, 30_000)).toBe(false);
  const rests: number[] = [];
  let nowMs = 30_000;
  for (let number = 11; number < 18; number++) {
    feedback = afterSignal(feedback, 'unreachable', { number, next: number + 1, nowMs });
    rests.push(((feedback.restsUntilMs ?? 0) - nowMs) / 1000);
    nowMs = feedback.restsUntilMs ?? 0;
  }
  expect(rests).toEqual([60, 120, 240, 480, 600, 600, 600]);
  expect(isSuspect(feedback)).toBe(true);
  expect(feedback.limit).toBe(1);
});

test('one success after a rest and the lane opens again, slowly', () => {
  const dead = together(
    freshFeedback(10),
    Array.from({ length: 10 }, (): Signal => 'unreachable'),
  );
  expect(isResting(dead, 1)).toBe(true);
  const alive = afterSignal(dead, 'success', { number: 11, next: 12, nowMs: 40_000 });
  expect([isSuspect(alive), alive.limit, alive.restMs]).toEqual([false, 2, 0]);
  expect(limitsAfter(['success', 'success', 'success', 'success', 'success'], alive)).toEqual([2, 3, 3, 3, 4]);
});

test('failures with successes between them do not make a destination dead', () => {
  let feedback = freshFeedback(2);
  for (let number = 1; number < 50; number++) {
    feedback = afterSignal(feedback, number % 2 === 0 ? 'success' : 'refused', { number, next: number + 1, nowMs: 0 });
    expect(isResting(feedback, 0)).toBe(false);
  }
});

test('a signal that says nothing changes nothing', () => {
  const feedback = freshFeedback(10);
  expect(afterSignal(feedback, 'none', { number: 1, next: 2, nowMs: 0 })).toBe(feedback);
});

test('a new policy moves the limit, and what was learnt stays within it', () => {
  expect(withMost(freshFeedback(10), 20).limit).toBe(20);
  const learnt = afterSignal(freshFeedback(10), 'refused', { number: 1, next: 2, nowMs: 0 });
  expect([withMost(learnt, 20).limit, withMost(learnt, 3).limit]).toEqual([5, 3]);
});

test.each([
  [1, 1],
  [5, 1],
  [10, 2],
  [20, 4],
  [50, 7],
  [100, 9],
  [1000, 10],
])('%d deliveries open %d of 10 connections', (queued, expected) => {
  expect(connectionsFor(10, queued)).toBe(expected);
});
