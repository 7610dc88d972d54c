import { expect, test } from 'vitest';
import { FakeClock } from '../../../../tests/fakes/clock.ts';
import type { Event } from '../../../message/event.ts';
import { deliveryIdOf, newMessageId } from '../../../message/ids.ts';
import { policySchema } from '../../../policy/schema.ts';
import type { Count, Tally } from '../../../spool/tallies.ts';
import type { OldMail } from './queue-age.ts';
import { openRules } from './rules.ts';

const MINUTE = 60_000;
const NO_MAIL: OldMail = { deliveries: 0, domains: [], isWhole: true };
const OK = { code: 250, detail: '0.0', text: 'taken' };
const NO = { code: 550, detail: '7.1', text: 'no' };
const GREY = { code: 451, detail: '7.1', text: 'greylisted, come back in 5 minutes' };

function world(alerts: object = {}) {
  const clock = new FakeClock();
  const tallies: Tally[] = [];
  const told: string[] = [];
  const texts: string[] = [];
  const state = { old: NO_MAIL, trouble: null as string | null, isAway: false };
  const needs = {
    policy: () => policySchema.parse({ hostname: 'relay.test', alerts }),
    clock,
    emit: (event: Event) => {
      if (event.event !== 'alert') return;
      told.push(`${event.name} ${event.raised}`);
      texts.push(event.text);
    },
    tallies: {
      count: async (entries: readonly Tally[]) => {
        if (state.isAway) throw new Error('away');
        tallies.push(...entries);
      },
      counts: async (prefix: string, sinceMs: number): Promise<readonly Count[]> =>
        tallies.filter(({ account, startsAtMs }) => account.startsWith(prefix) && startsAtMs >= sinceMs),
    },
    oldMail: async () => state.old,
    trouble: () => state.trouble,
  };
  const id = deliveryIdOf(newMessageId(1, Buffer.alloc(10)), 1);
  const of = { deliveryId: id, messageId: newMessageId(1, Buffer.alloc(10)), domain: 'd.test', recipients: [] };
  const tried = (egress: string, reply: typeof OK, count: number, own?: true): Event[] =>
    Array.from({ length: count }, () => ({
      event: 'attempted',
      atMs: clock.nowMs(),
      ...of,
      attempt: {
        number: 1,
        egress,
        host: null,
        address: null,
        source: null,
        tls: null,
        reply,
        tookMs: 1,
        ...(own && { own }),
      },
    }));
  const doubted = (): Event => ({ event: 'in-doubt', atMs: clock.nowMs(), ...of, reason: '' });
  const start = () => {
    const rules = openRules(needs);
    return { ...rules, hear: (events: readonly Event[]) => events.forEach((event) => rules.heard(event)) };
  };
  return { clock, told, texts, state, start, tried, doubted };
}

test('more failures than the policy allows in the last hour are an alert for that exit, and over an hour later', async () => {
  const { clock, told, texts, start, tried } = world();
  const rules = start();
  rules.hear([...tried('one', OK, 80), ...tried('one', NO, 10), ...tried('two', OK, 100), ...tried('few', NO, 19)]);
  await clock.advance(MINUTE);
  expect(told).toEqual(['failure-rate:one true']);
  expect(texts[0]).toContain('11.1 % of the attempts by one failed in the last hour (10 of 90; 10 % are allowed)');
  await clock.advance(3 * MINUTE);
  rules.hear(tried('one', NO, 5));
  await clock.advance(MINUTE);
  // What goes on changing is not told with each look.
  expect(told).toHaveLength(1);
  await clock.advance(2 * MINUTE);
  expect([told.length, texts[1]]).toEqual([2, expect.stringContaining('(15 of 95; 10 % are allowed)')]);
  await clock.advance(64 * MINUTE);
  expect(told.slice(2)).toEqual(['failure-rate:one false']);
  await rules[Symbol.asyncDispose]();
});

test('greylisting is no failure, and what the relay says itself is one', async () => {
  const { clock, told, start, tried } = world();
  const rules = start();
  rules.hear([...tried('grey', GREY, 90), ...tried('grey', OK, 10)]);
  rules.hear([...tried('cut', GREY, 30, true), ...tried('cut', OK, 70)]);
  await clock.advance(MINUTE);
  expect(told).toEqual(['failure-rate:cut true']);
  await rules[Symbol.asyncDispose]();
});

test('the hour is known after a restart, and what a store that is away did not take is kept', async () => {
  const { clock, told, state, start, tried } = world();
  const first = start();
  first.hear(tried('one', NO, 20));
  state.isAway = true;
  await clock.advance(MINUTE);
  state.isAway = false;
  await first[Symbol.asyncDispose]();
  expect(told).toEqual([]);
  const next = start();
  await clock.advance(MINUTE);
  expect(told).toEqual(['failure-rate:one true']);
  await next[Symbol.asyncDispose]();
});

test('attempts in doubt beyond their share are told, as copies that may be out', async () => {
  const { clock, told, texts, start, tried, doubted } = world();
  const rules = start();
  rules.hear([...tried('one', OK, 98), ...tried('one', NO, 2), doubted(), doubted()]);
  await clock.advance(MINUTE);
  expect(told).toEqual(['duplicate-rate true']);
  expect(texts[0]).toContain('2 of 100');
  await rules[Symbol.asyncDispose]();
});

test('mail that waits for too long is told with where it goes, and each rule can be switched off', async () => {
  const { clock, told, texts, state, start } = world();
  const rules = start();
  state.old = { deliveries: 3, domains: [{ domain: 'slow.test', deliveries: 3 }], isWhole: true };
  await clock.advance(MINUTE);
  state.old = NO_MAIL;
  await clock.advance(MINUTE);
  expect(told).toEqual(['queue-age true', 'queue-age false']);
  expect(texts[0]).toBe('3 deliveries wait for more than 30 min: slow.test (3)');
  await rules[Symbol.asyncDispose]();

  const off = world({ queueAge: null, failureRate: null, duplicateRate: null });
  const others = off.start();
  off.state.old = { deliveries: 3, domains: [], isWhole: true };
  others.hear([...off.tried('one', NO, 50), off.doubted()]);
  await off.clock.advance(MINUTE);
  expect(off.told).toEqual([]);
  await others[Symbol.asyncDispose]();
});

test('a spool that takes nothing is told once that has lasted, and a refused policy until one is in force', async () => {
  const { clock, told, texts, state, start } = world();
  const rules = start();
  state.trouble = 'the disk is full';
  await clock.advance(10_000);
  expect(told).toEqual([]);
  await clock.advance(10_000);
  state.trouble = null;
  await clock.advance(10_000);
  expect(told).toEqual(['spool-trouble true', 'spool-trouble false']);
  told.length = 0;
  rules.heard({ event: 'policy-refused', atMs: 1, problems: ['relevo.yaml:3:1 x: unknown', 'y'] });
  rules.heard({ event: 'policy-refused', atMs: 2, problems: ['z'] });
  rules.heard({ event: 'policy-applied', atMs: 3, version: 'abc', warnings: [] });
  expect(told).toEqual(['policy-refused true', 'policy-refused false']);
  expect(texts.at(-2)).toContain('relevo.yaml:3:1 x: unknown (and 1 more)');
  await rules[Symbol.asyncDispose]();
});
