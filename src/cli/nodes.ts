import type { Command } from 'commander';
import { addCommand, type Registry } from './cli.ts';
import type { NodeStatus } from '../operations/node-status.ts';
import { json, table } from './output.ts';
import { formatAge } from '../policy/units.ts';
import { withOperations } from './reach.ts';

/** `relevo nodes` */
export function addNodes(program: Command, registry: Registry): void {
  addCommand(program, registry, {
    usage: 'nodes',
    summary: 'list the nodes that share the spool',
    json: true,
    shape: (command) =>
      command.addHelpText(
        'after',
        '\nA node that was killed is listed as gone for a day, or until it is back. Exit code 1 while one is gone, or none is up.',
      ),
    run: async (cli, { options, where }) => {
      const nodes = await withOperations(cli, where, (operations) => operations.nodes());
      cli.terminal.out(options.json === true ? json({ nodes }) : nodesText(nodes, cli.clock.nowMs()));
      return nodes.length > 0 && nodes.every(({ isUp }) => isUp) ? 0 : 1;
    },
  });
}

function nodesText(nodes: readonly NodeStatus[], nowMs: number): string {
  if (nodes.length === 0) return 'No node is up.\n';
  const rows = nodes.map((node) => [
    node.name,
    stateOf(node, nowMs),
    node.host,
    node.version,
    node.policyVersion,
    String(node.workers),
    String(node.leases),
    node.addresses.join(' '),
  ]);
  const header = ['NODE', 'STATE', 'HOST', 'VERSION', 'POLICY', 'WORKERS', 'LEASES', 'ADDRESSES'];
  return table(header, rows) + policiesText(nodes);
}

function stateOf(node: NodeStatus, nowMs: number): string {
  if (!node.isUp) return `gone for ${formatAge(nowMs - node.seenAtMs)}`;
  return node.isStopping ? 'stopping' : `up for ${formatAge(nowMs - node.startedAtMs)}`;
}

/** Nodes on one spool ought to follow one policy: ports, log and the like are each node's own. */
export function policiesText(
  nodes: readonly Pick<NodeStatus, 'name' | 'isUp' | 'policyVersion' | 'sharedPolicy'>[],
): string {
  const byPolicy = Map.groupBy(
    nodes.filter(({ isUp }) => isUp),
    ({ policyVersion, sharedPolicy }) => sharedPolicy ?? policyVersion,
  );
  if (byPolicy.size < 2) return '';
  const parts = [...byPolicy.values()].map((some) => {
    const versions = new Set(some.map(({ policyVersion }) => policyVersion));
    return `${[...versions].join(' and ')} (${some.map(({ name }) => name).join(', ')})`;
  });
  return `The nodes follow different policies: ${parts.join(', ')}.\n`;
}
