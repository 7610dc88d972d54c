import { describe, expect, test } from 'vitest';
import { IngressFixture, SIGN_IN, atData } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';

describe('the body arrives byte for byte', () => {
  const EVERY_BYTE = Buffer.from(
    Array.from({ length: 255 }, (_, at) => at + 1).filter((byte) => byte !== 10 && byte !== 13),
  );

  test.each([
    ['dots', Buffer.from('.\r\n..\r\n...\r\n.x\r\n\r\n.\r\n')],
    ['every byte but NUL', Buffer.concat([EVERY_BYTE, Buffer.from('\r\n')])],
    ['trailing space and empty lines', Buffer.from('a \r\n\t\r\n\r\n\r\n')],
    ['the longest lines', Buffer.from(`${'x'.repeat(998)}\r\n.${'y'.repeat(997)}\r\n`)],
    ['100 KB', Buffer.from('All work and no play makes a long message.\r\n'.repeat(2_300))],
  ])('%s', async (_what, body) => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await atData(fixture);
    await dialogue.say('DATA');
    const stuffed = body.toString('latin1').replace(/^\./gm, '..');
    dialogue.write(Buffer.from(`From: ana@shop.example\r\n\r\n${stuffed}.\r\n`, 'latin1'));
    expect(await dialogue.reply()).toMatch(/^250/);
    const { content, message } = fixture.spool.last;
    expect(content.subarray(content.indexOf('\r\n\r\n') + 4).equals(body)).toBe(true);
    expect(message.envelope.eightBit).toBe(body.some((byte) => byte > 127));
  });

  test('bare CR and LF of a signed-in client become CR LF before the signature', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await atData(fixture);
    await dialogue.say('DATA');
    dialogue.write('From: ana@shop.example\nSubject: x\r\rone\ntwo\rthree\r\n.\r\n');
    expect(await dialogue.reply()).toMatch(/^250/);
    expect(fixture.spool.text).toMatch(
      /From: ana@shop\.example\r\nSubject: x\r\n(?:.*\r\n)*\r\none\r\ntwo\r\nthree\r\n$/,
    );
  });

  test.each([
    ['NUL', 'a\0b\r\n', '554 5.6.0 message has a NUL byte'],
    ['a line of 999', `${'x'.repeat(999)}\r\n`, '554 5.6.0 message has a line of more than 998 octets'],
    ['a header line of 999', '', '554 5.6.0 message has a line of more than 998 octets'],
  ])('%s is refused', async (what, text, reply) => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await atData(fixture);
    await dialogue.say('DATA');
    const header = what.startsWith('a header') ? `X-Long: ${'x'.repeat(991)}\r\n` : '';
    dialogue.write(`From: ana@shop.example\r\n${header}\r\n${text}.\r\n`);
    expect(await dialogue.reply()).toBe(reply);
    expect(fixture.spool.accepted).toHaveLength(0);
    expect(await dialogue.say('NOOP')).toMatch(/^250/);
  });
});

describe('nothing is smuggled', () => {
  const SECOND =
    'MAIL FROM:<ana@shop.example>\r\nRCPT TO:<victim@dest.example>\r\nDATA\r\nFrom: ana@shop.example\r\n\r\nsmuggled\r\n.\r\n';
  const ENDS = [
    '\n.\n',
    '\n.\r\n',
    '\r\n.\n',
    '\r.\r',
    '\r\n.\r',
    '\r.\r\n',
    '\n.\r',
    '\r.\n',
    '\r\n\0.\r\n',
    '\r\n.\0\r\n',
  ];

  test.each(ENDS)('%j does not end a message, cut anywhere', async (end) => {
    await using fixture = await IngressFixture.open();
    for (const port of [fixture.port(), fixture.port({ tls: 'opportunistic' })]) {
      const before = fixture.spool.accepted.length;
      await using dialogue = await SmtpDialogue.greeted(port, { localAddress: '127.0.0.5' });
      await dialogue.all('EHLO x', 'MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>', 'DATA');
      const wire = `From: ana@shop.example\r\n\r\none${end}${SECOND}`;
      const cut = wire.indexOf(end, 30) + 1;
      dialogue.write(wire.slice(0, cut));
      await new Promise((resolve) => setImmediate(resolve));
      dialogue.write(wire.slice(cut));
      const reply = await dialogue.reply();
      // One message with everything in it, or none: never two.
      const expected = reply.startsWith('250') ? ['smuggled'] : [];
      const accepted = fixture.spool.accepted
        .slice(before)
        .map(({ content }) => /smuggled/.exec(content.toString())?.[0]);
      expect(reply).toMatch(/^(?:250|554)/);
      expect(accepted).toEqual(expected);
      expect(await dialogue.say('NOOP')).toMatch(/^250 2\.0\.0/);
    }
  });

  test('what was sent in clear text behind STARTTLS does not run inside TLS', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    await dialogue.say('EHLO x');
    dialogue.write(`STARTTLS\r\n${SIGN_IN}\r\nNOOP\r\n`);
    expect(await dialogue.reply()).toMatch(/^220/);
    await dialogue.handshake();
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^503 .* EHLO/);
    await dialogue.say('EHLO x');
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^530/);
  });

  test('a sign-in before STARTTLS does not count after it', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    await dialogue.all('EHLO x', SIGN_IN, 'MAIL FROM:<ana@shop.example>');
    await dialogue.startTls();
    await dialogue.say('EHLO x');
    expect(await dialogue.say('RCPT TO:<bob@dest.example>')).toMatch(/^503/);
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^530/);
  });
});
