/** Another key in the policy: it is used at once, and what is under way with the old one ends in peace. */
import { expect, test, vi } from 'vitest';
import { FakeClock } from '../../../tests/fakes/clock.ts';
import { kindsOf, KEYS, PASS } from '../../../tests/fakes/cloud-exits.ts';
import { mailgunKeyOf, mailgunSends, MAILGUN_DOMAIN, startMailgun } from '../../../tests/fakes/cloud-mailgun.ts';
import { mailTo, NEVER, testPolicy } from '../../../tests/fakes/exits.ts';
import type { Event } from '../../message/event.ts';
import type { Policy } from '../../policy/schema.ts';
import { systemDial, systemDns, systemRandom } from '../../system.ts';
import { openExits } from '../exits.ts';

/** What will be so is so when the machine gets to it. */
const WAIT_MS = 20_000;

function policyWith(apiKeys: string[], endpoint: string): Policy {
  return testPolicy({ egress: { cloud: { type: 'mailgun', domain: MAILGUN_DOMAIN, apiKeys, endpoint } } });
}

function exitsWith(key: string, endpoint: string) {
  let policy = policyWith([key], endpoint);
  const events: Event[] = [];
  const ports = { clock: new FakeClock(), random: systemRandom, dns: systemDns(() => null), dial: systemDial };
  const emit = (event: Event): void => {
    events.push(event);
  };
  const exits = openExits({ policy: () => policy, ports, emit, localAddresses: () => [] });
  return {
    exits,
    rotate: (next: string): void => {
      policy = policyWith([next], endpoint);
      exits.apply(policy);
    },
    /** Of each time that the alert was told of: whether it was raised. */
    alerts: () =>
      events.flatMap((event) => (event.event === 'alert' && event.name === 'exit-key:cloud' ? [event.raised] : [])),
  };
}

test('new key in, old one drained, and its alert is over', async () => {
  const [first = '', second = ''] = KEYS;
  await using server = await startMailgun();
  const { exits, rotate, alerts } = exitsWith(first, server.url);
  await using _open = exits;
  const attempt = async (): Promise<readonly string[]> =>
    kindsOf((await exits.byName.get('cloud')?.attempt(mailTo(), NEVER)) ?? { outcomes: [], ...NOBODY });

  const held = Promise.withResolvers<void>();
  const id = JSON.stringify({ id: '<late@mg.example.com>', message: 'Queued. Thank you.' });
  server.act(
    { kind: 'answer', status: 200, body: id, after: held.promise },
    { kind: 'answer', status: 401, body: 'Forbidden' },
  );
  const underWay = attempt();
  await vi.waitFor(() => expect(mailgunSends(server)).toHaveLength(1), WAIT_MS);
  expect(await attempt()).toEqual(['deferred']);
  server.act(PASS);

  rotate(second);
  expect(await attempt()).toEqual(['delivered']);
  expect(mailgunSends(server).map(mailgunKeyOf)).toEqual([first, first, second]);
  held.resolve();
  expect(await underWay).toEqual(['delivered']);
  await vi.waitFor(() => expect(alerts()).toEqual([true, false]), WAIT_MS);
});

test('the alert of a key that was refused is over once another has its place, with no mail by it', async () => {
  const [first = '', second = ''] = KEYS;
  await using server = await startMailgun();
  const { exits, rotate, alerts } = exitsWith(first, server.url);
  await using _open = exits;
  server.act({ kind: 'answer', status: 401, body: 'Forbidden' });
  await exits.byName.get('cloud')?.attempt(mailTo(), NEVER);
  rotate(second);
  await vi.waitFor(() => expect(alerts()).toEqual([true, false]), WAIT_MS);
});

const NOBODY = { host: null, address: null, source: null, tls: null };
