import { describe, expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { DnsZone, fakeDns } from '../../../tests/fakes/dns.ts';
import { exitPorts, mailTo, mxPolicy, NEVER, testPolicy } from '../../../tests/fakes/exits.ts';
import { kinds, startMxRig } from '../../../tests/fakes/mx-rig.ts';
import { startSmtpSink } from '../../../tests/fakes/smtp-sink.ts';
import { openMxEgress } from './mx-egress.ts';

const SHAPING = {
  '*.example.net': { connections: 10, perConnection: 3 },
  default: { connections: 10, perConnection: 5 },
};

describe('a connection', () => {
  test('carries one message after another, up to the limit for its host', async () => {
    await using rig = await startMxRig({
      policy: testPolicy({ shaping: SHAPING }),
      zone: { 'example.org': { mx: [[10, 'mx.example.org']] }, 'mx.example.org': { a: ['127.0.0.1'] } },
    });
    for (let sent = 0; sent < 7; sent++) await rig.send();
    expect(rig.sink.messages.map(({ session }) => session)).toEqual([1, 1, 1, 2, 2, 2, 3]);
    for (let sent = 0; sent < 6; sent++) await rig.send({ to: ['b@example.org'] });
    expect(rig.sink.messages.slice(7).map(({ session }) => session)).toEqual([4, 4, 4, 4, 4, 5]);
  });

  test('is shared by domains with the same host, at once only by one message', async () => {
    await using rig = await startMxRig({ zone: { 'other.test': { mx: [[10, 'mx1.example.net']] } } });
    await rig.send();
    await rig.send({ to: ['b@other.test'] });
    expect(rig.sink.sessions).toBe(1);
    await Promise.all([rig.send(), rig.send(), rig.send()]);
    expect(rig.sink.sessions).toBe(3);
  });

  test('that the server closed meanwhile is replaced, and nobody notices', async () => {
    await using rig = await startMxRig();
    await rig.send();
    await rig.sink.stop();
    await rig.sink.listen();
    expect(kinds(await rig.send())).toEqual(['delivered']);
    expect(rig.sink.sessions).toBe(2);
  });

  test.each(['close', 'reset', 421] as const)(
    'that ends at its next MAIL (%s) is replaced in the same attempt',
    async (action) => {
      await using rig = await startMxRig();
      await rig.send();
      rig.sink.fault('mail', action, 1);
      expect(kinds(await rig.send())).toEqual(['delivered']);
      expect(rig.sink.messages.map(({ session }) => session)).toEqual([1, 2]);
    },
  );

  test('that ends at MAIL again is a failure', async () => {
    await using rig = await startMxRig();
    await rig.send();
    rig.sink.fault('mail', 'close');
    expect(kinds(await rig.send())).toEqual(['deferred host']);
    expect(rig.sink.sessions).toBe(2);
  });

  test('with more than its limit of messages by the server’s count is replaced', async () => {
    await using rig = await startMxRig({ sinks: [{ maxMessages: 2 }] });
    for (let sent = 0; sent < 5; sent++) expect(kinds(await rig.send())).toEqual(['delivered']);
    expect(rig.sink.messages.map(({ session }) => session)).toEqual([1, 1, 2, 2, 3]);
  });

  test.each([
    ['rcpt', 550],
    ['data', 451],
    ['dot', 554],
    ['mail', 550],
  ] as const)('is good for the next message after a refusal at %s', async (stage, code) => {
    await using rig = await startMxRig();
    rig.sink.fault(stage, code, 1);
    await rig.send();
    expect(kinds(await rig.send())).toEqual(['delivered']);
    expect(rig.sink.sessions).toBe(1);
  });

  test.each([
    ['rcpt', 421],
    ['dot', 354],
    ['data', 250],
    ['mail', 'twice'],
    ['dot', 'twice'],
  ] as const)('is not used again after %s %s', async (stage, action) => {
    await using rig = await startMxRig();
    rig.sink.fault(stage, action, 1);
    await rig.send();
    expect(kinds(await rig.send())).toEqual(['delivered']);
    expect(rig.sink.sessions).toBe(2);
  });

  test('ends with QUIT when nothing was sent for a while, and no timer is left', async () => {
    const clock = new FakeClock();
    await using sink = await startSmtpSink();
    const dns = fakeDns(new DnsZone({ 'example.net': { a: ['127.0.0.1'] } }));
    await using egress = openMxEgress('direct', mxPolicy(sink.port), { ...exitPorts({ dns }), clock });
    await egress.attempt(mailTo(), NEVER);
    await clock.advance(15_000);
    expect(sink.open).toBe(1);
    await egress.attempt(mailTo(), NEVER);
    await clock.advance(15_000);
    expect(sink.sessions).toBe(1);
    await clock.advance(10_000);
    await sink.until(() => sink.open === 0);
    expect(sink.commands.at(-1)).toBe('1 QUIT');
    await egress[Symbol.asyncDispose]();
    expect(clock.pending).toBe(0);
  });

  test('ends with QUIT when the exit is closed', async () => {
    await using rig = await startMxRig();
    await Promise.all([rig.send(), rig.send()]);
    await rig.egress[Symbol.asyncDispose]();
    await rig.sink.until(() => rig.sink.open === 0);
    expect(rig.sink.commands.filter((command) => command.endsWith('QUIT'))).toHaveLength(2);
  });

  test('that is idle counts towards those of the exit: the oldest makes room', async () => {
    await using rig = await startMxRig({
      exit: { connections: 2 },
      zone: { 'a.test': { a: ['127.0.0.1'] }, 'b.test': { a: ['127.0.0.1'] }, 'c.test': { a: ['127.0.0.1'] } },
    });
    for (const domain of ['a.test', 'b.test', 'c.test']) await rig.send({ to: [`x@${domain}`] });
    await rig.sink.until(() => rig.sink.open === 2);
    expect(rig.sink.commands.filter((command) => command.endsWith('QUIT'))).toEqual(['1 QUIT']);
  });
});
