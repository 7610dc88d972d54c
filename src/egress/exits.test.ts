import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { settled } from '../../tests/fakes/clock.ts';
import { MAILGUN_DOMAIN, mailgunError, startMailgun } from '../../tests/fakes/cloud-mailgun.ts';
import { startDnsServer } from '../../tests/fakes/dns-server.ts';
import { DnsZone, domainOfManyHosts, fakeDns, type ZoneEntry } from '../../tests/fakes/dns.ts';
import { mailTo, NEVER, PATIENT, testPolicy } from '../../tests/fakes/exits.ts';
import { kinds } from '../../tests/fakes/mx-rig.ts';
import { startSmtpSink } from '../../tests/fakes/smtp-sink.ts';
import type { Event } from '../message/event.ts';
import type { Policy, PolicyInput } from '../policy/schema.ts';
import type { Emit } from '../ports.ts';
import { systemClock, systemDial, systemDns, systemRandom } from '../system.ts';
import { openExits, type Exits } from './exits.ts';

const NOBODY_HEARS: Emit = () => {};

type Rig = AsyncDisposable & { readonly exits: Exits; apply(input: Partial<PolicyInput>): void };

function open(
  input: Partial<PolicyInput>,
  { zone = new DnsZone(), localAddresses = [] as readonly string[], emit = NOBODY_HEARS } = {},
): Rig {
  let policy: Policy = testPolicy(input);
  const exits = openExits({
    policy: () => policy,
    ports: { clock: systemClock, random: systemRandom, dns: fakeDns(zone), dial: systemDial },
    emit,
    localAddresses: () => localAddresses,
  });
  return {
    exits,
    apply: (next) => {
      policy = testPolicy(next);
      exits.apply(policy);
    },
    [Symbol.asyncDispose]: () => exits[Symbol.asyncDispose](),
  };
}

const upstream = (port: number, more: Record<string, unknown> = {}) => ({
  type: 'smtp' as const,
  host: '127.0.0.1',
  port,
  tls: 'none' as const,
  timeouts: PATIENT,
  ...more,
});

describe('the exits of a policy', () => {
  test('that end with the relay give no all-clear, and those that the policy has no more do', async () => {
    await using server = await startMailgun();
    server.act(mailgunError(401, 'Invalid private key'));
    const api = { type: 'mailgun' as const, domain: MAILGUN_DOMAIN, apiKeys: ['wrong'], endpoint: server.url };
    const alertsOf = async (leave: (rig: Rig) => void): Promise<string[]> => {
      const alerts: string[] = [];
      const emit = (event: Event): void => {
        if (event.event === 'alert') alerts.push(`${event.name} ${event.raised ? 'raised' : 'over'}`);
      };
      await using rig = open({ egress: { api } }, { emit });
      await rig.exits.byName.get('api')?.attempt(mailTo(), NEVER);
      leave(rig);
      await settled();
      await rig.exits[Symbol.asyncDispose]();
      return alerts;
    };
    expect(await alertsOf(() => {})).toEqual(['exit-key:api raised']);
    const removed = await alertsOf((rig) => rig.apply({ egress: { other: { type: 'mx' } } }));
    expect(removed).toEqual(['exit-key:api raised', 'exit-key:api over']);
  });

  test('are those that are enabled and of a type that this version has', async () => {
    await using rig = open({
      egress: {
        direct: { type: 'mx' },
        own: upstream(2525),
        box: { type: 'sandbox' },
        off: { type: 'mx', enabled: false },
        cloud: { type: 'ses', region: 'eu-west-1', endpoint: 'http://127.0.0.1:1' },
      },
    });
    expect([...rig.exits.byName.keys()].toSorted()).toEqual(['box', 'cloud', 'direct', 'own']);
    expect(rig.exits.byName.get('direct')).toMatchObject({ name: 'direct', concurrency: 100 });
    expect(rig.exits.byName.get('own')).toMatchObject({ name: 'own', concurrency: 10 });
  });

  test('stay as they are, with their connections, when a new policy says the same', async () => {
    await using sink = await startSmtpSink();
    await using rig = open({ egress: { own: upstream(sink.port) } });
    const before = rig.exits.byName.get('own');
    await before?.attempt(mailTo(), NEVER);
    rig.apply({ hostname: 'new.example.com', egress: { own: upstream(sink.port), more: { type: 'mx' } } });
    expect(rig.exits.byName.get('own')).toBe(before);
    await rig.exits.byName.get('own')?.attempt(mailTo(), NEVER);
    expect(sink.sessions).toBe(1);
  });

  test('are replaced when it says otherwise, and what is under way ends in peace', async () => {
    await using sink = await startSmtpSink({ slowMs: 50 });
    await using rig = open({ egress: { own: upstream(sink.port) } });
    const before = rig.exits.byName.get('own');
    const attempt = before?.attempt(mailTo({ to: ['x-slow-at-dot@example.net'] }), NEVER);
    await sink.until(() => sink.messages.length === 1);
    rig.apply({ egress: { own: upstream(sink.port, { connections: 3 }) } });
    const after = rig.exits.byName.get('own');
    expect(after).not.toBe(before);
    expect(after?.concurrency).toBe(3);
    expect(kinds((await attempt) ?? { outcomes: [], host: null, address: null, source: null, tls: null })).toEqual([
      'delivered',
    ]);
    await sink.until(() => sink.open === 0);
    // Whoever still holds the old one can use it, but it keeps no connection.
    await before?.attempt(mailTo(), NEVER);
    await sink.until(() => sink.open === 0);
    expect(sink.messages).toHaveLength(2);
  });

  test('go away when it no longer has them', async () => {
    await using sink = await startSmtpSink();
    await using rig = open({ egress: { own: upstream(sink.port), other: { type: 'mx' } } });
    await rig.exits.byName.get('own')?.attempt(mailTo(), NEVER);
    rig.apply({ egress: { own: { ...upstream(sink.port), enabled: false }, other: { type: 'mx' } } });
    expect([...rig.exits.byName.keys()]).toEqual(['other']);
    await sink.until(() => sink.open === 0);
  });

  test('introduce themselves by the hostname in force', async () => {
    await using sink = await startSmtpSink({ maxMessages: 1 });
    await using rig = open({ egress: { own: upstream(sink.port) } });
    await rig.exits.byName.get('own')?.attempt(mailTo(), NEVER);
    rig.apply({ hostname: 'new.example.com', egress: { own: upstream(sink.port) } });
    await rig.exits.byName.get('own')?.attempt(mailTo(), NEVER);
    expect(sink.messages.map(({ helo }) => helo)).toEqual(['relay.example.com', 'new.example.com']);
  });

  test('leave no connection open when all is closed', async () => {
    await using sink = await startSmtpSink();
    const rig = open({ egress: { own: upstream(sink.port) } });
    await Promise.all(Array.from({ length: 5 }, async () => rig.exits.byName.get('own')?.attempt(mailTo(), NEVER)));
    await rig[Symbol.asyncDispose]();
    await sink.until(() => sink.open === 0);
    expect(rig.exits.byName.size).toBe(0);
  });

  test('keep sandbox mail where the policy says', async () => {
    const path = await mkdtemp(join(tmpdir(), 'relevo-exits-'));
    await using rig = open({ egress: { box: { type: 'sandbox', path } } });
    await rig.exits.byName.get('box')?.attempt(mailTo(), NEVER);
    expect(await readdir(path)).toHaveLength(2);
    await rm(path, { recursive: true });
  });
});

describe('mail that would come back', () => {
  const zone = () => new DnsZone({ 'loop.test': { a: ['127.0.0.1'] } });
  const send = async (input: Partial<PolicyInput>, localAddresses: readonly string[]) => {
    await using sink = await startSmtpSink();
    const egress = { direct: { type: 'mx' as const, port: sink.port, privateAddresses: true, timeouts: PATIENT } };
    const listen = (input.listen ?? []).map((listener) => ({
      ...listener,
      port: listener.port === 1 ? sink.port : listener.port,
    }));
    await using rig = open({ egress, listen }, { zone: zone(), localAddresses });
    const result = await rig.exits.byName.get('direct')?.attempt(mailTo({ to: ['b@loop.test'] }), NEVER);
    return result?.outcomes[0]?.reply.detail;
  };

  test('is recognised by address and port', async () => {
    expect(await send({ listen: [{ port: 1 }] }, ['127.0.0.1'])).toBe('4.6');
    expect(await send({ listen: [{ port: 1, address: '127.0.0.1' }] }, [])).toBe('4.6');
  });

  test('is not seen where another server has the port, or the address', async () => {
    expect(await send({ listen: [{ port: 587 }] }, ['127.0.0.1'])).toBe('0.0');
    expect(await send({ listen: [{ port: 1 }] }, ['198.51.100.1'])).toBe('0.0');
    expect(await send({ listen: [{ port: 1, address: '127.0.0.2' }] }, ['127.0.0.1'])).toBe('0.0');
  });
});

describe('over a real resolver', () => {
  test.each<[string, ZoneEntry | null, string]>([
    ['good.test', { mx: [[10, 'mx1.big.test']] }, 'delivered'],
    ['big.test', null, 'delivered'],
    ['cut.test', { mx: [[10, 'mx1.big.test']], truncated: true }, 'delivered'],
    ['plain.test', { a: ['127.0.0.1'] }, 'delivered'],
    ['null.test', { mx: [[0, '']] }, 'bounced recipient'],
    ['gone.test', { fault: 'nxdomain' }, 'bounced recipient'],
    ['empty.test', { txt: ['nothing here'] }, 'bounced recipient'],
    ['broken.test', { fault: 'servfail' }, 'deferred host'],
    ['refused.test', { fault: 'refused' }, 'deferred host'],
    ['silent.test', { fault: 'timeout' }, 'deferred host'],
    ['loop.test', { mx: [[10, 'relay.example.com']] }, 'bounced recipient'],
  ])('%s', async (domain, entry, expected) => {
    const zone = new DnsZone(domainOfManyHosts('big.test', 60, '127.0.0.1'));
    if (entry !== null) zone.set(domain, entry);
    await using server = await startDnsServer(zone);
    await using sink = await startSmtpSink();
    const policy = testPolicy({
      egress: { direct: { type: 'mx', port: sink.port, privateAddresses: true, timeouts: PATIENT } },
      dns: { servers: [server.address] },
    });
    const dns = systemDns(() => policy.dns.servers, { timeoutMs: 200, tries: 2 });
    await using exits = openExits({
      policy: () => policy,
      ports: { clock: systemClock, random: systemRandom, dns, dial: systemDial },
      emit: () => {},
      localAddresses: () => [],
    });
    const result = await exits.byName.get('direct')?.attempt(mailTo({ to: [`b@${domain}`] }), NEVER);
    expect(result === undefined ? [] : kinds(result)).toEqual([expected]);
    expect(sink.messages).toHaveLength(expected === 'delivered' ? 1 : 0);
  });
});
