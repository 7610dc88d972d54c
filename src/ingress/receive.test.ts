import { systemClock } from '../system.ts';
import { describe, expect, test } from 'vitest';
import { madeSignatures } from '../../tests/fakes/blank-signatures.ts';
import { CLIENTS, IngressFixture, MAIL, SIGN_IN, atData, send } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';
import { SpoolError } from '../spool/spool.ts';
import { NO_RETURN_PATHS } from './return-path.ts';

describe('what is answered 250', () => {
  test('is in the spool, with its envelope, one delivery a destination, and an event', async () => {
    await using fixture = await IngressFixture.open({ policy: { limits: { recipients: 10 } } });
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    await dialogue.all('EHLO app.example', SIGN_IN, 'MAIL FROM:<ana@shop.example> RET=HDRS ENVID=e+2B1');
    await dialogue.say('RCPT TO:<bob@dest.example> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;bob@old.example');
    await dialogue.all('RCPT TO:<eve@other.example> NOTIFY=NEVER', 'RCPT TO:<Bob2@DEST.example>');
    const reply = await send(dialogue, MAIL);
    const { message, deliveries, content, received } = fixture.spool.last;
    expect(reply).toBe(`250 2.6.0 ${message.id} queued`);
    expect(message).toMatchObject({
      client: 'shop',
      stream: 'transactional',
      priority: 'high',
      envelope: { sender: 'ana@shop.example', ret: 'hdrs', envid: 'e+2B1', eightBit: false, smtpUtf8: false },
      messageIdHeader: '<1@shop.example>',
      fromDomain: 'shop.example',
      subject: 'x',
      sizeBytes: content.length,
    });
    expect(deliveries).toMatchObject([
      {
        domain: 'dest.example',
        recipients: [
          { address: 'bob@dest.example', notify: ['success', 'delay'], orcpt: 'rfc822;bob@old.example' },
          { address: 'Bob2@dest.example', notify: null, orcpt: null },
        ],
      },
      { domain: 'other.example', recipients: [{ address: 'eve@other.example', notify: 'never', orcpt: null }] },
    ]);
    expect(fixture.eventsOf('received')).toMatchObject([received]);
    expect(received).toMatchObject({ protocol: 'ESMTPA', peer: '127.0.0.1', recipients: { length: 3 } });
    // Of whose failure nobody wants to hear: what comes back later is told by this.
    expect(received.unasked).toEqual(['bob@dest.example', 'eve@other.example']);
    expect(content.toString().endsWith('\r\n\r\nbody\r\n')).toBe(true);
  });

  test('from a domain with a return path is split into a delivery for each recipient, unless they are to share one', async () => {
    const to = ['bob@dest.example', 'eve@other.example', 'Bob2@dest.example'];
    const shares = { returnPath: 'bounces.shop.example' } as const;
    await using fixture = await IngressFixture.open({
      policy: { domains: { 'shop.example': { ...shares, verp: 'delivery' } } },
    });
    const splitBy = async (id: number, sender = 'ana@shop.example'): Promise<readonly string[]> => {
      await using dialogue = await SmtpDialogue.greeted(fixture.port());
      await dialogue.all('EHLO app.example', SIGN_IN, `MAIL FROM:<${sender}>`, ...to.map((one) => `RCPT TO:<${one}>`));
      await send(dialogue, MAIL.replace('<1@', `<${id}@`));
      return fixture.spool.last.deliveries.map(
        ({ domain, recipients }) => `${domain}: ${recipients.map(({ address }) => address).join(' ')}`,
      );
    };
    const shared = ['dest.example: bob@dest.example Bob2@dest.example', 'other.example: eve@other.example'];
    const each = [
      'dest.example: bob@dest.example',
      'other.example: eve@other.example',
      'dest.example: Bob2@dest.example',
    ];
    expect(await splitBy(1)).toEqual(shared);
    const clients = { shop: { ...CLIENTS['shop'], senders: ['*@shop.example', '*@else.example'] } };
    await fixture.reload({ domains: { 'shop.example': shares }, clients });
    expect(await splitBy(2)).toEqual(each);
    // What no return path is made for is not split.
    expect(await splitBy(3, '')).toEqual(shared);
    await fixture.reload({ domains: { 'shop.example': {} } });
    expect(await splitBy(4)).toEqual(shared);
  });

  test('gets the fields that complaints tell it by, signed with the others, behind our trace field', async () => {
    const asked: unknown[] = [];
    const signed: string[][] = [];
    await using fixture = await IngressFixture.open({
      returnPaths: {
        ...NO_RETURN_PATHS,
        fieldsFor: ({ fromDomain, fields }) => {
          asked.push([fromDomain, fields.map(({ name }) => name)]);
          return [{ name: 'x-report-token', raw: 'X-Report-Token: t\r\n' }];
        },
      },
      leaveBlank: async ({ fields }) => {
        signed.push(fields.map(({ name }) => name));
        return madeSignatures();
      },
    });
    await using dialogue = await atData(fixture);
    await send(dialogue, MAIL);
    expect(asked).toEqual([['shop.example', ['received', 'from', 'message-id', 'subject', 'date']]]);
    expect(signed).toEqual([['received', 'x-report-token', 'from', 'message-id', 'subject', 'date']]);
    expect(fixture.spool.text).toMatch(/ \+0000\r\nX-Report-Token: t\r\nFrom: ana@shop\.example\r\n/);
  });

  test('is signed over the fields that leave, with the signature on top', async () => {
    const seen: { domain: string | null; names: string[]; body: string }[] = [];
    await using fixture = await IngressFixture.open({
      leaveBlank: async ({ fromDomain, fields, body }) => {
        seen.push({ domain: fromDomain, names: fields.map((field) => field.name), body: body.toString() });
        return madeSignatures('DKIM-Signature: v=1\r\n');
      },
    });
    await using dialogue = await atData(fixture);
    await send(dialogue, `Bcc: secret@x.example\r\n${MAIL}`);
    expect(seen).toEqual([
      { domain: 'shop.example', names: ['received', 'from', 'message-id', 'subject', 'date'], body: 'body\r\n' },
    ]);
    expect(fixture.spool.text).toMatch(/^DKIM-Signature: v=1\r\nReceived: from app\.example/);
  });

  test('says so when the policy does not wait for the disk', async () => {
    await using fixture = await IngressFixture.open({
      policy: { spool: { engine: 'embedded', durability: 'relaxed' } },
    });
    await using dialogue = await atData(fixture);
    expect(await send(dialogue, MAIL)).toMatch(/^250 2\.6\.0 \w{26} queued \(not yet on disk\)$/);
  });

  test('is not sent twice when the client repeats it, and the answer is the first one', async () => {
    await using fixture = await IngressFixture.open();
    await using first = await atData(fixture, ['bob@dest.example', 'eve@other.example']);
    const reply = await send(first, MAIL);
    await using second = await atData(fixture, ['eve@other.example', 'bob@dest.example']);
    expect(await send(second, MAIL)).toBe(reply);
    expect(fixture.spool.accepted).toHaveLength(1);
    // Another body, other recipients, no Message-ID: other messages.
    await using third = await atData(fixture);
    expect(await send(third, MAIL)).not.toBe(reply);
    await third.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>');
    await send(third, `${MAIL}more\r\n`);
    for (let time = 0; time < 2; time++) {
      await third.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>');
      await send(third, 'Subject: x\r\n\r\nbody\r\n');
    }
    expect(fixture.spool.accepted).toHaveLength(5);
  });

  test('goes to the lanes of this node with its lease, and not when it was refused', async () => {
    await using fixture = await IngressFixture.open();
    fixture.handoff.leaseUntilMs = 12_345;
    await using dialogue = await atData(fixture);
    await send(dialogue, MAIL);
    expect(fixture.handoff.reserved).toMatchObject([{ domain: 'dest.example', client: 'shop', priority: 'high' }]);
    expect(fixture.spool.last.deliveries).toMatchObject([{ leaseUntilMs: 12_345 }]);
    expect(fixture.handoff.taken).toHaveLength(1);
    fixture.spool.failure = new SpoolError('unavailable', 'gone');
    await dialogue.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>');
    expect(await send(dialogue, `${MAIL}2\r\n`)).toMatch(/^451 4\.3\.0/);
    expect(fixture.handoff.cancelled).toEqual([fixture.handoff.reserved[1]?.id]);
    expect(fixture.handoff.taken).toHaveLength(1);
  });
});

test('the scheduler is woken for mail that waits in the store, and not for mail that is in its lanes', async () => {
  await using fixture = await IngressFixture.open();
  await using dialogue = await atData(fixture);
  await send(dialogue, MAIL);
  expect(fixture.handoff.wakes).toBe(1);
  fixture.handoff.leaseUntilMs = 12_345;
  await dialogue.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>');
  expect(await send(dialogue, `${MAIL}2\r\n`)).toMatch(/^250/);
  expect(fixture.handoff.wakes).toBe(1);
});

describe('a header From', () => {
  test.each([
    'ana@bank.example',
    'ana@shop.example, ceo@bank.example',
    'ceo@bank.example, ana@shop.example',
    'Team: ana@shop.example, ceo@bank.example;',
    'ceo@bank.example:;',
    '(ceo@bank.example)',
    'ana@shop.example <ceo@bank.example>',
    '"ceo@bank.example"',
    ',',
  ])('%j is refused to who may not send as that, and taken from who may send as anyone', async (from) => {
    await using fixture = await IngressFixture.open();
    await using shop = await atData(fixture);
    const mail = `From: ${from}\r\nSubject: x\r\n\r\nbody\r\n`;
    expect(await send(shop, mail)).toBe('550 5.7.1 header From not allowed for this client');
    await using host = await SmtpDialogue.greeted(fixture.port({ tls: 'opportunistic' }), {
      localAddress: '127.0.0.5',
    });
    await host.all('EHLO host.example', 'MAIL FROM:<>', 'RCPT TO:<bob@dest.example>');
    expect(await send(host, mail)).toMatch(/^250/);
  });

  test.each(['ana@shop.example', 'Ana <ana@shop.example>, eve@shop.example', 'Team: ana@shop.example;'])(
    '%j is taken from who may send as that',
    async (from) => {
      await using fixture = await IngressFixture.open();
      await using shop = await atData(fixture);
      expect(await send(shop, `From: ${from}\r\n\r\nbody\r\n`)).toMatch(/^250/);
    },
  );

  test('need not be there with the null sender', async () => {
    await using fixture = await IngressFixture.open();
    await using shop = await SmtpDialogue.greeted(fixture.port());
    await shop.all('EHLO app.example', SIGN_IN, 'MAIL FROM:<>', 'RCPT TO:<bob@dest.example>');
    expect(await send(shop, 'Subject: x\r\n\r\nbody\r\n')).toMatch(/^250/);
  });
});

describe('when the spool cannot take mail', () => {
  test.each([
    [new SpoolError('full', 'ENOSPC'), '452 4.3.1'],
    [new SpoolError('unavailable', 'no answer'), '451 4.3.0'],
    [new Error('a bug'), '451 4.3.0'],
  ])('%s is %s, and the next message is taken', async (failure, code) => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await atData(fixture);
    fixture.spool.failure = failure;
    expect((await send(dialogue, MAIL)).slice(0, 9)).toBe(code);
    expect(fixture.eventsOf('failed')).toHaveLength(1);
    fixture.spool.failure = null;
    await dialogue.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>');
    expect(await send(dialogue, MAIL)).toMatch(/^250/);
  });

  test('MAIL is refused before anything is transferred', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await SmtpDialogue.greeted(fixture.port());
    await dialogue.all('EHLO x', SIGN_IN);
    fixture.spool.troubleText = 'the disk is full: 1 MB free';
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^452 4\.3\.1/);
    fixture.spool.troubleText = 'the thread has died';
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^451 4\.3\.0/);
    fixture.spool.troubleText = null;
    expect(await dialogue.say('MAIL FROM:<ana@shop.example>')).toMatch(/^250/);
  });

  test('a signature that fails is a temporary failure', async () => {
    await using fixture = await IngressFixture.open({ leaveBlank: () => Promise.reject(new Error('no key')) });
    await using dialogue = await atData(fixture);
    expect(await send(dialogue, MAIL)).toMatch(/^451 4\.3\.0/);
    expect(fixture.spool.accepted).toHaveLength(0);
  });

  test('waits for the time that X-Relevo-Send-At names, at most thirty days ahead, and is in no lane until then', async () => {
    await using fixture = await IngressFixture.open();
    await using dialogue = await atData(fixture);
    const at = (days: number): string => new Date(systemClock.nowMs() + days * 86_400_000).toISOString();
    const wanted = at(2);
    expect(await send(dialogue, `X-Relevo-Send-At: ${wanted}\r\n${MAIL}`)).toMatch(/^250 /);
    expect(fixture.spool.last.message.sendAtMs).toBe(Date.parse(wanted));
    expect(fixture.spool.last.deliveries).toMatchObject([{ dueAtMs: Date.parse(wanted) }]);
    expect(String(fixture.spool.last.content)).not.toContain('X-Relevo');
    await dialogue.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<bob@dest.example>');
    expect(await send(dialogue, `X-Relevo-Send-At: ${at(31)}\r\n${MAIL}`)).toMatch(/^554 5\.6\.0 .*X-Relevo-Send-At/);
  });
});
