import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { whileAdmitted } from './admitted-stream.ts';

const HOUR_MS = 3_600_000;

function world(isStill: () => Promise<boolean>) {
  const clock = new FakeClock(0);
  const source: { of?: ReadableStreamDefaultController<Uint8Array> } = {};
  const stream = new ReadableStream<Uint8Array>({ start: (controller) => void (source.of = controller) });
  return { clock, source, reader: whileAdmitted(stream, { clock, isStill }).getReader() };
}

test('a stream ends soon after whoever reads it may not any more', async () => {
  let may = true;
  const { clock, source, reader } = world(async () => may);
  source.of?.enqueue(Buffer.from('one'));
  expect(Buffer.from((await reader.read()).value ?? []).toString()).toBe('one');
  await clock.advance(60_000);
  const next = reader.read();
  may = false;
  await clock.advance(60_000);
  expect((await next).done).toBe(true);
});

test('nothing is asked once it is over, however it came to that', async () => {
  let asked = 0;
  const failing = world(async () => (asked += 1) > 0);
  failing.source.of?.error(new Error('the store is away'));
  await expect(failing.reader.read()).rejects.toThrow('away');
  const answer = Promise.withResolvers<boolean>();
  const left = world(() => {
    asked += 1;
    return answer.promise;
  });
  await left.clock.advance(20_000);
  // Whoever reads goes away while it is looked whether that one still may.
  await left.reader.cancel();
  answer.resolve(true);
  await left.clock.advance(HOUR_MS);
  await failing.clock.advance(HOUR_MS);
  expect(asked).toBe(1);
});
