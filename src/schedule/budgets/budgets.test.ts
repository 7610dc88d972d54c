import { describe, expect } from 'vitest';
import { bulk, priced, sentBy, spent, TEN } from '../../../tests/fakes/priced.ts';
import { acceptMany, inForce, reached, scheduled } from '../../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import { policySchema } from '../../policy/schema.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const DAY = 86_400_000;
/** 23:52 of 31 January. */
const LAST_MINUTES = 31 * DAY - 8 * MINUTE;

describe('a budget', () => {
  scheduled(
    'closes its exit at the very message that would exceed it, and the next exit has the rest',
    async (scheduling) => {
      await bulk(scheduling, 25);
      await scheduling.drained();
      expect([sentBy(scheduling, 'one'), sentBy(scheduling, 'two')]).toEqual([10, 15]);
      expect(await spent(scheduling)).toBe(100_000);
      const passed = scheduling.events.flatMap((event) =>
        event.event === 'attempted' ? [event.attempt.passedOver] : [],
      );
      expect(passed.at(-1)).toMatch(/^one: budget 0\.10 of 0\.10 USD used, month turns in 3[01] d \d+ h$/);
    },
    priced(TEN),
  );

  scheduled(
    'is used up by recipients, and what is too little for a message of three closes it for all',
    async (scheduling) => {
      await bulk(scheduling, 4, 3);
      await scheduling.drained();
      await bulk(scheduling, 1);
      await scheduling.drained();
      expect([sentBy(scheduling, 'one'), sentBy(scheduling, 'two')]).toEqual([3, 2]);
      expect(await spent(scheduling)).toBe(90_000);
    },
    priced(TEN),
  );

  scheduled(
    'of an exit that bills by message is used up by messages',
    async (scheduling) => {
      await bulk(scheduling, 12, 3);
      await scheduling.drained();
      expect(sentBy(scheduling, 'one')).toBe(10);
    },
    priced({ ...TEN, billing: 'message' }),
  );

  scheduled(
    'opens by itself as the month turns, and what waited goes then',
    async (scheduling) => {
      await bulk(scheduling, 14);
      await reached(scheduling, 'one', 10);
      await scheduling.elapsed(4 * MINUTE);
      expect(sentBy(scheduling, 'one')).toBe(10);
      await scheduling.drained(10 * MINUTE);
      const times = scheduling.exit('one').attempts.map(({ atMs }) => atMs);
      expect(times.length).toBe(14);
      for (const atMs of times.slice(10)) {
        expect(atMs).toBeGreaterThanOrEqual(Date.UTC(2026, 1, 1));
        expect(atMs).toBeLessThan(Date.UTC(2026, 1, 1) + 10 * SECOND);
      }
      expect(await spent(scheduling)).toBe(40_000);
    },
    { ...priced(TEN, ['one']), startsInMs: LAST_MINUTES },
  );

  scheduled(
    'has room again for what waits as soon as it is raised',
    async (scheduling) => {
      await bulk(scheduling, 14);
      await reached(scheduling, 'one', 10);
      await scheduling.elapsed(MINUTE);
      expect(sentBy(scheduling, 'one')).toBe(10);
      inForce(scheduling, priced({ ...TEN, budget: '0.12 USD/month' }, ['one']));
      await scheduling.elapsed(30 * SECOND);
      expect(sentBy(scheduling, 'one')).toBe(12);
      inForce(scheduling, priced({}, ['one']));
      await scheduling.drained();
    },
    priced(TEN, ['one']),
  );

  scheduled(
    'that is lowered is spent no further, whatever was set aside',
    async (scheduling) => {
      await bulk(scheduling, 150);
      await scheduling.drained();
      inForce(scheduling, priced({ ...TEN, budget: '1.40 USD/month' }));
      await bulk(scheduling, 5);
      await scheduling.drained();
      expect([sentBy(scheduling, 'one'), sentBy(scheduling, 'two')]).toEqual([150, 5]);
    },
    priced({ ...TEN, budget: '100 USD/month' }),
  );

  scheduled(
    'keeps what was spent when the price changes',
    async (scheduling) => {
      await bulk(scheduling, 5);
      await scheduling.drained();
      inForce(scheduling, priced({ ...TEN, cost: '25 USD/1000' }));
      await bulk(scheduling, 5);
      await scheduling.drained();
      // 0.05 at a cent each, and two at two and a half.
      expect(sentBy(scheduling, 'one')).toBe(7);
      expect(await spent(scheduling)).toBe(100_000);
    },
    priced(TEN),
  );

  scheduled(
    'is known to a scheduler that starts anew',
    async (scheduling) => {
      await bulk(scheduling, 6);
      await scheduling.drained();
      await scheduling.restart();
      await bulk(scheduling, 6);
      await scheduling.drained();
      expect([sentBy(scheduling, 'one'), sentBy(scheduling, 'two')]).toEqual([10, 2]);
    },
    priced(TEN),
  );

  scheduled(
    'is not charged for what the exit did not take',
    async (scheduling) => {
      scheduling.exit('one').answer = ({ mail }) =>
        mail.recipients.map(({ address }) => (address.startsWith('r1') ? OUTCOMES.unknownUser : OUTCOMES.delivered));
      await bulk(scheduling, 2, 3);
      await scheduling.drained();
      expect(await spent(scheduling)).toBe(40_000);
      scheduling.exit('one').answer = () => OUTCOMES.refused;
      await bulk(scheduling, 30);
      expect(await spent(scheduling)).toBe(40_000);
      scheduling.exit('one').answer = () => OUTCOMES.delivered;
      inForce(scheduling, priced({}));
      await scheduling.drained(6 * 60 * MINUTE);
    },
    priced(TEN),
  );

  scheduled(
    'is not charged for what its exit was gone for, once it was set aside',
    async (scheduling) => {
      const { ledger } = scheduling.spool;
      const spend = ledger.spend.bind(ledger);
      const without = { egress: { two: { type: 'mx' } }, routes: [{ name: 'all', use: ['two'] }] };
      ledger.spend = async (ask) => {
        const answer = await spend(ask);
        scheduling.policy = policySchema.parse({ hostname: 'relay.test', ...without });
        return answer;
      };
      await bulk(scheduling, 1);
      await scheduling.drained();
      expect([sentBy(scheduling, 'one'), sentBy(scheduling, 'two')]).toEqual([0, 1]);
      expect(await spent(scheduling)).toBe(0);
    },
    priced(TEN),
  );

  scheduled(
    'is charged for what is in doubt',
    async (scheduling) => {
      scheduling.exit('one').answer = () => OUTCOMES.doubt;
      await bulk(scheduling, 1);
      await reached(scheduling, 'one', 1);
      expect(await spent(scheduling)).toBe(10_000);
      scheduling.exit('one').answer = () => OUTCOMES.delivered;
      await scheduling.drained(6 * 60 * MINUTE);
    },
    priced(TEN, ['one']),
  );

  scheduled(
    'by blocks pays for no block that it has not the money for',
    async (scheduling) => {
      await bulk(scheduling, 12);
      await scheduling.drained();
      // Blocks of four for 4 cents: two of them, and 2 cents that buy none.
      expect(sentBy(scheduling, 'one')).toBe(8);
    },
    priced({ cost: '0.04 USD/4', billing: { blocks: true }, budget: '0.10 USD/month' }),
  );
});

describe('streams that are exempt', () => {
  scheduled(
    'go on when it is used up, and are counted beyond it: those of high priority',
    async (scheduling) => {
      await bulk(scheduling, 12);
      await scheduling.drained();
      await acceptMany(scheduling, 5);
      await scheduling.drained();
      expect([sentBy(scheduling, 'one'), sentBy(scheduling, 'two')]).toEqual([15, 2]);
      expect(await spent(scheduling)).toBe(150_000);
      await bulk(scheduling, 1);
      await scheduling.drained();
      expect(sentBy(scheduling, 'one')).toBe(15);
    },
    priced(TEN),
  );

  scheduled(
    'use up what the others have too',
    async (scheduling) => {
      await acceptMany(scheduling, 8);
      await scheduling.drained();
      await bulk(scheduling, 5);
      await scheduling.drained();
      expect([sentBy(scheduling, 'one'), sentBy(scheduling, 'two')]).toEqual([10, 3]);
    },
    priced(TEN),
  );

  scheduled(
    'are those that the policy names, and no others',
    async (scheduling) => {
      await bulk(scheduling, 12);
      await acceptMany(scheduling, 5);
      await scheduling.drained();
      expect(scheduling.exit('one').attempts.filter(({ mail }) => mail.message.stream === 'bulk').length).toBe(12);
      expect(sentBy(scheduling, 'one') + sentBy(scheduling, 'two')).toBe(17);
      expect(sentBy(scheduling, 'one')).toBeLessThan(17);
    },
    priced({ cost: '10 USD/1000', budget: { amount: '0.10 USD/month', exempt: ['bulk'] } }),
  );
});

scheduled(
  'explain says what is used and when the month turns',
  async (scheduling) => {
    await bulk(scheduling, 10);
    await reached(scheduling, 'one', 10);
    const last = await scheduling.accept({ stream: 'bulk' });
    await scheduling.elapsed(2 * SECOND);
    const [why] = await scheduling.scheduler.explain(last.message.id);
    expect(why?.exits).toMatchObject([
      { gate: 'budget', why: 'one: budget 0.10 of 0.10 USD used, month turns in 8 m', untilMs: Date.UTC(2026, 1, 1) },
    ]);
    expect(why?.why.join()).toContain('one opens in 8 m');
    inForce(scheduling, priced({}, ['one']));
    await scheduling.drained();
  },
  { ...priced(TEN, ['one']), startsInMs: LAST_MINUTES + 30 * SECOND },
);

scheduled(
  'explain says what is left of a budget that is open',
  async (scheduling) => {
    await bulk(scheduling, 3);
    await scheduling.drained();
    const facts = {
      client: 'shop',
      stream: 'bulk',
      priority: 'low' as const,
      senderDomain: 'shop.test',
      recipientDomain: 'd.test',
      tag: null,
      sizeBytes: 1,
    };
    const { exits } = await scheduling.scheduler.explainMail(facts);
    expect(exits[0]?.why).toBe('one may send now (budget 0.03 of 0.10 USD used)');
  },
  priced(TEN),
);
