import { describe, expect, vi } from 'vitest';
import { scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { type Answer, OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import type { Stage } from '../../egress/classify.ts';
import type { Outcome } from '../../message/outcome.ts';
import type { PolicyInput } from '../../policy/schema.ts';
import { FULL_STANDING, type Standing } from '../../routing/standing.ts';

const SECOND = 1_000;

/** As an attempt by SMTP that comes to that stage and hears nothing more. */
const hangsAt =
  (scheduling: Scheduling, stage: Stage, withinMs = 300 * SECOND): Answer =>
  async ({ mail }, signal): Promise<Outcome> => {
    const { onStage } = mail;
    onStage?.('connect');
    onStage?.(stage);
    const aborted: Outcome = { kind: 'deferred', scope: 'message', reply: STOPPED, own: true };
    const late: Outcome = { kind: 'deferred', scope: 'egress', reply: LATE, own: true };
    return scheduling.clock.sleep(withinMs, signal).then(
      () => (stage === 'content' ? OUTCOMES.delivered : late),
      () => aborted,
    );
  };

const STOPPED = { code: 451, detail: '3.2', text: 'stopped before the message was sent' };
const LATE = { code: 451, detail: '4.2', text: 's1 did not answer in time (greeting)' };

const server = (host: string) => ({ type: 'smtp' as const, host });
const POOL: Partial<PolicyInput> = {
  egress: { s1: server('one.test'), s2: server('two.test'), s3: server('three.test') },
  pools: { all: { strategy: 'round-robin', members: ['s1', 's2', 's3'] } },
  routes: [{ name: 'all', use: ['all'] }],
};

async function accepted(scheduling: Scheduling, count: number): Promise<void> {
  for (let sent = 0; sent < count; sent++) await scheduling.accept({ to: [`a${sent}@d${sent % 6}.test`] });
}

const named = ({ events }: Scheduling, what: string) => events.filter(({ event }) => event === what);

const failures = ({ events }: Scheduling) =>
  events.flatMap((event) => (event.event === 'failed' ? [`${event.where}: ${event.cause}`] : []));

const alerts = ({ events }: Scheduling) =>
  events.flatMap((event) => (event.event === 'alert' && event.raised ? [event.name] : []));

describe('an own server that takes connections and says nothing', () => {
  scheduled(
    'keeps no mail from the others of its pool for longer than a check may take',
    async (scheduling) => {
      scheduling.exit('s1').answer = hangsAt(scheduling, 'greeting');
      await accepted(scheduling, 120);
      await scheduling.drained(20 * SECOND);
      expect(await scheduling.audit()).toMatchObject({
        queued: 0,
        finished: { delivered: 120 },
        possibleDuplicates: 0,
      });
      // Nothing was held against the mail, or its destinations.
      expect(named(scheduling, 'in-doubt')).toEqual([]);
      const numbers = scheduling.events.flatMap((event) => (event.event === 'attempted' ? [event.attempt.number] : []));
      expect(new Set(numbers)).toEqual(new Set([1]));
      expect(alerts(scheduling)).toEqual(['egress-resting:s1']);
      // Once, though forty waited: it is checked at once.
      expect(failures(scheduling)).toEqual([
        expect.stringMatching(/^egress s1: s1 did not answer for 1\d s \(waits for the server's greeting\)$/),
      ]);
      // The history says by which exit, and why it went on.
      const cut = scheduling.events.find((event) => event.event === 'attempted' && event.attempt.egress === 's1');
      expect(cut).toMatchObject({ attempt: { own: true, reply: { code: 451, detail: '4.2' } } });
      expect(scheduling.exit('s1').inFlight).toBe(0);
    },
    { policy: POOL },
  );

  scheduled(
    'has little mail for one destination go by the others within seconds',
    async (scheduling) => {
      scheduling.exit('s1').answer = hangsAt(scheduling, 'greeting');
      for (let sent = 0; sent < 6; sent++) {
        await scheduling.accept({ to: [`a${sent}@d.test`] });
        await scheduling.elapsed(SECOND / 2);
      }
      await scheduling.elapsed(6 * SECOND);
      expect(scheduling.exit('s1').attempts).toHaveLength(2);
      expect(await scheduling.audit()).toMatchObject({ queued: 2, finished: { delivered: 4 } });
      await scheduling.drained(20 * SECOND);
    },
    { policy: POOL },
  );

  scheduled(
    'keeps no mail from the others where very much is for one destination',
    async (scheduling) => {
      scheduling.exit('s1').answer = hangsAt(scheduling, 'greeting');
      for (let sent = 0; sent < 300; sent++) await scheduling.accept({ to: [`a${sent}@d.test`] });
      await scheduling.drained(30 * SECOND);
      expect(await scheduling.audit()).toMatchObject({ queued: 0, finished: { delivered: 300 } });
    },
    { policy: POOL },
  );

  scheduled(
    'loses its connections, long silent ones too, when another node may have them',
    async (scheduling) => {
      const s1 = scheduling.exit('s1');
      s1.answer = hangsAt(scheduling, 'greeting');
      await scheduling.accept();
      await scheduling.elapsed(6 * SECOND);
      expect(s1.inFlight).toBe(1);
      vi.spyOn(scheduling.spool.ledger, 'takeBlock').mockRejectedValue(new Error('away'));
      await scheduling.elapsed(25 * SECOND);
      expect(s1.inFlight).toBe(0);
      vi.restoreAllMocks();
      await scheduling.drained();
    },
    { policy: { ...POOL, health: { timeout: '60s' } }, needs: { sharesConnections: () => true } },
  );

  scheduled(
    'leaves the lanes of the destinations as wide as they were',
    async (scheduling) => {
      scheduling.exit('s1').answer = hangsAt(scheduling, 'greeting');
      for (let sent = 0; sent < 60; sent++) await scheduling.accept({ to: [`a${sent}@d.test`] });
      await scheduling.drained(20 * SECOND);
      const other = scheduling.exit('s2');
      other.mostInFlight = 0;
      scheduling.exit('s3').answer = slowly(scheduling);
      other.answer = slowly(scheduling);
      for (let sent = 0; sent < 200; sent++) await scheduling.accept({ to: [`b${sent}@d.test`] });
      await scheduling.clock.advance(100);
      expect(other.inFlight + scheduling.exit('s3').inFlight).toBe(10);
      for (const name of ['s1', 's2', 's3']) scheduling.exit(name).answer = () => OUTCOMES.delivered;
      await scheduling.drained(60 * SECOND);
    },
    { policy: POOL },
  );

  scheduled(
    'is waited for as long as its timeouts say where no other exit is to be had, and is checked all the same',
    async (scheduling) => {
      scheduling.exit('s1').answer = hangsAt(scheduling, 'greeting', 40 * SECOND);
      await scheduling.accept();
      await scheduling.elapsed(35 * SECOND);
      expect(scheduling.exit('s1').inFlight).toBe(1);
      expect(failures(scheduling)).toHaveLength(1);
      await scheduling.elapsed(10 * SECOND);
      expect(scheduling.exit('s1').attempts.length).toBe(1);
    },
    { policy: { egress: { s1: server('one.test') }, routes: [{ name: 'all', use: ['s1'] }] } },
  );

  scheduled(
    'gets no second copy made of what it may have: its reply to the content is waited for',
    async (scheduling) => {
      scheduling.exit('s1').answer = hangsAt(scheduling, 'content', 120 * SECOND);
      await accepted(scheduling, 6);
      await scheduling.elapsed(100 * SECOND);
      const begun = scheduling.exit('s1').attempts.length;
      expect(begun).toBe(2);
      expect(scheduling.exit('s1').inFlight).toBe(begun);
      await scheduling.drained(60 * SECOND);
      expect(named(scheduling, 'attempted')).toHaveLength(6);
    },
    { policy: POOL },
  );

  scheduled(
    'is named by explain, with the stage and the time',
    async (scheduling) => {
      scheduling.exit('s1').answer = hangsAt(scheduling, 'ehlo');
      const { message } = await scheduling.accept();
      await scheduling.elapsed(10 * SECOND);
      const [told] = await scheduling.scheduler.explain(message.id);
      expect(told?.why).toEqual([
        expect.stringMatching(/^under way by s1 for \d+ s \(waits for the answer to EHLO\)$/),
      ]);
      await scheduling.drained(10 * SECOND);
    },
    { policy: POOL },
  );
});

function slowly({ clock }: Scheduling): Answer {
  return () => clock.sleep(5 * SECOND).then(() => OUTCOMES.delivered);
}

describe('an own server that checks found down', () => {
  const standing: { now: Standing } = { now: FULL_STANDING };
  scheduled(
    'gives up at once what it was not offered yet',
    async (scheduling) => {
      scheduling.exit('s1').answer = hangsAt(scheduling, 'greeting');
      await accepted(scheduling, 6);
      await scheduling.elapsed(3 * SECOND);
      expect(scheduling.exit('s1').inFlight).toBe(2);
      const closure = {
        gate: 'down',
        untilMs: scheduling.clock.nowMs() + 30 * SECOND,
        cause: 'a check failed',
      } as const;
      standing.now = { ...FULL_STANDING, closures: [closure] };
      scheduling.scheduler.standingsChanged([]);
      await scheduling.drained(3 * SECOND);
      const cut = scheduling.events.flatMap((event) =>
        event.event === 'attempted' && event.attempt.egress === 's1' ? [event.attempt.reply.text] : [],
      );
      expect(cut).toEqual(['s1 is down', 's1 is down']);
      expect(alerts(scheduling)).toEqual([]);
    },
    { policy: POOL, needs: { standingOf: (exit) => (exit === 's1' ? standing.now : FULL_STANDING) } },
  );
});

describe('a destination that hangs', () => {
  scheduled(
    'is not blamed on the own address that the mail leaves by, and is waited for',
    async (scheduling) => {
      const late: Outcome = { kind: 'deferred', scope: 'host', reply: LATE, own: true };
      const hangs: Answer = async ({ mail }) => {
        mail.onStage?.('greeting');
        await scheduling.clock.sleep(60 * SECOND);
        return late;
      };
      scheduling.exit('ip-1').answer = hangs;
      scheduling.exit('ip-2').answer = hangs;
      await accepted(scheduling, 12);
      await scheduling.elapsed(50 * SECOND);
      expect(scheduling.exit('ip-1').inFlight + scheduling.exit('ip-2').inFlight).toBe(6);
      await scheduling.elapsed(30 * SECOND);
      expect(alerts(scheduling)).toEqual([]);
      expect(failures(scheduling)).toEqual([]);
    },
    {
      policy: {
        egress: { 'ip-1': { type: 'mx', bind: '127.0.0.11' }, 'ip-2': { type: 'mx', bind: '127.0.0.12' } },
        pools: { all: { strategy: 'round-robin', members: ['ip-1', 'ip-2'] } },
        routes: [{ name: 'all', use: ['all'] }],
      },
    },
  );
});

const API = { type: 'mailgun' as const, domain: 'mg.example.com', apiKeys: ['k'] };

describe('a provider that takes requests and answers none', () => {
  scheduled(
    'keeps no other mail waiting, not even of the same destination, and what it has stays with it',
    async (scheduling) => {
      const api = scheduling.exit('api');
      api.answer = hangsAt(scheduling, 'content', 60 * SECOND);
      for (let sent = 0; sent < 60; sent++) await scheduling.accept({ to: [`a${sent}@d.test`] });
      await scheduling.elapsed(8 * SECOND);
      const stuck = api.attempts.length;
      expect(stuck).toBeLessThanOrEqual(10);
      expect(await scheduling.audit()).toMatchObject({ queued: stuck, finished: { delivered: 60 - stuck } });
      expect(alerts(scheduling)).toEqual(['egress-resting:api']);
      await scheduling.drained(120 * SECOND);
      expect(await scheduling.audit()).toMatchObject({ finished: { delivered: 60 }, possibleDuplicates: 0 });
      // Its lane is as wide as it was.
      const backup = scheduling.exit('backup');
      backup.mostInFlight = 0;
      api.answer = slowly(scheduling);
      backup.answer = slowly(scheduling);
      for (let sent = 0; sent < 200; sent++) await scheduling.accept({ to: [`b${sent}@d.test`] });
      await scheduling.clock.advance(100);
      expect(api.inFlight + backup.inFlight).toBe(10);
      for (const exit of [api, backup]) exit.answer = () => OUTCOMES.delivered;
      await scheduling.drained(60 * SECOND);
    },
    { policy: { egress: { api: API, backup: server('two.test') }, routes: [{ name: 'all', use: ['api', 'backup'] }] } },
  );

  scheduled(
    'is not at fault where it is slow, and answers some',
    async (scheduling) => {
      let asked = 0;
      scheduling.exit('api').answer = (attempt, signal) =>
        asked++ % 2 === 0
          ? hangsAt(scheduling, 'content', 10 * SECOND)(attempt, signal)
          : scheduling.clock.sleep(SECOND).then(() => OUTCOMES.delivered);
      for (let sent = 0; sent < 40; sent++) await scheduling.accept({ to: [`a${sent}@d${sent % 4}.test`] });
      await scheduling.drained(120 * SECOND);
      expect(alerts(scheduling)).toEqual([]);
    },
    { policy: { egress: { api: API, backup: server('two.test') }, routes: [{ name: 'all', use: ['api', 'backup'] }] } },
  );
});
