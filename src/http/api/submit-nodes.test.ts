import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { sharedRedis } from '../../../tests/fakes/redis-in-tests.ts';
import { aPrefix } from '../../../tests/fakes/redis-store.ts';
import { openSubmitRig } from '../../../tests/fakes/submit-rig.ts';
import { openRedisSpool } from '../../spool/redis/spool.ts';

const redis = sharedRedis(['appendonly no', 'appendfsync no', 'maxmemory-policy noeviction']);

test.each([1, 4])(
  'a key is one message whichever node is asked, one after the other or at once, in %i shards',
  async (shards) => {
    await using things = new AsyncDisposableStack();
    const [clock, prefix] = [new FakeClock(), aPrefix()];
    const rigs: Awaited<ReturnType<typeof openSubmitRig>>[] = [];
    for (const node of ['a', 'b']) {
      const spool = await openRedisSpool({ link: await redis.link(), clock, node, prefix, shards });
      rigs.push(things.use(await openSubmitRig({ clock, spool })));
    }
    const [a, b] = rigs;
    if (a === undefined || b === undefined) throw new Error('no nodes');
    const { token } = await a.issue({ client: 'shop' });
    const ask = async (rig: typeof a, key: string, subject = 'x') => {
      const mail = { from: 'bo@shop.example', to: 'bob@dest.example', subject, text: 'x' };
      const headers = { 'content-type': 'application/json', authorization: `Bearer ${token}`, 'idempotency-key': key };
      const answer = await rig.post('/api/v1/messages', JSON.stringify(mail), headers);
      return [answer.status, await answer.text()] as const;
    };
    const first = await ask(a, 'k1');
    clock.jumpMs(1_000);
    expect([first[0], await ask(b, 'k1')]).toEqual([202, first]);
    expect((await ask(b, 'k1', 'y'))[0]).toBe(422);
    const together = await Promise.all(Array.from({ length: 8 }, (_, at) => ask(at % 2 === 0 ? a : b, 'k2')));
    // Who meets one that is not kept yet is asked to come again.
    expect(together.filter(([status]) => status !== 202 && status !== 503)).toEqual([]);
    expect(new Set(together.filter(([status]) => status === 202).map(([, text]) => text)).size).toBe(1);
    expect((await b.spool.overview()).messages).toBe(2);
  },
);
