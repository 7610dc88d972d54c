import { describe, expect, test } from 'vitest';
import { CLIENTS, IngressFixture, MAIL, SIGN_IN, atData, send } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';

describe('limits', () => {
  test('a quota counts recipients, and is all or nothing', async () => {
    await using fixture = await IngressFixture.open({
      policy: { clients: { ...CLIENTS, shop: { ...CLIENTS['shop'], senders: ['*@shop.example'], quota: '3/d' } } },
    });
    await using dialogue = await atData(fixture, ['a@x.example', 'b@x.example']);
    expect(await send(dialogue, MAIL)).toMatch(/^250/);
    await dialogue.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<a@x.example>', 'RCPT TO:<b@x.example>');
    expect(await dialogue.say('DATA')).toMatch(/^452 4\.7\.1/);
    await dialogue.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<a@x.example>');
    expect(await dialogue.say('DATA')).toMatch(/^354/);
    expect(fixture.ledger.used.get('client:shop')).toBe(3);
  });

  test('a message that grows beyond the size is read to its end, not kept, and refused', async () => {
    await using fixture = await IngressFixture.open({ policy: { limits: { messageSize: '100KB' } } });
    await using dialogue = await atData(fixture);
    await dialogue.say('DATA');
    dialogue.write(`From: ana@shop.example\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(2_000)}`);
    dialogue.write('.\r\n');
    expect(await dialogue.reply()).toMatch(/^552 5\.3\.4/);
    expect(fixture.ingress.counters().bytesInFlight).toBe(0);
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^250/);
  });

  test('one that never ends is hung up on', async () => {
    await using fixture = await IngressFixture.open({ policy: { limits: { messageSize: '100KB' } } });
    await using dialogue = await atData(fixture);
    await dialogue.say('DATA');
    const chunk = Buffer.from(`${'x'.repeat(78)}\r\n`.repeat(10_000));
    for (let sent = 0; sent < 40; sent++) await dialogue.send(chunk);
    expect(await dialogue.reply()).toMatch(/^552 5\.3\.4/);
    expect(await dialogue.reply()).toBe('');
  });

  test('beyond the memory for all messages clients get 452, before or after they declare their size', async () => {
    await using fixture = await IngressFixture.open({ policy: { limits: { memory: '1MB', messageSize: '900KB' } } });
    await using holder = await SmtpDialogue.greeted(fixture.port());
    await holder.all('EHLO x', SIGN_IN, 'MAIL FROM:<ana@shop.example> SIZE=800000', 'RCPT TO:<a@x.example>', 'DATA');
    expect(fixture.ingress.counters().bytesInFlight).toBe(800_000);

    await using declared = await SmtpDialogue.greeted(fixture.port());
    await declared.all('EHLO x', SIGN_IN);
    expect(await declared.say('MAIL FROM:<ana@shop.example> SIZE=800000')).toMatch(/^452 4\.3\.1/);

    await using silent = await atData(fixture);
    await silent.say('DATA');
    silent.write(`From: ana@shop.example\r\n\r\n${`${'x'.repeat(78)}\r\n`.repeat(9_000)}.\r\n`);
    expect(await silent.reply()).toMatch(/^452 4\.3\.1/);
    expect(fixture.ingress.counters().bytesInFlight).toBe(800_000);

    holder.destroy();
    while (fixture.ingress.counters().bytesInFlight > 0) await new Promise((resolve) => setImmediate(resolve));
    await declared.all('MAIL FROM:<ana@shop.example> SIZE=800000', 'RCPT TO:<a@x.example>');
    expect(await declared.say('DATA')).toMatch(/^354/);
  });

  test('connections at once, in all and from one address; a place is free again when its connection ends', async () => {
    await using fixture = await IngressFixture.open({ policy: { limits: { connections: 4, perAddress: 2 } } });
    const port = fixture.port();
    const open = (localAddress: string) => SmtpDialogue.open(port, { localAddress });
    await using first = await open('127.0.0.2');
    await using second = await open('127.0.0.2');
    await using third = await open('127.0.0.2');
    expect((await first.reply()) && (await second.reply())).toMatch(/^220/);
    expect(await third.reply()).toMatch(/^421 4\.7\.0 too many connections/);
    await using fourth = await open('127.0.0.3');
    await using fifth = await open('127.0.0.3');
    expect((await fourth.reply()) && (await fifth.reply())).toMatch(/^220/);
    await using sixth = await open('127.0.0.4');
    expect(await sixth.reply()).toMatch(/^421/);
    first.destroy();
    while (fixture.ingress.counters().connections > 3) await new Promise((resolve) => setImmediate(resolve));
    await using seventh = await open('127.0.0.4');
    expect(await seventh.reply()).toMatch(/^220/);
  });

  test('every way in and out gives its place back: TLS, STARTTLS, refused handshakes, QUIT, resets', async () => {
    await using fixture = await IngressFixture.open();
    const implicit = fixture.port({ tls: 'implicit' });
    await using plain = await SmtpDialogue.greeted(fixture.port());
    await plain.say('QUIT');
    plain.end();
    await using upgraded = await SmtpDialogue.greeted(fixture.port());
    await upgraded.say('EHLO x');
    await upgraded.startTls();
    expect(fixture.ingress.counters().connections).toBeGreaterThan(0);
    upgraded.destroy();
    await using broken = await SmtpDialogue.greeted(fixture.port());
    await broken.all('EHLO x', 'STARTTLS');
    broken.write('this is no handshake\r\n');
    await broken.closed();
    await using secure = await SmtpDialogue.greeted(implicit, { tls: true });
    secure.destroy();
    await using garbage = await SmtpDialogue.open(implicit);
    garbage.write('EHLO x\r\n');
    await garbage.closed();
    garbage.destroy();
    while (fixture.ingress.counters().connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
  });

  test('networks of the deny list are turned away', async () => {
    await using fixture = await IngressFixture.open({ policy: { limits: { deny: ['127.0.0.9'] } } });
    await using denied = await SmtpDialogue.open(fixture.port(), { localAddress: '127.0.0.9' });
    expect(await denied.reply()).toMatch(/^554 5\.7\.1/);
    expect(await denied.reply()).toBe('');
  });

  test('a command line of any length costs no memory, and one that never ends is hung up on', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    expect(await dialogue.say(`NOOP ${'x'.repeat(2_000)}`)).toMatch(/^250/);
    expect(await dialogue.say(`NOOP ${'x'.repeat(3_000)}`)).toMatch(/^500 5\.5\.2 line too long/);
    expect(await dialogue.say(`NOOP ${'x'.repeat(100_000)}`)).toMatch(/^500 5\.5\.2 line too long/);
    expect(await dialogue.say('NOOP')).toMatch(/^250/);
    await dialogue.send(Buffer.alloc(3_000_000, 'x'));
    expect(await dialogue.reply()).toMatch(/^421/);
  });

  test('no stranger goes on after twenty refusals of any kind, a client goes on', async () => {
    await using fixture = await IngressFixture.open();
    const port = fixture.port({ tls: 'opportunistic', auth: 'none' });
    await using stranger = await SmtpDialogue.greeted(port);
    await stranger.all('EHLO x', 'MAIL FROM:<ana@shop.example>');
    for (let time = 0; time < 19; time++)
      expect(await stranger.say(`RCPT TO:<b${time}@dest.example>`)).toMatch(/^550 5\.7\.1/);
    expect(await stranger.say('DATA')).toMatch(/^503/);
    expect(await stranger.say('RCPT TO:<c@dest.example>')).toMatch(/^550/);
    expect(await stranger.reply()).toMatch(/^421 4\.7\.0/);
    expect(await stranger.reply()).toBe('');

    await using client = await SmtpDialogue.greeted(port, { localAddress: '127.0.0.5' });
    await client.all('EHLO x', 'MAIL FROM:<ana@shop.example>');
    for (let time = 0; time < 30; time++) expect(await client.say('RCPT TO:<b>')).toMatch(/^501/);
    expect(await client.say('RCPT TO:<c@dest.example>')).toMatch(/^250/);
  });
});
