/** A relay with addresses of its own, 127.0.x.y, among simulated mailbox providers, on a clock that is moved. */
import { openWorld, type World, type WorldNeeds } from '../../scripts/simulator/relay-world.ts';
import type { SimulatorEvent } from '../../scripts/simulator/simulator.ts';
import type { Event } from '../../src/message/event.ts';
import type { PolicyInput } from '../../src/policy/schema.ts';
import type { Dns, DnsAnswer } from '../../src/ports.ts';

export const SECOND = 1_000;
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;

/** `terms`: as YAML in braces, what there is beside name, place and domains. */
export type Place = { readonly host: string; readonly domains: readonly string[]; readonly terms?: string };

export type ProviderWorldNeeds = {
  readonly places: Readonly<Record<string, Place>>;
  /** By exit: its local address, and more. `port` is added. */
  readonly exits: Readonly<Record<string, Readonly<Record<string, unknown>>>>;
  readonly policy?: Partial<PolicyInput>;
  /** Names that are not those of providers. */
  readonly names?: (clock: World['clock']) => Dns;
} & Partial<Pick<WorldNeeds, 'startMs' | 'grainMs' | 'hangs' | 'canSendFrom'>>;

export type Sending = { readonly stream?: string; readonly count?: number };

export type ProviderWorld = AsyncDisposable & {
  readonly world: World;
  /** What the relay told, and the providers. */
  readonly told: readonly Event[];
  readonly provided: readonly SimulatorEvent[];
  /** Hands over so many messages, `#` in the address being their number, and lets them go as far as they go now. @returns their ids */
  send(to: string, sending?: Sending): Promise<string[]>;
  /** Lets so much time pass. */
  pass(forMs: number, grainMs?: number): Promise<void>;
  /** Messages that a provider took, by client address, since that time. */
  taken(provider: string, sinceMs?: number): Record<string, number>;
  /** The same that it refused. */
  refused(provider: string, sinceMs?: number): Record<string, number>;
  /** `name raised`, in order. */
  alerts(name: RegExp): string[];
  /** The providers are these from now on. */
  change(places: ProviderWorldNeeds['places']): Promise<void>;
};

/** A Monday, midnight. */
export const START_MS = Date.UTC(2026, 0, 12);

export async function providerWorld(needs: ProviderWorldNeeds): Promise<ProviderWorld> {
  const told: Event[] = [];
  const provided: SimulatorEvent[] = [];
  let providersPort = 0;
  let seed = 1;
  const world = await openWorld({
    startMs: needs.startMs ?? START_MS,
    grainMs: needs.grainMs ?? MINUTE,
    fraction: () => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647,
    providers: (port) => {
      providersPort = port;
      return descriptionOf(needs.places, port);
    },
    policy: (ports) => policyOf(needs, ports),
    dns: (clock) => namesOf(needs, clock),
    heard: (event) => void told.push(event),
    provided: (event) => void provided.push(event),
    ...(needs.hangs === undefined ? {} : { hangs: needs.hangs }),
    ...(needs.canSendFrom === undefined ? {} : { canSendFrom: needs.canSendFrom }),
  });
  const counted =
    (kind: 'taken' | 'refused') =>
    (provider: string, sinceMs = 0): Record<string, number> => {
      const counts: Record<string, number> = {};
      for (const one of provided) {
        if (one.event !== kind || one.provider !== provider || one.atMs < sinceMs) continue;
        counts[one.client] = (counts[one.client] ?? 0) + 1;
      }
      return counts;
    };
  let number = 0;
  return {
    world,
    told,
    provided,
    taken: counted('taken'),
    refused: counted('refused'),
    pass: (forMs, grainMs) => world.passTo(world.clock.nowMs() + forMs, grainMs),
    send: async (to, { stream = 'transactional', count = 1 } = {}) => {
      const ids = await Promise.all(
        Array.from({ length: count }, () => submit(world, to.replace('#', String(++number)), stream)),
      );
      await world.rest();
      return ids;
    },
    alerts: (name) =>
      told.flatMap((event) =>
        event.event === 'alert' && name.test(event.name) ? [`${event.name} ${event.raised}`] : [],
      ),
    change: (places) => world.provide(descriptionOf(places, providersPort)),
    [Symbol.asyncDispose]: () => world[Symbol.asyncDispose](),
  };
}

function descriptionOf(places: ProviderWorldNeeds['places'], port: number): string {
  const lines = Object.entries(places).map(
    ([name, { host, domains, terms = '' }]) =>
      `  - { name: ${name}, listen: "${host}:${port}", domains: [${domains.join(', ')}], ${terms} }`,
  );
  return `providers:\n${lines.join('\n')}\n`;
}

function policyOf({ exits, policy }: ProviderWorldNeeds, ports: Parameters<WorldNeeds['policy']>[0]): PolicyInput {
  const egress = Object.fromEntries(
    Object.entries(exits).map(([name, terms]) => {
      const type = terms['type'] ?? 'mx';
      return [name, { type, port: ports.providers, ...(type === 'mx' ? { privateAddresses: true } : {}), ...terms }];
    }),
  );
  return {
    hostname: 'relay.test',
    listen: [{ port: ports.relay, address: '127.0.0.1', tls: 'none', auth: 'none' }],
    clients: { apps: { networks: ['127.0.0.1'], senders: ['*@app.test'] } },
    egress: egress as PolicyInput['egress'],
    pools: { own: { members: Object.keys(exits) } },
    routes: [{ name: 'all', use: ['own'] }],
    retry: { warnAfter: null },
    ...policy,
  } as PolicyInput;
}

function namesOf({ places, names }: ProviderWorldNeeds, clock: World['clock']): Dns {
  const others = names?.(clock);
  const found = <T>(records: readonly T[]): DnsAnswer<T> => ({ kind: 'found', records });
  const hostOf = (name: string): string | undefined =>
    name.startsWith('mx.') ? places[name.slice(3)]?.host : undefined;
  return {
    mx: async (name) => {
      const place = Object.entries(places).find(([, { domains }]) => domains.includes(name));
      if (place !== undefined) return found([{ preference: 10, exchange: `mx.${place[0]}` }]);
      return others?.mx(name) ?? { kind: 'missing' };
    },
    a: async (name) => {
      const host = hostOf(name);
      if (host !== undefined) return found([host]);
      return others?.a(name) ?? { kind: 'missing' };
    },
    aaaa: async (name) => (hostOf(name) === undefined ? (others?.aaaa(name) ?? { kind: 'missing' }) : { kind: 'none' }),
    txt: async (name) => others?.txt(name) ?? { kind: 'missing' },
  };
}

async function submit({ path }: World, to: string, stream: string): Promise<string> {
  const result = await path.submit({
    client: 'apps',
    sender: 'shop@app.test',
    recipients: [to],
    content: Buffer.from(`From: <shop@app.test>\nTo: <${to}>\nX-Relevo-Stream: ${stream}\nSubject: x\n\nHello.\n`),
    address: null,
    protocol: 'local',
  });
  if (result.kind !== 'accepted') throw new Error(`refused: ${JSON.stringify(result)}`);
  return result.id;
}
