import { describe, expect, test } from 'vitest';
import { CLIENTS, IngressFixture, MAIL, SIGN_IN, cheapHash, send } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';

/** Whoever comes from here may send only as itself. */
const OTHER = { other: { networks: ['192.0.2.0/24'], senders: ['*@other.example'] } };

describe('signing in', () => {
  test('behind a proxy that hands over a stranger, the stranger signs in for itself', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await SmtpDialogue.greeted(fixture.port(), { localAddress: '127.0.0.5' });
    await dialogue.say('EHLO x');
    expect(await dialogue.say('XCLIENT ADDR=192.0.2.7')).toMatch(/^220/);
    expect(await dialogue.say('EHLO x')).toContain('AUTH PLAIN LOGIN');
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^530/);
    expect(await dialogue.say(SIGN_IN)).toMatch(/^235/);
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^250/);
  });

  // Postfix: a client whose address is not known is in no network.
  test.each([
    'ADDR=[UNAVAILABLE]',
    'ADDR=[TEMPUNAVAIL]',
    'addr=[unavailable] NAME=[UNAVAILABLE]',
    'NAME=mail.example ADDR=',
    'ADDR=+5BUNAVAILABLE+5D',
    'ADDR=[UNAVAILABLE] ADDR=127.0.0.5',
    'ADDR=[UNAVAILABLE] LOGIN=[UNAVAILABLE]',
  ])('behind a proxy that says %s, nobody has the rights of the proxy', async (words) => {
    await using fixture = await IngressFixture.open();
    for (const wanted of [{ tls: 'starttls' }, { tls: 'opportunistic', auth: 'none' }]) {
      await using dialogue = await SmtpDialogue.greeted(fixture.port(wanted), { localAddress: '127.0.0.5' });
      await dialogue.say('EHLO x');
      expect(await dialogue.say(`XCLIENT ${words}`)).toMatch(/^220/);
      const extensions = await dialogue.say('EHLO x');
      expect(extensions).not.toContain('AUTH');
      expect(extensions).not.toContain('XCLIENT');
      await dialogue.say('MAIL FROM:<ana@shop.example>');
      expect(await dialogue.say('RCPT TO:<victim@dest.example>')).toMatch(/^5[05][03]/);
      expect(await dialogue.say('DATA')).toMatch(/^503/);
      expect(fixture.eventsOf('refused').at(-1)).toMatchObject({ peer: 'unknown', client: null });
      await dialogue.say('RSET');
      expect(await dialogue.say('XCLIENT ADDR=127.0.0.5')).toMatch(/^550/);
      expect(await dialogue.say('XFORWARD ADDR=127.0.0.5')).toMatch(/^550/);
    }
  });

  test('a client of an unknown address that the proxy names is known by its name, and in the trace by no address', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await SmtpDialogue.greeted(fixture.port(), { localAddress: '127.0.0.5' });
    await dialogue.all('EHLO x', 'XCLIENT ADDR=[UNAVAILABLE] LOGIN=shop', 'EHLO app.example');
    expect(await dialogue.say('MAIL FROM:<eve@elsewhere.example>')).toMatch(/^550 5\.7\.1/);
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^250/);
    await dialogue.say('RCPT TO:<bob@dest.example>');
    expect(await send(dialogue, MAIL)).toMatch(/^250/);
    expect(fixture.spool.accepted[0]?.content.toString()).toMatch(/^Received: from app\.example \(unknown\)\r\n/);
  });

  test('a proxy that passes on an address to be shown, and then a name, keeps its own rights', async () => {
    await using fixture = await IngressFixture.open({ policy: { clients: { ...CLIENTS, ...OTHER } } });
    await using dialogue = await SmtpDialogue.greeted(fixture.port(), { localAddress: '127.0.0.5' });
    await dialogue.all('EHLO x', 'XFORWARD ADDR=192.0.2.7', 'XCLIENT NAME=mail.example', 'EHLO x');
    expect(await dialogue.say('MAIL FROM:<ana@anywhere.example>')).toMatch(/^250/);
  });

  test('a proxy may name a client only as far as its own rights go', async () => {
    const clients = {
      ...CLIENTS,
      narrow: { networks: ['127.0.0.6'], senders: ['*@narrow.example'] },
    };
    await using fixture = await IngressFixture.open({ policy: { clients } });
    for (const [localAddress, expected] of [
      ['127.0.0.5', /^250/],
      ['127.0.0.6', /^530/],
    ] as const) {
      await using dialogue = await SmtpDialogue.greeted(fixture.port(), { localAddress });
      await dialogue.say('EHLO x');
      await dialogue.all('XCLIENT ADDR=192.0.2.7 LOGIN=shop', 'EHLO x');
      expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(expected);
    }
  });

  test('at most ten failures a connection', async () => {
    await using fixture = await IngressFixture.open({ policy: { limits: { loginAttempts: '1000/m' } } });
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    await dialogue.say('EHLO x');
    const wrong = `AUTH PLAIN ${Buffer.from('\0shop\0wrong').toString('base64')}`;
    for (let time = 0; time < 9; time++) expect(await dialogue.say(wrong)).toMatch(/^535 5\.7\.8/);
    expect(await dialogue.say(wrong)).toMatch(/^421/);
    expect(await dialogue.reply()).toBe('');
    expect(fixture.eventsOf('auth-failed')).toHaveLength(10);
  });

  test('a new policy counts at the next command', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    await dialogue.all('EHLO x', SIGN_IN);
    await fixture.reload({ clients: { shop: { password: cheapHash('secret'), senders: ['*@new.example'] } } });
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^550 5\.7\.1/);
    expect(await dialogue.say('MAIL FROM:<ana@new.example>')).toMatch(/^250/);
    await dialogue.say('RSET');
    await fixture.reload({ clients: {} });
    expect(await dialogue.say('MAIL FROM:<ana@new.example>')).toMatch(/^530/);
  });
});
