import { describe, expect, test } from 'vitest';
import { bulk, counted, priced, TEN } from '../../../tests/fakes/priced.ts';
import { acceptMany, inForce, openScheduling, reached, scheduled } from '../../../tests/fakes/scheduling.ts';

const SECOND = 1_000;

describe('what exits took', () => {
  scheduled(
    'is counted by exit, stream, client and tag, at the price that it had',
    async (scheduling) => {
      await bulk(scheduling, 3, 2);
      await scheduling.accept({ client: 'crm', terms: { tag: 'password reset' } });
      await scheduling.drained();
      inForce(scheduling, priced({ cost: '20 USD/1000' }));
      await bulk(scheduling, 1);
      await scheduling.drained();
      await scheduling.elapsed(5 * SECOND);
      expect(await counted(scheduling, 'exit')).toEqual({ 'one 10000000/1000': 7, 'one 20000000/1000': 1 });
      expect(await counted(scheduling, 'stream')).toEqual({
        'bulk 10000000/1000': 6,
        'transactional 10000000/1000': 1,
        'bulk 20000000/1000': 1,
      });
      expect(await counted(scheduling, 'tag')).toEqual({ 'password reset 10000000/1000': 1 });
      expect(await counted(scheduling, 'client')).toEqual({
        'crm 10000000/1000': 1,
        'other 10000000/1000': 6,
        'other 20000000/1000': 1,
      });
    },
    { policy: { ...priced(TEN).policy, clients: { crm: { networks: ['10.0.0.1'], senders: ['*'] } } } },
  );

  scheduled(
    'for nothing is counted by its exit alone',
    async (scheduling) => {
      await acceptMany(scheduling, 3);
      await scheduling.drained();
      await scheduling.elapsed(5 * SECOND);
      expect(await counted(scheduling, 'exit')).toEqual({ one: 3 });
      expect(await counted(scheduling, 'stream')).toEqual({});
    },
    priced({}),
  );

  test('is written at the latest when it stops', async () => {
    await using scheduling = await openScheduling(priced(TEN));
    await acceptMany(scheduling, 3);
    await reached(scheduling, 'one', 3);
    await scheduling.scheduler.stop(new AbortController().signal);
    expect(await counted(scheduling, 'exit')).toEqual({ 'one 10000000/1000': 3 });
  });
});
