import { expect, test } from 'vitest';
import { loaded } from '../../tests/fakes/policy-text.ts';
import { changedKeys } from './changed.ts';

test('what changed between two policies, by their keys', () => {
  const previous = loaded('hostname: a\n').policy;
  const next = loaded('hostname: b\nhttp: { listen: 127.0.0.1:9090 }\nretry: { expire: 3d }\n').policy;
  expect(changedKeys(previous, next).toSorted()).toEqual(['hostname', 'http', 'postmaster']);
});
