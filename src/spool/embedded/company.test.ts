import { describe, expect, test } from 'vitest';
import { Company } from './company.ts';

/** Twenty clients that send as fast as they are answered. */
function aStream(company: Company, untilMs: number): void {
  for (let atMs = 0; atMs < untilMs; atMs++) {
    company.waitFor('accept', atMs);
    if (atMs > 3) company.answered('accept');
  }
}

describe('a sync is shared', () => {
  test('by mail that comes in a stream', () => {
    const company = new Company();
    aStream(company, 20);
    expect(company.waitFor('accept', 20)).toBe(2);
  });

  test('by what ends mail with the mail that comes in', () => {
    const company = new Company();
    company.waitFor('accept', 0);
    company.waitFor('accept', 0);
    expect(company.waitFor('settle', 1)).toBe(4);
    expect(company.waitFor('settle', 9)).toBe(0);
  });

  test('not by what ends the mail of a single client, whose next message it would hold up', () => {
    const company = new Company();
    company.waitFor('accept', 0);
    company.answered('accept');
    expect(company.waitFor('settle', 1)).toBe(0);
  });

  test('not by a client that waits for each answer, however fast it is', () => {
    const company = new Company();
    for (let atMs = 0; atMs < 50; atMs++) {
      expect(company.waitFor('accept', atMs)).toBe(0);
      company.answered('accept');
    }
  });

  test('not by a few clients now and then', () => {
    const company = new Company();
    for (let atMs = 0; atMs < 200; atMs += 4) expect(company.waitFor('accept', atMs)).toBe(0);
  });

  test('by nothing else, and not once the stream is over', () => {
    const company = new Company();
    aStream(company, 20);
    expect(company.waitFor('claim', 20)).toBe(0);
    expect(company.waitFor('accept', 40)).toBe(0);
  });
});
