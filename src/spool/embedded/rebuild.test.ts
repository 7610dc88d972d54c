import { expect, test } from 'vitest';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { messageOf } from './rebuild.ts';

const RECEIVED = 'Received: from app.example by relay.example; Tue, 1 Dec 2026 10:00:00 +0000\r\n';

test.each([
  { content: `${RECEIVED}From: Shop <a@Shop.example>\r\n\r\nx\r\n`, unsigned: true, fromDomain: 'shop.example' },
  {
    content: `${RECEIVED}DKIM-Signature: d=else.example\r\nFrom: a@shop.example\r\n\r\nx\r\n`,
    unsigned: true,
    fromDomain: 'shop.example',
  },
  { content: `DKIM-Signature: v=1\r\n${RECEIVED}From: a@shop.example\r\n\r\nx\r\n`, fromDomain: 'shop.example' },
  { content: `${RECEIVED}Subject: x\r\n\r\nFrom: a@shop.example\r\n`, unsigned: true, fromDomain: null },
])('a message whose row is gone is signed when it leaves, unless it is: $content', ({ content, ...is }) => {
  const { received } = aSubmission({ atMs: 1, content: Buffer.from(content) });
  const { unsigned, fromDomain } = messageOf(received, Buffer.from(content)) ?? {};
  expect({ fromDomain, ...(unsigned === undefined ? {} : { unsigned }) }).toEqual(is);
});
