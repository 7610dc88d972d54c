import { expect, test } from 'vitest';
import { testPolicy } from '../../../tests/fakes/exits.ts';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { kinds, replies, startMxRig } from '../../../tests/fakes/mx-rig.ts';

const clock = new FakeClock();

function terms(inMs: number, mode: 'return' | 'notify', trace = false) {
  return { terms: { deliverBy: { atMs: clock.nowMs() + inMs, mode, trace } } };
}

test('what is left of its time goes on to a server that offers DELIVERBY, and its priority to one that knows it', async () => {
  await using rig = await startMxRig({ clock, sinks: [{ extensions: ['DELIVERBY', 'MT-PRIORITY MIXER'] }] });
  await rig.send(terms(90_500, 'return'));
  await rig.send(terms(-5_000, 'notify', true));
  await rig.send({ terms: { mtPriority: -4, sendAtMs: clock.nowMs() - 1 } });
  await rig.send({ terms: { expiresAtMs: clock.nowMs() + 30_000 } });
  expect(rig.sink.messages.map(({ parameters }) => parameters)).toEqual([
    ['BY=90;R'],
    ['BY=-5;NT'],
    ['MT-PRIORITY=-4'],
    ['BY=30;R'],
  ]);
});

test('mail to be returned when late is handed to nobody who does not promise the same', async () => {
  await using rig = await startMxRig({ clock, sinks: [{ extensions: [] }] });
  const result = await rig.send(terms(60_000, 'return'));
  expect(kinds(result)).toEqual(['bounced message']);
  expect(replies(result)[0]).toMatch(/^554 4\.7 .*does not promise delivery by a time/);
  expect(rig.sink.commands.filter((line) => line.includes('MAIL'))).toEqual([]);
});

test('another host of the destination may promise it', async () => {
  await using rig = await startMxRig({ clock, sinks: [{ extensions: [] }, { extensions: ['DELIVERBY 10'] }] });
  expect(kinds(await rig.send(terms(60_000, 'return')))).toEqual(['delivered']);
  expect(rig.sinks[1]?.messages[0]?.parameters).toEqual(['BY=60;R']);
});

test('nor to a server that needs more time than is left, nor when none is', async () => {
  await using rig = await startMxRig({ clock, sinks: [{ extensions: ['DELIVERBY 120'] }] });
  expect(kinds(await rig.send(terms(119_000, 'return')))).toEqual(['bounced message']);
  expect(kinds(await rig.send(terms(120_000, 'return')))).toEqual(['delivered']);
  await using any = await startMxRig({ clock, sinks: [{ extensions: ['DELIVERBY'] }] });
  expect(kinds(await any.send(terms(900, 'return')))).toEqual(['bounced message']);
  expect(any.sink.messages).toEqual([]);
});

test('an end of our own keeps it from no server, and is not told of where late mail is dropped', async () => {
  const drops = testPolicy({ streams: { transactional: { onLate: 'drop' } } });
  for (const [policy, extensions] of [
    [testPolicy(), []],
    [testPolicy(), ['DELIVERBY 3600']],
    [drops, ['DELIVERBY']],
  ] as const) {
    await using rig = await startMxRig({ clock, policy, sinks: [{ extensions }] });
    expect(kinds(await rig.send({ terms: { expiresAtMs: clock.nowMs() + 60_000 } }))).toEqual(['delivered']);
    expect(rig.sink.messages.map(({ parameters }) => parameters)).toEqual([[]]);
  }
});

test('the policy may let it go to any server, as mail whose sender is only to be told goes', async () => {
  const policy = testPolicy({ limits: { deliverBy: 'handover' } });
  await using rig = await startMxRig({ clock, policy, sinks: [{ extensions: [] }] });
  expect(kinds(await rig.send(terms(60_000, 'return')))).toEqual(['delivered']);
  await using strict = await startMxRig({ clock, sinks: [{ extensions: [] }] });
  expect(kinds(await strict.send(terms(60_000, 'notify')))).toEqual(['delivered']);
  expect([...rig.sink.messages, ...strict.sink.messages].map(({ parameters }) => parameters)).toEqual([[], []]);
});
