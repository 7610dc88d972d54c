import { expect, test } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import type { Event } from '../message/event.ts';
import type { DeliveryId, MessageId } from '../message/ids.ts';
import { policySchema } from '../policy/schema.ts';
import { SilentExits } from './silent-exits.ts';

const MESSAGE = '01KC0000000000000000000000' as MessageId;
const mx = { type: 'mx' as const };

class Rig {
  readonly clock = new FakeClock();
  policy = policySchema.parse({
    hostname: 'a.test',
    egress: { 'ip-1': mx, 'ip-2': mx, s1: { type: 'smtp', host: 's' } },
  });
  readonly alerts: Event[] = [];
  readonly silent = new SilentExits({
    policy: () => this.policy,
    clock: this.clock,
    emit: (event) => void this.alerts.push(event),
  });

  reached(egress: string, ...domains: readonly string[]): void {
    for (const domain of domains) this.#attempted(egress, domain, { code: 451, detail: '3.0', text: 'later' }, 5);
  }

  missed(egress: string, domains: readonly string[], tookMs = 30_000): void {
    const reply = { code: 451, detail: '4.1', text: 'connect to mx: no answer' };
    for (const domain of domains) this.#attempted(egress, domain, reply, tookMs, true);
  }

  #attempted(
    egress: string,
    domain: string,
    reply: { readonly code: number; readonly detail: string; readonly text: string },
    tookMs: number,
    own?: true,
  ): void {
    const where = { host: null, address: null, source: null, tls: null };
    const attempt = { number: 1, egress, ...where, reply, ...(own === undefined ? {} : { own }), tookMs };
    const of = { atMs: 0, messageId: MESSAGE, deliveryId: `${MESSAGE}-1` as DeliveryId, domain, recipients: ['a'] };
    this.silent.heard({ event: 'attempted', attempt, ...of });
  }
}

test('an address that reaches nobody where another one does is told of, once, until somebody answers it', () => {
  const rig = new Rig();
  rig.reached('ip-2', 'a.test', 'b.test');
  rig.missed('ip-1', ['a.test', 'b.test', 'c.test', 'c.test', 'c.test', 'd.test']);
  expect(rig.alerts).toEqual([]);
  rig.reached('ip-2', 'c.test');
  rig.missed('ip-1', ['a.test']);
  expect(rig.alerts).toMatchObject([
    {
      name: 'egress-silent:ip-1',
      raised: true,
      text: expect.stringContaining('while ip-2 reached a.test, b.test, c.test'),
    },
  ]);
  rig.reached('ip-1', 'd.test');
  expect(rig.alerts.slice(1)).toMatchObject([{ name: 'egress-silent:ip-1', raised: false }]);
});

test('hosts that nobody reaches, or that refuse at once, say nothing of the address', () => {
  const rig = new Rig();
  rig.missed('ip-1', ['a.test', 'b.test', 'c.test', 'd.test', 'e.test']);
  rig.missed('ip-2', ['a.test', 'b.test', 'c.test', 'd.test', 'e.test']);
  rig.reached('s1', 'a.test', 'b.test', 'c.test');
  expect(rig.alerts).toEqual([]);
  const other = new Rig();
  other.missed('ip-1', ['a.test', 'b.test', 'c.test', 'd.test', 'e.test'], 3);
  other.reached('ip-2', 'a.test', 'b.test', 'c.test', 'd.test');
  expect(other.alerts).toEqual([]);
});

test('a connection between begins the count anew, and what others reached long before does not count', async () => {
  const rig = new Rig();
  rig.reached('ip-2', 'a.test', 'b.test', 'c.test');
  rig.missed('ip-1', ['a.test', 'b.test', 'c.test', 'a.test']);
  rig.reached('ip-1', 'a.test');
  rig.missed('ip-1', ['b.test', 'c.test', 'a.test', 'a.test']);
  expect(rig.alerts).toEqual([]);
  const old = new Rig();
  old.reached('ip-2', 'a.test', 'b.test', 'c.test');
  await old.clock.advance(20 * 60_000);
  old.missed('ip-1', ['a.test', 'b.test', 'c.test', 'a.test', 'b.test']);
  expect(old.alerts).toEqual([]);
});

test('an exit that is taken out of the policy is not told of any more', () => {
  const rig = new Rig();
  rig.reached('ip-2', 'a.test', 'b.test', 'c.test');
  rig.missed('ip-1', ['a.test', 'b.test', 'c.test', 'a.test', 'b.test']);
  rig.policy = policySchema.parse({ hostname: 'a.test', egress: { 'ip-2': mx } });
  rig.reached('ip-2', 'z.test');
  expect(rig.alerts).toMatchObject([{ raised: true }, { raised: false }]);
});
