import { expect, test } from 'vitest';
import type { HookAnswer, HookAsk } from '../feedback/hooks/hooks.ts';
import { hooksPlace } from './hooks.ts';

const place = (answer: HookAnswer, asked: HookAsk[] = []) =>
  hooksPlace({
    has: (name) => name === 'grid',
    take: async (ask) => {
      asked.push(ask);
      return answer;
    },
  });
const ask = (rest: string) => ({ rest, query: '', headers: { 'x-signature': 's' }, peer: '192.0.2.1' });

test('a post goes to the exit that the path names, and is answered as that says', async () => {
  const body = Buffer.from('{}');
  const asked: HookAsk[] = [];
  const answer = await place({ status: 401, text: 'not believed\n' }, asked).post(ask('grid'), body);
  expect(answer).toMatchObject({ status: 401, text: 'not believed\n' });
  expect(asked).toEqual([{ name: 'grid', headers: { 'x-signature': 's' }, body, peer: '192.0.2.1' }]);
});

test('where it cannot be stored the provider is asked to come again', async () => {
  const answer = await place({ status: 503, text: 'not now\n' }).post(ask('grid'), Buffer.alloc(0));
  expect(answer).toMatchObject({ status: 503, headers: { 'retry-after': '60' } });
});

test('a name that nobody has is not found, before its body is read', () => {
  const { refusal, mostBytes } = place({ status: 200, text: '' });
  expect([refusal?.(ask('grid')), refusal?.(ask('grid/x'))?.status, refusal?.(ask(''))?.status]).toEqual([
    null,
    404,
    404,
  ]);
  expect(mostBytes).toBe(1024 * 1024);
});
