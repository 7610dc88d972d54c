/** What another policy would have made of the mail of the last hours: what is read for it, and what the figures leave out. */
import type { Policy } from '../../policy/schema.ts';
import { askedHeaders } from '../../policy/routed-headers.ts';
import type { ExitPast } from '../../routing/exit-past.ts';
import type { Simulation } from '../../routing/simulate.ts';
import type { PassedMessage } from '../../spool/traffic.ts';
import { type Operations, OperationsError } from '../operations.ts';

export const SIMULATED_HOURS_MOST = 31 * 24;
export const HOUR_MS = 3_600_000;

export type TrafficBounds = {
  /** Wall ms. */
  readonly sinceMs: number;
  readonly mostMessages: number;
};

/**
 * In pages, in no order. A message may come twice: as it is last is how it is. Rejects with `OperationsError` where there are
 * too many.
 */
export async function* trafficPages(
  operations: Pick<Operations, 'traffic'>,
  { sinceMs, mostMessages }: TrafficBounds,
): AsyncGenerator<readonly PassedMessage[]> {
  let after: string | null = null;
  let count = 0;
  do {
    const page = await operations.traffic({ sinceMs, after });
    count += page.messages.length;
    if (count > mostMessages)
      throw new OperationsError(`more than ${mostMessages} messages came in that time: give fewer hours`);
    yield page.messages;
    after = page.next;
  } while (after !== null);
}

export type NotesAsk = {
  readonly inForce: Policy;
  readonly candidate: Policy;
  readonly pasts: ReadonlyMap<string, ExitPast>;
  readonly sinceMs: number;
  readonly untilMs: number;
};

/** What the figures leave out; each for operators. */
export function simulationNotes(
  { inForce, candidate, pasts, sinceMs, untilMs }: NotesAsk,
  { messages }: Pick<Simulation, 'messages'>,
): string[] {
  const closed = [...pasts].flatMap(([egress, { standing }]) => {
    const [closure] = standing.closures;
    return closure === undefined ? [] : [`${egress} is ${closure.gate} now, and sends nothing in either replay`];
  });
  const known = new Set(askedHeaders(inForce));
  const unknown = askedHeaders(candidate).filter((name) => !known.has(name));
  return [
    ...(messages === 0 ? ['no mail came in that time'] : []),
    ...(untilMs - sinceMs > inForce.historyMs
      ? ['finished messages are forgotten before that (history): older ones are missing']
      : []),
    ...closed,
    ...unknown.map((name) => `the header field ${name} was not kept of this mail: its routes match nothing here`),
  ];
}
