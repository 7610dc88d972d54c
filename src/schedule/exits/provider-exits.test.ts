/** Exits by providers: that they ask to wait, and that they are asked what is in doubt. */
import { describe, expect } from 'vitest';
import { reached, scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import { deliveryOf } from '../../../tests/fakes/submission.ts';
import type { Whether } from '../../egress/egress.ts';
import type { DeliverBy } from '../../message/message.ts';
import type { Outcome } from '../../message/outcome.ts';
import type { PolicyInput } from '../../policy/schema.ts';

const MINUTE = 60_000;

const CLOUD = { type: 'mailgun' as const, domain: 'mg.test', apiKeys: ['k'] };
const alone: Partial<PolicyInput> = { egress: { cloud: CLOUD }, routes: [{ name: 'all', use: ['cloud'] }] };
const both: Partial<PolicyInput> = {
  egress: { cloud: CLOUD, other: { ...CLOUD, domain: 'other.test' } },
  routes: [{ name: 'all', use: ['cloud', 'other'] }],
};
const held: Partial<PolicyInput> = { ...alone, streams: { transactional: { onDoubt: 'hold' } } };

function throttled(restMs: number): Outcome {
  const reply = { code: 451, detail: '4.5', text: 'Mailgun asks to wait: too many requests' };
  return { kind: 'deferred', own: true, scope: 'egress', reply, restMs };
}

function said({ events }: Scheduling, event: string): number {
  return events.filter((one) => one.event === event).length;
}

describe('an exit whose provider asks to wait', () => {
  scheduled(
    'is left alone for so long, and the route’s next one carries its mail at once',
    async (scheduling) => {
      scheduling.exit('cloud').answer = () => throttled(2 * MINUTE);
      await scheduling.accept();
      await scheduling.drained(10_000);
      for (let at = 0; at < 3; at++) await scheduling.accept();
      await scheduling.drained(10_000);
      expect(scheduling.exit('cloud').attempts).toHaveLength(1);
      expect(scheduling.exit('other').attempts).toHaveLength(4);
      scheduling.exit('cloud').answer = () => OUTCOMES.delivered;
      await scheduling.elapsed(2 * MINUTE);
      await scheduling.accept();
      await reached(scheduling, 'cloud', 2);
    },
    { policy: both },
  );

  scheduled(
    'uses up no try of what waits for it, and explain says so',
    async (scheduling) => {
      scheduling.exit('cloud').answer = ({ number }) => (number === 1 ? throttled(MINUTE) : OUTCOMES.delivered);
      const submission = await scheduling.accept();
      await reached(scheduling, 'cloud', 1);
      await scheduling.elapsed(5_000);
      const [explained] = [await scheduling.scheduler.explain(deliveryOf(submission))];
      expect(JSON.stringify(explained)).toContain('waits, as its provider asks: Mailgun asks to wait');
      const [waiting] = await scheduling.spool.list({}, { limit: 10 });
      expect(waiting?.delivery.attempts).toBe(0);
      await scheduling.drained(2 * MINUTE);
      const [first, second] = scheduling.exit('cloud').attempts;
      expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(MINUTE);
      expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeLessThan(MINUTE + 10_000);
    },
    { policy: alone },
  );

  scheduled(
    'rests on, though what was under way is taken',
    async (scheduling) => {
      const { clock } = scheduling;
      scheduling.exit('cloud').answer = async ({ number }) => {
        if (number === 1) await clock.sleep(5_000);
        return number === 2 ? throttled(MINUTE) : OUTCOMES.delivered;
      };
      await scheduling.accept();
      await scheduling.accept();
      await reached(scheduling, 'cloud', 2);
      await scheduling.elapsed(10_000);
      await scheduling.accept();
      await scheduling.elapsed(40_000);
      expect(scheduling.exit('cloud').attempts).toHaveLength(2);
      await scheduling.drained(2 * MINUTE);
    },
    { policy: alone },
  );
});

scheduled(
  'an exit goes no faster than its provider allows, and explain says whose rate it is',
  async (scheduling) => {
    Object.assign(scheduling.exit('cloud'), { pace: () => ({ perSecond: 1, text: 'SES allows 1/s' }) });
    await scheduling.elapsed(5_000);
    const submissions = [];
    for (let at = 0; at < 6; at++) submissions.push(await scheduling.accept());
    await reached(scheduling, 'cloud', 1);
    const last = submissions.at(-1);
    const explained = last === undefined ? null : await scheduling.scheduler.explain(deliveryOf(last));
    expect(JSON.stringify(explained)).toContain('rate 1/s (SES allows 1/s)');
    await scheduling.drained(60_000);
    const times = scheduling.exit('cloud').attempts.map(({ atMs }) => atMs);
    for (const [at, time] of times.entries())
      if (at > 0) expect(time - (times[at - 1] ?? 0)).toBeGreaterThanOrEqual(1_000);
  },
  { policy: alone },
);

/** The first attempt is in doubt; then the provider is asked, and says that. */
function doubtful(scheduling: Scheduling, whether: Whether | null): { readonly asked: () => number } {
  let asked = 0;
  const exit = scheduling.exit('cloud');
  exit.answer = ({ number }) => (number === 1 ? OUTCOMES.doubt : OUTCOMES.delivered);
  if (whether !== null)
    Object.assign(exit, {
      whether: async () => {
        asked += 1;
        return whether;
      },
    });
  return { asked: () => asked };
}

/** Of no use two minutes from now (RFC 2852). */
function byThen({ clock }: Scheduling): DeliverBy {
  return { atMs: clock.nowMs() + 2 * MINUTE, mode: 'return', trace: false };
}

describe('before what is in doubt is sent again, its provider is asked', () => {
  scheduled(
    'taken: it is delivered, and no copy is made',
    async (scheduling) => {
      const provider = doubtful(scheduling, { kind: 'taken', providerId: '7@mg.test' });
      const { message } = await scheduling.accept();
      await scheduling.drained(10 * MINUTE);
      expect([provider.asked(), scheduling.exit('cloud').attempts.length]).toEqual([1, 1]);
      expect([said(scheduling, 'delivered'), said(scheduling, 'in-doubt')]).toEqual([1, 1]);
      const story = await scheduling.spool.story(message.id);
      expect(JSON.stringify(story)).toContain('7@mg.test');
    },
    { policy: alone },
  );

  scheduled(
    'not taken: it goes out',
    async (scheduling) => {
      const provider = doubtful(scheduling, { kind: 'not-taken' });
      await scheduling.accept();
      await scheduling.drained(10 * MINUTE);
      expect([provider.asked(), scheduling.exit('cloud').attempts.length]).toEqual([1, 2]);
      // Not before the provider can be expected to tell of what it took.
      const [first, second] = scheduling.exit('cloud').attempts;
      expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(5 * MINUTE);
    },
    { policy: alone },
  );

  scheduled(
    'it is asked too where its time is over: nobody is told that it was not delivered',
    async (scheduling) => {
      const provider = doubtful(scheduling, { kind: 'taken', providerId: null });
      await scheduling.accept({ terms: { deliverBy: byThen(scheduling) } });
      await scheduling.drained(10 * MINUTE);
      expect([provider.asked(), scheduling.exit('cloud').attempts.length]).toEqual([1, 1]);
      expect([said(scheduling, 'delivered'), said(scheduling, 'expired')]).toEqual([1, 0]);
    },
    { policy: { ...alone, retry: { delays: ['10m'] } } },
  );

  scheduled(
    'not taken, and its time is over: it expires, and is not sent',
    async (scheduling) => {
      const provider = doubtful(scheduling, { kind: 'not-taken' });
      await scheduling.accept({ terms: { deliverBy: byThen(scheduling) } });
      await scheduling.drained(10 * MINUTE);
      expect([provider.asked(), scheduling.exit('cloud').attempts.length]).toEqual([1, 1]);
      expect(['expired', 'bounced'].map((end) => said(scheduling, end)).reduce((a, b) => a + b)).toBe(1);
    },
    { policy: { ...alone, retry: { delays: ['10m'] } } },
  );

  scheduled(
    'taken for some recipients: the others are sent to',
    async (scheduling) => {
      doubtful(scheduling, { kind: 'taken', providerId: null, addresses: ['a@d.test'] });
      await scheduling.accept({ to: ['a@d.test', 'b@d.test'] });
      await scheduling.drained(10 * MINUTE);
      const recipients = scheduling.exit('cloud').attempts.map(({ mail }) => mail.recipients.map((one) => one.address));
      expect(recipients).toEqual([['a@d.test', 'b@d.test'], ['b@d.test']]);
    },
    { policy: alone },
  );

  scheduled(
    'not known: it goes out again, where the stream allows that',
    async (scheduling) => {
      const provider = doubtful(scheduling, { kind: 'unknown' });
      await scheduling.accept();
      await scheduling.drained(10 * MINUTE);
      expect([provider.asked(), scheduling.exit('cloud').attempts.length]).toEqual([1, 2]);
    },
    { policy: alone },
  );

  scheduled(
    'not known, and no copy may be made: it is held, and goes out when an operator lets it',
    async (scheduling) => {
      doubtful(scheduling, { kind: 'unknown' });
      const submission = await scheduling.accept();
      await scheduling.elapsed(4 * MINUTE);
      const stateOf = async () => (await scheduling.spool.list({}, { limit: 1 }))[0]?.delivery;
      expect(await stateOf()).toMatchObject({ state: 'queued', doubtBy: 'cloud' });
      await scheduling.elapsed(10 * MINUTE);
      expect(await stateOf()).toMatchObject({ state: 'held', doubtBy: 'cloud' });
      expect(scheduling.exit('cloud').attempts).toHaveLength(1);
      await scheduling.spool.release({ ids: [deliveryOf(submission)] }, scheduling.clock.nowMs());
      scheduling.scheduler.wake();
      await scheduling.drained(5 * MINUTE);
      expect(scheduling.exit('cloud').attempts).toHaveLength(2);
    },
    { policy: held },
  );

  scheduled(
    'taken for some recipients, not known of the others, and no copy may be made: these are held',
    async (scheduling) => {
      doubtful(scheduling, { kind: 'taken', providerId: null, addresses: ['a@d.test'], others: 'unknown' });
      await scheduling.accept({ to: ['a@d.test', 'b@d.test'] });
      await scheduling.elapsed(20 * MINUTE);
      expect((await scheduling.spool.list({}, { limit: 1 }))[0]?.delivery).toMatchObject({
        state: 'held',
        doubtBy: 'cloud',
        recipients: [{ address: 'b@d.test' }],
      });
      expect([said(scheduling, 'delivered'), scheduling.exit('cloud').attempts.length]).toEqual([1, 1]);
    },
    { policy: held },
  );

  scheduled(
    'asked as the relay stops: it is not held, and is asked about again',
    async (scheduling) => {
      const exit = scheduling.exit('cloud');
      const reply = { code: 451, detail: '3.2', text: 'stopped' };
      exit.answer = ({ number }) =>
        number === 1 ? OUTCOMES.doubt : { kind: 'deferred', own: true, scope: 'message', reply };
      let asked = 0;
      Object.assign(exit, {
        whether: (_: unknown, signal: AbortSignal) =>
          new Promise<Whether>((resolve) => {
            asked += 1;
            signal.addEventListener('abort', () => resolve({ kind: 'unknown' }));
          }),
      });
      await scheduling.accept();
      await scheduling.elapsed(10 * MINUTE);
      expect(asked).toBe(1);
      let isOver = false;
      const stop = scheduling.scheduler.stop(new AbortController().signal).then(() => (isOver = true));
      await scheduling.clock.advanceUntil(() => isOver, { stepMs: 500 });
      await stop;
      expect((await scheduling.spool.list({}, { limit: 1 }))[0]?.delivery).toMatchObject({
        state: 'queued',
        doubtBy: 'cloud',
      });
    },
    { policy: held },
  );

  scheduled(
    'an exit that cannot be asked: it is held at once, where no copy may be made',
    async (scheduling) => {
      doubtful(scheduling, null);
      await scheduling.accept();
      await reached(scheduling, 'cloud', 1);
      await scheduling.elapsed(5_000);
      expect((await scheduling.spool.list({}, { limit: 1 }))[0]?.delivery).toMatchObject({
        state: 'held',
        doubtBy: 'cloud',
      });
    },
    { policy: held },
  );
});
