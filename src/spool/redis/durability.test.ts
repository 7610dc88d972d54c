import { describe, expect, test } from 'vitest';
import { judge, type Wanted } from './durability.ts';
import type { ServerFacts } from './server-facts.ts';

const SAFE: ServerFacts = {
  place: 'redis.test:6379',
  version: [7, 0],
  mode: 'standalone',
  isPrimary: true,
  isLoading: false,
  aof: { isEnabled: true, isIncomplete: false, wasWritten: true },
  wasSnapshotSaved: true,
  evictionPolicy: 'noeviction',
  memory: { usedBytes: 1, limitBytes: 0 },
  replicasInStep: 0,
  isClusterWhole: true,
  clusterSize: 0,
  user: 'default',
  database: 0,
  settings: { appendFsync: 'always', skipsFsyncWhileRewriting: false, stopsOnFailedSnapshot: true },
  hasConfig: true,
};
const WANTED: Wanted = { topology: 'single', durability: 'fsync', replicas: 0, database: 0 };
const { settings, aof } = SAFE;
if (settings === null) throw new Error('no settings');

test('a server that syncs every write before its answer is fit, and nothing more is waited for', () => {
  expect(judge(SAFE, WANTED)).toEqual({ kind: 'fit', awaited: { replicas: 0, fsync: false } });
});

describe('what could lose accepted mail is refused with the command that changes it', () => {
  test.each<[string, Partial<ServerFacts>, string]>([
    ['no append-only file', { aof: { ...aof, isEnabled: false } }, 'appendonly yes'],
    ['a sync a second', { settings: { ...settings, appendFsync: 'everysec' } }, 'appendfsync always'],
    ['no sync at all', { settings: { ...settings, appendFsync: 'no' } }, 'appendfsync always'],
    [
      'no sync while the file is rewritten',
      { settings: { ...settings, skipsFsyncWhileRewriting: true } },
      'no-appendfsync-on-rewrite no',
    ],
    ['keys that may be evicted', { evictionPolicy: 'allkeys-lru' }, 'maxmemory-policy noeviction'],
    ['keys with an end that may be evicted', { evictionPolicy: 'volatile-ttl' }, 'maxmemory-policy noeviction'],
    [
      'all of it',
      {
        aof: { ...aof, isEnabled: false },
        settings: { ...settings, appendFsync: 'everysec' },
        evictionPolicy: 'allkeys-lru',
      },
      'appendonly yes appendfsync always maxmemory-policy noeviction',
    ],
    [
      'no append-only file, where WAITAOF is there',
      { version: [7, 2], aof: { ...aof, isEnabled: false } },
      'appendonly yes',
    ],
    [
      'no sync at all, where WAITAOF is there',
      { version: [7, 2], settings: { ...settings, appendFsync: 'no' } },
      'appendfsync everysec',
    ],
  ])('%s', (_, facts, change) => {
    expect(judge({ ...SAFE, ...facts }, WANTED)).toEqual({
      kind: 'refused',
      text: `accepted mail could be lost: run CONFIG SET ${change}, and CONFIG REWRITE to keep it (or set spool.durability: relaxed)`,
    });
  });

  test('settings that the user may not read: with the way to let him', () => {
    expect(judge({ ...SAFE, settings: null, user: 'mail' }, WANTED)).toMatchObject({
      kind: 'refused',
      text: expect.stringContaining('run ACL SETUSER mail +config|get') as string,
    });
  });

  test('an append-only file that was just switched on and is not whole yet', () => {
    expect(judge({ ...SAFE, aof: { ...aof, isIncomplete: true } }, WANTED)).toMatchObject({ kind: 'refused' });
  });
});

describe('from Redis 7.2 on the sync can be waited for', () => {
  test.each<[string, Partial<ServerFacts>]>([
    ['it syncs every second', { settings: { ...settings, appendFsync: 'everysec' } }],
    ['it does not sync while it rewrites', { settings: { ...settings, skipsFsyncWhileRewriting: true } }],
    ['nobody may read how it syncs', { settings: null }],
  ])('%s', (_, facts) => {
    const judgement = judge({ ...SAFE, version: [7, 2], ...facts }, WANTED);
    expect(judgement).toEqual({ kind: 'fit', awaited: { replicas: 0, fsync: true } });
  });
});

describe('relaxed takes what could lose mail', () => {
  const relaxed: Wanted = { ...WANTED, durability: 'relaxed' };
  test.each<[string, Partial<ServerFacts>]>([
    ['no append-only file', { aof: { ...aof, isEnabled: false } }],
    ['keys that may be evicted', { evictionPolicy: 'allkeys-lru' }],
    ['unknown settings', { settings: null }],
  ])('%s', (_, facts) => {
    expect(judge({ ...SAFE, ...facts }, relaxed).kind).toBe('fit');
  });

  test('but not a server that takes no writes', () => {
    expect(judge({ ...SAFE, isPrimary: false }, relaxed).kind).toBe('refused');
  });
});

describe('replicas that the policy asks for', () => {
  const two: Wanted = { ...WANTED, topology: 'sentinel', replicas: 2 };
  test('are waited for', () => {
    expect(judge({ ...SAFE, replicasInStep: 2 }, two)).toEqual({ kind: 'fit', awaited: { replicas: 2, fsync: false } });
  });
  test('too few of them in step: nothing is accepted', () => {
    expect(judge({ ...SAFE, replicasInStep: 1 }, two)).toMatchObject({
      kind: 'refused',
      text: expect.stringContaining('1 of its replicas are in step and spool.replicas asks for 2') as string,
    });
  });
});

describe('what stops all writing', () => {
  test.each<[string, Partial<ServerFacts>, RegExp]>([
    ['a read-only replica', { isPrimary: false }, /read-only replica/],
    ['data that is still being loaded', { isLoading: true }, /loading/],
    ['a cluster that is down', { mode: 'cluster', isClusterWhole: false }, /cluster is down/],
    ['an append-only file that cannot be written', { aof: { ...aof, wasWritten: false } }, /append-only file/],
    ['a snapshot that failed', { wasSnapshotSaved: false }, /snapshot/],
  ])('%s', (_, facts, text) => {
    const topology = facts.mode === 'cluster' ? 'cluster' : 'single';
    expect(judge({ ...SAFE, ...facts }, { ...WANTED, topology })).toEqual({
      kind: 'refused',
      text: expect.stringMatching(text) as string,
    });
  });
});

describe('what can never be this spool', () => {
  test.each<[string, Partial<ServerFacts>, Partial<Wanted>, RegExp]>([
    ['a version that is too old', { version: [6, 2] }, {}, /version 6\.2, and 7\.0 is the oldest/],
    ['a node of a cluster as a single server', { mode: 'cluster' }, {}, /spool\.cluster/],
    ['a single server as a cluster', {}, { topology: 'cluster' }, /spool\.url/],
    ['a sentinel as a server', { mode: 'sentinel' }, {}, /spool\.sentinels/],
    ['a database that it does not have', { database: 0 }, { database: 77 }, /no database 77/],
  ])('%s', (_, facts, wanted, text) => {
    expect(judge({ ...SAFE, ...facts }, { ...WANTED, ...wanted })).toEqual({
      kind: 'unfit',
      text: expect.stringMatching(text) as string,
    });
  });
});
