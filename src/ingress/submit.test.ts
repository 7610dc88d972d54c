import { expect, test } from 'vitest';
import { CLIENTS, IngressFixture } from '../../tests/fakes/ingress.ts';
import { longestTurnMs } from '../../tests/fakes/turns.ts';
import type { Submission, SubmitResult } from './submit.ts';

const ONE: Submission = {
  client: 'shop',
  sender: 'ana@shop.example',
  recipients: ['bob@DEST.example'],
  content: Buffer.from('From: ana@shop.example\nSubject: x\n\nbody\n.\nlast line'),
  address: null,
  protocol: 'local',
};

test('a message is taken without SMTP on the same terms', async () => {
  await using fixture = await IngressFixture.open();
  const result = await fixture.ingress.submit(ONE);
  expect(result).toEqual({ kind: 'accepted', id: fixture.spool.last.message.id, isRepeat: false });
  expect(fixture.spool.last.deliveries).toMatchObject([{ domain: 'dest.example' }]);
  expect(fixture.spool.text).toMatch(/^Received: by relay\.example\r\n\twith local id /);
  expect(fixture.spool.text).toMatch(/\r\n\r\nbody\r\n\.\r\nlast line\r\n$/);
});

test.each([
  ['an unknown client', { client: 'nobody' }, 530],
  ['a sender that is not the client’s', { sender: 'x@bank.example' }, 550],
  ['a From that is not the client’s', { content: Buffer.from('From: x@bank.example\n\nbody\n') }, 550],
  ['a bad recipient', { recipients: ['bob@dest.example', 'nonsense'] }, 501],
  ['no recipients', { recipients: [] }, 503],
  ['too many recipients', { recipients: ['a@x.example', 'b@x.example', 'c@x.example'] }, 452],
  ['a NUL', { content: Buffer.from('a\0b') }, 554],
  ['a line that is too long', { content: Buffer.from('x'.repeat(999)) }, 554],
  ['too much', { content: Buffer.alloc(70_000, 'line\n') }, 552],
])('%s is refused', async (_what, change, code) => {
  await using fixture = await IngressFixture.open({ policy: { limits: { recipients: 2, messageSize: '64KB' } } });
  expect(await fixture.ingress.submit({ ...ONE, ...change })).toMatchObject({ kind: 'refused', reply: { code } });
  expect(fixture.spool.accepted).toHaveLength(0);
});

test('its recipients come out of the same quota', async () => {
  const shop = { ...CLIENTS['shop'], senders: ['*@shop.example'], quota: '1/h' };
  await using fixture = await IngressFixture.open({ policy: { clients: { shop } } });
  expect(await fixture.ingress.submit(ONE)).toMatchObject({ kind: 'accepted' });
  expect(await fixture.ingress.submit(ONE)).toMatchObject({ kind: 'refused', reply: { code: 452, detail: '7.1' } });
});

test('nothing is taken once the relay is stopping', async () => {
  await using fixture = await IngressFixture.open();
  await fixture.ingress.stopAccepting();
  expect(await fixture.ingress.submit(ONE)).toMatchObject({ kind: 'refused', reply: { code: 421 } });
});

test('no session waits long while a large message is taken in', async () => {
  await using fixture = await IngressFixture.open({ policy: { limits: { messageSize: '50MB' } } });
  const content = Buffer.alloc(26_000_000, `${'x'.repeat(9)}\n`);
  content.write('From: ana@shop.example\n\n');
  let result: SubmitResult | null = null;
  const turnMs = await longestTurnMs(async () => {
    result = await fixture.ingress.submit({ ...ONE, content });
  });
  expect(result).toMatchObject({ kind: 'accepted' });
  expect(turnMs).toBeLessThan(250);
});
