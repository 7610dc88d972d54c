import { describe, expect, test } from 'vitest';
import { FakeClock, settled } from '../../../tests/fakes/clock.ts';
import { kinds, startMxRig } from '../../../tests/fakes/mx-rig.ts';
import { Socket } from 'node:net';
import { dialFirst, interleaved, type Dialled } from './dial.ts';

test('addresses are tried in turns of the two families, IPv6 first', () => {
  expect(interleaved(['192.0.2.1', '192.0.2.2', '2001:db8::1', '192.0.2.3'])).toEqual([
    '2001:db8::1',
    '192.0.2.1',
    '192.0.2.2',
    '192.0.2.3',
  ]);
});

type Pending = { readonly address: string; readonly answer: (result: Socket | string) => void; aborted: boolean };

function race(addresses: readonly string[], signal = new AbortController().signal) {
  const clock = new FakeClock();
  const dials: Pending[] = [];
  const failures: string[] = [];
  const result: { dialled: Dialled | null } = { dialled: null };
  void dialFirst({
    addresses,
    target: { port: 25, bind: null, timeoutMs: 30_000 },
    dial: ({ address }, others) =>
      new Promise((resolve, reject) => {
        const pending: Pending = {
          address,
          aborted: false,
          answer: (with_) => {
            if (typeof with_ === 'string') reject(Object.assign(new Error(with_), { code: with_ }));
            else resolve(with_);
          },
        };
        others.addEventListener('abort', () => {
          pending.aborted = true;
          pending.answer('ABORTED');
        });
        dials.push(pending);
      }),
    clock,
    signal,
    onFailed: (address, { code, tookMs }) => failures.push(`${address} ${code} ${tookMs}`),
  }).then((dialled) => {
    result.dialled = dialled;
  });
  return { clock, dials, failures, result };
}

describe('addresses of one host', () => {
  test('the next one starts after a quarter of a second, and the first to answer wins', async () => {
    const { clock, dials, failures, result } = race(['2001:db8::1', '192.0.2.1', '192.0.2.2']);
    expect(dials.map(({ address }) => address)).toEqual(['2001:db8::1']);
    await clock.advance(250);
    expect(dials.map(({ address }) => address)).toEqual(['2001:db8::1', '192.0.2.1']);
    dials[1]?.answer(new Socket());
    await settled();
    expect(result.dialled).toMatchObject({ kind: 'connected', address: '192.0.2.1' });
    expect(dials[0]?.aborted).toBe(true);
    expect(failures).toEqual([]);
    await clock.advance(1_000);
    expect(dials).toHaveLength(2);
    expect(clock.pending).toBe(0);
  });

  test('a refusal starts the next one at once', async () => {
    const { clock, dials, failures, result } = race(['2001:db8::1', '192.0.2.1']);
    await clock.advance(10);
    dials[0]?.answer('ECONNREFUSED');
    await settled();
    expect(dials).toHaveLength(2);
    dials[1]?.answer('ETIMEDOUT');
    await settled();
    expect(result.dialled).toEqual({ kind: 'failed' });
    expect(failures).toEqual(['2001:db8::1 ECONNREFUSED 10', '192.0.2.1 ETIMEDOUT 0']);
    expect(clock.pending).toBe(0);
  });

  test('a connection that comes too late is closed', async () => {
    const { clock, dials, result } = race(['2001:db8::1', '192.0.2.1']);
    await clock.advance(250);
    const late = new Socket();
    dials[0]?.answer(new Socket());
    dials[1]?.answer(late);
    await settled();
    expect(result.dialled).toMatchObject({ address: '2001:db8::1' });
    expect(late.destroyed).toBe(true);
  });

  test('called off: nothing goes on', async () => {
    const stop = new AbortController();
    const { clock, dials, result } = race(['2001:db8::1', '192.0.2.1'], stop.signal);
    stop.abort();
    await settled();
    expect(result.dialled).toEqual({ kind: 'aborted' });
    expect(dials[0]?.aborted).toBe(true);
    expect(clock.pending).toBe(0);
  });
});

describe('IPv6 and IPv4 within one attempt', () => {
  test('IPv6 that is refused is no reason to wait', async () => {
    await using rig = await startMxRig({ zone: { 'both.test': { aaaa: ['::1'], a: ['127.0.0.1'] } } });
    const result = await rig.send({ to: ['b@both.test'] });
    expect(kinds(result)).toEqual(['delivered']);
    expect(result).toMatchObject({ host: 'both.test', address: '127.0.0.1' });
  });

  test('IPv6 that works is preferred', async () => {
    await using rig = await startMxRig({
      sinks: [{ address: '::1' }],
      zone: { 'both.test': { aaaa: ['::1'], a: ['127.0.0.1'] } },
    });
    const result = await rig.send({ to: ['b@both.test'] });
    expect(result).toMatchObject({ address: '::1', source: '::1' });
  });

  test('a server that takes connections on IPv6 but hangs up is talked to on IPv4', async () => {
    await using rig = await startMxRig({
      sinks: [{ address: '::1' }, {}],
      zone: { 'both.test': { aaaa: ['::1'], a: ['127.0.0.2'] } },
    });
    rig.sink.fault('greeting', 'close');
    const result = await rig.send({ to: ['b@both.test'] });
    expect(kinds(result)).toEqual(['delivered']);
    expect(result.address).toBe('127.0.0.2');
  });

  test('an exit bound to an address uses only its family', async () => {
    await using rig = await startMxRig({
      sinks: [{ address: '::1' }],
      zone: { 'both.test': { aaaa: ['::1'] } },
      exit: { bind: '127.0.0.1' },
    });
    const result = await rig.send({ to: ['b@both.test'] });
    expect(kinds(result)).toEqual(['deferred egress']);
    expect(result.outcomes[0]?.reply.text).toContain('no address of the family');
    expect(rig.sink.sessions).toBe(0);
  });
});
