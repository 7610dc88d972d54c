import { describe, expect, test } from 'vitest';
import { atData, CLIENTS, IngressFixture, MAIL, send } from '../../tests/fakes/ingress.ts';
import { deliveryIdOf } from '../message/ids.ts';

/** What waits, as a thread that takes mail knows it. */
function waits({ isWaiting = false, isFull = false } = {}) {
  const expected: string[] = [];
  return {
    expected,
    failure: null as Error | null,
    isWaiting: () => isWaiting,
    isFull: () => isFull,
    async expect(client: string, id: string): Promise<void> {
      if (this.failure !== null) throw this.failure;
      expected.push(`${client} ${id}`);
    },
  };
}

async function opened(overQuota: ReturnType<typeof waits>, of: object = { quota: '3/d', overQuota: 'hold' }) {
  const shop = { ...CLIENTS['shop'], senders: ['*@shop.example'], ...of };
  return await IngressFixture.open({ policy: { clients: { ...CLIENTS, shop } }, needs: { overQuota } });
}

const SECOND = MAIL.replace('<1@', '<2@');

describe('mail of a client over its quota, where that may wait', () => {
  test('is taken as held, with why, and known to wait before it is accepted', async () => {
    const overQuota = waits();
    await using fixture = await opened(overQuota);
    fixture.handoff.leaseUntilMs = 1;
    await using dialogue = await atData(fixture, ['a@x.example', 'b@x.example']);
    expect(await send(dialogue, MAIL)).toMatch(/^250/);
    expect([fixture.spool.last.held, overQuota.expected]).toEqual([undefined, []]);
    await dialogue.all('MAIL FROM:<ana@shop.example>', 'RCPT TO:<a@x.example>', 'RCPT TO:<b@y.example>');
    expect(await send(dialogue, SECOND)).toMatch(/^250 2\.6\.0 \S+ queued/);
    const { message, held, deliveries } = fixture.spool.last;
    const reason = 'over its quota of 3/d: it goes by itself, in its turn, as soon as there is room';
    expect(held).toMatchObject([
      { event: 'held', deliveryId: deliveryIdOf(message.id, 1), recipients: ['a@x.example'], reason },
      { event: 'held', deliveryId: deliveryIdOf(message.id, 2), recipients: ['b@y.example'], reason },
    ]);
    expect(deliveries).toMatchObject([{ leaseUntilMs: null }, { leaseUntilMs: null, lastReply: { text: reason } }]);
    expect(overQuota.expected).toEqual([`shop ${message.id}`]);
    expect(fixture.eventsOf('held')).toMatchObject(held ?? []);
    expect(fixture.handoff).toMatchObject({ reserved: [{ domain: 'x.example' }], wakes: 0 });
    // What was not granted was not counted.
    expect(fixture.ledger.used.get('client:shop')).toBe(2);
  });

  test('waits behind what waits already, though there is room', async () => {
    await using fixture = await opened(waits({ isWaiting: true }));
    await using dialogue = await atData(fixture);
    expect(await send(dialogue, MAIL)).toMatch(/^250/);
    expect(fixture.spool.last.held).toHaveLength(1);
    expect(fixture.ledger.used.get('client:shop')).toBeUndefined();
  });

  test.each([
    ['so much waits already', waits({ isFull: true, isWaiting: true }), { quota: '3/d', overQuota: 'hold' }, 1],
    ['it has more recipients than all of the quota', waits(), { quota: '3/d', overQuota: 'hold' }, 4],
    ['the policy does not say that it may', waits(), { quota: '1/d' }, 2],
  ])('is refused when %s', async (_why, overQuota, of, count) => {
    await using fixture = await opened(overQuota, of);
    const to = Array.from({ length: count }, (_, at) => `r${at}@x.example`);
    await using dialogue = await atData(fixture, to);
    expect(await dialogue.say('DATA')).toMatch(/^452 4\.7\.1/);
    expect(overQuota.expected).toEqual([]);
  });

  test('is refused for now where nobody would let it go again', async () => {
    const overQuota = waits({ isWaiting: true });
    overQuota.failure = new Error('the store is away');
    await using fixture = await opened(overQuota);
    await using dialogue = await atData(fixture);
    expect(await send(dialogue, MAIL)).toMatch(/^451/);
    expect(fixture.spool.accepted).toEqual([]);
  });

  test('is taken without SMTP too', async () => {
    const overQuota = waits({ isWaiting: true });
    await using fixture = await opened(overQuota);
    const taken = await fixture.ingress.submit({
      client: 'shop',
      sender: 'ana@shop.example',
      recipients: ['a@x.example'],
      content: Buffer.from(MAIL),
      address: null,
      protocol: 'HTTP',
    });
    expect(taken).toMatchObject({ kind: 'accepted', id: fixture.spool.last.message.id });
    expect(fixture.spool.last.held).toHaveLength(1);
  });
});
