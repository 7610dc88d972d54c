/** Where a message that might come would go. */
import { type MessageFacts, matchRoute } from '../../policy/match.ts';
import { judge } from '../../policy/sample.ts';
import type { Screening } from '../../message/screening.ts';
import type { Policy } from '../../policy/schema.ts';
import { type ExitState, walk } from '../../routing/choose.ts';
import { CLOSED } from '../../routing/exit-state.ts';
import type { RouteExplanation } from '../../schedule/reasons/explain.ts';
import { reasonText } from '../../schedule/reasons/gate-text.ts';
import { clientFor } from '../live-relay.ts';
import type { Operations } from '../operations.ts';

export type RouteNeeds = {
  readonly policy: () => Policy;
  /** What a running relay says; null: none runs. */
  readonly explainMail: ((facts: MessageFacts) => Promise<RouteExplanation>) | null;
  /** Whose story would end before an attempt. Default: nobody's. */
  readonly screening?: Pick<Screening, 'suppressedOf'>;
};

export function routeOperation({ policy: inForce, explainMail, screening }: RouteNeeds): Operations['route'] {
  return async ({ sample }) => {
    const policy = inForce();
    const client = sample.client ?? (sample.from === undefined ? null : clientFor(policy, sample.from));
    const judged = judge(policy, client === null ? sample : { ...sample, client });
    if (judged.kind === 'refused') return judged;
    const { facts } = judged;
    const explanation = explainMail === null ? byPolicy(policy, facts) : await explainMail(facts);
    const { stream, priority } = facts;
    const scope = { addresses: [sample.to], client: facts.client, stream };
    const suppressed = (await screening?.suppressedOf(scope))?.get(sample.to);
    const ending = suppressed === undefined ? {} : { suppressed };
    return {
      kind: 'accepted',
      client: facts.client,
      stream,
      priority,
      isLive: explainMail !== null,
      ...ending,
      ...explanation,
    };
  };
}

const FREE: ExitState = { running: true, inFlight: 0, concurrency: 1, circuit: CLOSED };

/** With every exit open that the policy does not close. */
function byPolicy(policy: Policy, facts: MessageFacts): RouteExplanation {
  const route = matchRoute(policy, facts);
  if (route === null) return { route: null, exits: [] };
  const request = { policy, route, stream: facts.stream, stateOf: () => FREE, shareOf: () => 0, fraction: () => 0 };
  const reasons = walk({ ...request, rotation: new Map(), nowMs: 0 });
  return {
    route: route.name,
    exits: reasons.map((reason) => {
      const { egress, pool, gate, probability } = reason;
      const chance = probability === undefined ? {} : { probability };
      return { egress, pool, gate, others: [], why: reasonText(reason, 0), untilMs: null, ...chance };
    }),
  };
}
