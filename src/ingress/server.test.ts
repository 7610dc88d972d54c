import { copyFile, writeFile, utimes } from 'node:fs/promises';
import { createServer } from 'node:net';
import { connect } from 'node:tls';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { IngressFixture, MAIL, SIGN_IN, atData, writeCertificate } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';
import { formatListenProblem } from './listen-problem.ts';

describe('the end of service', () => {
  test('idle sessions hear 421, a message that is coming in is finished, new connections are refused', async () => {
    await using fixture = await IngressFixture.open();
    const port = fixture.port();
    await using idle = await SmtpDialogue.greeted(port);
    await using sending = await atData(fixture);
    await sending.say('DATA');
    const stopped = fixture.ingress.stopAccepting();
    expect(await idle.reply()).toMatch(/^421 4\.3\.2/);
    await expect(SmtpDialogue.open(port)).rejects.toThrow('ECONNREFUSED');
    sending.write(`${MAIL}.\r\n`);
    expect(await sending.reply()).toMatch(/^250/);
    expect(await sending.reply()).toMatch(/^421 4\.3\.2/);
    await stopped;
    expect(fixture.spool.accepted).toHaveLength(1);
  });

  test('disposal waits for the message that is being accepted', async () => {
    const fixture = await IngressFixture.open();
    const { promise, resolve } = Promise.withResolvers<void>();
    fixture.spool.gate = promise;
    await using dialogue = await atData(fixture);
    await dialogue.say('DATA');
    dialogue.write(`${MAIL}.\r\n`);
    while (fixture.ingress.counters().messagesInFlight === 0) await new Promise((turn) => setImmediate(turn));
    let disposed = false;
    const disposal = fixture[Symbol.asyncDispose]().then(() => (disposed = true));
    await new Promise((turn) => setTimeout(turn, 20));
    expect(disposed).toBe(false);
    resolve();
    await disposal;
    expect(fixture.spool.accepted).toHaveLength(1);
  });

  test('a client that sends everything and closes its side still hears the answers', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await SmtpDialogue.open(fixture.port());
    const commands = ['HELO x', SIGN_IN, 'MAIL FROM:<ana@shop.example>', 'RCPT TO:<b@x.example>', 'DATA'];
    dialogue.write(`${commands.join('\r\n')}\r\n${MAIL}.\r\n`);
    dialogue.end();
    const codes: string[] = [];
    for (let reply = await dialogue.reply(); reply !== ''; reply = await dialogue.reply())
      codes.push(reply.slice(0, 3));
    expect(codes).toEqual(['220', '250', '235', '250', '250', '354', '250']);
  });

  test('half a message is no message', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await atData(fixture);
    await dialogue.say('DATA');
    dialogue.write(MAIL);
    dialogue.end();
    await dialogue.closed();
    while (fixture.ingress.counters().connections > 0) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(fixture.spool.accepted).toHaveLength(0);
    expect(fixture.ingress.counters().bytesInFlight).toBe(0);
  });
});

describe('ports', () => {
  test('are opened and closed as the policy says, and open sessions go on', async () => {
    await using fixture = await IngressFixture.open();
    const before = fixture.port({ tls: 'implicit' });
    await using dialogue = await SmtpDialogue.greeted(before, { tls: true });
    await fixture.reload({ listen: [{ port: 9, tls: 'opportunistic', auth: 'none' }] });
    expect(fixture.ingress.addresses()).toMatchObject([{ tls: 'opportunistic', auth: 'none' }]);
    await expect(SmtpDialogue.open(before)).rejects.toThrow('ECONNREFUSED');
    expect(await dialogue.say('EHLO x')).toMatch(/^250/);
    await using other = await SmtpDialogue.open(fixture.port({ tls: 'opportunistic' }));
    expect(await other.reply()).toMatch(/^220/);
  });

  test('one that is taken is a problem that says what to do, and the others are served', async () => {
    await using fixture = await IngressFixture.open();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
    const address = taken.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const [first] = fixture.policy.listen;
    if (first === undefined) throw new Error('no listener');
    const problems = await fixture.ingress.apply({ ...fixture.policy, listen: [first, { ...first, port }] });
    expect(problems).toMatchObject([{ kind: 'listen-failed', port, code: 'EADDRINUSE' }]);
    expect(problems.map(formatListenProblem)[0]).toMatch(/another program listens there already.*ss -ltnp/);
    expect(fixture.ingress.addresses()).toHaveLength(1);
    await new Promise((resolve) => taken.close(resolve));
    expect(await fixture.ingress.apply({ ...fixture.policy, listen: [first, { ...first, port }] })).toEqual([]);
    expect(fixture.ingress.addresses()[1]).toMatchObject({ port });
  });

  test('without a certificate there is no TLS, and no built-in key in its place', async () => {
    await using fixture = await IngressFixture.open({
      policy: { tls: { cert: '/nonexistent.crt', key: '/nonexistent.key' } },
    });
    expect(fixture.ingress.problems()).toMatchObject([{ code: 'NO-CERTIFICATE' }]);
    expect(fixture.eventsOf('alert')).toMatchObject([{ name: 'certificate', raised: true }]);
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    expect(await dialogue.say('EHLO x')).not.toContain('STARTTLS');
    expect(await dialogue.say('STARTTLS')).toMatch(/^454 4\.7\.0/);
  });
});

describe('certificates', () => {
  test('that come later open the port that waited for one', async () => {
    const clock = new FakeClock();
    await using fixture = await IngressFixture.open({
      clock,
      policy: { tls: { cert: '/nonexistent', key: '/nonexistent' } },
    });
    expect(fixture.ingress.problems()).toHaveLength(1);
    const { cert, key } = { cert: join(fixture.folder, 'later.crt'), key: join(fixture.folder, 'later.key') };
    await fixture.reload({ tls: { cert, key } });
    expect(fixture.ingress.problems()).toHaveLength(1);
    await copyFile(join(fixture.folder, 'relay.key'), key);
    await copyFile(join(fixture.folder, 'relay.crt'), cert);
    await clock.advanceUntil(() => fixture.ingress.problems().length === 0, { stepMs: 1_000 });
    await using dialogue = await SmtpDialogue.greeted(fixture.port({ tls: 'implicit' }), { tls: true });
    expect(await dialogue.say('EHLO x')).toMatch(/^250/);
    expect(await serialOf(fixture.port())).not.toBe('');
  });

  async function serialOf(port: number): Promise<string> {
    await using dialogue = await SmtpDialogue.greeted(port);
    await dialogue.say('EHLO x');
    await dialogue.say('STARTTLS');
    return (await dialogue.handshake()).getPeerCertificate().serialNumber;
  }

  test('are read again when they change; a pair that does not work changes nothing', async () => {
    const clock = new FakeClock();
    await using fixture = await IngressFixture.open({ clock });
    const port = fixture.port();
    const first = await serialOf(port);
    expect(await serialOf(port)).toBe(first);

    await writeCertificate(fixture.folder);
    await clock.advanceUntil(async () => (await serialOf(port)) !== first, { stepMs: 1_000 });
    const second = await serialOf(port);

    const certificate = join(fixture.folder, 'relay.crt');
    await writeFile(certificate, 'no certificate');
    await clock.advanceUntil(() => fixture.eventsOf('alert').length > 0, { stepMs: 1_000 });
    expect(fixture.eventsOf('alert')).toMatchObject([{ name: 'certificate', raised: true }]);
    expect(await serialOf(port)).toBe(second);

    await writeCertificate(fixture.folder);
    await utimes(certificate, new Date(0), new Date(1_000));
    await clock.advanceUntil(() => fixture.eventsOf('alert').length > 1, { stepMs: 1_000 });
    expect(fixture.eventsOf('alert')[1]).toMatchObject({ raised: false });
    expect(await serialOf(port)).not.toBe(second);
  });

  test('TLS 1.1 is not spoken', async () => {
    await using fixture = await IngressFixture.open({ policy: {} });
    const socket = connect({
      port: fixture.port({ tls: 'implicit' }),
      host: '127.0.0.1',
      rejectUnauthorized: false,
      minVersion: 'TLSv1.1',
      maxVersion: 'TLSv1.1',
      ciphers: 'DEFAULT@SECLEVEL=0',
    });
    const outcome = await new Promise((resolve) => {
      socket.once('secureConnect', () => resolve('connected'));
      socket.once('error', (error) => resolve(error.message));
    });
    expect(outcome).toMatch(/version|alert|protocol/i);
    socket.destroy();
  });
});
