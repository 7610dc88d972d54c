import { expect, test } from 'vitest';
import { KnownRecipients } from './known-recipients.ts';

const address = (number: number): string => `somebody.${number * 7919}@dest${number % 13}.example`;

test('whoever was written to is known, and few strangers are taken for known', () => {
  const known = new KnownRecipients();
  let fresh = 0;
  for (let number = 0; number < 50_000; number++) if (known.add(address(number))) fresh += 1;
  expect(fresh).toBeGreaterThan(45_000);
  for (let number = 0; number < 50_000; number += 97) expect(known.add(address(number))).toBe(false);
  for (const { text } of known.changed().texts) expect(text.length).toBeLessThan(64 * 1024);
});

test('nodes know what one of them knows, and a restart forgets nobody', () => {
  const [one, other] = [new KnownRecipients(), new KnownRecipients()];
  for (let number = 0; number < 10_000; number++) one.add(address(number));
  for (let number = 20_000; number < 21_000; number++) other.add(address(number));
  other.merge(one.changed().texts);
  const back = new KnownRecipients();
  back.merge(one.changed().texts);
  for (let number = 0; number < 10_000; number += 31) expect(other.add(address(number)), address(number)).toBe(false);
  for (let number = 20_000; number < 21_000; number += 31) expect(other.add(address(number))).toBe(false);
  expect(one.isDirty).toBe(false);
  back.merge([{ number: 0, text: 'nonsense' }]);
  expect(back.add('new@x.example')).toBe(true);
});

test('a client that writes to ever more people costs no more than so much', () => {
  const known = new KnownRecipients();
  for (let number = 0; number < 400_000; number++) known.add(address(number));
  const { first, texts } = known.changed();
  expect(first).toBeGreaterThan(0);
  expect(texts.length).toBeLessThanOrEqual(8);
});
