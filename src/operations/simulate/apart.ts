/** A simulation inside the relay that runs: in a thread of its own, and one at a time. */
import { Worker } from 'node:worker_threads';
import type { LoadResult } from '../../policy/file/load.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import { replayedFrom, type Simulation } from '../../routing/simulate.ts';
import { THREAD_FLAGS } from '../../running/thread-flags.ts';
import { type Operations, OperationsError } from '../operations.ts';
import { placedProblem } from '../policy/policy-operations.ts';
import type { PolicyProblem } from '../policy/put.ts';
import { HOUR_MS, simulationNotes, trafficPages } from './simulate-policy.ts';
import type { Replayed, ReplayMessages, ReplayStart } from './thread.ts';

export type SimulateNeeds = {
  readonly operations: Pick<Operations, 'traffic' | 'exitPasts'>;
  /** The one in force. */
  readonly policy: () => Policy;
  readonly load: (text: string) => LoadResult;
  readonly clock: Clock;
};

export type SimulateTextAsk = {
  readonly text: string;
  readonly hours: number;
  /** Ends it. */
  readonly signal: AbortSignal;
};

export type SimulatedText =
  | { readonly kind: 'refused'; readonly problems: readonly PolicyProblem[] }
  | { readonly kind: 'simulated'; readonly simulation: Simulation; readonly notes: readonly string[] };

/** `relevo policy simulate` takes more, in a process of its own. */
const MOST_MESSAGES = 200_000;
const MOST_MEMORY_MB = 768;
const ENDED = 'the simulation was ended';

/** Rejects with `OperationsError` while another is under way, and where too many messages came. */
export function simulator(needs: SimulateNeeds): (ask: SimulateTextAsk) => Promise<SimulatedText> {
  let isBusy = false;
  return async (ask) => {
    if (isBusy) throw new OperationsError('another simulation is under way: try again in a moment');
    isBusy = true;
    try {
      return await simulateText(needs, ask);
    } finally {
      isBusy = false;
    }
  };
}

async function simulateText(
  { operations, policy, load, clock }: SimulateNeeds,
  { text, hours, signal }: SimulateTextAsk,
): Promise<SimulatedText> {
  const loaded = load(text);
  if (loaded.kind === 'refused') return { kind: 'refused', problems: loaded.problems.map(placedProblem) };
  const [inForce, candidate] = [policy(), loaded.policy];
  const untilMs = clock.nowMs();
  const sinceMs = untilMs - hours * HOUR_MS;
  const pasts = new Map(Object.entries(await operations.exitPasts()));
  const start: ReplayStart = { sinceMs, untilMs, inForce, candidate, pasts };
  const bounds = { sinceMs: replayedFrom([inForce, candidate], sinceMs), mostMessages: MOST_MESSAGES };
  const simulation = await replayed(start, { pages: trafficPages(operations, bounds), signal });
  return { kind: 'simulated', simulation, notes: simulationNotes(start, simulation) };
}

async function replayed(
  start: ReplayStart,
  { pages, signal }: { readonly pages: AsyncIterable<NonNullable<ReplayMessages>>; readonly signal: AbortSignal },
): Promise<Simulation> {
  const thread = new Worker(new URL('./thread.ts', import.meta.url), {
    workerData: start,
    execArgv: [...THREAD_FLAGS],
    name: 'simulation',
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
  });
  const send = (messages: ReplayMessages): void => thread.postMessage(messages);
  const ended = new Promise<Simulation>((resolve, reject) => {
    thread.once('message', ({ simulation }: Replayed) => resolve(simulation));
    thread.once('error', (error) => reject(new OperationsError(`the simulation failed: ${String(error)}`)));
    thread.once('exit', () => reject(new OperationsError(ENDED)));
  });
  // Nobody may be waiting for it yet.
  ended.catch(() => undefined);
  const end = (): void => void thread.terminate();
  signal.addEventListener('abort', end, { once: true });
  try {
    for await (const messages of pages) {
      if (signal.aborted) throw new OperationsError(ENDED);
      send(messages);
    }
    send(null);
    return await ended;
  } finally {
    signal.removeEventListener('abort', end);
    await thread.terminate();
  }
}
