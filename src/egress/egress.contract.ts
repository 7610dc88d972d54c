import { describe, expect, test } from 'vitest';
import { awkwardBodies } from '../../tests/fakes/mail.ts';
import { mailTo, NEVER } from '../../tests/fakes/exits.ts';
import type { Egress } from './egress.ts';

/** What came out at the far end, by one transaction. */
export type Arrived = { readonly sender: string; readonly recipients: readonly string[]; readonly content: Buffer };

export type EgressUnderTest = AsyncDisposable & {
  readonly egress: Egress;
  /** Everything that arrived so far, in any order. */
  arrived(): Promise<readonly Arrived[]>;
  /** Breaks the far end, for good. */
  breakDown(): Promise<void>;
};

const HEADER = 'From: a@example.com\r\nMessage-ID: <1@example.com>\r\n\r\n';

/** What every exit promises. */
export function testEgress(name: string, open: () => Promise<EgressUnderTest>): void {
  describe(`${name} exit`, () => {
    test.each([...awkwardBodies()])('%s arrive byte for byte', async (_, body) => {
      await using far = await open();
      const content = Buffer.concat([Buffer.from(HEADER), body]);
      const result = await far.egress.attempt(mailTo({ content, envelope: { eightBit: true } }), NEVER);
      expect(result.outcomes.map(({ kind }) => kind)).toEqual(['delivered']);
      const [arrived] = await far.arrived();
      expect(arrived?.content.equals(content)).toBe(true);
    });

    test('recipients of one domain share a message and have an outcome each', async () => {
      await using far = await open();
      const to = ['one@example.net', 'two@example.net', 'three@example.net'];
      const result = await far.egress.attempt(mailTo({ to }), NEVER);
      expect(result.outcomes.map(({ kind, reply }) => [kind, reply.code])).toEqual([
        ['delivered', 250],
        ['delivered', 250],
        ['delivered', 250],
      ]);
      expect((await far.arrived()).map(({ sender, recipients }) => [sender, recipients])).toEqual([
        ['a@example.com', to],
      ]);
    });

    test('a bounce leaves with the null sender', async () => {
      await using far = await open();
      await far.egress.attempt(mailTo({ sender: '' }), NEVER);
      expect((await far.arrived()).map(({ sender }) => sender)).toEqual(['']);
    });

    test('nothing leaves once it is called off', async () => {
      await using far = await open();
      const result = await far.egress.attempt(mailTo({ to: ['b@example.net', 'c@example.net'] }), AbortSignal.abort());
      expect(result.outcomes.map(({ kind }) => kind)).toEqual(['deferred', 'deferred']);
      expect(await far.arrived()).toEqual([]);
    });

    test('as many as it takes at once arrive once each', async () => {
      await using far = await open();
      const count = Math.min(far.egress.concurrency, 20);
      const contents = Array.from({ length: count }, (_, at) => `${HEADER}number ${at}\r\n`);
      const results = await Promise.all(contents.map((content) => far.egress.attempt(mailTo({ content }), NEVER)));
      expect(results.flatMap(({ outcomes }) => outcomes.map(({ kind }) => kind))).toEqual(
        contents.map(() => 'delivered'),
      );
      const arrived = (await far.arrived()).map(({ content }) => content.toString());
      expect(arrived.toSorted()).toEqual(contents.toSorted());
    });

    test('a broken far end defers, and rejects nothing', async () => {
      await using far = await open();
      await far.breakDown();
      const result = await far.egress.attempt(mailTo({ to: ['b@example.net', 'c@example.net'] }), NEVER);
      expect(result.outcomes.map(({ kind }) => kind)).toEqual(['deferred', 'deferred']);
      for (const { reply } of result.outcomes) expect(reply.text).not.toBe('');
    });

    test('what is under way when it is closed is finished first', async () => {
      const far = await open();
      const attempt = far.egress.attempt(mailTo(), NEVER);
      await far.egress[Symbol.asyncDispose]();
      expect((await far.arrived()).length).toBe(1);
      expect((await attempt).outcomes.map(({ kind }) => kind)).toEqual(['delivered']);
      await far[Symbol.asyncDispose]();
    });
  });
}
