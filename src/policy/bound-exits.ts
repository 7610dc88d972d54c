/** Exits that are bound to a local address: what is told of those whose address this machine lacks. */
import { boundAddressOf } from './match.ts';
import type { Path } from './file/problem.ts';
import type { Policy } from './schema.ts';

/** `path`: of its `bind`; `text`: what to tell where this machine lacks the address. */
export type BoundExit = { readonly address: string; readonly path: Path; readonly text: string };

/** Those that this machine is to send by. On a spool that nodes share, an exit with `node` is left out: it may be another's. */
export function boundExits({ egress, spool }: Policy): BoundExit[] {
  const isShared = spool.engine === 'redis';
  return Object.entries(egress).flatMap(([name, exit]) => {
    const address = exit.enabled ? boundAddressOf(exit) : null;
    if (address === null || (isShared && exit.node !== null)) return [];
    const then = isShared ? 'only a node that has it sends by this exit' : 'no mail goes out by this exit';
    return [{ address, path: ['egress', name, 'bind'], text: `this machine does not have ${address}: ${then}` }];
  });
}

/** The warnings of those whose address cannot be sent from now, in their order. */
export async function lackedWarnings(
  bound: readonly { readonly address: string; readonly warning: string }[],
  canSendFrom: (address: string) => Promise<boolean>,
): Promise<string[]> {
  const told = bound.map(async ({ address, warning }) => ((await canSendFrom(address)) ? [] : [warning]));
  return (await Promise.all(told)).flat();
}
