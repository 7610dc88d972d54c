import { describe, expect, test } from 'vitest';
import { madeSignatures } from '../../tests/fakes/blank-signatures.ts';
import { atData, IngressFixture, MAIL, send } from '../../tests/fakes/ingress.ts';
import type { Reply } from '../message/reply.ts';
import type { Screening } from '../message/screening.ts';
import type { PolicyInput } from '../policy/schema.ts';

const ANN = 'ann@dest.example';
const BOB = 'bob@dest.example';
const GONE: Reply = { code: 550, detail: '7.1', text: 'suppressed: hard bounce on 2026-10-01: 550 5.1.1 no such user' };

/** @param of stream that it holds for; '': all */
function suppressing(addresses: readonly string[], of = ''): Screening {
  const isGone = (address: string): boolean => addresses.includes(address);
  return {
    suspects: (asked) => asked.some(isGone),
    suppressedOf: async ({ addresses: asked, stream }) =>
      new Map(asked.filter((address) => isGone(address) && (of === '' || of === stream)).map((one) => [one, GONE])),
  };
}

const REJECT: Partial<PolicyInput> = { suppression: { onSubmit: 'reject' } };

describe('mail to who is suppressed', () => {
  test('is taken unless the policy says otherwise: the recipient ends in the queue, where the sender is told', async () => {
    await using fixture = await IngressFixture.open({ needs: { screening: suppressing([ANN]) } });
    await using dialogue = await atData(fixture, [ANN, BOB]);
    expect(await send(dialogue, MAIL)).toMatch(/^250 /);
    expect(fixture.spool.last.received.recipients).toEqual([ANN, BOB]);
  });

  test('is refused at RCPT with reason and evidence, and the others go', async () => {
    await using fixture = await IngressFixture.open({ policy: REJECT, needs: { screening: suppressing([ANN]) } });
    await using dialogue = await atData(fixture, []);
    // All in one packet: the answers come in order, though one of them is asked for.
    expect(await dialogue.all(`RCPT TO:<${ANN}>`, `RCPT TO:<${BOB}>`, 'NOOP')).toEqual([
      '550 5.7.1 suppressed: hard bounce on 2026-10-01: 550 5.1.1 no such user',
      expect.stringMatching(/^250 /),
      expect.stringMatching(/^250 /),
    ]);
    expect(await send(dialogue, MAIL)).toMatch(/^250 /);
    expect(fixture.spool.last.received.recipients).toEqual([BOB]);
    expect(fixture.eventsOf('refused')).toMatchObject([{ command: 'RCPT', client: 'shop', reply: GONE }]);
  });

  test('what holds for one stream is known at the end: refused where nobody else is left', async () => {
    const needs = { screening: suppressing([ANN], 'marketing') };
    await using fixture = await IngressFixture.open({ policy: REJECT, needs });
    const marketing = `X-Relevo-Stream: marketing\r\n${MAIL}`;
    await using alone = await atData(fixture, [ANN]);
    expect(await send(alone, marketing)).toBe(
      '550 5.7.1 suppressed: hard bounce on 2026-10-01: 550 5.1.1 no such user',
    );
    await using other = await atData(fixture, [ANN]);
    expect(await send(other, MAIL)).toMatch(/^250 /);
    await using both = await atData(fixture, [ANN, BOB]);
    expect(await send(both, marketing)).toMatch(/^250 /);
  });

  test('is taken where it cannot be known now: it is asked again before each attempt', async () => {
    const away: Screening = { suspects: () => true, suppressedOf: () => Promise.reject(new Error('away')) };
    await using fixture = await IngressFixture.open({ policy: REJECT, needs: { screening: away } });
    await using dialogue = await atData(fixture, [ANN]);
    expect(await send(dialogue, MAIL)).toMatch(/^250 /);
  });
});

describe('fields for unsubscribing that the relay adds', () => {
  const policy: Partial<PolicyInput> = {
    streams: { transactional: {}, marketing: { unsubscribe: 'add' } },
    http: { publicUrl: 'https://mail.example' },
  };
  const unsubscribeUrl = (of: { readonly client: string; readonly stream: string; readonly address: string }): string =>
    `https://mail.example/unsubscribe/${of.client}/${of.stream}/${of.address}`;
  const bulk = (fields: string): string => `X-Relevo-Stream: marketing\r\n${fields}${MAIL}`;
  const header = (fixture: IngressFixture): string => {
    const text = fixture.spool.last.content.toString('latin1');
    return text.slice(0, text.indexOf('\r\n\r\n') + 2);
  };

  test('are signed with the message, name its recipient, and keep the ways that the client gave', async () => {
    const signed: string[] = [];
    await using fixture = await IngressFixture.open({
      policy,
      needs: { unsubscribeUrl },
      leaveBlank: async ({ fields }) => {
        signed.push(...fields.map(({ name }) => name));
        return madeSignatures();
      },
    });
    await using dialogue = await atData(fixture, [ANN]);
    const reply = await send(dialogue, bulk('List-Unsubscribe: <mailto:out@shop.example>\r\n'));
    expect(reply).toMatch(/^250 2\.6\.0 \S+ queued$/);
    expect(header(fixture)).toContain(
      'List-Unsubscribe:\r\n <https://mail.example/unsubscribe/shop/marketing/ann@dest.example>,\r\n <mailto:out@shop.example>\r\n' +
        'List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n',
    );
    expect(header(fixture).match(/list-unsubscribe:/gi)).toHaveLength(1);
    expect(signed.filter((name) => name.startsWith('list-'))).toEqual(['list-unsubscribe', 'list-unsubscribe-post']);
  });

  test.each([
    ['to several recipients', [ANN, BOB], '', 'no List-Unsubscribe field .*; it is added to mail with one recipient'],
    ['that has them already', [ANN], 'own', null],
  ] as const)('are not put into mail %s', async (_, to, own, warning) => {
    const given =
      'List-Unsubscribe: <https://shop.example/out>\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n';
    await using fixture = await IngressFixture.open({ policy, needs: { unsubscribeUrl } });
    await using dialogue = await atData(fixture, [...to]);
    const reply = await send(dialogue, bulk(own === 'own' ? given : ''));
    if (warning === null) expect(reply).toMatch(/^250 2\.6\.0 \S+ queued$/);
    else expect(reply).toMatch(new RegExp(`^250 2\\.6\\.0 \\S+ queued; ${warning}`));
    expect(header(fixture)).not.toContain('mail.example/unsubscribe');
  });

  test('are not put into mail of other streams', async () => {
    await using fixture = await IngressFixture.open({ policy, needs: { unsubscribeUrl } });
    await using dialogue = await atData(fixture, [ANN]);
    expect(await send(dialogue, MAIL)).toMatch(/^250 /);
    expect(header(fixture)).not.toMatch(/unsubscribe/i);
  });
});
