import { expect, test } from 'vitest';
import { packDoubt, packLastReply, parseLastReply } from './last-reply.ts';

const REPLY = { code: 451, detail: '4.2', text: 'no answer after the dot' };

test.each([
  [{ lastReply: null }],
  [{ lastReply: REPLY }],
  [{ lastReply: REPLY, refusedBy: ['ip-1', 'ip-2'] }],
  [{ lastReply: REPLY, doubtBy: 'ses' }],
  [{ lastReply: REPLY, refusedBy: ['ip-1'], doubtBy: 'ses' }],
  [{ lastReply: null, doubtBy: 'ses' }],
])('what a delivery was told is read as it was kept: %j', (told) => {
  const packed = packLastReply(told);
  expect(parseLastReply(packed === null ? null : JSON.parse(packed))).toEqual(told);
});

test('where there is no room the exit in doubt is kept, and nothing else', () => {
  expect(packDoubt({})).toBeNull();
  expect(parseLastReply(JSON.parse(packDoubt({ doubtBy: 'ses' }) ?? ''))).toEqual({ lastReply: null, doubtBy: 'ses' });
});

test.each(['text', [], 7, { doubtBy: 5 }, { refusedBy: 'all' }])('what a disk made of it is no reply: %j', (value) => {
  expect(parseLastReply(value)).toEqual({ lastReply: null });
});
