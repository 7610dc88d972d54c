import { describe, expect, test } from 'vitest';
import { mailTo, NEVER } from '../../../tests/fakes/exits.ts';
import { kinds, replies, startMxRig } from '../../../tests/fakes/mx-rig.ts';
import { peerOf } from '../egress.ts';

describe('what a server offers is made use of', () => {
  test('PIPELINING: the whole envelope goes out at once', async () => {
    await using rig = await startMxRig();
    await rig.send({ to: ['one@example.net', 'two@example.net'] });
    expect(rig.sink.commands).toEqual([
      '1 EHLO relay.example.com',
      '1 MAIL FROM:<a@example.com> SIZE=66',
      '1 RCPT TO:<one@example.net>',
      '1 RCPT TO:<two@example.net>',
      '1 DATA',
    ]);
  });

  test('without PIPELINING nothing is said before the last reply is in', async () => {
    await using rig = await startMxRig({ sinks: [{ extensions: [] }] });
    expect(kinds(await rig.send({ to: ['x-550@example.net'] }))).toEqual(['bounced recipient']);
    expect(rig.sink.commands).not.toContain('1 DATA');
  });

  test('a server that loses track of pipelined commands gets them one by one', async () => {
    await using rig = await startMxRig();
    rig.sink.fault('mail', 503, 1);
    expect(kinds(await rig.send())).toEqual(['delivered']);
    expect(rig.sink.sessions).toBe(2);
    rig.sink.commands.length = 0;
    // From now on at once.
    expect(kinds(await rig.send({ to: ['x-550@example.net'] }))).toEqual(['bounced recipient']);
    expect(rig.sink.commands).not.toContain('2 DATA');
  });

  test('8BITMIME where the content needs it; without it the content goes as it is', async () => {
    const mail = { content: 'Subject: x\r\n\r\ncaf\u00e9\r\n', envelope: { eightBit: true } };
    await using rig = await startMxRig();
    await rig.send(mail);
    expect(rig.sink.messages[0]?.parameters).toContain('BODY=8BITMIME');
    await using plain = await startMxRig({ sinks: [{ extensions: ['PIPELINING'] }] });
    expect(kinds(await plain.send(mail))).toEqual(['delivered']);
    expect(plain.sink.messages[0]?.parameters).toEqual([]);
    expect(plain.sink.messages[0]?.content.toString()).toBe(mail.content);
  });

  test('DSN: each recipient’s own wishes', async () => {
    await using rig = await startMxRig();
    const mail = mailTo({ envelope: { ret: 'hdrs', envid: 'id+2B1' } });
    const result = await rig.egress.attempt(
      {
        ...mail,
        recipients: [
          { address: 'a@example.net', notify: 'never', orcpt: 'rfc822;A+2Bx@example.net' },
          { address: 'b@example.net', notify: ['success', 'failure', 'delay'], orcpt: null },
          { address: 'c@example.net', notify: null, orcpt: null },
        ],
      },
      NEVER,
    );
    expect(result.reportsSuccess).toBe(true);
    expect(rig.sink.messages[0]?.parameters).toEqual(['SIZE=66', 'RET=HDRS', 'ENVID=id+2B1']);
    expect(rig.sink.messages[0]?.recipients.map(({ parameters }) => parameters)).toEqual([
      ['NOTIFY=NEVER', 'ORCPT=rfc822;A+2Bx@example.net'],
      ['NOTIFY=SUCCESS,FAILURE,DELAY'],
      [],
    ]);
  });

  test('DSN: an original recipient beyond ASCII goes out in ASCII', async () => {
    await using rig = await startMxRig();
    await rig.send({ orcpt: 'utf-8;ñ用𝒳@example.net' });
    expect(rig.sink.messages[0]?.recipients[0]?.parameters).toEqual([
      'ORCPT=utf-8;\\x{F1}\\x{7528}\\x{1D4B3}@example.net',
    ]);
  });

  test('DSN is not mentioned to a server that does not know it', async () => {
    await using rig = await startMxRig({ sinks: [{ extensions: ['PIPELINING'] }] });
    const result = await rig.send({
      notify: ['success'],
      orcpt: 'rfc822;x@example.net',
      envelope: { ret: 'full', envid: 'x' },
    });
    expect(result.reportsSuccess).toBe(false);
    expect(rig.sink.commands.filter((command) => /NOTIFY|ORCPT|RET|ENVID/.test(command))).toEqual([]);
  });
});

test('each recipient is told of with the server that spoke of it, and with what that one offers', async () => {
  await using rig = await startMxRig({ sinks: [{ maxRecipients: 2 }, { extensions: ['PIPELINING'] }] });
  const to = ['one@example.net', 'two@example.net', 'x-421-at-data@example.net'];
  const result = await rig.send({ to, notify: ['success'] });
  expect(kinds(result)).toEqual(['delivered', 'delivered', 'deferred host']);
  expect(to.map((_, place) => peerOf(result, place))).toMatchObject([
    { host: 'mx1.example.net', address: '127.0.0.1', reportsSuccess: true },
    { host: 'mx1.example.net', address: '127.0.0.1', reportsSuccess: true },
    { host: 'mx2.example.net', address: '127.0.0.2', reportsSuccess: false },
  ]);
});

describe('what a server cannot take', () => {
  test('internationalized mail without SMTPUTF8 bounces, and is not mangled', async () => {
    const mail = { to: ['用户@example.net'], envelope: { smtpUtf8: true } };
    await using rig = await startMxRig({ sinks: [{ extensions: ['PIPELINING', '8BITMIME'] }] });
    const result = await rig.send(mail);
    expect(kinds(result)).toEqual(['bounced message']);
    expect(replies(result)[0]).toMatch(/^550 6\.7 /);
    expect(rig.sink.commands.some((command) => command.includes('MAIL'))).toBe(false);
    await using able = await startMxRig();
    expect(kinds(await able.send(mail))).toEqual(['delivered']);
    expect(able.sink.messages[0]?.parameters).toContain('SMTPUTF8');
    expect(able.sink.messages[0]?.recipients[0]?.address).toBe('用户@example.net');
  });

  test('another host of the domain that can is used', async () => {
    await using rig = await startMxRig({ sinks: [{ extensions: [] }, {}] });
    expect(kinds(await rig.send({ envelope: { smtpUtf8: true } }))).toEqual(['delivered']);
    expect(rig.sinks.map(({ messages }) => messages.length)).toEqual([0, 1]);
  });

  test('while one that can is only down, it is not given up', async () => {
    await using rig = await startMxRig({ sinks: [{}, { extensions: [] }] });
    await rig.sink.stop();
    expect(kinds(await rig.send({ envelope: { smtpUtf8: true } }))).toEqual(['deferred host']);
  });

  test('a message above its SIZE bounces before a byte of it goes out', async () => {
    await using rig = await startMxRig({ sinks: [{ extensions: ['SIZE 1000'] }] });
    const result = await rig.send({ content: `Subject: x\r\n\r\n${'x\r\n'.repeat(400)}` });
    expect(kinds(result)).toEqual(['bounced message']);
    expect(replies(result)[0]).toMatch(/^552 3\.4 /);
    expect(kinds(await rig.send({ content: 'Subject: x\r\n\r\n' }))).toEqual(['delivered']);
  });

  test.each(['SIZE', 'SIZE 0', 'SIZE x'])('%s is no limit', async (size) => {
    await using rig = await startMxRig({ sinks: [{ extensions: [size] }] });
    expect(kinds(await rig.send())).toEqual(['delivered']);
  });

  test('a line end in an address never becomes a command', async () => {
    await using rig = await startMxRig();
    const result = await rig.send({ sender: 'a@example.com>\r\nRCPT TO:<victim@example.net' });
    expect(kinds(result)).toEqual(['bounced message']);
    expect(rig.sink.sessions).toBe(0);
  });
});

describe('many recipients', () => {
  const crowd = (count: number) => Array.from({ length: count }, (_, at) => `user${at}@example.net`);

  test('go in transactions of a hundred over one connection', async () => {
    await using rig = await startMxRig();
    const result = await rig.send({ to: crowd(250) });
    expect(new Set(kinds(result))).toEqual(new Set(['delivered']));
    expect(result.outcomes).toHaveLength(250);
    expect(rig.sink.messages.map(({ recipients }) => recipients.length)).toEqual([100, 100, 50]);
    expect(rig.sink.sessions).toBe(1);
    const all = rig.sink.messages.flatMap(({ recipients }) => recipients.map(({ address }) => address));
    expect(all).toEqual(crowd(250));
  });

  test('a server that takes only a few at once gets the others in further transactions', async () => {
    await using rig = await startMxRig({ sinks: [{ maxRecipients: 20 }] });
    expect(new Set(kinds(await rig.send({ to: crowd(50) })))).toEqual(new Set(['delivered']));
    expect(rig.sink.messages.map(({ recipients }) => recipients.length)).toEqual([20, 20, 10]);
  });

  test('one that takes nobody is not asked again and again', async () => {
    await using rig = await startMxRig({ sinks: [{ maxRecipients: 0 }] });
    expect(new Set(kinds(await rig.send({ to: crowd(5) })))).toEqual(new Set(['deferred recipient']));
    expect(rig.sink.commands.filter((command) => command.includes('MAIL'))).toHaveLength(1);
  });

  test('a full mailbox is no reason for another transaction', async () => {
    await using rig = await startMxRig();
    const result = await rig.send({ to: ['a@example.net', 'x-452@example.net'] });
    expect(kinds(result)).toEqual(['delivered', 'deferred recipient']);
    expect(rig.sink.messages).toHaveLength(1);
  });

  test('what is wrong with the message is not asked a second time', async () => {
    await using rig = await startMxRig();
    rig.sink.fault('dot', 554);
    expect(new Set(kinds(await rig.send({ to: crowd(250) })))).toEqual(new Set(['bounced message']));
    expect(rig.sink.messages).toHaveLength(1);
  });

  test('a connection that ends after each message is opened again', async () => {
    await using rig = await startMxRig({ sinks: [{ maxMessages: 1 }] });
    expect(new Set(kinds(await rig.send({ to: crowd(250) })))).toEqual(new Set(['delivered']));
    expect(rig.sink.messages.map(({ recipients }) => recipients.length)).toEqual([100, 100, 50]);
  });

  test('doubt about some is not doubt about those that were not tried', async () => {
    await using rig = await startMxRig();
    rig.sink.fault('dot', 'close');
    const result = kinds(await rig.send({ to: crowd(150) }));
    expect(result.filter((kind) => kind === 'in-doubt')).toHaveLength(100);
    expect(result.filter((kind) => kind === 'deferred host')).toHaveLength(50);
  });
});

describe('a right to send that is gone', () => {
  test('ends an attempt before MAIL, and counts as nothing sent', async () => {
    await using rig = await startMxRig();
    const result = await rig.egress.attempt({ ...mailTo(), mayGo: () => false }, NEVER);
    expect(result.outcomes.map(({ kind }) => kind)).toEqual(['deferred']);
    expect(result.mailed).toBe(false);
    expect(rig.sink.commands.filter((command) => command.includes('MAIL'))).toEqual([]);
  });

  test('ends it before the final dot, however late that is seen', async () => {
    await using rig = await startMxRig();
    let asked = 0;
    const result = await rig.egress.attempt({ ...mailTo(), mayGo: () => ++asked === 1 }, NEVER);
    expect(result.outcomes.map(({ kind }) => kind)).toEqual(['deferred']);
    expect(rig.sink.commands).toContain('1 DATA');
    expect(kinds(await rig.send())).toEqual(['delivered']);
    expect(rig.sink.messages).toHaveLength(1);
  });
});
