import { nodeStatuses } from './node-status.ts';
import { OperationsError, type Operations } from './operations.ts';
import { connectControl } from './control-client.ts';
import { createOperations } from './store-operations.ts';
import { loadPolicyFile } from './policy-file.ts';
import { openPolicyStore } from './store.ts';
import type { Cli } from './cli.ts';
import type { Where } from './data-folder.ts';

/**
 * Runs `use` with the operations of the relay that runs on the data folder, or, with none running, over its store, opened
 * for this one command. Rejects with `OperationsError` when neither can be reached.
 */
export async function withOperations<Result>(
  cli: Cli,
  where: Where,
  use: (operations: Operations) => Promise<Result>,
): Promise<Result> {
  const connection = await connectControl(where.dataFolder);
  if (connection.kind === 'connected') return use(connection.operations);
  if (connection.kind === 'failed') throw new OperationsError(connection.cause);
  const loaded = loadPolicyFile(cli, where);
  if (loaded.kind === 'refused') {
    const why = loaded.problems.join('\n  ');
    throw new OperationsError(
      `no relay is running, and the policy that says where the store is cannot be read:\n  ${why}`,
    );
  }
  const { policy } = loaded;
  await using spool = await openPolicyStore(policy, cli.clock);
  const { nodes } = spool;
  const operations = createOperations({
    spool,
    clock: cli.clock,
    showsSubjects: () => policy.log.subjects,
    live: null,
    ...(nodes === undefined ? {} : { nodes: () => nodeStatuses(nodes, cli.clock.nowMs()) }),
  });
  return await use(operations);
}
