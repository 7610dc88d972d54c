/**
 * What choosing an exit costs, in µs, among so many own addresses in one pool behind the geographic table.
 *
 * Usage: node scripts/bench-choose.ts [EXITS]
 */
import { policySchema, type Policy, type RoutePolicy } from '../src/policy/schema.ts';
import { matchRoute } from '../src/policy/match.ts';
import { STRATEGIES, type Strategy } from '../src/policy/pools.ts';
import { choose, walk, type ChooseRequest, type ExitState } from '../src/routing/choose.ts';
import { afterFailure, CLOSED } from '../src/routing/exit-state.ts';
import { FULL_STANDING } from '../src/routing/standing.ts';
import type { Egress } from '../src/egress/egress.ts';
import { deliveryShare, shareOf, WHOLE } from '../src/policy/share.ts';
import { Exits } from '../src/schedule/exits/exits.ts';
import { Connections } from '../src/schedule/connections/connections.ts';
import type { Limits } from '../src/schedule/limits/limits.ts';
import { systemClock, systemRandom } from '../src/system.ts';

const exits = Number(process.argv[2] ?? 25);
const ROUNDS = 20_000;

const names = Array.from({ length: exits }, (_, place) => `ip-${place + 1}`);
const FREE: ExitState = { running: true, inFlight: 3, concurrency: 10, circuit: CLOSED, standing: FULL_STANDING };
const RESTING: ExitState = { ...FREE, circuit: afterFailure(CLOSED, { nowMs: 0, cause: 'x', decisive: true }) };

function policyFor(strategy: Strategy): Policy {
  return policySchema.parse({
    hostname: 'relay.test',
    egress: Object.fromEntries(names.map((name) => [name, { type: 'mx' }])),
    pools: { owned: { members: names, strategy } },
    routes: [
      { name: 'latam', match: { tld: ['mx', 'br', 'ar'] }, use: ['owned'] },
      { name: 'eu', match: { tld: ['es', 'eu'] }, use: ['owned'] },
      { name: 'all', use: ['owned'] },
    ],
  });
}

const facts = {
  client: 'shop',
  stream: 'transactional',
  priority: 'normal',
  senderDomain: 'example.com',
  recipientDomain: 'example.net',
  tag: null,
  sizeBytes: 4_096,
} as const;

type Case = { readonly name: string; readonly states: ReadonlyMap<string, ExitState>; readonly explains?: true };

const all = (state: ExitState): ReadonlyMap<string, ExitState> => new Map(names.map((name) => [name, state]));
const cases: readonly Case[] = [
  { name: 'all open', states: all(FREE) },
  { name: 'one open', states: new Map([...all(RESTING), [names.at(-1) ?? '', FREE]]) },
  { name: 'none open', states: all(RESTING) },
  { name: 'explained', states: all(RESTING), explains: true },
];

function perChoiceUs(policy: Policy, route: RoutePolicy, { states, explains }: Case): number {
  const rotation = new Map<string, { place: number; egress: string }>();
  const request: ChooseRequest = {
    policy,
    route,
    stream: 'transactional',
    stateOf: (name) => ({ ...(states.get(name) ?? FREE) }),
    shareOf: (name) => name.length / 10,
    fraction: () => Math.random(),
    rotation,
    nowMs: 1_000,
  };
  const round = (): void => {
    matchRoute(policy, facts);
    const choice = explains === true ? { reasons: walk(request) } : choose(request);
    if ('kind' in choice && choice.kind === 'egress' && choice.pool !== null && choice.place !== null)
      rotation.set(choice.pool, { place: choice.place, egress: choice.name });
  };
  for (let count = 0; count < ROUNDS; count++) round();
  const startUs = performance.now() * 1_000;
  for (let count = 0; count < ROUNDS; count++) round();
  return (performance.now() * 1_000 - startUs) / ROUNDS;
}

const NO_QUOTAS = { takeBlock: async () => ({ left: 0, used: 0 }), returnBlock: async () => {} };

/** The same as the scheduler asks it: with what is under way, limits and standings of each. */
function scheduledUs(policy: Policy, route: RoutePolicy): number {
  const budgets = { gateOf: () => null };
  const limits = { stateOf: () => null, take: () => {}, want: () => {}, budgets } as unknown as Limits;
  const running = { name: '', concurrency: 50 } as unknown as Egress;
  const standings = new Map(names.map((name) => [name, FULL_STANDING]));
  const choosing = new Exits({
    policy: () => policy,
    find: () => running,
    connections: new Connections({
      policy: () => policy,
      quotas: NO_QUOTAS,
      clock: systemClock,
      holder: '',
      isShared: () => false,
      share: (limit) => shareOf(limit, deliveryShare(policy, { index: 0, of: 2 }) ?? WHOLE),
      openOf: () => 0,
      inFlightOf: () => 0,
      trim: () => {},
      lost: () => {},
      changed: () => {},
      failed: () => {},
    }),
    limits,
    standingOf: (name) => standings.get(name) ?? FULL_STANDING,
    clock: systemClock,
    random: systemRandom,
    emit: () => {},
  });
  const round = (): void => {
    const choice = choosing.choose({ route, stream: 'transactional' });
    if (choice.kind !== 'egress') return;
    choosing.started(choice);
    choosing.ended(choice.name, 'none', '');
  };
  for (let count = 0; count < ROUNDS; count++) round();
  const startUs = performance.now() * 1_000;
  for (let count = 0; count < ROUNDS; count++) round();
  return (performance.now() * 1_000 - startUs) / ROUNDS;
}

console.log(`µs a choice among ${exits} exits, with the match of the route`);
console.log(['strategy', ...cases.map(({ name }) => name), 'by the scheduler'].map((cell) => cell.padEnd(18)).join(''));
for (const strategy of STRATEGIES) {
  const policy = policyFor(strategy);
  const route = matchRoute(policy, facts);
  if (route === null) throw new Error('the last route takes everything');
  const figures = cases.map((one) => perChoiceUs(policy, route, one).toFixed(2));
  figures.push(scheduledUs(policy, route).toFixed(2));
  console.log([strategy, ...figures].map((cell) => cell.padEnd(18)).join(''));
}
