import { expect, test } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { type Answer, OUTCOMES, ScriptedEgress } from '../../../tests/fakes/scripted-egress.ts';
import { aSubmission } from '../../../tests/fakes/submission.ts';
import type { Delivery } from '../../message/delivery.ts';
import type { AttemptRecord } from '../../message/event.ts';
import { deliveryIdOf } from '../../message/ids.ts';
import { converse } from './converse.ts';

/** The record of an attempt for three recipients. */
async function recordOf(answer: Answer): Promise<AttemptRecord> {
  const clock = new FakeClock();
  const egress = new ScriptedEgress('out', clock);
  egress.answer = answer;
  const { message, deliveries, content } = aSubmission({ atMs: 0, to: ['a@d.test', 'b@d.test', 'c@d.test'] });
  const recipients = deliveries[0]?.recipients ?? [];
  const delivery = {
    id: deliveryIdOf(message.id, 1),
    domain: 'd.test',
    recipients,
    attempts: 0,
  } as unknown as Delivery;
  const leased = { delivery, message, lease: { token: 1, untilMs: 1 } };
  const exchange = { leased, recipients, content, exit: 'out', egress, signal: new AbortController().signal };
  return (await converse({ clock, emit: () => {} }, exchange)).record;
}

test('the record of an attempt says what was worst of it', async () => {
  const { reply } = await recordOf(() => [OUTCOMES.delivered, OUTCOMES.unknownUser, OUTCOMES.refused]);
  expect(reply).toEqual(OUTCOMES.unknownUser.reply);
});

test('the record says where a reply is in the own words of the relay', async () => {
  const own = { ...OUTCOMES.unreachable, own: true } as const;
  expect(await recordOf(() => [OUTCOMES.delivered, own, own])).toMatchObject({ reply: own.reply, own: true });
  expect(await recordOf(() => [own, OUTCOMES.unknownUser, own])).not.toHaveProperty('own');
  expect(await recordOf(() => OUTCOMES.refused)).not.toHaveProperty('own');
  expect(await recordOf(() => Promise.reject(new Error('a bug')))).toMatchObject({ reply: { code: 451 }, own: true });
  expect(await recordOf(() => [OUTCOMES.delivered])).toMatchObject({ own: true });
});
