import { expect, test } from 'vitest';
import { atData, IngressFixture, MAIL, send } from '../../tests/fakes/ingress.ts';

test.each([
  ['Sender: Ana <ana@shop.example>', '250'],
  ['Sender: bob@shop.example', '250'],
  // Names of users of a machine, as old applications write them, are nobody's addresses.
  ['Sender: www-data', '250'],
  ['Sender:', '250'],
  ['Sender: The Bank <info@bank.example>', '550'],
  ['Sender: ana@shop.example, info@bank.example', '550'],
  ['Sender: ana@shop.example\r\nSender: info@bank.example', '550'],
  ['Sender: (info@bank.example', '550'],
  ['Sender : =?utf-8?q?Bank?= <info@bank.example>', '550'],
])('with `%s` a client that sends for its own domain hears %s', async (field, code) => {
  await using fixture = await IngressFixture.open();
  await using dialogue = await atData(fixture);
  const reply = await send(dialogue, `${field}\r\n${MAIL}`);
  expect(reply.slice(0, 3)).toBe(code);
  if (code === '550') expect(reply).toBe('550 5.7.1 header Sender not allowed for this client');
});
