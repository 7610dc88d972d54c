import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import type { Outcome } from '../../message/outcome.ts';
import type { PolicyInput } from '../../policy/schema.ts';

const SECOND = 1_000;
const MINUTE = 60_000;

const UNFIT: Outcome = {
  kind: 'deferred',
  scope: 'egress',
  unfit: true,
  own: true,
  reply: { code: 451, detail: '6.5', text: 'the message is signed (S/MIME)' },
};

/** A route that asks `api` first, then what else there is. */
function afterApi(others: PolicyInput['egress'], use = Object.keys(others ?? {})): Partial<PolicyInput> {
  return { egress: { api: { type: 'mx' }, ...others }, routes: [{ name: 'all', use: ['api', ...use] }] };
}

function told({ events }: Scheduling, kind: string): unknown[] {
  return events.filter(({ event }) => event === kind);
}

describe('mail that an exit cannot carry', () => {
  scheduled(
    'goes by the next one at once, and its history says why',
    async (scheduling) => {
      scheduling.exit('api').answer = () => UNFIT;
      for (let sent = 0; sent < 8; sent++) await scheduling.accept({ to: [`to${sent}@one.test`] });
      await scheduling.elapsed(SECOND);
      expect(told(scheduling, 'delivered')).toHaveLength(8);
      expect(told(scheduling, 'attempted').slice(0, 2)).toMatchObject([
        { attempt: { number: 1, egress: 'api', reply: UNFIT.reply } },
        { attempt: { number: 1, egress: 'mx' } },
      ]);
      // Nothing is held against the exit.
      expect(scheduling.exit('api').attempts).toHaveLength(8);
      expect(told(scheduling, 'alert')).toEqual([]);
    },
    { policy: afterApi({ mx: { type: 'mx' } }) },
  );

  scheduled(
    'is not offered to it again while it waits for the next one, and no try is used up',
    async (scheduling) => {
      scheduling.exit('api').answer = () => UNFIT;
      scheduling.exit('mx').answer = ({ number }) => (number <= 2 ? OUTCOMES.notNow : OUTCOMES.delivered);
      const { message } = await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.elapsed(SECOND);
      const [explained] = await scheduling.scheduler.explain(message.id);
      expect(explained?.attempts).toBe(1);
      expect(explained?.why).toContain(
        'api cannot carry it as it is (451 4.6.5 the message is signed (S/MIME)): other exits come first',
      );
      await scheduling.drained();
      expect(told(scheduling, 'delivered')).toMatchObject([{ egress: 'mx' }]);
      expect(scheduling.exit('api').attempts).toHaveLength(1);
      expect(scheduling.exit('mx').attempts).toHaveLength(3);
    },
    { policy: afterApi({ mx: { type: 'mx' } }) },
  );

  scheduled(
    'waits for the next one where that is not to be had yet',
    async (scheduling) => {
      scheduling.exit('api').answer = () => UNFIT;
      await scheduling.accept({ to: ['a@one.test'] });
      await scheduling.elapsed(SECOND);
      await scheduling.accept({ to: ['b@one.test'] });
      await scheduling.elapsed(MINUTE);
      expect(told(scheduling, 'delivered')).toHaveLength(1);
      expect(scheduling.exit('api').attempts).toHaveLength(2);
      await scheduling.drained();
      expect(told(scheduling, 'delivered')).toHaveLength(2);
      expect(scheduling.exit('api').attempts).toHaveLength(2);
      expect(told(scheduling, 'held')).toEqual([]);
    },
    { policy: afterApi({ mx: { type: 'mx', delay: '2m' } }) },
  );

  scheduled(
    'is held, with one alert, where its route has no other',
    async (scheduling) => {
      scheduling.exit('api').answer = () => UNFIT;
      for (const to of ['a@one.test', 'b@two.test']) await scheduling.accept({ to: [to] });
      await scheduling.elapsed(2 * MINUTE);
      expect(told(scheduling, 'held')).toMatchObject([
        { reason: expect.stringContaining('api: 451 4.6.5 the message is signed (S/MIME)') as string },
        { domain: 'two.test' },
      ]);
      expect(told(scheduling, 'alert')).toMatchObject([{ name: 'unfit:all', raised: true }]);
      expect(scheduling.exit('api').attempts).toHaveLength(2);
      expect(told(scheduling, 'bounced')).toEqual([]);
    },
    { policy: afterApi({ off: { type: 'mx', enabled: false } }, ['off']) },
  );
});
