import { describe, expect, test } from 'vitest';
import { policySchema, type Policy, type PolicyInput } from '../policy/schema.ts';
import { choose, type ChooseRequest, type ExitState, type LimitState } from './choose.ts';
import { afterFailure, CLOSED } from './exit-state.ts';

const OWNED = ['a', 'b', 'c'];

function aPolicy(input: Partial<PolicyInput> = {}): Policy {
  return policySchema.parse({
    hostname: 'relay.test',
    egress: {
      ...Object.fromEntries(OWNED.map((name) => [name, { type: 'mx' }])),
      spare: { type: 'smtp', host: 'smtp.test', streams: ['transactional'] },
      off: { type: 'mx', enabled: false },
      later: { type: 'sendgrid' },
    },
    pools: { owned: { members: OWNED } },
    routes: [{ name: 'all', use: ['owned', 'spare'] }],
    ...input,
  });
}

const FREE: ExitState = { running: true, inFlight: 0, concurrency: 10, circuit: CLOSED };
const BUSY: ExitState = { ...FREE, inFlight: 10 };
const RESTING: ExitState = {
  ...FREE,
  circuit: afterFailure(CLOSED, { nowMs: 0, cause: 'sign-in refused', decisive: true }),
};

function asked(states: Readonly<Record<string, ExitState>>, request: Partial<ChooseRequest> = {}): ChooseRequest {
  const policy = aPolicy();
  const [route] = policy.routes;
  if (route === undefined) throw new Error('the policy has a route');
  const stateOf = (name: string): ExitState => states[name] ?? FREE;
  return { policy, route, stream: 'transactional', stateOf, rotation: new Map(), nowMs: 1_000, ...request };
}

/** The exits of so many messages in turn. */
function inTurn(count: number, states: Readonly<Record<string, ExitState>>): string[] {
  const rotation = new Map<string, string>();
  return Array.from({ length: count }, () => {
    const choice = choose(asked(states, { rotation }));
    if (choice.kind === 'wait') return 'wait';
    if (choice.pool !== null) rotation.set(choice.pool, choice.name);
    return choice.name;
  });
}

describe('round-robin', () => {
  test('is exactly circular over the members', () => {
    expect(inTurn(7, {})).toEqual(['a', 'b', 'c', 'a', 'b', 'c', 'a']);
  });

  test.each([
    ['busy', BUSY],
    ['resting', RESTING],
    ['stopped', { ...FREE, running: false }],
  ])('passes over a member that is %s, and stays circular over the others', (_, state) => {
    expect(inTurn(5, { b: state })).toEqual(['a', 'c', 'a', 'c', 'a']);
  });

  test('goes on where it was when a member comes back', () => {
    const rotation = new Map([['owned', 'a']]);
    expect(choose(asked({ b: RESTING }, { rotation }))).toMatchObject({ name: 'c' });
    expect(choose(asked({}, { rotation }))).toMatchObject({ name: 'b' });
  });

  test('starts over when the last one is gone from the pool', () => {
    expect(choose(asked({}, { rotation: new Map([['owned', 'gone']]) }))).toMatchObject({ name: 'a' });
  });
});

describe('failover along `use`', () => {
  test('goes to the next step when no member may send now', () => {
    expect(inTurn(2, { a: BUSY, b: RESTING, c: { ...FREE, running: false } })).toEqual(['spare', 'spare']);
  });

  test('leaves out what this delivery has tried', () => {
    expect(choose(asked({}, { tried: new Set(['a', 'b', 'c']) }))).toMatchObject({ name: 'spare', pool: null });
  });

  test('does not hand a stream to an exit that does not carry it', () => {
    const states = { a: RESTING, b: RESTING, c: RESTING };
    expect(choose(asked(states, { stream: 'marketing' }))).toMatchObject({
      kind: 'wait',
      untilMs: 30_000,
      busy: false,
    });
  });
});

describe('waiting', () => {
  test('is for a connection where one is busy, and for time where all rest', () => {
    const all = (state: ExitState) => ({ a: state, b: state, c: state, spare: state });
    expect(choose(asked(all(BUSY)))).toMatchObject({ kind: 'wait', busy: true });
    expect(choose(asked(all(RESTING)))).toMatchObject({ kind: 'wait', busy: false, untilMs: 30_000 });
    expect(choose(asked({ ...all(RESTING), b: BUSY }))).toMatchObject({ kind: 'wait', busy: true, untilMs: 30_000 });
  });

  test('tells every exit with what stands at its gate', () => {
    const policy = aPolicy({ routes: [{ name: 'all', use: ['off', 'later', 'spare', 'owned'] }] });
    const [route] = policy.routes;
    const probing = { ...FREE, circuit: { ...RESTING.circuit, restsUntilMs: 500, probing: true } };
    const choice = choose(
      asked({ a: RESTING, b: BUSY, c: probing }, { policy, ...(route && { route }), stream: 'marketing' }),
    );
    expect(choice.reasons.map(({ egress, pool, gate, cause }) => [egress, pool, gate, cause])).toEqual([
      ['off', null, 'disabled', ''],
      ['later', null, 'unsupported', ''],
      ['spare', null, 'stream', ''],
      ['a', 'owned', 'resting', 'sign-in refused'],
      ['b', 'owned', 'busy', ''],
      ['c', 'owned', 'probing', 'sign-in refused'],
    ]);
  });
});

describe('a greylisted delivery', () => {
  test('keeps its exit, even out of turn', () => {
    expect(choose(asked({}, { keep: 'c' }))).toMatchObject({ name: 'c' });
  });

  test('waits for it while it is only busy', () => {
    expect(choose(asked({ c: BUSY }, { keep: 'c' }))).toMatchObject({ kind: 'wait', busy: true });
  });

  test('takes another one when it rests, or is gone from the route', () => {
    expect(choose(asked({ c: RESTING }, { keep: 'c' }))).toMatchObject({ name: 'a' });
    expect(choose(asked({}, { keep: 'elsewhere' }))).toMatchObject({ name: 'a' });
  });
});

describe('a limit of an exit', () => {
  const limited = (kind: LimitState['kind'], untilMs: number | null = null): ExitState => ({
    ...FREE,
    limit: { kind, untilMs, cause: 'daily limit 5/5' },
  });

  test('that is used up has the next exit taken, in the pool and after it', () => {
    expect(inTurn(4, { b: limited('limited', 9_000) })).toEqual(['a', 'c', 'a', 'c']);
    const owned = { a: limited('limited'), b: limited('limited'), c: limited('paced', 1_010) };
    expect(choose(asked(owned))).toMatchObject({ name: 'spare' });
  });

  test('that is not known yet is waited for: the order of exits holds', () => {
    expect(choose(asked({ a: limited('asking') }))).toMatchObject({ kind: 'wait', busy: true });
    expect(choose(asked({ b: limited('asking') }))).toMatchObject({ kind: 'egress', name: 'a' });
    expect(choose(asked({ a: BUSY, b: limited('asking') }))).toMatchObject({ kind: 'wait', busy: true });
  });

  test('of all of them is waited for until the first opens', () => {
    const all = (state: ExitState) => ({ a: state, b: state, c: limited('limited', 7_000), spare: state });
    expect(choose(asked(all(limited('limited', 9_000))))).toMatchObject({ kind: 'wait', untilMs: 7_000, busy: false });
    expect(choose(asked(all(limited('paced', 1_500))))).toMatchObject({ kind: 'wait', untilMs: 1_500, busy: true });
  });

  test('comes after what its circuit says, and before its connections', () => {
    const busy = { ...limited('limited', 9_000), inFlight: 10 };
    const resting = { ...limited('limited', 9_000), circuit: RESTING.circuit };
    const { reasons } = choose(asked({ a: busy, b: resting }));
    expect(reasons.map(({ gate }) => gate)).toEqual(['limited', 'resting', 'ready', 'ready']);
    expect(reasons[0]).toMatchObject({ cause: 'daily limit 5/5', untilMs: 9_000 });
  });

  test('has a greylisted delivery wait a moment for its exit, but not for a day', () => {
    expect(choose(asked({ c: limited('paced', 1_500) }, { keep: 'c' }))).toMatchObject({ kind: 'wait', busy: true });
    expect(choose(asked({ c: limited('limited', 9_000) }, { keep: 'c' }))).toMatchObject({ name: 'a' });
  });
});

describe('exits that are on other nodes', () => {
  const ON_B: ExitState = { ...FREE, place: { kind: 'elsewhere', node: 'node-b' } };
  const NOWHERE: ExitState = { ...FREE, place: { kind: 'nowhere', cause: 'no node that is up has 192.0.2.7' } };

  test('have their turns in the pool, whichever node took the mail', () => {
    expect(inTurn(6, { b: ON_B })).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  test('are named with their node, and the delivery goes there although it could go out here', () => {
    const choice = choose(asked({ b: ON_B }, { rotation: new Map([['owned', 'a']]) }));
    expect(choice).toMatchObject({ kind: 'elsewhere', node: 'node-b', name: 'b', pool: 'owned' });
    expect(choice.reasons[0]).toMatchObject({ egress: 'b', gate: 'elsewhere', cause: 'is on node node-b' });
  });

  test('are passed over for what was handed here: it goes out here, by whatever may', () => {
    const rotation = new Map([['owned', 'a']]);
    expect(choose(asked({ b: ON_B }, { rotation, here: true }))).toMatchObject({ kind: 'egress', name: 'c' });
    const none = choose(asked({ a: ON_B, b: ON_B, c: ON_B, spare: ON_B }, { here: true }));
    expect(none).toMatchObject({ kind: 'wait', busy: false });
    expect(none.kind === 'wait' && none.untilMs).toBeGreaterThan(1_000);
  });

  test('that no node has are closed, and the walk goes on to the route’s next exit', () => {
    const choice = choose(asked({ a: NOWHERE, b: NOWHERE, c: NOWHERE }));
    expect(choice).toMatchObject({ kind: 'egress', name: 'spare' });
    expect(choice.reasons[0]).toMatchObject({ gate: 'nowhere', cause: 'no node that is up has 192.0.2.7' });
  });

  test('that are closed where they are do not get mail that another member can send', () => {
    const closed: ExitState = { ...FREE, place: { kind: 'elsewhere', node: 'node-b', isClosed: true } };
    const choice = choose(asked({ b: closed }, { rotation: new Map([['owned', 'a']]) }));
    expect(choice).toMatchObject({ kind: 'egress', name: 'c' });
    expect(choice.reasons[0]).toMatchObject({ gate: 'elsewhere', cause: 'is on node node-b, which cannot use it now' });
    expect(choose(asked({ a: closed, b: closed, c: closed, spare: closed }))).toMatchObject({
      kind: 'wait',
      busy: false,
    });
  });

  test('are kept by greylisted mail: it goes back to the node that has them', () => {
    expect(choose(asked({ b: ON_B }, { keep: 'b' }))).toMatchObject({ kind: 'elsewhere', name: 'b' });
  });

  test('come before what is busy here, and after what is known to be open', () => {
    expect(choose(asked({ a: BUSY, b: ON_B }))).toMatchObject({ kind: 'elsewhere', name: 'b' });
    expect(choose(asked({ b: ON_B }))).toMatchObject({ kind: 'egress', name: 'a' });
  });
});
