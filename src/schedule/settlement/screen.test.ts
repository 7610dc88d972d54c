import { expect } from 'vitest';
import { scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import type { Event } from '../../message/event.ts';
import type { Reply } from '../../message/reply.ts';
import type { Screening, ScreeningAsk } from '../../message/screening.ts';

const GONE: Reply = { code: 550, detail: '7.1', text: 'suppressed: hard bounce on 2026-01-01: 550 5.1.1 no such user' };

/** Who is suppressed, as a test says; `away`: the store does not answer. */
class Scripted implements Screening {
  readonly gone = new Set<string>();
  readonly suspected = new Set<string>();
  readonly asked: ScreeningAsk[] = [];
  away = false;

  suspects(addresses: readonly string[]): boolean {
    return this.away || addresses.some((address) => this.gone.has(address) || this.suspected.has(address));
  }

  async suppressedOf(ask: ScreeningAsk): Promise<ReadonlyMap<string, Reply>> {
    this.asked.push(ask);
    if (this.away) throw new Error('away');
    return new Map(ask.addresses.filter((address) => this.gone.has(address)).map((address) => [address, GONE]));
  }
}

const screening = new Scripted();
const ANN = 'ann@dest.test';
const BOB = 'bob@dest.test';

let reportsFail = false;

function screened(name: string, run: (scheduling: Scheduling) => Promise<void>): void {
  scheduled(
    name,
    async (scheduling) => {
      screening.gone.clear();
      screening.suspected.clear();
      screening.asked.length = 0;
      screening.away = false;
      reportsFail = false;
      await run(scheduling);
    },
    {
      policy: { egress: { one: { type: 'mx' } } },
      needs: { screening },
      report: async () => {
        if (reportsFail) throw new Error('no room');
      },
    },
  );
}

const ends = (events: readonly Event[]): readonly string[] =>
  events.flatMap((event) =>
    event.event === 'suppressed' || event.event === 'delivered'
      ? event.recipients.map((one) => `${event.event} ${one}`)
      : [],
  );

screened('a suppressed recipient ends without an attempt, its sender is told, and the others go out', async (of) => {
  screening.gone.add(ANN);
  await of.accept({ to: [ANN, BOB, 'cid@other.test'] });
  await of.drained();
  expect([...ends(of.events)].sort()).toEqual([`delivered ${BOB}`, 'delivered cid@other.test', `suppressed ${ANN}`]);
  expect(of.exit('one').attempts.flatMap(({ mail }) => mail.recipients.map(({ address }) => address))).not.toContain(
    ANN,
  );
  expect(of.events).toContainEqual(expect.objectContaining({ event: 'suppressed', reply: GONE, egress: null }));
  expect(of.notices).toMatchObject([{ kind: 'failed', recipients: [{ recipient: { address: ANN }, reply: GONE }] }]);
  expect(await of.audit()).toMatchObject({ finished: { delivered: 2, suppressed: 1 }, queued: 0 });
});

screened('nobody is told of what the null sender sent', async (of) => {
  screening.gone.add(ANN);
  await of.accept({ to: [ANN], sender: '' });
  await of.store({ to: [ANN] });
  await of.drained();
  expect(of.notices).toHaveLength(1);
  expect(ends(of.events)).toEqual([`suppressed ${ANN}`, `suppressed ${ANN}`]);
});

screened('who is not suspected costs no question, and who is only suspected is written to', async (of) => {
  await of.accept({ to: [ANN] });
  await of.drained();
  expect(screening.asked).toEqual([]);
  screening.suspected.add(BOB);
  await of.accept({ to: [BOB], client: 'shop', stream: 'news' });
  await of.drained();
  expect(ends(of.events)).toEqual([`delivered ${ANN}`, `delivered ${BOB}`]);
  expect(screening.asked[0]).toEqual({ addresses: [BOB], client: 'shop', stream: 'news' });
});

screened('who is suppressed while mail waits for another attempt gets none', async (of) => {
  of.exit('one').answer = () => OUTCOMES.notNow;
  await of.accept({ to: [ANN, BOB] });
  await of.elapsed(10_000);
  expect(of.exit('one').attempts).toHaveLength(1);
  screening.gone.add(ANN);
  of.exit('one').answer = () => OUTCOMES.delivered;
  await of.drained();
  expect([...ends(of.events)].sort()).toEqual([`delivered ${BOB}`, `suppressed ${ANN}`]);
  expect(
    of
      .exit('one')
      .attempts.at(-1)
      ?.mail.recipients.map(({ address }) => address),
  ).toEqual([BOB]);
});

screened('a store that does not answer has mail wait, and uses up no try', async (of) => {
  screening.away = true;
  await of.accept({ to: [ANN] });
  await of.elapsed(65_000);
  expect(of.exit('one').attempts).toEqual([]);
  const [queued] = await of.spool.list({}, { limit: 10 });
  expect(queued?.delivery).toMatchObject({ attempts: 0, state: 'queued' });
  expect(queued?.delivery.lastReply?.text).toContain('cannot be known now');
  screening.away = false;
  await of.drained();
  expect(ends(of.events)).toEqual([`delivered ${ANN}`]);
});

screened('what is suppressed ends at once, however long its lane is', async (of) => {
  of.exit('one').answer = async () => {
    await of.clock.sleep(10_000);
    return OUTCOMES.delivered;
  };
  for (let n = 0; n < 14; n++) await of.accept({ to: [`n${n}@dest.test`] });
  await of.accept({ to: [BOB] });
  screening.gone.add(ANN);
  await of.accept({ to: [ANN] });
  await of.elapsed(1_000);
  expect(ends(of.events)).toEqual([`suppressed ${ANN}`]);
  // Who is suppressed while mail for him stands in the lane gets none either.
  screening.gone.add(BOB);
  await of.drained();
  expect(ends(of.events)).toContain(`suppressed ${BOB}`);
});

screened('nobody’s story ends before the report of it is stored', async (of) => {
  screening.gone.add(ANN);
  reportsFail = true;
  await of.accept({ to: [ANN, BOB] });
  await of.elapsed(60_000);
  expect(ends(of.events)).toEqual([]);
  expect(await of.audit()).toMatchObject({ queued: 2 });
  reportsFail = false;
  await of.drained(900_000);
  expect([...ends(of.events)].sort()).toEqual([`delivered ${BOB}`, `suppressed ${ANN}`]);
});

screened('while every exit rests mail goes back as it was, without being asked about', async (of) => {
  of.exit('one').answer = () => OUTCOMES.exitDown;
  screening.suspected.add(BOB);
  await of.accept({ to: [ANN] });
  await of.elapsed(30_000);
  await of.store({ to: [BOB] });
  of.scheduler.wake();
  const before = screening.asked.length;
  await of.elapsed(20_000);
  expect(screening.asked.length - before).toBeLessThan(5);
  of.exit('one').answer = () => OUTCOMES.delivered;
  await of.drained();
  expect([...ends(of.events)].sort()).toEqual([`delivered ${ANN}`, `delivered ${BOB}`]);
});
