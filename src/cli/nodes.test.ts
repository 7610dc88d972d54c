import { expect, test } from 'vitest';
import { policiesText } from './nodes.ts';

const ONE = { name: 'a', isUp: true, policyVersion: 'aaa', sharedPolicy: 'x' };

test('nodes are told to follow different policies only where that matters to mail', () => {
  expect(policiesText([ONE, { ...ONE, name: 'b', policyVersion: 'bbb' }])).toBe('');
  expect(policiesText([ONE, { ...ONE, name: 'b', policyVersion: 'bbb', sharedPolicy: 'y' }])).toBe(
    'The nodes follow different policies: aaa (a), bbb (b).\n',
  );
});
