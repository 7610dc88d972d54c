import { mkdtempDisposable } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { openDatabase } from './database.ts';
import { type QuickRequest, runGroup } from './group.ts';
import { acceptAsk } from './port-spool.ts';
import { Space } from './space.ts';
import { Store } from './store.ts';

const AT_MS = Date.UTC(2026, 0, 1);

const accepting = (id: number, atMs = AT_MS): QuickRequest => [id, 'accept', acceptAsk(aSubmission({ atMs }))];

test.each([
  ['none of which fails', accepting(2)],
  // No number: the table takes none of it, and each is run apart.
  ['one of which fails', accepting(2, Number.NaN)],
])('a group, %s, ends when its time is over, and what it did not come to is not touched', async (_, second) => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'relevo-group-'));
  const file = join(folder.path, 'spool.db');
  using stack = new DisposableStack();
  const store = stack.adopt(new Store(openDatabase(file, 'relaxed')), (opened) => opened.close());
  store.load();
  const reserve = join(folder.path, 'reserve');
  const bounds = { floorBytes: 0, walBytes: 1024 * 1024, nowMs: () => 0 };
  const space = new Space({ folder: folder.path, reserve, wal: `${file}-wal`, ...bounds });
  const requests = [accepting(1), second, accepting(3)];
  let left = 2;
  const isOver = (): boolean => --left <= 0;
  const { answers, trouble } = runGroup(store, space, { requests, isOver });
  expect(trouble).toBeNull();
  expect([1, 2]).toContain(answers.length);
  const kept = store.get<{ many: number }>('SELECT count(*) AS many FROM message')?.many;
  expect(kept).toBe(answers.filter(([, kind]) => kind === 'ok').length);
});
