/** Mail in doubt: how long its provider has to tell what it took before it is sent again. */
import { describe, expect } from 'vitest';
import { scheduled, type Scheduling } from '../../../tests/fakes/scheduling.ts';
import { OUTCOMES } from '../../../tests/fakes/scripted-egress.ts';
import type { PolicyInput } from '../../policy/schema.ts';

const MINUTE = 60_000;
const cloud = (more: object = {}): Partial<PolicyInput> => ({
  egress: { cloud: { type: 'mailgun', domain: 'mg.test', apiKeys: ['k'], ...more } },
});

/** From the first attempt, in doubt for `a@d.test` and put off for others, to the second. */
async function betweenMs(scheduling: Scheduling, to: readonly string[]): Promise<number> {
  scheduling.exit('cloud').answer = ({ mail, number }) =>
    mail.recipients.map(({ address }) =>
      number > 1 ? OUTCOMES.delivered : address === 'a@d.test' ? OUTCOMES.doubt : OUTCOMES.notNow,
    );
  await scheduling.accept({ to: [...to] });
  await scheduling.drained(10 * MINUTE);
  const [first, second] = scheduling.exit('cloud').attempts;
  return (second?.atMs ?? 0) - (first?.atMs ?? 0);
}

describe('what is in doubt waits for its provider to tell', () => {
  scheduled(
    'with those of the same delivery who were only put off, for it is tried as a whole',
    async (scheduling) => {
      let asked = 0;
      Object.assign(scheduling.exit('cloud'), {
        whether: async () => {
          asked += 1;
          return { kind: 'not-taken' };
        },
      });
      expect(await betweenMs(scheduling, ['a@d.test', 'b@d.test'])).toBeGreaterThanOrEqual(5 * MINUTE);
      expect(asked).toBe(1);
    },
    { policy: cloud() },
  );

  scheduled(
    'where it cannot be asked, and posts what it took',
    async (scheduling) => {
      expect(await betweenMs(scheduling, ['a@d.test'])).toBeGreaterThanOrEqual(5 * MINUTE);
    },
    { policy: cloud({ webhook: { signingKey: 'k' } }) },
  );

  scheduled(
    'but not where it does neither',
    async (scheduling) => {
      expect(await betweenMs(scheduling, ['a@d.test'])).toBeLessThan(2 * MINUTE);
    },
    { policy: cloud() },
  );
});
