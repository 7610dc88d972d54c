import { expect, test } from 'vitest';
import { firstOf, kindsOf, KEYS, PASS } from '../../../tests/fakes/cloud-exits.ts';
import type { CloudAct } from '../../../tests/fakes/cloud-server.ts';
import { mailTo, NEVER } from '../../../tests/fakes/exits.ts';
import type { CloudKind } from './cloud-exit.contract.ts';

/** What every exit by a provider's API promises of its keys. */
export function testKeys({ open, words }: Pick<CloudKind, 'open' | 'words'>): void {
  const alert = 'exit-key:cloud';

  test('several keys are used in turn', async () => {
    await using rig = await open({ keys: KEYS });
    for (let at = 0; at < 4; at++) await rig.egress.attempt(mailTo(), NEVER);
    expect(rig.keysUsed()).toEqual([KEYS[0], KEYS[1], KEYS[0], KEYS[1]]);
  });

  test('a refused key is left out, the next one carries the message, and one alert says which', async () => {
    await using rig = await open({ keys: KEYS });
    rig.server.act(words.keyRefused, { kind: 'answer', status: 599 });
    rig.server.act(words.keyRefused);
    const both = await rig.egress.attempt(mailTo(), NEVER);
    expect(kindsOf(both)).toEqual(['deferred']);
    rig.server.act();
    const [first] = rig.alerts(alert);
    expect(first?.raised).toBe(true);
    expect(first?.text).toContain('key 1 (...0001)');
    expect(JSON.stringify(rig.events)).not.toContain(KEYS[0]);
  });

  test('with one key left mail goes on by it alone, and the other is tried again after minutes', async () => {
    await using rig = await open({ keys: KEYS });
    const usual: CloudAct[] = [words.keyRefused];
    rig.server.act(...usual, PASS);
    expect(kindsOf(await rig.egress.attempt(mailTo(), NEVER))).toEqual(['delivered']);
    for (let at = 0; at < 3; at++) await rig.egress.attempt(mailTo(), NEVER);
    expect(rig.keysUsed()).toEqual([KEYS[0], KEYS[1], KEYS[1], KEYS[1], KEYS[1]]);
    await rig.clock.advance(180_000);
    await rig.egress.attempt(mailTo(), NEVER);
    expect(rig.keysUsed().at(-1)).toBe(KEYS[0]);
    expect(rig.alerts(alert).map(({ raised }) => raised)).toEqual([true, false]);
  });

  test('where every key is refused, the exit is out, and the next one may do', async () => {
    await using rig = await open({ keys: KEYS });
    rig.server.act(words.keyRefused);
    const result = await rig.egress.attempt(mailTo({ to: ['b@example.net', 'c@example.net'] }), NEVER);
    expect(result.outcomes).toHaveLength(2);
    for (const outcome of result.outcomes)
      expect(outcome).toMatchObject({ kind: 'deferred', scope: 'egress', own: true, reply: { detail: '7.8' } });
    expect(result.mailed).toBe(false);
    expect(rig.keysUsed()).toEqual(KEYS);
    expect(rig.alerts(alert).at(-1)?.text).toContain('No other is left');
    // What still comes finds out whether it works again.
    rig.server.act();
    expect(kindsOf(await rig.egress.attempt(mailTo(), NEVER))).toEqual(['delivered']);
  });
}

/** What it promises where it is asked to wait. */
export function testThrottling({ open, words }: Pick<CloudKind, 'open' | 'words'>): void {
  test.each([
    ['in seconds', '7', 7_000],
    ['as a date', 'Sun, 22 Nov 2026 00:01:00 GMT', 60_000],
    ['for a day, which is too long', '86400', 900_000],
    ['for no time at all', '0', 1_000],
    ['in nonsense', 'soon', 5_000],
    ['without a word', null, 5_000],
  ])('throttled %s, the exit rests, and that is no failure of it', async (_, retryAfter, restMs) => {
    await using rig = await open();
    rig.server.act(words.throttled(retryAfter));
    const result = await rig.egress.attempt(mailTo(), NEVER);
    expect(firstOf(result)).toMatchObject({ kind: 'deferred', scope: 'egress', own: true, restMs });
    expect(result.mailed).toBe(false);
  });

  test('throttled again and again without a word, it rests longer', async () => {
    await using rig = await open();
    rig.server.act(words.throttled(null));
    const rests: unknown[] = [];
    for (let at = 0; at < 3; at++) {
      const outcome = firstOf(await rig.egress.attempt(mailTo(), NEVER));
      const restMs = outcome.kind === 'deferred' ? (outcome.restMs ?? 0) : 0;
      rests.push(restMs);
      await rig.clock.advance(restMs);
    }
    expect(rests).toEqual([5_000, 10_000, 20_000]);
  });
}
