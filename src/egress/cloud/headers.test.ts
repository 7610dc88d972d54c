import { expect, test } from 'vitest';
import { mailTo } from '../../../tests/fakes/exits.ts';
import type { HeaderField } from '../../message/header.ts';
import { type ExitSign, fittedContent, type HeaderRules } from './headers.ts';

const RSA = 'DKIM-Signature: v=1; a=rsa-sha256; d=example.com; b=AAA\r\n';
const ED = 'DKIM-Signature: v=1; a=ed25519-sha256; d=example.com;\r\n b=BBB\r\n';
const OTHER = 'DKIM-Signature: v=1; a=rsa-sha256; d=list.example; b=CCC\r\n';
const REST = 'From: a@example.com\r\nX-SES-Source-Arn: x\r\nDelivered-To: one\r\nDelivered-To: two\r\nX-Kept: yes\r\n';
const BODY = '\r\nbody\r\n.\r\n';

const rules = (more: Partial<HeaderRules>): HeaderRules => ({
  dkim: 'keep',
  strip: [],
  orders: [],
  keep: [],
  once: new Set(),
  rewritten: new Set(),
  ...more,
});

async function fitted(head: string, more: Partial<HeaderRules>, sign: ExitSign | null = null): Promise<string> {
  return (await fittedContent(mailTo({ content: head + BODY }), rules(more), sign)).toString();
}

test('where no rule says anything, it is the same bytes', async () => {
  const mail = mailTo({ content: ED + RSA + REST + BODY });
  expect(await fittedContent(mail, rules({}), null)).toBe(mail.content);
});

test('fields go by name and by pattern, whatever their case, and nothing else does', async () => {
  expect(await fitted(REST, { strip: ['x-ses-*', 'Delivered-To'] })).toBe(
    `From: a@example.com\r\nX-Kept: yes\r\n${BODY}`,
  );
});

test('of fields that may be there once the first stays', async () => {
  expect(await fitted(REST, { once: new Set(['delivered-to']) })).toBe(
    REST.replace('Delivered-To: two\r\n', '') + BODY,
  );
});

test('of several signatures the first that every receiver can check stays, where one may', async () => {
  expect(await fitted(ED + RSA + OTHER + REST, { once: new Set(['dkim-signature']) })).toBe(RSA + REST + BODY);
  expect(await fitted(ED + RSA + OTHER + REST, {})).toBe(ED + RSA + OTHER + REST + BODY);
  expect(await fitted(ED + REST, { once: new Set(['dkim-signature']) })).toBe(ED + REST + BODY);
});

test('stripped, none is left', async () => {
  expect(await fitted(ED + RSA + REST, { dkim: 'strip' })).toBe(REST + BODY);
});

test('signed anew, one of the RSA key takes the place of all, for what is really sent', async () => {
  const asked: { readonly fields: readonly HeaderField[]; readonly body: string; readonly uncovered: string[] }[] = [];
  const sign: ExitSign = async ({ fields, body, uncovered }) => {
    asked.push({ fields, body: body.toString(), uncovered: [...uncovered] });
    return Buffer.from(ED + RSA);
  };
  const sent = await fitted(OTHER + REST, { dkim: 'sign', strip: ['x-ses-*'], rewritten: new Set(['date']) }, sign);
  const left = REST.replace('X-SES-Source-Arn: x\r\n', '');
  expect(sent).toBe(RSA + left + BODY);
  expect(asked).toMatchObject([{ body: 'body\r\n.\r\n', uncovered: ['date'] }]);
  expect(asked[0]?.fields.map(({ raw }) => raw).join('')).toBe(left);
});

test('without a key of the domain it goes unsigned', async () => {
  expect(await fitted(OTHER + REST, { dkim: 'sign' }, async () => Buffer.alloc(0))).toBe(REST + BODY);
});

test('a message that is all header, or all body, stays so', async () => {
  const allHeader = await fittedContent(mailTo({ content: RSA + REST }), rules({ dkim: 'strip' }), null);
  expect(allHeader.toString()).toBe(REST);
  const allBody = await fittedContent(mailTo({ content: BODY }), rules({ dkim: 'strip' }), null);
  expect(allBody.toString()).toBe(BODY);
});
