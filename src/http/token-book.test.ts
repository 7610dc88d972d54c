import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { MemoryMarks } from '../../tests/fakes/marks.ts';
import { systemRandom } from '../system.ts';
import type { Mark } from '../spool/marks.ts';
import { hashOf, newTokenText, type Token, tokenMark, tokenOf } from './token.ts';
import { TokenBook } from './token-book.ts';

function aToken(name: string, expiresAtMs: number | null = null) {
  const hash = hashOf(newTokenText(systemRandom)) ?? Buffer.alloc(0);
  const secret = { sha256: hash.toString('hex'), createdAtMs: 1, expiresAtMs };
  const token: Token = { name, scopes: ['read'], createdAtMs: 1, lifetimeMs: null, secrets: [secret] };
  return { hash, token, mark: tokenMark(token, 1) };
}

class CountedMarks extends MemoryMarks {
  reads = 0;
  /** What a read in progress waits for. */
  gate: Promise<void> = Promise.resolve();

  override async marks(prefix: string): Promise<readonly Mark[]> {
    this.reads += 1;
    const { gate } = this;
    const read = await super.marks(prefix);
    await gate;
    return read;
  }
}

test('however many ask, the store is read once in three seconds', async () => {
  const [clock, marks] = [new FakeClock(), new CountedMarks()];
  const { hash, token, mark } = aToken('ci');
  await marks.mark([mark]);
  const book = new TokenBook({ marks, clock });
  const checks = await Promise.all(Array.from({ length: 50 }, () => book.check(hash)));
  expect(checks.every(({ kind }) => kind === 'valid')).toBe(true);
  await clock.advance(2_999);
  expect(await book.check(hash)).toEqual({ kind: 'valid', token });
  expect(marks.reads).toBe(1);
  await clock.advance(1);
  await book.check(hash);
  expect(marks.reads).toBe(2);
});

test('a token that another node revoked is unknown within 5 s, and while the store is away nobody is believed after that', async () => {
  const [clock, marks] = [new FakeClock(), new CountedMarks()];
  const [kept, revoked] = [aToken('kept'), aToken('revoked')];
  await marks.mark([kept.mark, revoked.mark]);
  const book = new TokenBook({ marks, clock });
  expect((await book.check(revoked.hash)).kind).toBe('valid');
  await marks.unmark(['token:revoked']);
  await clock.advance(4_999);
  expect((await book.check(revoked.hash)).kind).toBe('unknown');
  marks.isAway = true;
  await clock.advance(4_999);
  expect((await book.check(kept.hash)).kind).toBe('valid');
  await clock.advance(1);
  await expect(book.check(kept.hash)).rejects.toThrow('the store is away');
  marks.isAway = false;
  expect((await book.check(kept.hash)).kind).toBe('valid');
});

test('what was read before a change is not what the next one is checked by', async () => {
  const [clock, marks] = [new FakeClock(), new CountedMarks()];
  const { hash, mark } = aToken('ci');
  await marks.mark([mark]);
  const book = new TokenBook({ marks, clock });
  const gate = Promise.withResolvers<void>();
  marks.gate = gate.promise;
  const before = book.check(hash);
  await marks.unmark(['token:ci']);
  marks.gate = Promise.resolve();
  book.forget();
  expect((await book.check(hash)).kind).toBe('unknown');
  gate.resolve();
  expect((await before).kind).toBe('valid');
  // Nor is it kept because it came in last.
  expect((await book.check(hash)).kind).toBe('unknown');
});

test('a store that takes longer to answer than a revoked token may live is not believed', async () => {
  const [clock, marks] = [new FakeClock(), new CountedMarks()];
  const { hash, mark } = aToken('ci');
  await marks.mark([mark]);
  const book = new TokenBook({ marks, clock });
  const gate = Promise.withResolvers<void>();
  marks.gate = gate.promise;
  const check = book.check(hash);
  await clock.advance(5_000);
  gate.resolve();
  await expect(check).rejects.toThrow('took too long');
});

test('it ends at its very millisecond, by the clock of the wall', async () => {
  const [clock, marks] = [new FakeClock(), new CountedMarks()];
  const { hash, mark } = aToken('ci', clock.nowMs() + 60_000);
  await marks.mark([mark]);
  const book = new TokenBook({ marks, clock });
  await clock.advance(59_999);
  expect((await book.check(hash)).kind).toBe('valid');
  await clock.advance(1);
  expect((await book.check(hash)).kind).toBe('expired');
});

test.each(['', '{', '[]', '{}', '{"scopes":["read"],"createdAtMs":1,"lifetimeMs":null,"secrets":[]}'])(
  'a mark that cannot be read opens nothing, and the others go on: %s',
  async (text) => {
    const [clock, marks] = [new FakeClock(), new CountedMarks()];
    const { hash, mark } = aToken('ci');
    const broken = { name: 'token:broken', text, atMs: 1 };
    await marks.mark([broken, mark]);
    expect(tokenOf(broken)).toBeNull();
    expect((await new TokenBook({ marks, clock }).check(hash)).kind).toBe('valid');
  },
);

test('only texts of its form are tokens', () => {
  const text = newTokenText(systemRandom);
  expect(text).toMatch(/^rlv_[A-Za-z0-9_-]{43}$/);
  expect(hashOf(text)).toHaveLength(32);
  for (const other of [
    '',
    'rlv_',
    text.slice(0, -1),
    `${text}a`,
    `${text}\n`,
    text.replace('rlv_', 'RLV_'),
    ` ${text}`,
  ])
    expect(hashOf(other)).toBeNull();
});
