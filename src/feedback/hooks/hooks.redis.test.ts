import { redisEngine } from '../../../tests/fakes/redis-store.ts';
import { sharedRedis } from '../../../tests/fakes/redis-in-tests.ts';
import { testHooks } from './hooks.contract.ts';

const redis = sharedRedis();

testHooks(redisEngine('redis', { connect: () => redis.link(), shards: 1 }));
