import { describe, expect, test } from 'vitest';
import { kinds, replies, startMxRig } from '../../../tests/fakes/mx-rig.ts';
import { testEgress, type EgressUnderTest } from '../egress.contract.ts';

async function open(): Promise<EgressUnderTest> {
  const rig = await startMxRig();
  return {
    egress: rig.egress,
    arrived: () =>
      Promise.resolve(
        rig.sink.accepted.map(({ sender, recipients, content }) => ({
          sender,
          recipients: recipients.map(({ address }) => address),
          content,
        })),
      ),
    breakDown: () => rig.sink.stop(),
    [Symbol.asyncDispose]: () => rig[Symbol.asyncDispose](),
  };
}

testEgress('mx', open);

describe('the next host is tried', () => {
  test('when the first one refuses connections', async () => {
    await using rig = await startMxRig({ sinks: [{}, {}] });
    await rig.sink.stop();
    const result = await rig.send();
    expect(kinds(result)).toEqual(['delivered']);
    expect(result).toMatchObject({ host: 'mx2.example.net', address: '127.0.0.2', source: '127.0.0.1' });
  });

  test.each([
    ['connect', 'close'],
    ['greeting', 554],
    ['greeting', 421],
    ['ehlo', 'reset'],
    ['mail', 421],
    ['mail', 452],
    ['rcpt', 421],
    ['data', 'close'],
  ] as const)('when at %s the first one says %s', async (stage, action) => {
    await using rig = await startMxRig({ sinks: [{}, {}] });
    rig.sink.fault(stage, action);
    const result = await rig.send({ to: ['one@example.net', 'two@example.net'] });
    expect(kinds(result)).toEqual(['delivered', 'delivered']);
    expect(result.host).toBe('mx2.example.net');
    expect(rig.sinks.map(({ messages }) => messages.length)).toEqual([0, 1]);
  });

  test('only for those of whom the first one said nothing final', async () => {
    await using rig = await startMxRig({ sinks: [{}, {}] });
    rig.sinks[1]?.fault('greeting', 'close');
    const to = ['x-550@example.net', 'x-450@example.net', 'fine@example.net', 'x-421@example.net'];
    expect(kinds(await rig.send({ to }))).toEqual([
      'bounced recipient',
      'deferred recipient',
      'deferred host',
      'deferred host',
    ]);
    await using other = await startMxRig({ sinks: [{}, {}] });
    other.sink.fault('rcpt', 421, 1);
    const again = await other.send({ to: [...to.slice(0, 3), 'more@example.net'] });
    expect(kinds(again)).toEqual(['bounced recipient', 'deferred recipient', 'delivered', 'delivered']);
    expect(other.sinks.map(({ messages }) => messages.length)).toEqual([0, 1]);
  });

  test('until all have failed, and the last word counts', async () => {
    await using rig = await startMxRig({ sinks: [{}, {}, {}] });
    for (const sink of rig.sinks) sink.fault('greeting', 421);
    rig.sinks[2]?.fault('greeting', 'garbage');
    const result = await rig.send();
    expect(kinds(result)).toEqual(['deferred host']);
    expect(replies(result)).toEqual([
      '451 5.0 mx3.example.net[127.0.0.3] does not speak SMTP (greeting): "what is this?"',
    ]);
  });

  test('but five that were talked to are enough', async () => {
    await using rig = await startMxRig({ sinks: Array.from({ length: 7 }, () => ({})) });
    for (const sink of rig.sinks) sink.fault('mail', 421);
    await rig.send();
    expect(rig.sinks.map(({ sessions }) => sessions)).toEqual([1, 1, 1, 1, 1, 0, 0]);
  });
});

describe('the next host is not tried', () => {
  test.each([
    ['rcpt', 450, 'deferred recipient'],
    ['rcpt', 550, 'bounced recipient'],
    ['mail', 550, 'bounced message'],
    ['data', 554, 'bounced message'],
    ['dot', 451, 'deferred message'],
    ['dot', 554, 'bounced message'],
    ['dot', 'close', 'in-doubt'],
  ] as const)('when at %s the first one says %s: %s', async (stage, action, expected) => {
    await using rig = await startMxRig({ sinks: [{}, {}] });
    rig.sink.fault(stage, action);
    expect(kinds(await rig.send())).toEqual([expected]);
    expect(rig.sinks[1]?.sessions).toBe(0);
  });

  test('when this machine cannot even try', async () => {
    await using rig = await startMxRig({ sinks: [{}, {}], exit: { bind: '192.0.2.77' } });
    const result = await rig.send();
    expect(kinds(result)).toEqual(['deferred egress']);
    expect(replies(result)[0]).toContain('the local address to leave from is not on this machine');
    expect(rig.sinks.map(({ sessions }) => sessions)).toEqual([0, 0]);
  });
});

describe('what DNS says', () => {
  test('no MX host, no connection', async () => {
    await using rig = await startMxRig({
      zone: {
        'null.test': { mx: [[0, '']] },
        'gone.test': { fault: 'nxdomain' },
        'broken.test': { fault: 'servfail' },
        'loop.test': { mx: [[10, 'relay.example.com']] },
      },
    });
    const tell = async (domain: string) => [kinds(await rig.send({ to: [`b@${domain}`] })), domain];
    expect(await tell('null.test')).toEqual([['bounced recipient'], 'null.test']);
    expect(await tell('gone.test')).toEqual([['bounced recipient'], 'gone.test']);
    expect(await tell('broken.test')).toEqual([['deferred host'], 'broken.test']);
    expect(await tell('loop.test')).toEqual([['bounced recipient'], 'loop.test']);
    expect(rig.sink.sessions).toBe(0);
  });

  test('a loopback address is not talked to unless the policy allows it', async () => {
    await using rig = await startMxRig({ exit: { privateAddresses: false } });
    expect(kinds(await rig.send())).toEqual(['deferred host']);
    expect(kinds(await rig.send({ to: ['b@[127.0.0.1]'] }))).toEqual(['deferred host']);
    expect(rig.sink.sessions).toBe(0);
  });

  test('an address literal goes straight there', async () => {
    await using rig = await startMxRig();
    const result = await rig.send({ to: ['b@[127.0.0.1]'] });
    expect(kinds(result)).toEqual(['delivered']);
    expect(result).toMatchObject({ host: '127.0.0.1', address: '127.0.0.1' });
    expect(rig.sink.messages[0]?.recipients[0]?.address).toBe('b@[127.0.0.1]');
  });
});

describe('how it introduces itself', () => {
  test('by the hostname of the policy, or the name of the exit', async () => {
    await using rig = await startMxRig();
    await rig.send();
    expect(rig.sink.messages[0]?.helo).toBe('relay.example.com');
    await using other = await startMxRig({ exit: { helo: 'm1.example.com' } });
    await other.send();
    expect(other.sink.messages[0]?.helo).toBe('m1.example.com');
  });

  test('by HELO where EHLO is not known', async () => {
    await using rig = await startMxRig({ sinks: [{ extensions: null }] });
    expect(kinds(await rig.send())).toEqual(['delivered']);
    expect(rig.sink.commands.slice(0, 2)).toEqual(['1 EHLO relay.example.com', '1 HELO relay.example.com']);
    expect(rig.sink.messages[0]?.parameters).toEqual([]);
  });

  test('from the address that it is bound to', async () => {
    await using rig = await startMxRig({ exit: { bind: '127.0.0.9' } });
    expect(await rig.send()).toMatchObject({ source: '127.0.0.9' });
  });
});
