import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { aPolicy, asked, FREE, OWNED, type States } from '../../tests/fakes/choosing.ts';
import { STRATEGIES } from '../policy/pools.ts';
import { choose, walk, type ExitState, type Gate } from './choose.ts';
import { CLOSED } from './exit-state.ts';
import { FULL_STANDING } from './standing.ts';

const NOW_MS = 1_000;
const EXITS = [...OWNED, 'spare'];

/** An exit with gates closed at will, and which those are. */
type Gated = { readonly state: ExitState; readonly closed: readonly Gate[] };

const times = fc.option(fc.integer({ min: NOW_MS + 1, max: 9_000 }));

const gated: fc.Arbitrary<Gated> = fc
  .record({
    paused: fc.option(times, { nil: undefined }),
    listed: fc.option(times, { nil: undefined }),
    rests: fc.option(fc.integer({ min: NOW_MS + 1, max: 9_000 })),
    limited: fc.option(fc.constantFrom('limited' as const, 'paced' as const, 'asking' as const)),
    busy: fc.boolean(),
  })
  .map(({ paused, listed, rests, limited, busy }) => {
    const closures = [
      ...(paused === undefined ? [] : [{ gate: 'paused' as const, untilMs: paused, cause: 'p' }]),
      ...(listed === undefined ? [] : [{ gate: 'listed' as const, untilMs: listed, cause: 'l' }]),
    ];
    const state: ExitState = {
      ...FREE,
      inFlight: busy ? 10 : 0,
      standing: { ...FULL_STANDING, closures },
      circuit: rests === null ? CLOSED : { ...CLOSED, restsUntilMs: rests, restMs: 30_000, cause: 'r' },
      limit: limited === null ? null : { kind: limited, untilMs: null, cause: '' },
    };
    const closed: Gate[] = closures.map(({ gate }) => gate);
    if (rests !== null) closed.push('resting');
    if (limited !== null) closed.push(limited);
    if (busy) closed.push('busy');
    return { state, closed };
  });

const exits = fc.tuple(gated, gated, gated, gated).map((all) => new Map(EXITS.map((name, at) => [name, all[at]])));

function statesOf(given: ReadonlyMap<string, Gated | undefined>): States {
  return Object.fromEntries([...given].map(([name, one]) => [name, one?.state ?? FREE]));
}

const policies = fc
  .constantFrom(...STRATEGIES)
  .map((strategy) => aPolicy({ pools: { owned: { members: OWNED, strategy } } }));
const fraction = fc.double({ min: 0, max: 0.999, noNaN: true });

describe('whatever stands at the gates', () => {
  test('a delivery goes out by an open exit if there is one, by the first step that has one, and by no closed one', () => {
    const property = fc.property(policies, exits, fraction, (policy, given, drawn) => {
      const choice = choose(asked(statesOf(given), { policy, fraction: () => drawn, nowMs: NOW_MS }));
      const isOpen = (name: string) => given.get(name)?.closed.length === 0;
      const isAsking = (name: string) => given.get(name)?.closed.filter((gate) => gate !== 'busy')[0] === 'asking';
      if (choice.kind === 'egress') {
        expect(isOpen(choice.name)).toBe(true);
        // The spare one only where no member of the pool is open, or about to be known.
        if (choice.name === 'spare') expect(OWNED.filter(isOpen)).toEqual([]);
      } else {
        expect(EXITS.some(isOpen) && !OWNED.some(isAsking)).toBe(false);
      }
    });
    expect(fc.check(property, { numRuns: 500 })).toMatchObject({ failed: false });
  });

  test('the reasons name exactly the gates that are closed, in order', () => {
    const property = fc.property(policies, exits, (policy, given) => {
      const reasons = walk(asked(statesOf(given), { policy, nowMs: NOW_MS }));
      expect(reasons.map(({ egress }) => egress).toSorted()).toEqual(EXITS.toSorted());
      for (const { egress, gate, others } of reasons) {
        const named = [gate, ...others.map((other) => other.gate)].filter((one) => one !== 'ready');
        expect(named).toEqual(given.get(egress)?.closed);
      }
    });
    expect(fc.check(property, { numRuns: 500 })).toMatchObject({ failed: false });
  });

  test('a wait ends no later than the first exit that time alone opens', () => {
    const property = fc.property(policies, exits, (policy, given) => {
      const choice = choose(asked(statesOf(given), { policy, nowMs: NOW_MS }));
      if (choice.kind !== 'wait') return;
      const timed = [...given.values()].flatMap((one) => (one === undefined ? [] : opensAt(one)));
      if (timed.length > 0 && !choice.busy) expect(choice.untilMs).toBeLessThanOrEqual(Math.min(...timed));
    });
    expect(fc.check(property, { numRuns: 500 })).toMatchObject({ failed: false });
  });

  test('one open exit is enough for a delivery to be chosen for, unless one of the pool is about to be known', () => {
    const property = fc.property(policies, exits, fc.constantFrom(...EXITS), (policy, given, open) => {
      const choice = choose(asked({ ...statesOf(given), [open]: FREE }, { policy, nowMs: NOW_MS }));
      const isAsking = (name: string) => given.get(name)?.closed.filter((gate) => gate !== 'busy')[0] === 'asking';
      if (choice.kind === 'egress') expect(choice.name === open || given.get(choice.name)?.closed).toSatisfy(isNone);
      else expect(OWNED.some((name) => name !== open && isAsking(name))).toBe(true);
    });
    expect(fc.check(property, { numRuns: 500 })).toMatchObject({ failed: false });
  });
});

function isNone(closed: unknown): boolean {
  return closed === true || (Array.isArray(closed) && closed.length === 0);
}

/** When the last of its gates opens, where time alone decides it. */
function opensAt({ state, closed }: Gated): number[] {
  if (closed.includes('asking') || closed.includes('busy') || closed.includes('paced')) return [];
  if (closed.includes('limited')) return [];
  const times = [...(state.standing?.closures.map(({ untilMs }) => untilMs) ?? []), state.circuit.restsUntilMs];
  const known = times.slice(0, closed.includes('resting') ? times.length : -1);
  return known.includes(null) || known.length === 0 ? [] : [Math.max(...known.filter((time) => time !== null))];
}
