/** A collector outside is told, step by step, of the mail that this relay handles: each node tells of its own steps. */
import type { Foundation } from '../foundation/foundation.ts';
import { openTraces } from '../report/traces/traces.ts';

/** Goes on until `stack` is disposed of, and follows the policy. To be called before mail flows. */
export async function tellTraces(foundation: Foundation, version: string, stack: AsyncDisposableStack): Promise<void> {
  const { ports, policy, emit, hooks, holder, nodeFacts } = foundation;
  const { clock, random } = ports;
  const { name: node } = await nodeFacts();
  const teller = { version, node, hostname: policy().hostname };
  const traces = stack.use(await openTraces({ policy, clock, random, emit, teller }));
  const { heard } = hooks;
  hooks.heard = (event) => {
    heard(event);
    traces.sink(event);
  };
  hooks.spans = () => traces.counts();
  stack.defer(holder.subscribe(() => void traces.follow()));
}
