import { expect, test } from 'vitest';
import { aSubmission } from '../../tests/fakes/submission.ts';
import { envelopeDigest } from '../message/envelope-digest.ts';
import type { Event } from '../message/event.ts';
import { profileOf } from './profile.ts';
import { RetryBook } from './retry-book.ts';

const HOUR_MS = 3_600_000;

function world() {
  const counts = new Map<string, number>();
  const book = new RetryBook({
    note: (_, habits) => habits.forEach((habit) => counts.set(habit, (counts.get(habit) ?? 0) + 1)),
  });
  const [sender, peer] = ['shop@example.com', '192.0.2.1'];
  const reply = { code: 452, detail: '7.1', text: 'later' };
  const refused = (to: readonly string[], atMs: number): void =>
    book.heard({
      event: 'refused',
      atMs,
      peer,
      client: 'shop',
      command: 'DATA',
      reply,
      envelope: envelopeDigest(sender, to),
    } satisfies Event);
  const received = (to: readonly string[], atMs: number): void =>
    book.heard(aSubmission({ atMs, client: 'shop', sender, to }).received);
  return { counts, refused, received, all: () => Object.fromEntries(counts) };
}

test('mail that is put off and comes again, whatever the order of its recipients, is counted so, once', () => {
  const { refused, received, all } = world();
  refused(['a@x.test', 'b@x.test'], 0);
  refused(['a@x.test', 'b@x.test'], 60_000);
  refused(['b@x.test', 'a@x.test'], 120_000);
  received(['b@x.test', 'a@x.test'], 180_000);
  received(['b@x.test', 'a@x.test'], 240_000);
  expect(all()).toEqual({ 'put-off': 1, 'came-again': 1 });
  // It was put off at MAIL.
  refused([], HOUR_MS);
  received(['c@x.test'], 2 * HOUR_MS);
  expect(all()).toEqual({ 'put-off': 2, 'came-again': 2 });
});

test('neither another message at the same moment, nor one a day later, is a retry', () => {
  const { refused, received, all } = world();
  refused(['a@x.test'], 0);
  received(['a@x.test'], 5_000);
  received(['other@x.test'], HOUR_MS);
  received(['a@x.test'], 25 * HOUR_MS);
  expect(all()).toEqual({ 'put-off': 1 });
});

test('a client that puts off very much of itself costs no more than so much', () => {
  const { refused, received, all, counts } = world();
  for (let number = 0; number < 5_000; number++) refused([`r${number}@x.test`], number);
  expect(all()).toEqual({ 'put-off': 5_000 });
  received(['r0@x.test'], HOUR_MS);
  received(['r4999@x.test'], HOUR_MS);
  expect(counts.get('came-again')).toBe(1);
});

test('a profile says of a client that never comes again what would help, once it is known', () => {
  const of = (putOff: number, cameAgain: number) =>
    profileOf(new Map([['message', 100], ['put-off', putOff], ['came-again', cameAgain]])).habits; // prettier-ignore
  expect(of(4, 0)).toEqual([]);
  expect(of(10, 9)).toMatchObject([{ habit: 'comes-again', messages: 9, share: 0.9, needsAttention: false }]);
  expect(of(10, 1)).toMatchObject([{ habit: 'never-again', messages: 9, share: 0.9, needsAttention: true }]);
  expect(of(10, 1)[0]?.text).toContain('overQuota: hold');
});
