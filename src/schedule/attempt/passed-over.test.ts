/** The history of a message says why it went the way it did. */
import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import type { PolicyInput } from '../../policy/schema.ts';

const smtp = (name: string) => ({ type: 'smtp' as const, host: `${name}.test` });

function waysOf({ events }: Scheduling): unknown[] {
  return events.flatMap((event) =>
    event.event === 'attempted' ? [[event.attempt.egress, event.attempt.route, event.attempt.passedOver]] : [],
  );
}

const IN_ORDER: Partial<PolicyInput> = {
  egress: { one: { ...smtp('one'), dailyLimit: 1 }, two: smtp('two') },
  routes: [{ name: 'all', use: ['one', 'two'] }],
};

const IN_A_POOL: Partial<PolicyInput> = {
  egress: { one: smtp('one'), two: smtp('two'), spare: smtp('spare') },
  pools: { both: { members: ['one', 'two'] } },
  routes: [{ name: 'all', use: ['both', 'spare'] }],
};

describe('an attempt is told with its route', () => {
  scheduled(
    'and with the exits before it that were at their limit, by their figures',
    async (scheduling) => {
      await scheduling.accept({ to: ['a@first.test'] });
      await scheduling.drained();
      await scheduling.accept({ to: ['a@second.test'] });
      await scheduling.drained();
      expect(waysOf(scheduling)).toEqual([
        ['one', 'all', undefined],
        ['two', 'all', expect.stringMatching(/^one: daily limit 1\/1, resets in \d+ h \d+ m$/)],
      ]);
    },
    { policy: IN_ORDER },
  );

  scheduled(
    'and with those of its pool that rest, and none that merely had another turn',
    async (scheduling) => {
      scheduling.exit('one').answer = () => OUTCOMES.signInRefused;
      for (let count = 0; count < 2; count++) await scheduling.accept({ to: [`a@d${count}.test`] });
      await scheduling.drained();
      const ways = waysOf(scheduling);
      expect(ways).toContainEqual(['one', 'all', undefined]);
      expect(ways).toContainEqual(['two', 'all', expect.stringMatching(/^one rests after a failure: .*more$/)]);
    },
    { policy: IN_A_POOL },
  );
});
