/** SendGrid's SMTP server takes no mail of the exit for now: for how long it rests, and who is told. */
import { expect, test } from 'vitest';
import { exitPorts, mailTo, NEVER, testPolicy } from '../../../tests/fakes/exits.ts';
import { startSendGridSmtp } from '../../../tests/fakes/sendgrid-smtp.ts';
import type { Event } from '../../message/event.ts';
import type { Outcome } from '../../message/outcome.ts';
import { openSendGridEgress } from './sendgrid-egress.ts';

async function rigged() {
  const server = await startSendGridSmtp();
  const settings = { type: 'sendgrid' as const, apiKeys: ['SG.one'], endpoint: server.endpoint };
  const policy = testPolicy({ egress: { it: settings } }).egress['it'];
  if (policy?.type !== 'sendgrid') throw new Error('not a sendgrid exit');
  const events: Event[] = [];
  const ports = exitPorts();
  let aheadMs = 0;
  const clock = Object.assign(Object.create(ports.clock) as typeof ports.clock, {
    monotonicMs: () => ports.clock.monotonicMs() + aheadMs,
  });
  const egress = openSendGridEgress('sg', policy, { ...ports, clock, emit: (event) => void events.push(event) });
  const sent = async (dot: string | null): Promise<Outcome | undefined> => {
    if (dot !== null) server.refuses = { dot: { code: dot.startsWith('too many') ? 452 : 550, text: dot } };
    return (await egress.attempt(mailTo(), NEVER)).outcomes[0];
  };
  return {
    events,
    sent,
    passes: (ms: number) => void (aheadMs += ms),
    [Symbol.asyncDispose]: async () => {
      await egress[Symbol.asyncDispose]();
      await server[Symbol.asyncDispose]();
    },
  };
}

test('longer each time that it is too much, until some is taken', async () => {
  await using rig = await rigged();
  const rests: unknown[] = [];
  for (const dot of ['too many messages', 'too many messages', null, 'too many messages']) {
    const outcome = await rig.sent(dot);
    rests.push(outcome?.kind === 'deferred' ? Math.round((outcome.restMs ?? 0) / 1_000) : outcome?.kind);
    rig.passes(20_000);
  }
  expect(rests).toEqual([5, 10, 'delivered', 5]);
});

test.each([
  ['an account that is suspended', 'Your account has been suspended', { reply: { detail: '7.1' } }, 'Ask SendGrid'],
  ['credits that are used up', 'Maximum credits exceeded', { restMs: expect.closeTo(900_000) }, 'Raise the plan'],
])('by %s the exit is out, whatever it took before, and says what to do', async (_, dot, how, advice) => {
  await using rig = await rigged();
  await rig.sent(null);
  const outcome = await rig.sent(dot);
  expect(outcome).toMatchObject({ kind: 'deferred', scope: 'egress', ...how });
  expect(outcome).not.toHaveProperty('unfit');
  expect(rig.events).toMatchObject([
    { name: 'exit-provider:sg', raised: true, text: expect.stringContaining(advice) as string },
  ]);
});
