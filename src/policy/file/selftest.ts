/** The policy's own `tests`: what must stay true of it, run on every load. Pure. */
import type { Handling } from '../admit.ts';
import { exitsOf, matchRoute } from '../match.ts';
import type { Path } from './problem.ts';
import { judge, type Sample } from '../sample.ts';
import type { Policy } from '../schema.ts';

type PolicyTest = Policy['tests'][number];

/** An expectation that does not hold. */
export type Failure = { readonly path: Path; readonly text: string };

type Verdict =
  | { readonly kind: 'refused'; readonly reason: string }
  | ({ readonly kind: 'accepted'; readonly route: string | null; readonly exits: readonly string[] } & Handling);

/** What does not hold, with the test's name, what was expected and what was found. */
export function runPolicyTests(policy: Policy): Failure[] {
  return policy.tests.flatMap((test, index) =>
    failuresOf(test, verdictOf(policy, test.message)).map(({ path, text }) => ({
      path: ['tests', index, ...path],
      text: `test "${test.name}": ${text}`,
    })),
  );
}

function failuresOf({ expect }: PolicyTest, verdict: Verdict): Failure[] {
  if (verdict.kind === 'refused') {
    if (expect.refused === true) return [];
    return [{ path: ['expect'], text: `expected the message to be accepted, found it refused: ${verdict.reason}` }];
  }
  if (expect.refused === true)
    return [{ path: ['expect', 'refused'], text: 'expected the message to be refused, found it accepted' }];
  const failures: Failure[] = [];
  for (const key of ['stream', 'priority', 'route'] as const) {
    const [wanted, found] = [expect[key], verdict[key]];
    if (wanted !== undefined && wanted !== found)
      failures.push({ path: ['expect', key], text: `expected ${key} ${wanted}, found ${found ?? 'none'}` });
  }
  const wanted = expect.egress?.join(', ');
  const found = verdict.exits.join(', ');
  if (wanted !== undefined && found !== wanted) {
    failures.push({
      path: ['expect', 'egress'],
      text: `expected egress ${listText(wanted)}, found ${listText(found)}`,
    });
  }
  return failures;
}

function verdictOf(policy: Policy, sample: Sample): Verdict {
  const judged = judge(policy, sample);
  if (judged.kind === 'refused') return judged;
  const { facts } = judged;
  const handling = { stream: facts.stream, priority: facts.priority };
  const route = matchRoute(policy, facts);
  if (route === null) return { kind: 'accepted', ...handling, route: null, exits: [] };
  const exits = exitsOf(policy, route, facts.stream).flatMap(({ egress }) => egress);
  return { kind: 'accepted', ...handling, route: route.name, exits };
}

function listText(names: string): string {
  return names === '' ? 'none' : names;
}
