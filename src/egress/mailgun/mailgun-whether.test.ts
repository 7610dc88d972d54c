import { describe, expect, test } from 'vitest';
import { openMailgunRig } from '../../../tests/fakes/cloud-exits.ts';
import { mailgunFields, mailgunSends } from '../../../tests/fakes/cloud-mailgun.ts';
import { mailTo, NEVER } from '../../../tests/fakes/exits.ts';
import type { Mail } from '../egress.ts';

function accepted({ message }: Mail, recipient: string): object {
  return {
    event: 'accepted',
    recipient,
    'user-variables': { 'relevo-message': message.id },
    message: { headers: { 'message-id': '20261122.7@mg.example.com' } },
  };
}

describe('whether Mailgun took a message', () => {
  test('is asked by the argument that each message has', async () => {
    const mail = mailTo();
    const queries: URLSearchParams[] = [];
    const events = (query: URLSearchParams): readonly object[] => {
      queries.push(query);
      return [accepted(mail, 'B@example.net')];
    };
    await using rig = await openMailgunRig({ facts: { events } });
    expect(await rig.egress.whether?.(mail, NEVER)).toEqual({ kind: 'taken', providerId: '20261122.7@mg.example.com' });
    expect(Object.fromEntries(queries[0] ?? [])).toMatchObject({
      event: 'accepted',
      'user-variables.relevo-message': mail.message.id,
    });
  });

  test('for some of its recipients only, it names those', async () => {
    const mail = mailTo({ to: ['b@example.net', 'c@example.net'] });
    await using rig = await openMailgunRig({ facts: { events: () => [accepted(mail, 'c@example.net')] } });
    expect(await rig.egress.whether?.(mail, NEVER)).toMatchObject({ kind: 'taken', addresses: ['c@example.net'] });
  });

  test('a page that is full says nothing of whom it does not name', async () => {
    const mail = mailTo();
    const events = Array.from({ length: 300 }, (_, at) => accepted(mail, `other${at}@example.net`));
    await using rig = await openMailgunRig({ facts: { events: () => events } });
    expect(await rig.egress.whether?.(mail, NEVER)).toEqual({ kind: 'unknown' });
  });

  test('events of other messages say nothing', async () => {
    await using rig = await openMailgunRig({ facts: { events: () => [accepted(mailTo(), 'b@example.net')] } });
    expect(await rig.egress.whether?.(mailTo(), NEVER)).toEqual({ kind: 'not-taken' });
  });

  test('no answer is no word', async () => {
    await using rig = await openMailgunRig();
    await rig.server.breakDown();
    expect(await rig.egress.whether?.(mailTo(), NEVER)).toEqual({ kind: 'unknown' });
  });
});

test('Mailgun is told stream and tag, and what its events are to say again', async () => {
  await using rig = await openMailgunRig();
  const mail = mailTo({ terms: { tag: 'order-7', client: 'crm' } });
  const result = await rig.egress.attempt(mail, NEVER);
  expect(result.peers?.[0]).toMatchObject({ providerId: '20261122.1@mg.example.com' });
  const [request] = mailgunSends(rig.server);
  const fields = request === undefined ? [] : mailgunFields(request).map(([name, value]) => [name, value.toString()]);
  expect(fields.slice(0, -1)).toEqual([
    ['to', 'b@example.net'],
    ['o:tag', 'transactional'],
    ['o:tag', 'order-7'],
    ['v:relevo-message', mail.message.id],
    ['v:relevo-stream', 'transactional'],
    ['v:relevo-client', 'crm'],
    ['v:relevo-tag', 'order-7'],
  ]);
});
