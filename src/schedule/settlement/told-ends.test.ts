import { expect, test } from 'vitest';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import { deliveryIdOf } from '../../message/ids.ts';
import type { Recipient } from '../../message/message.ts';
import { policySchema } from '../../policy/schema.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import { type ToldEnd, toldPlan } from './told-ends.ts';

const { retry } = policySchema.parse({ hostname: 'relay.test' });
const TERMS = { nowMs: 1_000, ageMs: 0, retry, onDoubt: 'retry', fraction: 0, content: null } as const;
const TAKEN: ToldEnd = { state: 'delivered', reply: { code: 250, detail: '0.0', text: 'taken' }, egress: 'ses' };
const GONE: ToldEnd = { state: 'bounced', reply: { code: 550, detail: '1.1', text: 'gone' }, egress: 'ses' };

function leasedWith(recipients: readonly Recipient[]): LeasedDelivery {
  const { message } = aSubmission({ atMs: 0 });
  const delivery: LeasedDelivery['delivery'] = {
    id: deliveryIdOf(message.id, 1),
    messageId: message.id,
    domain: 'dest.test',
    recipients,
    client: 'shop',
    stream: 'news',
    priority: 'normal',
    state: 'held',
    attempts: 2,
    createdAtMs: 0,
    dueAtMs: 77,
    warnedAtMs: 5,
    lastReply: null,
    lastEgress: 'ses',
    refusedBy: ['ip-1'],
    doubtBy: 'ses',
  };
  return { delivery, message, lease: { token: 9, untilMs: 99 } };
}

const to = (address: string, notify: Recipient['notify'] = null): Recipient => ({ address, notify, orcpt: null });

test('those who are told of end, and the others wait on as they were', () => {
  const leased = leasedWith([to('a@dest.test'), to('b@dest.test'), to('c@dest.test')]);
  const ends = new Map([
    ['a@dest.test', TAKEN],
    ['b@dest.test', GONE],
    ['stranger@dest.test', GONE],
  ]);
  const { settlement } = toldPlan(leased, { ends, terms: TERMS });
  expect(settlement).toMatchObject({
    token: 9,
    finished: [
      { address: 'a@dest.test', state: 'delivered' },
      { address: 'b@dest.test', state: 'bounced' },
    ],
    rest: { dueAtMs: 77, attempts: 2, refusedBy: ['ip-1'], doubtBy: 'ses', warnedAtMs: 5, state: 'held' },
    events: [
      { event: 'delivered', egress: 'ses', recipients: ['a@dest.test'], reply: { code: 250 } },
      { event: 'bounced', egress: 'ses', recipients: ['b@dest.test'], reply: { code: 550 } },
    ],
  });
});

test('the sender is told of a bounce, and of a delivery where he asked for it', () => {
  const leased = leasedWith([
    to('a@dest.test'),
    to('b@dest.test', ['success']),
    to('c@dest.test'),
    to('d@dest.test', 'never'),
  ]);
  const ends = new Map([
    ['a@dest.test', TAKEN],
    ['b@dest.test', TAKEN],
    ['c@dest.test', GONE],
    ['d@dest.test', GONE],
  ]);
  const { notices } = toldPlan(leased, { ends, terms: TERMS });
  expect(notices.map(({ kind, recipients }) => [kind, recipients.map(({ recipient }) => recipient.address)])).toEqual([
    ['relayed', ['b@dest.test']],
    ['failed', ['c@dest.test']],
  ]);
});
