/** What every engine keeps of transcripts. */
import { describe, expect, test } from 'vitest';
import { eachWith, type Engine } from '../spool/engine.contract.ts';
import { deliveryIdOf, type MessageId, newMessageId } from '../message/ids.ts';
import type { TalkedAttempt, Transcript } from '../message/transcript.ts';
import { forgetTranscripts, openTranscripts, transcriptsOf } from './transcripts.ts';

const SAID: Transcript['lines'] = [
  { atMs: 0.4, from: 'note', text: 'connected' },
  { atMs: 1, from: 'server', text: '220 <b>mx</b> "\u{1f600}"' },
  { atMs: 2, from: 'relay', text: 'EHLO relay.example' },
];

export function testTranscripts(engine: Engine): void {
  describe(`${engine.name}: transcripts`, () => {
    const fixture = eachWith(engine);

    function attempt(id: MessageId, number: number, over: Partial<TalkedAttempt> = {}): TalkedAttempt {
      const atMs = fixture().nowMs;
      const said = () => ({ lines: SAID, isWhole: true });
      return { deliveryId: deliveryIdOf(id, 1), number, egress: 'ip-1', atMs, isDelivered: false, said, ...over };
    }
    const fresh = (atMs = fixture().nowMs): MessageId => newMessageId(atMs, crypto.getRandomValues(Buffer.alloc(10)));

    test('the last three of a delivery are kept, as they were, and nothing is written at once', async () => {
      const { clock, spool } = fixture();
      const { marks } = spool;
      await using book = openTranscripts({ marks, clock });
      const [id, other] = [fresh(), fresh()];
      for (let number = 1; number <= 5; number++) {
        book.keep(attempt(id, number));
        expect((await transcriptsOf(marks, id)).map((one) => one.number)).not.toContain(number);
        await clock.advance(2_000);
        await expect.poll(async () => (await transcriptsOf(marks, id)).map((one) => one.number)).toContain(number);
      }
      book.keep(attempt(other, 1));
      await book[Symbol.asyncDispose]();
      const kept = await transcriptsOf(marks, id);
      expect(kept.map(({ number }) => number)).toEqual([3, 4, 5]);
      expect(kept[0]).toEqual({
        deliveryId: `${id}.1`,
        number: 3,
        egress: 'ip-1',
        atMs: fixture().nowMs - 6_000,
        lines: SAID,
        isWhole: true,
      });
      expect(await transcriptsOf(marks, other)).toHaveLength(1);
    });

    test('of very many at once some are kept, and of a very long one the end', async () => {
      const { clock, spool } = fixture();
      const book = openTranscripts({ marks: spool.marks, clock });
      const long = fresh();
      const lines = Array.from({ length: 400 }, (_, n) => ({
        atMs: n,
        from: 'server' as const,
        text: `${n} ${'x'.repeat(400)}`,
      }));
      book.keep(attempt(long, 1, { said: () => ({ lines, isWhole: true }) }));
      for (let n = 0; n < 500; n++) book.keep(attempt(fresh(), 1));
      await book[Symbol.asyncDispose]();
      expect((await spool.marks.marks('transcript:')).length).toBeLessThanOrEqual(40);
      const [one] = await transcriptsOf(spool.marks, long);
      expect(one?.isWhole).toBe(false);
      expect(one?.lines.at(-1)?.text).toBe(lines.at(-1)?.text);
      expect(JSON.stringify(one).length).toBeLessThan(24_000);
    });

    test('of attempts that delivered a few are kept, and never in the place of those that did not', async () => {
      const { clock, spool } = fixture();
      const book = openTranscripts({ marks: spool.marks, clock });
      const [first, failed] = [fresh(), fresh()];
      book.keep(attempt(first, 1, { isDelivered: true }));
      for (let n = 0; n < 500; n++) book.keep(attempt(fresh(), 1, { isDelivered: true }));
      book.keep(attempt(failed, 1));
      await book[Symbol.asyncDispose]();
      expect((await spool.marks.marks('transcript:')).length).toBe(41);
      expect(await transcriptsOf(spool.marks, first)).toMatchObject([{ number: 1, lines: SAID }]);
      expect(await transcriptsOf(spool.marks, failed)).toHaveLength(1);
    });

    test('they are forgotten after a week', async () => {
      const { clock, spool } = fixture();
      const book = openTranscripts({ marks: spool.marks, clock });
      const old = fresh(clock.nowMs() - 5 * 86_400_000);
      book.keep(attempt(old, 7));
      await book[Symbol.asyncDispose]();
      await spool.marks.mark([{ name: 'health:ip-1', text: 'x', atMs: clock.nowMs() }]);
      expect(await forgetTranscripts(spool.marks, clock.nowMs() + 6 * 86_400_000)).toBe(0);
      expect(await forgetTranscripts(spool.marks, clock.nowMs() + 8 * 86_400_000)).toBe(1);
      expect(await transcriptsOf(spool.marks, old)).toEqual([]);
      expect(await spool.marks.marks('health:')).toHaveLength(1);
    });
  });
}
