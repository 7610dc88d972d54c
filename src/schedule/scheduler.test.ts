import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../tests/fakes/scripted-egress.ts';
import { spoolThrough, spoolWith } from '../../tests/fakes/spool-between.ts';
import type { Notice } from '../message/notice.ts';
import type { Spool } from '../spool/spool.ts';

const SECOND = 1_000;
const MINUTE = 60_000;
const HOUR = 3_600_000;
const CLEAN = { violations: [], queued: 0 };

function told({ events }: Scheduling, kind: string): unknown[] {
  return events.filter(({ event }) => event === kind);
}

/** When each attempt of an exit began, in seconds from the first. */
function startsOf(scheduling: Scheduling, exit = 'direct'): number[] {
  const { attempts } = scheduling.exit(exit);
  return attempts.map(({ atMs }) => (atMs - (attempts[0]?.atMs ?? 0)) / SECOND);
}

const UNSIGNED = Buffer.from('Subject: hi\r\n\r\nbytes\r\n');

describe('fresh mail', () => {
  const reads: string[] = [];
  const counting = (spool: Spool): Spool =>
    spoolThrough(spool, (name, call) => {
      if (name === 'content' || name === 'claim') reads.push(name);
      return call();
    });

  scheduled(
    'goes out from memory: its content is never read back',
    async (scheduling) => {
      const content = Buffer.from('Subject: hi\r\n\r\nbytes\r\n');
      await scheduling.clock.advanceUntil(() => reads.length > 0);
      reads.length = 0;
      await scheduling.accept({ content });
      await scheduling.drained();
      const [attempt] = scheduling.exit('direct').attempts;
      expect(attempt?.mail.content.equals(content)).toBe(true);
      expect(reads).not.toContain('content');
      expect(scheduling.scheduler.stats()).toMatchObject({ held: 0, freshBytes: 0 });
      expect(await scheduling.audit()).toMatchObject({ ...CLEAN, finished: { delivered: 1 } });
    },
    { between: counting },
  );

  scheduled('that is kept without its signatures is signed whenever it is read from the store', async (scheduling) => {
    scheduling.exit('direct').answer = ({ number }) => (number < 3 ? OUTCOMES.notNow : OUTCOMES.delivered);
    const { message } = await scheduling.accept({ content: UNSIGNED, terms: { unsigned: true } });
    await scheduling.drained();
    const signed = `Signed: ${message.id}\r\n${UNSIGNED.toString()}`;
    const left = scheduling.exit('direct').attempts.map(({ mail }) => String(mail.content));
    // The first goes as it was handed over.
    expect(left).toEqual([UNSIGNED.toString(), signed, signed]);
  });

  let failures = 2;
  scheduled(
    'that cannot be signed now leaves once it can be, and not before',
    async (scheduling) => {
      await scheduling.store({ content: UNSIGNED, terms: { unsigned: true } });
      scheduling.scheduler.wake();
      await scheduling.drained();
      expect(failures).toBe(0);
      const told = scheduling.events.filter(({ event }) => event === 'failed');
      expect(JSON.stringify(told)).toContain('no memory');
      const { attempts } = scheduling.exit('direct');
      expect(attempts.map(({ mail }) => String(mail.content))).toEqual(['signed']);
      expect(await scheduling.audit()).toMatchObject({ ...CLEAN, finished: { delivered: 1 } });
    },
    {
      needs: {
        signStored: async () => {
          if (failures === 0) return Buffer.from('signed');
          failures -= 1;
          throw new Error('no memory');
        },
      },
    },
  );

  scheduled(
    'that is scheduled for later waits in the store, and is not old when its time comes',
    async (scheduling) => {
      const dueAtMs = scheduling.clock.nowMs() + 10 * MINUTE;
      await scheduling.accept({ dueAtMs });
      await scheduling.clock.advance(9 * MINUTE);
      expect(scheduling.exit('direct').attempts).toEqual([]);
      await scheduling.drained(2 * MINUTE);
      expect(scheduling.exit('direct').attempts[0]?.atMs).toBeGreaterThanOrEqual(dueAtMs);
    },
  );

  scheduled('to several domains is one delivery each', async (scheduling) => {
    await scheduling.accept({ to: ['a@one.test', 'b@one.test', 'c@two.test'] });
    await scheduling.drained();
    const to = scheduling.exit('direct').attempts.map(({ mail }) => mail.recipients.map(({ address }) => address));
    expect(to).toEqual([['a@one.test', 'b@one.test'], ['c@two.test']]);
  });
});

describe('a destination that says not now', () => {
  scheduled('is tried again along the plan, and a delivery that gets through is told so', async (scheduling) => {
    scheduling.exit('direct').answer = ({ number }) => (number < 5 ? OUTCOMES.notNow : OUTCOMES.delivered);
    await scheduling.accept();
    await scheduling.drained(2 * HOUR);
    const starts = startsOf(scheduling);
    const plan = [0, 60, 361, 1262, 3063];
    expect(starts.map((start, place) => Math.abs(start - (plan[place] ?? 0)) < 30)).toEqual(plan.map(() => true));
    expect(told(scheduling, 'attempted').length).toBe(5);
    expect(told(scheduling, 'deferred').length).toBe(4);
    expect(told(scheduling, 'delivered')).toMatchObject([{ egress: 'direct', recipients: ['bob@dest.test'] }]);
  });

  scheduled('comes up when it is due, to the second', async (scheduling) => {
    const exit = scheduling.exit('direct');
    exit.answer = ({ number }) => (number === 1 ? OUTCOMES.notNow : OUTCOMES.delivered);
    await scheduling.clock.advance(10 * SECOND);
    await scheduling.accept();
    await scheduling.clock.advanceUntil(() => exit.attempts.length === 2, { withinMs: 2 * MINUTE });
    expect(startsOf(scheduling)[1]).toBeGreaterThanOrEqual(60);
    expect(startsOf(scheduling)[1]).toBeLessThan(63);
  });

  scheduled(
    'until its time is over: the sender hears of the delay, then of the end',
    async (scheduling) => {
      scheduling.exit('direct').answer = () => OUTCOMES.greylisted;
      await scheduling.accept();
      await scheduling.drained(2 * HOUR);
      expect(scheduling.notices.map(({ kind }) => kind)).toEqual(['delayed', 'expired']);
      const ages = scheduling.notices.map(({ atMs, message }) => Math.round((atMs - message.receivedAtMs) / MINUTE));
      expect(ages).toEqual([10, 30]);
      expect(await scheduling.audit()).toMatchObject({ ...CLEAN, finished: { expired: 1 } });
    },
    { policy: { retry: { delays: ['1m', '7m'], expire: '30m', warnAfter: '10m' } } },
  );

  scheduled('its recipients end each in its own way', async (scheduling) => {
    scheduling.exit('direct').answer = ({ mail }) =>
      mail.recipients.map(({ address }) => {
        if (address.startsWith('gone')) return OUTCOMES.unknownUser;
        return address.startsWith('grey') && scheduling.exit('direct').attempts.length < 3
          ? OUTCOMES.greylisted
          : OUTCOMES.delivered;
      });
    await scheduling.accept({ to: ['ok@dest.test', 'gone@dest.test', 'grey@dest.test'] });
    await scheduling.drained(HOUR);
    const to = scheduling.exit('direct').attempts.map(({ mail }) => mail.recipients.length);
    expect(to).toEqual([3, 1, 1]);
    expect(scheduling.notices).toMatchObject([
      { kind: 'failed', recipients: [{ recipient: { address: 'gone@dest.test' } }] },
    ]);
    expect(await scheduling.audit()).toMatchObject({ ...CLEAN, finished: { delivered: 2, bounced: 1 } });
  });
});

describe('a report', () => {
  const queuedWhenTold: number[] = [];
  const spools: Spool[] = [];
  const report = async ({ message }: Notice): Promise<void> => {
    // Long enough for a settlement that does not wait to come first.
    await new Promise((resolve) => setTimeout(resolve, 30));
    queuedWhenTold.push((await spools[0]?.story(message.id))?.queued.length ?? -1);
  };

  scheduled(
    'is stored before the story that it tells of ends',
    async (scheduling) => {
      spools[0] = scheduling.spool;
      scheduling.exit('direct').answer = () => OUTCOMES.unknownUser;
      await scheduling.accept();
      await scheduling.drained();
      expect(queuedWhenTold).toEqual([1]);
    },
    { report },
  );

  let failing = true;
  scheduled(
    'that cannot be stored keeps its recipients queued; what was delivered is written all the same',
    async (scheduling) => {
      scheduling.exit('direct').answer = ({ mail }) =>
        mail.recipients.map(({ address }) => (address.startsWith('gone') ? OUTCOMES.unknownUser : OUTCOMES.delivered));
      const { message } = await scheduling.accept({ to: ['ok@dest.test', 'gone@dest.test'] });
      await scheduling.clock.advanceUntil(async () => {
        const story = await scheduling.spool.story(message.id);
        return story?.queued[0]?.delivery.recipients.length === 1;
      });
      expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 1, bounced: 0 }, queued: 1 });
      failing = false;
      await scheduling.drained();
      expect(scheduling.notices.map(({ kind }) => kind)).toEqual(['failed']);
      expect(await scheduling.audit()).toMatchObject({ ...CLEAN, finished: { delivered: 1, bounced: 1 } });
    },
    { report: () => (failing ? Promise.reject(new Error('no space')) : Promise.resolve()) },
  );
});

describe('a lost reply to the final dot', () => {
  scheduled('is tried again, and counted as a possible copy', async (scheduling) => {
    scheduling.exit('direct').answer = ({ number }) => (number === 1 ? OUTCOMES.doubt : OUTCOMES.delivered);
    await scheduling.accept();
    await scheduling.drained();
    expect(await scheduling.audit()).toMatchObject({ ...CLEAN, possibleDuplicates: 1, finished: { delivered: 1 } });
  });

  scheduled(
    'waits for an operator where the stream wants that',
    async (scheduling) => {
      scheduling.exit('direct').answer = () => OUTCOMES.doubt;
      const { message } = await scheduling.accept();
      await scheduling.clock.advanceUntil(async () => (await scheduling.spool.overview()).byState.held === 1);
      await scheduling.clock.advance(2 * HOUR);
      expect(scheduling.exit('direct').attempts.length).toBe(1);
      const [why] = await scheduling.scheduler.explain(message.id);
      expect(why?.why[0]).toBe('held until an operator releases it');
    },
    { policy: { streams: { transactional: { priority: 'high', onDoubt: 'hold' } } } },
  );
});

describe('an operator', () => {
  scheduled('bounces what is queued: its sender hears of it', async (scheduling) => {
    scheduling.exit('direct').answer = () => OUTCOMES.greylisted;
    await scheduling.accept();
    await scheduling.clock.advanceUntil(async () => (await scheduling.spool.overview()).leased === 0);
    const leased = await scheduling.spool.take({}, scheduling.clock.nowMs() + MINUTE, 10);
    const reply = { code: 550, detail: '0.0', text: 'bounced by an operator' };
    expect(await scheduling.scheduler.bounceNow(leased, reply)).toBe(1);
    expect(scheduling.notices).toMatchObject([{ kind: 'failed', recipients: [{ reply }] }]);
    expect(await scheduling.audit()).toMatchObject({ ...CLEAN, finished: { bounced: 1 } });
  });
});

describe('damage in the store', () => {
  const answer = (kind: 'corrupt' | 'missing') => (spool: Spool) =>
    spoolWith(spool, { content: () => Promise.resolve({ kind }) });

  for (const kind of ['corrupt', 'missing'] as const) {
    scheduled(
      `content that is ${kind} is set aside, neither sent nor lost`,
      async (scheduling) => {
        await scheduling.store();
        scheduling.scheduler.wake();
        await scheduling.clock.advanceUntil(async () => (await scheduling.spool.overview()).byState.quarantined === 1);
        expect(scheduling.exit('direct').attempts).toEqual([]);
        expect(await scheduling.audit()).toMatchObject({ violations: [], queued: 1 });
      },
      { between: answer(kind) },
    );
  }
});
