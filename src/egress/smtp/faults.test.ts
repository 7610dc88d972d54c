import { describe, expect, test } from 'vitest';
import { CONTENT, HASTY, LARGE_CONTENT, NEVER, PATIENT } from '../../../tests/fakes/exits.ts';
import { kinds, replies, startMxRig } from '../../../tests/fakes/mx-rig.ts';
import { STAGES, type SinkAction, type SinkStage } from '../../../tests/fakes/sink-faults.ts';

/** Where an attempt over one clear-text connection can go wrong before the dot. */
const BEFORE = ['connect', 'greeting', 'ehlo', 'mail', 'rcpt', 'data', 'content'] as const;
/** No verdict comes of these. */
const SILENT: readonly SinkAction[] = ['close', 'reset', 'hang', 'garbage', 'huge', 'mixed'];

describe('a conversation that breaks off', () => {
  const cases = BEFORE.flatMap((stage) => SILENT.map((action) => [action, stage] as const));

  test.each(cases)('%s at %s: tried again later, and nothing arrived', async (action, stage) => {
    await using rig = await startMxRig({ exit: action === 'hang' ? { timeouts: HASTY } : {} });
    rig.sink.fault(stage, action);
    // A small message would be out, its dot included, before anyone could stop it.
    const result = await rig.send({ content: stage === 'content' ? LARGE_CONTENT : CONTENT });
    expect(kinds(result)).toEqual(['deferred host']);
    expect(result).toMatchObject({ host: 'mx1.example.net', address: '127.0.0.1' });
    expect(rig.sink.messages).toEqual([]);
    await rig.egress[Symbol.asyncDispose]();
    await rig.sink.until(() => rig.sink.open === 0 || action === 'hang');
  });

  test.each(SILENT)('%s after the final dot: in doubt, and it did arrive', async (action) => {
    await using rig = await startMxRig({ exit: action === 'hang' ? { timeouts: { ...PATIENT, data: '100ms' } } : {} });
    rig.sink.fault('dot', action);
    expect(kinds(await rig.send())).toEqual(['in-doubt']);
    expect(rig.sink.messages).toHaveLength(1);
  });

  test.each(SILENT)('%s at every stage in turn, without PIPELINING', async (action) => {
    for (const stage of BEFORE) {
      await using rig = await startMxRig({
        sinks: [{ extensions: [] }],
        exit: action === 'hang' ? { timeouts: HASTY } : {},
      });
      rig.sink.fault(stage, action);
      expect([stage, kinds(await rig.send({ content: LARGE_CONTENT }))]).toEqual([stage, ['deferred host']]);
      expect(rig.sink.messages).toEqual([]);
    }
  });

  test('a goodbye that goes wrong changes nothing', async () => {
    await using rig = await startMxRig();
    rig.sink.fault('quit', 'hang');
    expect(kinds(await rig.send())).toEqual(['delivered']);
  });

  test.each<[SinkAction, SinkStage, boolean]>([
    ['close', 'connect', false],
    [421, 'greeting', false],
    ['reset', 'ehlo', false],
    [451, 'mail', true],
    [550, 'rcpt', true],
    ['reset', 'data', true],
    [451, 'dot', true],
  ])('%s at %s counts towards a limit of the exit: %s', async (action, stage, mailed) => {
    await using rig = await startMxRig();
    rig.sink.fault(stage, action);
    expect((await rig.send()).mailed).toBe(mailed);
  });

  test('every stage of the sink was thought of', () => {
    const others: readonly SinkStage[] = ['starttls', 'handshake', 'auth', 'rset', 'quit', 'dot'];
    expect([...BEFORE, ...others].toSorted()).toEqual([...STAGES].toSorted());
  });
});

describe('a verdict', () => {
  test.each<[number, SinkStage, string]>([
    [421, 'connect', 'deferred host'],
    [554, 'greeting', 'deferred host'],
    [450, 'greeting', 'deferred host'],
    [550, 'ehlo', 'deferred host'],
    [450, 'ehlo', 'deferred host'],
    [421, 'mail', 'deferred host'],
    [450, 'mail', 'deferred host'],
    [550, 'mail', 'bounced message'],
    [354, 'mail', 'deferred host'],
    [421, 'rcpt', 'deferred host'],
    [450, 'rcpt', 'deferred recipient'],
    [550, 'rcpt', 'bounced recipient'],
    [552, 'rcpt', 'deferred recipient'],
    [503, 'rcpt', 'deferred host'],
    [354, 'rcpt', 'deferred host'],
    [421, 'data', 'deferred host'],
    [451, 'data', 'deferred message'],
    [554, 'data', 'bounced message'],
    [250, 'data', 'deferred host'],
    [421, 'dot', 'deferred host'],
    [451, 'dot', 'deferred message'],
    [554, 'dot', 'bounced message'],
    [354, 'dot', 'deferred host'],
    [250, 'dot', 'delivered'],
  ])('%i at %s: %s', async (code, stage, expected) => {
    for (const extensions of [undefined, []]) {
      await using rig = await startMxRig({ sinks: [extensions === undefined ? {} : { extensions }] });
      rig.sink.fault(stage, code);
      const result = await rig.send();
      expect(kinds(result)).toEqual([expected]);
      expect(result.outcomes[0]?.reply.code).toBe(code);
      expect(rig.sink.messages).toHaveLength(stage === 'dot' ? 1 : 0);
    }
  });

  test('a recipient may ask for its own', async () => {
    await using rig = await startMxRig();
    const to = [
      'good@example.net',
      'x-450@example.net',
      'x-550@example.net',
      'x-552.full@example.net',
      'fine@example.net',
    ];
    const result = await rig.send({ to });
    expect(kinds(result)).toEqual([
      'delivered',
      'deferred recipient',
      'bounced recipient',
      'deferred recipient',
      'delivered',
    ]);
    expect(replies(result)[2]).toBe('550 0.0 as asked for');
    expect(rig.sink.messages.map(({ recipients }) => recipients.map(({ address }) => address))).toEqual([
      ['good@example.net', 'fine@example.net'],
    ]);
  });

  test('all recipients refused: no content goes out, and the connection is good for the next message', async () => {
    await using rig = await startMxRig();
    expect(kinds(await rig.send({ to: ['x-550@example.net', 'x-450@example.net'] }))).toEqual([
      'bounced recipient',
      'deferred recipient',
    ]);
    expect(kinds(await rig.send())).toEqual(['delivered']);
    expect(rig.sink.sessions).toBe(1);
    expect(rig.sink.messages).toHaveLength(1);
  });

  test('what was refused for good stays so, whatever ends the conversation afterwards', async () => {
    await using rig = await startMxRig();
    const to = ['x-550@example.net', 'fine@example.net', 'x-421@example.net', 'other@example.net'];
    expect(kinds(await rig.send({ to }))).toEqual([
      'bounced recipient',
      'deferred host',
      'deferred host',
      'deferred host',
    ]);
    expect(kinds(await rig.send({ to: ['x-550@example.net', 'x-reset-at-dot@example.net'] }))).toEqual([
      'bounced recipient',
      'in-doubt',
    ]);
  });

  test('354 without a recipient is answered with a lone dot, and delivers nothing', async () => {
    await using rig = await startMxRig();
    // The sink takes DATA only with recipients, so it is told to say 354 all the same.
    rig.sink.fault('rcpt', 550);
    rig.sink.fault('data', 354);
    expect(kinds(await rig.send())).toEqual(['bounced recipient']);
    expect(rig.sink.messages).toEqual([]);
  });

  test('a reply in the middle of the content is the verdict', async () => {
    await using rig = await startMxRig();
    const content = LARGE_CONTENT;
    rig.sink.fault('content', 552);
    expect(kinds(await rig.send({ content }))).toEqual(['bounced message']);
    rig.sink.fault('content', 250);
    const early = await rig.send({ content });
    expect(kinds(early)).toEqual(['deferred host']);
    rig.sink.heal();
    expect(kinds(await rig.send({ content }))).toEqual(['delivered']);
    expect(rig.sink.accepted[0]?.content.equals(content)).toBe(true);
  });
});

describe('time', () => {
  test('a slow server is waited for', async () => {
    await using rig = await startMxRig({ sinks: [{ slowMs: 30 }] });
    for (const stage of ['greeting', 'ehlo', 'mail', 'rcpt', 'data', 'dot'] as const) rig.sink.fault(stage, 'slow');
    expect(kinds(await rig.send())).toEqual(['delivered']);
  });

  test('a reply that drips in counts as late when its time is over', async () => {
    await using rig = await startMxRig({ sinks: [{ slowMs: 1_000 }], exit: { timeouts: HASTY } });
    rig.sink.fault('mail', 'drip');
    const result = await rig.send();
    expect(kinds(result)).toEqual(['deferred host']);
    expect(result.outcomes[0]?.reply.text).toBe('mx1.example.net[127.0.0.1] did not answer in time (mail)');
  });

  test('a server that does not read is not waited for, and the dot never left', async () => {
    await using rig = await startMxRig({ exit: { timeouts: HASTY } });
    rig.sink.fault('content', 'hang');
    expect(kinds(await rig.send({ content: LARGE_CONTENT }))).toEqual(['deferred host']);
    expect(rig.sink.messages).toEqual([]);
  });
});

describe('shutdown', () => {
  test.each(['greeting', 'mail', 'rcpt', 'data'] as const)(
    'at %s ends the attempt, and nothing left',
    async (stage) => {
      await using rig = await startMxRig();
      rig.sink.fault(stage, 'hang');
      const stop = new AbortController();
      const attempt = rig.send({}, stop.signal);
      const command = { greeting: '', mail: 'MAIL', rcpt: 'RCPT', data: 'DATA' }[stage];
      await rig.sink.until(
        () => rig.sink.sessions > 0 && (command === '' || rig.sink.commands.some((one) => one.includes(command))),
      );
      stop.abort();
      const result = await attempt;
      expect(kinds(result)).toEqual(['deferred message']);
      expect(replies(result)[0]).toContain('stopped before the message was sent');
      expect(rig.sink.messages).toEqual([]);
    },
  );

  test('after the final dot waits for the reply', async () => {
    await using rig = await startMxRig({ sinks: [{ slowMs: 50 }] });
    const stop = new AbortController();
    const attempt = rig.send({ to: ['x-slow-at-dot@example.net'] }, stop.signal);
    await rig.sink.until(() => rig.sink.messages.length === 1);
    stop.abort();
    expect(kinds(await attempt)).toEqual(['delivered']);
  });

  test('in the middle of a large message ends it before the dot', async () => {
    await using rig = await startMxRig();
    rig.sink.fault('content', 'hang');
    const stop = new AbortController();
    const attempt = rig.send({ content: LARGE_CONTENT }, stop.signal);
    await rig.sink.until(() => rig.sink.commands.some((command) => command.includes('DATA')));
    stop.abort();
    expect(kinds(await attempt)).toEqual(['deferred message']);
  });

  test('one signal serves any number of attempts', async () => {
    await using rig = await startMxRig();
    const warnings: unknown[] = [];
    const note = (warning: unknown) => warnings.push(warning);
    process.on('warning', note);
    await Promise.all(Array.from({ length: 30 }, () => rig.send({}, NEVER)));
    process.off('warning', note);
    expect(warnings).toEqual([]);
  });
});
