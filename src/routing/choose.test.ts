import { describe, expect, test } from 'vitest';
import { aPolicy, asked, BUSY, closedBy, FREE, inTurn, RESTING, standing, turnOf } from '../../tests/fakes/choosing.ts';
import { choose, walk, type ExitState, type LimitState } from './choose.ts';

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
    const rotation = turnOf('a');
    expect(choose(asked({ b: RESTING }, { rotation }))).toMatchObject({ name: 'c' });
    expect(choose(asked({}, { rotation }))).toMatchObject({ name: 'b' });
  });

  test('starts over when the last one is gone from the pool', () => {
    expect(choose(asked({}, { rotation: new Map([['owned', { place: 1, egress: 'gone' }]]) }))).toMatchObject({
      name: 'a',
    });
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

  test('is for the time of a limit, also of an exit that is being tried after a rest', () => {
    const probing = { ...FREE, circuit: { ...RESTING.circuit, restsUntilMs: 500, probing: true } };
    const limit: LimitState = { kind: 'limited', untilMs: 90_000, cause: 'its limit' };
    const tried = new Set(['a', 'b', 'spare']);
    expect(choose(asked({ c: { ...probing, limit } }, { tried }))).toMatchObject({ busy: false, untilMs: 90_000 });
  });

  test('tells every exit with what stands at its gate', () => {
    const policy = aPolicy({ routes: [{ name: 'all', use: ['off', 'spare', 'owned'] }] });
    const probing = { ...FREE, circuit: { ...RESTING.circuit, restsUntilMs: 500, probing: true } };
    const reasons = walk(asked({ a: RESTING, b: BUSY, c: probing }, { policy, stream: 'marketing' }));
    expect(reasons.map(({ egress, pool, gate, cause }) => [egress, pool, gate, cause])).toEqual([
      ['off', null, 'disabled', ''],
      ['spare', null, 'stream', ''],
      ['a', 'owned', 'resting', 'sign-in refused'],
      ['b', 'owned', 'busy', 'all 10 are in use'],
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
    const reasons = walk(asked({ a: busy, b: resting }));
    expect(reasons.map(({ gate }) => gate)).toEqual(['limited', 'resting', 'ready', 'ready']);
    expect(reasons.map(({ others }) => others.map(({ gate }) => gate))).toEqual([['busy'], ['limited'], [], []]);
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
    const request = asked({ b: ON_B }, { rotation: turnOf('a') });
    expect(choose(request)).toMatchObject({ kind: 'elsewhere', node: 'node-b', name: 'b', pool: 'owned' });
    expect(walk(request)[0]).toMatchObject({ egress: 'b', gate: 'elsewhere', cause: 'is on node node-b' });
  });

  test('are passed over for what was handed here: it goes out here, by whatever may', () => {
    const rotation = turnOf('a');
    expect(choose(asked({ b: ON_B }, { rotation, here: true }))).toMatchObject({ kind: 'egress', name: 'c' });
    const none = choose(asked({ a: ON_B, b: ON_B, c: ON_B, spare: ON_B }, { here: true }));
    expect(none).toMatchObject({ kind: 'wait', busy: false });
    expect(none.kind === 'wait' && none.untilMs).toBeGreaterThan(1_000);
  });

  test('that no node has are closed, and the walk goes on to the route’s next exit', () => {
    const request = asked({ a: NOWHERE, b: NOWHERE, c: NOWHERE });
    expect(choose(request)).toMatchObject({ kind: 'egress', name: 'spare' });
    expect(walk(request)[0]).toMatchObject({ gate: 'nowhere', cause: 'no node that is up has 192.0.2.7' });
  });

  test('that are closed where they are do not get mail that another member can send', () => {
    const closed: ExitState = { ...FREE, place: { kind: 'elsewhere', node: 'node-b', isClosed: true } };
    const request = asked({ b: closed }, { rotation: turnOf('a') });
    expect(choose(request)).toMatchObject({ kind: 'egress', name: 'c' });
    expect(walk(request)[0]).toMatchObject({ gate: 'elsewhere', cause: 'is on node node-b, which cannot use it now' });
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

describe('what checks and outcomes say of an exit', () => {
  test.each(['paused', 'down', 'listed', 'reputation'] as const)('has it passed over while it is %s', (gate) => {
    expect(inTurn(4, { b: closedBy(gate) })).toEqual(['a', 'c', 'a', 'c']);
    expect(walk(asked({ a: closedBy(gate, 9_000) }))[0]).toMatchObject({
      gate,
      untilMs: 9_000,
      cause: `cause of ${gate}`,
    });
  });

  test('is waited for where no other exit is open, until it is looked at again', () => {
    const all = (state: ExitState) => ({ a: state, b: state, c: closedBy('down', 5_000), spare: state });
    expect(choose(asked(all(closedBy('listed', 9_000))))).toMatchObject({ kind: 'wait', untilMs: 5_000, busy: false });
    const paused = closedBy('paused');
    const none = choose(asked({ a: paused, b: paused, c: paused, spare: paused }));
    expect(none).toMatchObject({ kind: 'wait', untilMs: null, busy: false });
  });

  test('lets one message at a time by where it is to be probed, but none by one that an operator paused', () => {
    const closures = [{ gate: 'reputation', untilMs: null, cause: 'score 62 of 100' }] as const;
    const probed = standing({ closures, probes: true });
    expect(choose(asked({ a: probed }))).toMatchObject({ kind: 'egress', name: 'a' });
    const underWay = { ...probed, inFlight: 1 };
    expect(choose(asked({ a: underWay }))).toMatchObject({ kind: 'egress', name: 'b' });
    expect(walk(asked({ a: underWay }))[0]).toMatchObject({ gate: 'probing', cause: 'score 62 of 100' });
    const alone = choose(asked({ a: underWay, b: RESTING, c: RESTING, spare: RESTING }));
    expect(alone).toMatchObject({ kind: 'wait', busy: true });
    const paused = { gate: 'paused', untilMs: null, cause: 'by an operator' } as const;
    const stopped = standing({ closures: [paused, ...closures], probes: true });
    expect(choose(asked({ a: stopped }))).toMatchObject({ name: 'b' });
    expect(walk(asked({ a: stopped }))[0]).toMatchObject({ gate: 'paused', others: [{ gate: 'reputation' }] });
  });

  test('sends no probes to another node', () => {
    const closures = [{ gate: 'reputation', untilMs: null, cause: '' }] as const;
    const away: ExitState = {
      ...standing({ closures, probes: true }),
      place: { kind: 'elsewhere', node: 'node-b' },
    };
    expect(choose(asked({ a: away }))).toMatchObject({ kind: 'egress', name: 'b' });
  });

  test('keeps an exit for as long as the last of its gates is closed', () => {
    const twice: ExitState = { ...closedBy('listed', 5_000), limit: { kind: 'limited', untilMs: 9_000, cause: '' } };
    const request = asked({ a: twice, b: twice, c: twice, spare: twice });
    expect(choose(request)).toMatchObject({ kind: 'wait', untilMs: 9_000, busy: false });
  });
});
