import { describe, expect, test } from 'vitest';
import { flattened, type WrittenPool } from './pools.ts';

function pool(...members: WrittenPool['members'][number][]): WrittenPool {
  return { members, strategy: 'round-robin' };
}

describe('pools with their egresses', () => {
  test('have those of the pools in them in their place, each once', () => {
    const pools = flattened({
      us: pool('us-1', 'us-2'),
      eu: pool('eu-1', 'us-2'),
      world: pool('own', 'us', 'eu', 'own-2'),
    });
    expect(pools['world']?.members).toEqual(['own', 'us-1', 'us-2', 'eu-1', 'own-2']);
    expect(pools['us']?.members).toEqual(['us-1', 'us-2']);
  });

  test('have the weight of a pool count for each of its members, and the larger of two', () => {
    const inner = pool({ egress: 'a', weight: 2 }, 'b');
    const pools = flattened({
      inner,
      outer: pool({ egress: 'inner', weight: 3 }, 'c', { egress: 'b', weight: 5 }),
    });
    expect(pools['outer']).toMatchObject({ members: ['a', 'b', 'c'], weights: [6, 5, 1] });
  });

  test('keep their own strategy, whatever that of the pools in them', () => {
    const pools = flattened({
      inner: { members: ['a', 'b'], strategy: 'random' },
      outer: { members: ['inner'], strategy: 'least-used' },
    });
    expect(pools['outer']?.strategy).toBe('least-used');
    expect(pools['inner']?.strategy).toBe('random');
  });

  test('are left out of themselves', () => {
    const pools = flattened({ p: pool('a', 'q'), q: pool('b', 'p') });
    expect(pools['p']?.members).toEqual(['a', 'b']);
    expect(pools['q']?.members).toEqual(['b', 'a']);
  });
});
