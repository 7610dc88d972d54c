/** A choice among exits a, b, c in a pool and spare behind it, whose states a test gives. */
import { policySchema, type Policy, type PolicyInput } from '../../src/policy/schema.ts';
import { choose, type ChooseRequest, type ExitState } from '../../src/routing/choose.ts';
import { afterFailure, CLOSED } from '../../src/routing/exit-state.ts';
import { FULL_STANDING, type Closure, type Standing } from '../../src/routing/standing.ts';

export const OWNED = ['a', 'b', 'c'];

export function aPolicy(input: Partial<PolicyInput> = {}): Policy {
  return policySchema.parse({
    hostname: 'relay.test',
    egress: {
      ...Object.fromEntries(OWNED.map((name) => [name, { type: 'mx' }])),
      spare: { type: 'smtp', host: 'smtp.test', streams: ['transactional'] },
      off: { type: 'mx', enabled: false },
    },
    pools: { owned: { members: OWNED } },
    routes: [{ name: 'all', use: ['owned', 'spare'] }],
    ...input,
  });
}

export const FREE: ExitState = { running: true, inFlight: 0, concurrency: 10, circuit: CLOSED };
export const BUSY: ExitState = { ...FREE, inFlight: 10 };
export const RESTING: ExitState = {
  ...FREE,
  circuit: afterFailure(CLOSED, { nowMs: 0, cause: 'sign-in refused', decisive: true }),
};

export function standing(known: Partial<Standing>): ExitState {
  return { ...FREE, standing: { ...FULL_STANDING, ...known } };
}

export function closedBy(gate: Closure['gate'], untilMs: number | null = null): ExitState {
  return standing({ closures: [{ gate, untilMs, cause: `cause of ${gate}` }] });
}

export type States = Readonly<Record<string, ExitState>>;

/** The question by which exit a message of the policy's first route goes; exits without a state are free. */
export function asked(states: States, request: Partial<ChooseRequest> = {}): ChooseRequest {
  const policy = request.policy ?? aPolicy();
  const [route] = policy.routes;
  if (route === undefined) throw new Error('the policy has a route');
  return {
    policy,
    route,
    stream: 'transactional',
    stateOf: (name) => states[name] ?? FREE,
    shareOf: () => 0,
    fraction: () => 0,
    rotation: new Map(),
    nowMs: 1_000,
    ...request,
  };
}

/** As if that exit had the last turn, in a circle of a, b, c. */
export function turnOf(egress: string): NonNullable<ChooseRequest['rotation']> {
  return new Map([['owned', { place: OWNED.indexOf(egress), egress }]]);
}

/** The exits of so many messages in turn. @param at the states when a message is chosen for, by its number */
export function inTurn(
  count: number,
  states: States | ((message: number) => States),
  request: Partial<ChooseRequest> = {},
): string[] {
  const rotation = new Map<string, { place: number; egress: string }>();
  const given = { policy: aPolicy(), ...request, rotation };
  return Array.from({ length: count }, (_, message) => {
    const choice = choose(asked(typeof states === 'function' ? states(message) : states, given));
    if (choice.kind === 'wait') return 'wait';
    if (choice.pool !== null && choice.place !== null)
      rotation.set(choice.pool, { place: choice.place, egress: choice.name });
    return choice.name;
  });
}
