/** Programs outside are told of events by one relay of those that share a store. */
import type { Foundation } from '../foundation/foundation.ts';
import { openWebhooks } from '../report/webhooks/webhooks.ts';
import { isUp } from '../spool/nodes.ts';

/** By the first, by name, of those that are up. Goes on until `stack` is disposed of. @param node this relay's name */
export function tellPrograms(
  { ports, policy, emit, spool }: Foundation,
  node: string,
  stack: AsyncDisposableStack,
): void {
  const { clock, fetch } = ports;
  // Without a way out nothing is told; tests of other things bring none.
  if (fetch === undefined) return;
  const { feed, marks, nodes } = spool;
  const isOurs = async (): Promise<boolean> => {
    if (nodes === undefined) return true;
    const nowMs = clock.nowMs();
    const first = (await nodes.all()).find((one) => isUp(one, nowMs) && one.isStopping !== true);
    return first === undefined || first.name === node;
  };
  stack.use(openWebhooks({ policy, clock, fetch, feed, marks, spool, emit, isOurs }));
}
