import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bounceSamples } from '../../tests/fakes/bounce-corpus.ts';
import { bounceKindOf } from '../message/bounce-kind.ts';
import { statusOf } from '../message/reply.ts';
import { type Reading, readCameBack } from './came-back.ts';
import { readComplaint } from './complaint-report.ts';

const SAMPLES = bounceSamples();

function plain(reading: Reading): readonly string[] {
  if (reading.kind !== 'failed') return [reading.kind];
  return reading.recipients.map(({ address, reply }) => `failed ${address} ${statusOf(reply)} ${bounceKindOf(reply)}`);
}

describe('a bounce is read whoever wrote it', () => {
  test.each(SAMPLES.map((sample) => [sample.name, sample] as const))('%s', (_, { recipients, expected, ...sample }) => {
    const sent = { domain: 'dest.example', recipients, egress: 'direct', host: null };
    const reading = readCameBack(sample.content, sent);
    expect(plain(reading)).toEqual(expected);
    if (sample.host !== null) expect(reading).toMatchObject({ host: sample.host });
  });
});

test('the corpus has at least 60 forms, each with its source, and every kind of bounce', () => {
  expect(SAMPLES.length).toBeGreaterThanOrEqual(60);
  expect(SAMPLES.filter(({ form, expected }) => form.length < 10 || expected.length === 0)).toEqual([]);
  const outcomes = new Set(SAMPLES.flatMap(({ expected }) => expected.map((line) => line.split(' ').at(-1))));
  expect([...outcomes].toSorted()).toEqual(
    [
      'auto-reply',
      'block',
      'challenge',
      'delayed',
      'hard',
      'mailbox-full',
      'other',
      'policy',
      'soft',
      'unknown-user',
      'vacation',
    ].toSorted(),
  );
});

test('of a bounce that names one of several, no other is blamed', () => {
  for (const { content, recipients, expected, name } of SAMPLES) {
    if (!expected[0]?.startsWith('failed') || recipients.length > 1) continue;
    const both = { domain: 'dest.example', recipients: ['ana@dest.example', ...recipients], egress: null, host: null };
    const blamed = plain(readCameBack(content, both)).filter((line) => line.includes('ana@'));
    expect(blamed, name).toEqual([]);
  }
});

test('whatever is left of a bounce on its way, only recipients of the delivery are blamed, and nothing trips the reader up', () => {
  const contents = SAMPLES.map(({ content }) => content);
  const sent = {
    domain: 'dest.example',
    recipients: ['gone@dest.example', 'ana@dest.example'],
    egress: null,
    host: null,
  };
  fc.assert(
    fc.property(
      fc.constantFrom(...contents),
      fc.constantFrom(...contents),
      fc.array(fc.tuple(fc.double({ min: 0, max: 1, noNaN: true }), fc.uint8Array({ maxLength: 30 })), {
        maxLength: 5,
      }),
      (one, other, changes) => {
        let content: Buffer = one;
        for (const [where, bytes] of changes) {
          const at = Math.floor(where * content.length);
          const rest = bytes.length % 2 === 0 ? content.subarray(at + bytes.length) : other.subarray(at);
          content = Buffer.concat([content.subarray(0, at), bytes, rest]);
        }
        const reading = readCameBack(content, sent);
        readComplaint(content);
        if (reading.kind !== 'failed') return;
        expect(reading.recipients.length).toBeGreaterThan(0);
        for (const { address, reply } of reading.recipients) {
          expect(sent.recipients).toContain(address);
          expect(reply.code).toBeGreaterThanOrEqual(400);
          expect(reply.code).toBeLessThan(600);
          expect(reply.text.length).toBeLessThanOrEqual(500);
          expect(reply.text).toMatch(/^[^\p{Cc}]*$/u);
          expect(statusOf(reply)).toMatch(/^[45]\.\d{1,3}\.\d{1,3}$/);
        }
      },
    ),
    { numRuns: 2_000 },
  );
});
