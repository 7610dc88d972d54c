import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { MemoryMarks } from '../../../tests/fakes/marks.ts';
import { seedKeys } from '../../access/seed-keys.ts';
import { policySchema } from '../../policy/schema.ts';
import { systemRandom } from '../../system.ts';
import { seal, unseal } from './seal.ts';
import { Seeds } from './seeds.ts';
import { type User, userMark, userOf } from './user.ts';

const SEED = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP';
const [ONE, TWO] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

function userWith(seed: string, name = 'ana'): User {
  return {
    name,
    role: 'admin',
    passwordHash: `$scrypt$ln=15,r=8,p=1$${'A'.repeat(22)}$${'A'.repeat(43)}`,
    epoch: 'e',
    createdAtMs: 0,
    passwordAtMs: 0,
    isDisabled: false,
    secondFactor: { seed, sinceMs: 7 },
  };
}

/** A store with a user, and what opens its seeds with other keys each time, as another process does. */
async function world(seed: string) {
  const marks = new MemoryMarks();
  await marks.mark([userMark(userWith(seed), 1_000)]);
  const seeds = (...keys: readonly Buffer[]) => new Seeds({ marks, random: systemRandom, keys: async () => keys });
  const kept = (): string => {
    const mark = marks.all().find(({ name }) => name === 'user:ana');
    return (mark === undefined ? null : userOf(mark))?.secondFactor?.seed ?? '';
  };
  return { marks, seeds, kept };
}

test('what is sealed opens with its key, for whose it is, and whole; each time it looks different', () => {
  const about = 'ana';
  const sealed = seal(SEED, { key: ONE, about, random: systemRandom });
  expect(sealed).not.toContain(SEED);
  expect(sealed).not.toBe(seal(SEED, { key: ONE, about, random: systemRandom }));
  expect(unseal(sealed, { keys: [TWO, ONE], about })).toBe(SEED);
  expect(unseal(sealed, { keys: [TWO], about })).toBeNull();
  expect(unseal(sealed, { keys: [ONE], about: 'ben' })).toBeNull();
  const flipped = `${sealed.slice(0, -2)}${sealed.endsWith('AA') ? 'BB' : 'AA'}`;
  for (const broken of [flipped, sealed.slice(0, -4), `${sealed.slice(0, 27)}AAAA`])
    expect(unseal(broken, { keys: [ONE], about })).toBeNull();
});

test('seeds that were kept as they are are sealed at the first use, and let in all the same', async () => {
  const { seeds, kept, marks } = await world(SEED);
  expect(await seeds(ONE).opened('ana', kept())).toBe(SEED);
  expect(kept()).toMatch(/^sealed\.1\./);
  expect(JSON.stringify(marks.all())).not.toContain(SEED);
  expect(userOf(marks.all()[0] ?? userMark(userWith(''), 0))).toMatchObject({
    secondFactor: { sinceMs: 7 },
    epoch: 'e',
  });
  expect(await seeds(ONE).opened('ana', kept())).toBe(SEED);
});

test('a user who is changed while seeds are sealed keeps the change', async () => {
  const { seeds, kept, marks } = await world(SEED);
  const slow = { marks: (prefix: string) => marks.marks(prefix), mark: marks.mark.bind(marks) };
  const between = new Seeds({
    marks: {
      ...slow,
      mark: async (made) => {
        await marks.mark([userMark({ ...userWith(SEED), isDisabled: true }, 2_000)]);
        await marks.mark(made);
      },
    },
    random: systemRandom,
    keys: async () => [ONE],
  });
  expect(await between.opened('ana', kept())).toBe(SEED);
  expect(marks.all().map(userOf)).toMatchObject([{ isDisabled: true }]);
  expect(await seeds(ONE).opened('ana', kept())).toBe(SEED);
  expect(kept()).toMatch(/^sealed/);
});

test('another key is put before the old one, and the old one taken out once all are sealed with it', async () => {
  const { seeds, kept } = await world(seal(SEED, { key: ONE, about: 'second factor of ana', random: systemRandom }));
  expect(await seeds(TWO, ONE).opened('ana', kept())).toBe(SEED);
  expect(await seeds(TWO).opened('ana', kept())).toBe(SEED);
});

test('a node with another key says what to copy, opens nothing, and seals nothing that others could not open', async () => {
  const { seeds, kept } = await world(seal(SEED, { key: ONE, about: 'second factor of ana', random: systemRandom }));
  const before = kept();
  for (const none of [seeds(TWO), seeds()])
    await expect(none.opened('ana', before)).rejects.toThrow('copy the file of http.secondFactorKeys');
  await expect(seeds(TWO).kept('ben', SEED)).rejects.toThrow('copy the file');
  expect(kept()).toBe(before);
  expect(await seeds(ONE).kept('ben', SEED)).toMatch(/^sealed/);
});

test('the key is made with a store of one’s own, for the owner alone; nodes that share a Redis make none', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'relevo-seeds-'));
  const secondFactorKeys = join(folder, 'certs/second-factor.keys');
  const policyOf = (spool: object) => policySchema.parse({ hostname: 'relay.test', http: { secondFactorKeys }, spool });
  const shared = policyOf({ engine: 'redis', url: 'redis://127.0.0.1:1' });
  try {
    expect(await seedKeys(shared, systemRandom)).toEqual([]);
    const [key] = await seedKeys(policyOf({}), systemRandom);
    expect(key).toHaveLength(32);
    expect(statSync(secondFactorKeys).mode & 0o777).toBe(0o600);
    expect(readFileSync(secondFactorKeys, 'utf8')).toContain('Every node');
    expect(await seedKeys(shared, systemRandom)).toEqual([key]);
    writeFileSync(secondFactorKeys, 'no key\n');
    await expect(seedKeys(shared, systemRandom)).rejects.toThrow('http.secondFactorKeys: ');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('where there is no key seeds are kept and read as they are', async () => {
  const { seeds, kept } = await world(SEED);
  expect(await seeds().opened('ana', kept())).toBe(SEED);
  expect(await seeds().kept('ana', SEED)).toBe(SEED);
  expect(kept()).toBe(SEED);
});
