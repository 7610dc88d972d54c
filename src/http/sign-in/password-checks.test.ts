import { expect, test } from 'vitest';
import { systemRandom } from '../../system.ts';
import { PasswordChecks } from './password-checks.ts';

test('who comes between the end of one check and the turn of the next waits too', async () => {
  const checks = new PasswordChecks(systemRandom);
  let [underWay, most] = [0, 0];
  const check = (failed: () => void = () => undefined): Promise<string> =>
    checks.check(null, 'wrong', {
      mayStill: () => {
        underWay += 1;
        most = Math.max(most, underWay);
        return true;
      },
      failed: () => {
        underWay -= 1;
        failed();
      },
    });
  const late = Promise.withResolvers<string>();
  const first = check(() => queueMicrotask(() => late.resolve(check())));
  expect(await Promise.all([first, check(), late.promise])).toEqual(['wrong', 'wrong', 'wrong']);
  expect(most).toBe(1);
});
