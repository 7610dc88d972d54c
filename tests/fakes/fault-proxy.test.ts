import { describe, expect, test } from 'vitest';
import { exitPorts, LARGE_CONTENT, mailTo, NEVER, smtpPolicy } from './exits.ts';
import { startFaultProxy } from './fault-proxy.ts';
import { kinds } from './mx-rig.ts';
import { startSmtpSink } from './smtp-sink.ts';
import { openSmtpEgress } from '../../src/egress/smtp/smtp-egress.ts';

async function startRig() {
  const sink = await startSmtpSink();
  const proxy = await startFaultProxy(sink.port);
  const timeouts = { connect: '5s', reply: '5s', data: '200ms' };
  const egress = openSmtpEgress('own', smtpPolicy(proxy.port, { timeouts }), exitPorts());
  return {
    sink,
    proxy,
    send: async (content?: Buffer) =>
      kinds(await egress.attempt(mailTo(content === undefined ? {} : { content }), NEVER)),
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      await proxy[Symbol.asyncDispose]();
      await sink[Symbol.asyncDispose]();
    },
  };
}

describe('a network between relay and server', () => {
  test('that is slow delays, and changes nothing', async () => {
    await using rig = await startRig();
    rig.proxy.set({ kind: 'delay', delayMs: 10 });
    expect(await rig.send()).toEqual(['delivered']);
    expect(rig.sink.accepted).toHaveLength(1);
  });

  test('that swallows the reply to the dot leaves doubt: the message arrived', async () => {
    await using rig = await startRig();
    expect(await rig.send()).toEqual(['delivered']);
    // Of the next conversation, over the same connection, three replies come through.
    rig.sink.fault('dot', 'slow');
    const attempt = rig.send();
    await rig.sink.until(() => rig.sink.messages.length === 2);
    rig.proxy.set({ kind: 'blackhole', direction: 'back' });
    expect(await attempt).toEqual(['in-doubt']);
    expect(rig.sink.messages).toHaveLength(2);
  });

  test('that breaks in the middle of the content leaves no doubt', async () => {
    await using rig = await startRig();
    rig.proxy.set({ kind: 'dropAfter', bytes: 100_000, direction: 'there' });
    expect(await rig.send(LARGE_CONTENT)).toEqual(['deferred egress']);
    expect(rig.sink.messages).toEqual([]);
  });

  test('that resets an idle connection is not noticed by the next message', async () => {
    await using rig = await startRig();
    await rig.send();
    rig.proxy.reset();
    await rig.sink.until(() => rig.sink.open === 0);
    expect(await rig.send()).toEqual(['delivered']);
    expect(rig.proxy.connections).toBe(2);
  });

  test('that comes back lets mail through again', async () => {
    await using rig = await startRig();
    await rig.proxy.stop();
    expect(await rig.send()).toEqual(['deferred egress']);
    await rig.proxy.listen();
    expect(await rig.send()).toEqual(['delivered']);
  });
});
