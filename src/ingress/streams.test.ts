import { describe, expect, test } from 'vitest';
import { cheapHash, IngressFixture, MAIL, send } from '../../tests/fakes/ingress.ts';
import { SmtpDialogue } from '../../tests/fakes/smtp-dialogue.ts';
import type { PolicyInput } from '../policy/schema.ts';

const CLIENTS: NonNullable<PolicyInput['clients']> = {
  app: { networks: ['127.0.0.5'], senders: ['*'] },
  crm: { networks: ['127.0.0.6'], senders: ['*'], stream: 'transactional' },
  news: { networks: ['127.0.0.7'], senders: ['*'], maxPriority: 'normal' },
  shop: { password: cheapHash('secret'), senders: ['*'] },
};
const BULK = 'List-Unsubscribe: <mailto:out@shop.example>\r\n';
const ONE_CLICK =
  'List-Unsubscribe: <mailto:out@shop.example>,\r\n <https://shop.example/out?u=1>\r\n' +
  'List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n';

let count = 0;

async function taken(
  fixture: IngressFixture,
  { from = '127.0.0.5', parameters = '', fields = '' },
): Promise<{ readonly mailReply: string; readonly reply: string; readonly stream: string; readonly priority: string }> {
  await using dialogue = await SmtpDialogue.greeted(fixture.port(), { localAddress: from });
  await dialogue.say('EHLO x');
  const mailReply = await dialogue.say(`MAIL FROM:<ana@shop.example>${parameters}`);
  await dialogue.say('RCPT TO:<bob@dest.example>');
  const reply = await send(dialogue, fields + MAIL.replace('<1@', `<${(count += 1)}@`));
  if (!reply.startsWith('250')) return { mailReply, reply, stream: '', priority: '' };
  const { stream, priority } = fixture.spool.last.message;
  return { mailReply, reply, stream, priority };
}

describe('bulk mail', () => {
  test.each([
    ['List-Unsubscribe', {}, BULK, 'marketing', 'low'],
    ['Precedence: bulk', {}, 'precedence: BULK\r\n', 'marketing', 'low'],
    ['Precedence: list is a discussion', {}, 'Precedence: list\r\n', 'transactional', 'high'],
    ['an empty List-Unsubscribe says nothing', {}, 'List-Unsubscribe: \r\n', 'transactional', 'high'],
    ['the message’s own word goes first', {}, `${BULK}X-Relevo-Stream: transactional\r\n`, 'transactional', 'high'],
    ['a stream that is not known is none', {}, `${BULK}X-Relevo-Stream: nope\r\n`, 'marketing', 'low'],
    ['a client with a stream of its own keeps it', { from: '127.0.0.6' }, BULK, 'transactional', 'high'],
  ] as const)('%s', async (_, by, fields, stream, priority) => {
    await using fixture = await IngressFixture.open({ policy: { clients: CLIENTS } });
    expect(await taken(fixture, { ...by, fields })).toMatchObject({ stream, priority });
  });

  test('stays where it is without a stream that takes it, or where that was switched off', async () => {
    await using fixture = await IngressFixture.open({
      policy: { clients: CLIENTS, streams: { transactional: {}, reports: {} } },
    });
    expect(await taken(fixture, { fields: BULK })).toMatchObject({ stream: 'transactional' });
    await fixture.reload({ clients: CLIENTS, streams: { transactional: {}, marketing: { bulk: false } } });
    expect(await taken(fixture, { fields: BULK })).toMatchObject({ stream: 'transactional' });
    await fixture.reload({ clients: CLIENTS, streams: { transactional: {}, news: { bulk: true } } });
    expect(await taken(fixture, { fields: BULK })).toMatchObject({ stream: 'news' });
  });
});

describe('one click to unsubscribe', () => {
  const streams = (unsubscribe: 'required' | 'warn' | 'off') => ({
    clients: CLIENTS,
    streams: { transactional: {}, marketing: { unsubscribe } },
  });

  test('is required: the field that is missing is named', async () => {
    await using fixture = await IngressFixture.open({ policy: streams('required') });
    const refused = async (fields: string) => (await taken(fixture, { fields })).reply;
    expect(await refused(BULK)).toMatch(/^550 5\.7\.1 bulk mail needs a List-Unsubscribe field/);
    expect(await refused('List-Unsubscribe: <https://shop.example/out>\r\n')).toMatch(
      /^550 5\.7\.1 .*List-Unsubscribe-Post /,
    );
    expect(await refused(ONE_CLICK.replace('One-Click', 'Two'))).toMatch(/^550 5\.7\.1 .*List-Unsubscribe-Post /);
    expect(await refused('X-Relevo-Stream: marketing\r\n')).toMatch(/^550 5\.7\.1 .*List-Unsubscribe /);
    expect(await taken(fixture, { fields: ONE_CLICK })).toMatchObject({ stream: 'marketing' });
    expect(await refused('')).toMatch(/^250 /);
    expect(fixture.eventsOf('refused')).toHaveLength(4);
  });

  test('is missed: reply and event say so, and the mail is taken', async () => {
    await using fixture = await IngressFixture.open({ policy: streams('warn') });
    const warning = 'no List-Unsubscribe field for unsubscribing by one click (RFC 8058)';
    expect((await taken(fixture, { fields: BULK })).reply).toMatch(
      /^250 2\.6\.0 \w{26} queued; no List-Unsubscribe field/,
    );
    expect((await taken(fixture, { fields: ONE_CLICK })).reply).toMatch(/^250 2\.6\.0 \w{26} queued$/);
    expect(fixture.eventsOf('received').map((event) => event.warning)).toEqual([warning, undefined]);
    await fixture.reload(streams('off'));
    expect((await taken(fixture, { fields: BULK })).reply).toMatch(/queued$/);
  });
});

describe('priorities', () => {
  test.each([
    ['', '', 'high'],
    [' MT-PRIORITY=9', '', 'high'],
    [' MT-PRIORITY=4', '', 'high'],
    [' MT-PRIORITY=3', '', 'normal'],
    [' MT-PRIORITY=0', '', 'normal'],
    [' MT-PRIORITY=-1', '', 'low'],
    [' MT-PRIORITY=-9', '', 'low'],
    [' MT-PRIORITY=-9', 'X-Relevo-Priority: high\r\n', 'high'],
  ])('"%s" with "%s" is %s', async (parameters, fields, priority) => {
    await using fixture = await IngressFixture.open({ policy: { clients: CLIENTS } });
    const { mailReply, ...message } = await taken(fixture, { parameters, fields });
    expect(mailReply).toMatch(/^250 2\.1\.0/);
    expect(message).toMatchObject({ priority });
    expect(fixture.spool.last.message.mtPriority).toBe(parameters === '' ? undefined : Number(parameters.slice(13)));
  });

  test('go no further than the client may, who hears of it', async () => {
    await using fixture = await IngressFixture.open({ policy: { clients: CLIENTS } });
    const from = '127.0.0.7';
    const urgent = await taken(fixture, { from, parameters: ' MT-PRIORITY=6' });
    expect(urgent).toMatchObject({ priority: 'normal' });
    expect(urgent.mailReply).toMatch(/^250 2\.3\.6 3 /);
    expect(fixture.spool.last.message.mtPriority).toBe(3);
    expect(await taken(fixture, { from, fields: 'X-Relevo-Priority: high\r\n' })).toMatchObject({ priority: 'normal' });
    expect(await taken(fixture, { from, parameters: ' MT-PRIORITY=-4' })).toMatchObject({ priority: 'low' });
  });
});
