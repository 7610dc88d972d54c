import { setImmediate as nextTurn } from 'node:timers/promises';
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { Link } from './link.ts';
import { acceptAsk } from './port-spool.ts';
import type { Batch } from './wire.ts';

beforeEach(() => void vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] }));
afterEach(() => void vi.useRealTimers());

test('in a stream of mail, what waits for company goes with what is sent at once', async () => {
  const { port1, port2 } = new MessageChannel();
  const link = new Link();
  link.attach(port1);
  const accept = (): void => {
    link.call('accept', acceptAsk(aSubmission({ atMs: 1 }))).catch(() => undefined);
  };
  const sent = async (): Promise<number> => {
    for (let turn = 0; turn < 3; turn++) await nextTurn();
    return ((receiveMessageOnPort(port2)?.message ?? []) as Batch).length;
  };

  for (let one = 0; one < 6; one++) accept();
  expect(await sent()).toBe(6);
  accept();
  expect(await sent()).toBe(0);
  link.call('sign', []).catch(() => undefined);
  expect(await sent()).toBe(2);
  accept();
  expect(await sent()).toBe(0);
  vi.advanceTimersByTime(2);
  expect(await sent()).toBe(1);
  link.detach('over');
});
