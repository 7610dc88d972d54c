import { describe, expect, test } from 'vitest';
import { CLIENTS, IngressFixture, SIGN_IN, cheapHash } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';

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
