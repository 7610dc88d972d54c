import fc from 'fast-check';
import { expect, test } from 'vitest';
import { IngressFixture, MAIL, SIGN_IN, send } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';
import { bodyOffsetOf, parseHeaderBlock } from '../message/header.ts';

/** Characters whose low byte is CR, LF, a colon, a space or NUL, and such whose UTF-8 is long. */
const TRICKY = ['\u010d', '\u010a', '\u020d\u020a', '\u013a', '\u0120', '\u0100', '\u{1f40d}', '\u{1f40a}'];
const letter = fc.constantFrom('a', 'B', '7', '-', ...TRICKY);
const word = fc.array(letter, { minLength: 1, maxLength: 12 }).map((letters) => letters.join(''));

/** What leaves: the field names in their order, and whether a CR or LF stands alone in them. */
function headerOf(content: Buffer): { names: string[]; hasBareNewline: boolean; text: string } {
  const block = content.subarray(0, bodyOffsetOf(content));
  const text = block.toString('latin1');
  const { fields, malformed } = parseHeaderBlock(block);
  expect(malformed).toEqual([]);
  return { names: fields.map(({ name }) => name), hasBareNewline: /\r(?!\n)|(?<!\r)\n/.test(text), text };
}

/** UTF-8, one character a byte. */
function onTheWire(text: string): string {
  return Buffer.from(text).toString('latin1');
}

test('whatever an address has in it, the header that leaves has the fields that belong there and whole lines', async () => {
  await using fixture = await IngressFixture.open();
  await using dialogue = await SmtpDialogue.greeted(fixture.port());
  await dialogue.all('EHLO app.example', SIGN_IN);
  const mail = fc.record({ helo: word, sender: word, recipient: word });
  await fc.assert(
    fc.asyncProperty(mail, async ({ helo, sender, recipient }) => {
      await dialogue.say(onTheWire(`EHLO ${helo}`));
      await dialogue.say(onTheWire(`MAIL FROM:<${sender}@shop.example> SMTPUTF8`));
      await dialogue.say(onTheWire(`RCPT TO:<${recipient}@dest.example>`));
      expect(await send(dialogue, 'Subject: x\r\n\r\nbody\r\n')).toMatch(/^250/);
      const { names, hasBareNewline, text } = headerOf(fixture.spool.last.content);
      expect(names).toEqual(['received', 'subject', 'from', 'date', 'message-id']);
      expect(hasBareNewline).toBe(false);
      expect(text).toContain(onTheWire(`\r\n\tfor <${recipient}@dest.example>;`));
      expect(text).toContain(onTheWire(`\r\nFrom: ${sender}@shop.example\r\n`));
    }),
    { numRuns: 100 },
  );
});

test('a recipient cannot write a field into the header', async () => {
  await using fixture = await IngressFixture.open();
  await using dialogue = await SmtpDialogue.greeted(fixture.port());
  await dialogue.all('EHLO app.example', SIGN_IN, 'MAIL FROM:<ana@shop.example> SMTPUTF8');
  // Their low bytes read CR LF X-Evil : 1 CR LF, and a CR without its LF.
  await dialogue.say(onTheWire('RCPT TO:<a\u010d\u010aX-Evil\u013a1\u010d\u010ab\u010d@dest.example>'));
  expect(await send(dialogue, MAIL)).toMatch(/^250/);
  const { names, hasBareNewline } = headerOf(fixture.spool.last.content);
  expect(names).toEqual(['received', 'from', 'message-id', 'subject', 'date']);
  expect(hasBareNewline).toBe(false);
});
