import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import type { Delivery } from '../../message/delivery.ts';
import { deliveryIdOf } from '../../message/ids.ts';
import type { Notify, Recipient } from '../../message/message.ts';
import type { Outcome } from '../../message/outcome.ts';
import { policySchema } from '../../policy/schema.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import { withoutReports } from './settle.ts';
import { settlementOf, type Plan, type Terms, type Told, type TurnOutcome } from './settlement.ts';
import { putOff } from './untried.ts';

const NOW = Date.UTC(2026, 0, 2);
const HOUR = 3_600_000;
const { retry } = policySchema.parse({ hostname: 'relay.test' });
const TERMS: Terms = { nowMs: NOW, ageMs: 60_000, retry, onDoubt: 'retry', fraction: 0.5, content: null };

const DELIVERED: Outcome = { kind: 'delivered', reply: { code: 250, detail: '2.0', text: 'ok' } };
const UNKNOWN: Outcome = {
  kind: 'bounced',
  reply: { code: 550, detail: '1.1', text: 'no such user' },
  scope: 'recipient',
};
const LATER: Outcome = { kind: 'deferred', reply: { code: 450, detail: '2.1', text: 'later' }, scope: 'recipient' };
const DOUBT: Outcome = { kind: 'in-doubt', reply: { code: 451, detail: '4.2', text: 'no reply to the dot' } };

function aLeased(recipients: readonly Recipient[], delivery: Partial<Delivery> = {}): LeasedDelivery {
  const { message } = aSubmission({ atMs: NOW - 60_000 });
  return {
    message,
    lease: { token: 7, untilMs: NOW + 60_000 },
    delivery: {
      id: deliveryIdOf(message.id, 1),
      messageId: message.id,
      domain: 'dest.test',
      recipients,
      client: 'shop',
      stream: 'transactional',
      priority: 'normal',
      state: 'queued',
      attempts: 0,
      createdAtMs: NOW - 60_000,
      dueAtMs: NOW,
      warnedAtMs: null,
      lastReply: null,
      lastEgress: null,
      ...delivery,
    },
  };
}

function person(name: string, notify: Notify = null): Recipient {
  return { address: `${name}@dest.test`, notify, orcpt: null };
}

type Case = {
  readonly terms?: Partial<Terms>;
  readonly turn?: Partial<TurnOutcome>;
  readonly delivery?: Partial<Delivery>;
};

function settled(outcomes: readonly (readonly [Recipient, Outcome])[], { terms, turn, delivery }: Case = {}): Plan {
  const told = outcomes.map(([recipient, outcome]): Told => ({
    recipient,
    outcome,
    egress: 'direct',
    host: 'mx.dest.test',
    reportsSuccess: false,
  }));
  const leased = aLeased(
    outcomes.map(([recipient]) => recipient),
    delivery,
  );
  return settlementOf({ leased, told, conversations: [], counted: true, waitMs: 0, ...turn }, { ...TERMS, ...terms });
}

function eventsOf({ settlement }: Plan): unknown[] {
  return settlement.events.map((event) => [event.event, 'recipients' in event ? event.recipients : null]);
}

describe('the recipients of one delivery', () => {
  test('end each in its own way, and the rest is tried again', () => {
    const plan = settled([
      [person('a'), DELIVERED],
      [person('b'), UNKNOWN],
      [person('c'), LATER],
    ]);
    expect(plan.settlement.finished).toEqual([
      { address: 'a@dest.test', state: 'delivered' },
      { address: 'b@dest.test', state: 'bounced' },
    ]);
    expect(plan.settlement.rest).toMatchObject({
      dueAtMs: NOW + 60_000,
      attempts: 1,
      lastReply: LATER.reply,
      lastEgress: 'direct',
      state: 'queued',
    });
    expect(eventsOf(plan)).toEqual([
      ['delivered', ['a@dest.test']],
      ['bounced', ['b@dest.test']],
      ['deferred', ['c@dest.test']],
    ]);
    expect(plan.notices).toMatchObject([{ kind: 'failed', recipients: [{ recipient: { address: 'b@dest.test' } }] }]);
  });

  test('share an event and a report where they came to the same end', () => {
    const plan = settled([
      [person('a'), UNKNOWN],
      [person('b'), UNKNOWN],
    ]);
    expect(eventsOf(plan)).toEqual([['bounced', ['a@dest.test', 'b@dest.test']]]);
    expect(plan.notices.map(({ kind, recipients }) => [kind, recipients.length])).toEqual([['failed', 2]]);
  });
});

describe('a turn that only found exits of its own failing', () => {
  test('uses up no try and waits for the exits', () => {
    const plan = settled([[person('a'), LATER]], {
      turn: { counted: false, waitMs: 45_000 },
      delivery: { attempts: 3 },
    });
    expect(plan.settlement.rest).toMatchObject({ attempts: 3, dueAtMs: NOW + 45_000 });
  });
});

describe('a lost reply to the final dot', () => {
  test('is in doubt, counted and tried again', () => {
    const plan = settled([[person('a'), DOUBT]]);
    expect(eventsOf(plan)).toEqual([
      ['in-doubt', ['a@dest.test']],
      ['deferred', ['a@dest.test']],
    ]);
    expect(plan.settlement.rest).toMatchObject({ attempts: 1, state: 'queued' });
  });

  test('waits for an operator where the stream says so, however old', () => {
    const plan = settled([[person('a'), DOUBT]], { terms: { onDoubt: 'hold', ageMs: 100 * HOUR } });
    expect(plan.settlement.rest.state).toBe('held');
    expect(eventsOf(plan)).toEqual([
      ['in-doubt', ['a@dest.test']],
      ['held', ['a@dest.test']],
    ]);
  });
});

describe('refused for its address where the stream holds such mail', () => {
  test('keeps those who were put off in the same delivery with it: as a whole it would go out by another address', () => {
    const BLOCKED: Outcome = { kind: 'bounced', reply: { code: 550, detail: '7.1', text: 'listed' }, scope: 'egress' };
    const of = { egress: 'direct', host: 'mx.dest.test', reportsSuccess: false };
    const turn: TurnOutcome = {
      leased: aLeased([person('a'), person('b')]),
      told: [
        { ...of, recipient: person('a'), outcome: BLOCKED, waitsFor: 'operator' },
        { ...of, recipient: person('b'), outcome: LATER },
      ],
      conversations: [],
      counted: true,
      waitMs: 0,
    };
    const plan = settlementOf(turn, { ...TERMS, ageMs: 100 * HOUR });
    expect(plan.settlement.finished).toMatchObject([{ address: 'b@dest.test', state: 'expired' }]);
    const young = settlementOf(turn, TERMS);
    expect(young.settlement).toMatchObject({ finished: [], rest: { state: 'held' } });
    expect(young.settlement.events).toMatchObject([
      { event: 'held', recipients: ['a@dest.test'], reason: expect.stringContaining('relevo queue release sends it') },
      { event: 'held', recipients: ['b@dest.test'], reason: 'waits for an operator, with the others' },
    ]);
  });
});

describe('age', () => {
  test('a message past its time expires when its last attempt fails', () => {
    const plan = settled([[person('a'), LATER]], { terms: { ageMs: retry.expireMs } });
    expect(plan.settlement.finished).toEqual([{ address: 'a@dest.test', state: 'expired' }]);
    expect(plan.notices.map(({ kind }) => kind)).toEqual(['expired']);
  });

  test('a message past its time is delivered all the same when it can be', () => {
    const plan = settled([[person('a'), DELIVERED]], { terms: { ageMs: retry.expireMs } });
    expect(plan.settlement.finished).toEqual([{ address: 'a@dest.test', state: 'delivered' }]);
  });

  test('the sender is told of the delay once', () => {
    const late = { ageMs: 5 * HOUR };
    const plan = settled([[person('a'), LATER]], { terms: late });
    expect(plan.notices).toMatchObject([{ kind: 'delayed', retryUntilMs: NOW + retry.expireMs - 5 * HOUR }]);
    expect(plan.settlement.rest.warnedAtMs).toBe(NOW);
    expect(eventsOf(plan)).toEqual([
      ['deferred', ['a@dest.test']],
      ['warned', ['a@dest.test']],
    ]);
    const again = settled([[person('a'), LATER]], { terms: late, delivery: { warnedAtMs: NOW - HOUR } });
    expect([again.notices, again.settlement.rest.warnedAtMs]).toEqual([[], NOW - HOUR]);
  });
});

test('a report names the host that said it, and none where the relay itself found it', () => {
  const found: Outcome = { kind: 'deferred', reply: LATER.reply, scope: 'host', own: true };
  const outcomes = [[person('a'), LATER] as const, [person('b'), found] as const];
  const [notice] = settled(outcomes, { terms: { ageMs: 5 * HOUR } }).notices;
  expect(notice?.recipients.map(({ host }) => host)).toEqual(['mx.dest.test', null]);
});

describe('NOTIFY', () => {
  test.each<[Notify, Outcome, Partial<Terms>, string[]]>([
    [null, UNKNOWN, {}, ['failed']],
    [['failure'], UNKNOWN, {}, ['failed']],
    [['success', 'delay'], UNKNOWN, {}, []],
    ['never', UNKNOWN, {}, []],
    [null, DELIVERED, {}, []],
    [['success'], DELIVERED, {}, ['relayed']],
    ['never', DELIVERED, {}, []],
    [['delay'], LATER, { ageMs: 5 * HOUR }, ['delayed']],
    [['failure'], LATER, { ageMs: 5 * HOUR }, []],
    [['failure'], LATER, { ageMs: 100 * HOUR }, ['expired']],
    ['never', LATER, { ageMs: 100 * HOUR }, []],
  ])('%o on %o', (notify, outcome, terms, kinds) => {
    expect(settled([[person('a', notify), outcome]], { terms }).notices.map(({ kind }) => kind)).toEqual(kinds);
  });

  test('success is reported by the next hop when it took that over', () => {
    const recipient = person('a', ['success']);
    const told = [{ recipient, outcome: DELIVERED, egress: 'direct', host: 'mx.test', reportsSuccess: true }];
    const turn = { leased: aLeased([recipient]), told, conversations: [], counted: true, waitMs: 0 };
    expect(settlementOf(turn, TERMS).notices).toEqual([]);
  });

  test('nobody is told of what becomes of mail from the null sender, and nothing says so', () => {
    const { message, ...rest } = aLeased([person('a')]);
    const leased = { ...rest, message: { ...message, envelope: { ...message.envelope, sender: '' } } };
    const late = settled([[person('a'), LATER]], { turn: { leased }, terms: { ageMs: 5 * HOUR } });
    expect([late.notices, late.settlement.rest.warnedAtMs]).toEqual([[], NOW]);
    expect(eventsOf(late)).toEqual([['deferred', ['a@dest.test']]]);
    const reply = LATER.reply;
    const untried = putOff(leased, { ...TERMS, ageMs: 5 * HOUR }, { delayMs: 1_000, reply });
    expect([untried.notices, eventsOf(untried)]).toEqual([[], [['deferred', ['a@dest.test']]]]);
    expect(settled([[person('a'), UNKNOWN]], { turn: { leased } }).notices).toEqual([]);
  });

  test('a delay is no news to anybody else when nobody asked, but it is not thought of again', () => {
    const plan = settled([[person('a', 'never'), LATER]], { terms: { ageMs: 5 * HOUR } });
    expect(plan.settlement.rest.warnedAtMs).toBe(NOW);
    expect(eventsOf(plan)).toEqual([['deferred', ['a@dest.test']]]);
  });
});

const outcomes = fc.constantFrom(DELIVERED, UNKNOWN, LATER, DOUBT);
const notifies = fc.constantFrom<Notify>(
  null,
  'never',
  ['success'],
  ['failure', 'delay'],
  ['success', 'failure', 'delay'],
);
const cases = fc.record({
  recipients: fc.array(fc.tuple(notifies, outcomes), { minLength: 1, maxLength: 8 }),
  ageMs: fc.integer({ min: 0, max: 100 * HOUR }),
  onDoubt: fc.constantFrom('retry' as const, 'hold' as const),
  counted: fc.boolean(),
  unstored: fc.boolean(),
});

test('whatever the outcomes, every recipient ends in exactly one place and its events say the same', () => {
  fc.assert(
    fc.property(cases, ({ recipients, ageMs, onDoubt, counted, unstored }) => {
      const people = recipients.map(([notify, outcome], place) => [person(`p${place}`, notify), outcome] as const);
      const plan = settled(people, { terms: { ageMs, onDoubt }, turn: { counted } });
      const { settlement } = unstored ? { settlement: withoutReports(plan.settlement, plan.notices) } : plan;
      const finished = settlement.finished.map(({ address }) => address);
      expect(new Set(finished).size).toBe(finished.length);
      const ends = settlement.events.flatMap((event) =>
        ['delivered', 'bounced', 'expired'].includes(event.event) && 'recipients' in event
          ? event.recipients.map((address) => `${address} ${event.event}`)
          : [],
      );
      expect(ends.toSorted()).toEqual(
        settlement.finished.map(({ address, state }) => `${address} ${state}`).toSorted(),
      );
      const rest = people.map(([{ address }]) => address).filter((address) => !finished.includes(address));
      const kept = settlement.events.flatMap((event) =>
        event.event === 'deferred' || event.event === 'held' ? event.recipients : [],
      );
      expect([...new Set(kept)].toSorted()).toEqual(rest.toSorted());
      // Nobody bounces silently who asked to hear of it, and nobody hears who did not.
      for (const notice of plan.notices) {
        for (const { recipient } of notice.recipients) expect(recipient.notify).not.toBe('never');
      }
      if (rest.length > 0) expect(settlement.rest.dueAtMs).toBeGreaterThan(NOW);
    }),
  );
});
