import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { KEYS, openMailgunRig, openSesRig } from '../../tests/fakes/cloud-exits.ts';
import { exitPorts, mailTo, NEVER, smtpPolicy } from '../../tests/fakes/exits.ts';
import { startMxRig } from '../../tests/fakes/mx-rig.ts';
import { startSmtpSink } from '../../tests/fakes/smtp-sink.ts';
import { systemClock } from '../system.ts';
import { Recorder } from './recorder.ts';
import { openSmtpEgress } from './smtp/smtp-egress.ts';

const PASSWORD = 'sécret with spaces';

function textOf(recorder: Recorder): string {
  const marks = { relay: '>', server: '<', note: '*' } as const;
  return recorder
    .lines()
    .lines.map(({ from, text }) => `${marks[from]} ${text}`)
    .join('\n');
}

describe('what is recorded of an attempt', () => {
  test('has each command and each reply, and of the content its size alone', async () => {
    await using rig = await startMxRig();
    const recorder = new Recorder(systemClock);
    const content = Buffer.from('Subject: secret plan\r\n\r\nbody\r\n');
    await rig.egress.attempt({ ...mailTo({ to: ['ann@example.net', 'x-550@example.net'], content }), recorder }, NEVER);
    const text = textOf(recorder);
    expect(text).toContain('* connected to 127.0.0.1 port');
    expect(text).toMatch(/^< 220 /m);
    expect(text).toMatch(/^> EHLO /m);
    expect(text).toMatch(/^> MAIL FROM:</m);
    expect(text).toMatch(/^> RCPT TO:</m);
    expect(text).toMatch(/^< 550 /m);
    expect(text).toMatch(/^\* the message, \d+ bytes, and the final dot$/m);
    expect(text).not.toContain('secret plan');
  });

  test.each(['PLAIN', 'LOGIN', 'CRAM-MD5'] as const)(
    'never has what signs in (%s), whoever says it',
    async (mechanism) => {
      await using sink = await startSmtpSink({ auth: { users: { relay: PASSWORD }, mechanisms: [mechanism] } });
      const policy = smtpPolicy(sink.port, { tls: 'none', username: 'relay', password: `${PASSWORD}-wrong` });
      await using egress = openSmtpEgress('upstream', policy, exitPorts());
      const recorder = new Recorder(systemClock);
      await egress.attempt({ ...mailTo(), recorder }, NEVER);
      const text = textOf(recorder);
      expect(text).toContain(`> AUTH ${mechanism}`);
      expect(text).toContain('***');
      expect(text).toMatch(/< 535/);
      for (const secret of [PASSWORD, `${PASSWORD}-wrong`]) {
        expect(text).not.toContain(secret);
        expect(text).not.toContain(Buffer.from(secret).toString('base64').slice(0, 16));
        expect(text).not.toContain(Buffer.from(`\0relay\0${secret}`).toString('base64').slice(0, 20));
      }
    },
  );

  test('says on which connection it was, where that was open before, and begins anew', async () => {
    await using rig = await startMxRig();
    const [first, second] = [new Recorder(systemClock), new Recorder(systemClock)];
    await rig.egress.attempt({ ...mailTo(), recorder: first }, NEVER);
    await rig.egress.attempt({ ...mailTo({ to: ['later@example.net'] }), recorder: second }, NEVER);
    expect(textOf(second)).toMatch(/^\* a connection that was open already: mx1.example.net\[127.0.0.1\]/);
    expect(textOf(second)).toContain('RCPT TO:<later@example.net>');
    expect(textOf(second)).not.toContain('EHLO');
    expect(textOf(first)).not.toContain('later@example.net');
  });

  test('a server that is not there, or goes away, is told', async () => {
    const rig = await startMxRig();
    await rig.sink.stop();
    const recorder = new Recorder(systemClock);
    await rig.egress.attempt({ ...mailTo(), recorder }, NEVER);
    expect(textOf(recorder)).toMatch(/\* 127\.0\.0\.1 port \d+: no connection \(ECONNREFUSED\)/);
    await rig[Symbol.asyncDispose]();
  });
});

describe.each([
  ['mailgun', openMailgunRig],
  ['ses', openSesRig],
] as const)('what is recorded of a request to %s', (_, open) => {
  test('has where it went and what was answered, and neither key nor message', async () => {
    await using rig = await open({ keys: KEYS });
    rig.server.act({ kind: 'answer', status: 500, body: '{"message":"<b>out of order</b>"}' });
    const recorder = new Recorder(systemClock);
    const content = Buffer.from('From: a@example.com\r\nSubject: secret plan\r\n\r\nbody\r\n');
    await rig.egress.attempt({ ...mailTo({ content }), recorder }, NEVER);
    const text = textOf(recorder);
    expect(text).toMatch(/^> POST http:\/\/127\.0\.0\.1:\d+\/.* \(\d+ bytes\)$/m);
    expect(text).toMatch(/^< 500 .*out of order/m);
    expect(text).not.toContain('secret plan');
    for (const key of KEYS) expect(text).not.toContain(key);
  });
});

describe('a recorder', () => {
  test('keeps the beginning and the end of very long conversations, and says so', () => {
    const recorder = new Recorder(new FakeClock());
    for (let n = 0; n < 5_000; n++) recorder.heard({ code: 250, lines: [`reply ${n}`] });
    const { lines, isWhole } = recorder.lines();
    expect(isWhole).toBe(false);
    expect(lines.length).toBeLessThanOrEqual(401);
    expect(lines[0]?.text).toBe('250 reply 0');
    expect(lines.at(-1)?.text).toBe('250 reply 4999');
  });

  test('hides a secret in what servers repeat, and cuts endless lines', () => {
    const recorder = new Recorder(new FakeClock());
    recorder.hide('hunter2');
    recorder.heard({ code: 535, lines: ['no hunter2 here', 'x'.repeat(9_000)] });
    const { lines } = recorder.lines();
    expect(lines.map(({ text }) => text.slice(0, 20))).toEqual(['535-no *** here', '535 xxxxxxxxxxxxxxxx']);
    expect(lines[1]?.text.length).toBeLessThan(600);
  });
});
