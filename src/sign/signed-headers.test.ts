import { expect, test } from 'vitest';
import { parseHeaderBlock } from '../message/header.ts';
import { coverHeaders, DEFAULT_HEADERS } from './signed-headers.ts';

test('where complaints are taken is signed (RFC 9477 §3.1), and what others may take out on the way is not', () => {
  const block =
    'From: a@b.test\r\nX-Report-Token: t\r\nCFBL-Address: fbl@r.b.test; report=arf\r\nCFBL-Feedback-ID: 1\r\n\r\n';
  const { fields } = parseHeaderBlock(Buffer.from(block));
  const names = coverHeaders(fields, DEFAULT_HEADERS)?.names.split(': ') ?? [];
  expect(names.slice(0, 3)).toEqual(['CFBL-Feedback-ID', 'CFBL-Address', 'From']);
  expect(names.filter((name) => /^(?:x-report-token|cfbl-)/i.test(name)).length).toBe(2);
});
