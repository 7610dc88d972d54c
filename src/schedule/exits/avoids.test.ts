/** Mail that is about what is wrong with an exit does not go by it. */
import { describe, expect } from 'vitest';
import { scheduled } from '../../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import { policySchema, type PolicyInput } from '../../policy/schema.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const mx = { type: 'mx' as const };

const two: Partial<PolicyInput> = {
  egress: { one: mx, two: mx },
  pools: { both: { members: ['one', 'two'] } },
  routes: [{ name: 'all', use: ['both'] }],
};

describe('mail that avoids an exit', () => {
  scheduled(
    'goes by the other one, and other mail goes by both',
    async (scheduling) => {
      for (let count = 0; count < 4; count++) {
        await scheduling.accept({ terms: { avoids: ['one'] } });
        await scheduling.accept();
      }
      await scheduling.drained();
      const [one, others] = [scheduling.exit('one').attempts, scheduling.exit('two').attempts];
      expect([one.length + others.length, one.length > 0]).toEqual([8, true]);
      expect(one.every(({ mail }) => mail.message.avoids === undefined)).toBe(true);
    },
    { policy: two },
  );

  scheduled(
    'goes by no exit that failed in its turn either, and waits for the one that is left',
    async (scheduling) => {
      scheduling.exit('two').answer = ({ number }) => (number < 3 ? OUTCOMES.exitDown : OUTCOMES.delivered);
      await scheduling.accept({ terms: { avoids: ['one'] } });
      await scheduling.drained(HOUR);
      expect(scheduling.exit('one').attempts).toEqual([]);
    },
    { policy: two },
  );

  scheduled(
    'waits where no other is left, and ends when it is of no use any more',
    async (scheduling) => {
      const expiresAtMs = scheduling.clock.nowMs() + 20 * MINUTE;
      await scheduling.accept({ terms: { avoids: ['one', 'two'], expiresAtMs } });
      await scheduling.elapsed(10 * MINUTE);
      expect((await scheduling.spool.overview()).byState.queued).toBe(1);
      await scheduling.drained(HOUR);
      expect([...scheduling.exit('one').attempts, ...scheduling.exit('two').attempts]).toEqual([]);
      expect(scheduling.events.map(({ event }) => event)).toContain('expired');
    },
    { policy: two },
  );

  scheduled(
    'follows another policy: an exit that was added takes it',
    async (scheduling) => {
      await scheduling.accept({ terms: { avoids: ['one', 'two'] } });
      await scheduling.elapsed(MINUTE);
      const egress = { one: mx, two: mx, three: mx };
      const routes = [{ name: 'all', use: ['both', 'three'] }];
      scheduling.policy = policySchema.parse({ ...two, hostname: 'relay.test', egress, routes });
      scheduling.scheduler.applyPolicy();
      await scheduling.drained(HOUR);
      expect(scheduling.exit('three').attempts).toHaveLength(1);
    },
    { policy: two },
  );
});
