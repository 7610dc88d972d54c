import { dirname, isAbsolute, join, relative, resolve, sep } from 'node:path';
import type { Policy } from '../policy/schema.ts';

/** Where the policy and the data are: absolute paths. */
export type Where = { readonly policyFile: string; readonly dataFolder: string };

/** The folder that the default paths in a policy file lead to: `../data` from it. The data folder unless `--data` is given. */
export function besidePolicy(policyFile: string): string {
  return resolve(dirname(policyFile), '../data');
}

/**
 * The policy with its data where `--data` says: paths that lie in `../data` from the policy file (the defaults do) lie in
 * the data folder instead. To be applied to every policy that is loaded.
 */
export function placeData(policy: Policy, { policyFile, dataFolder }: Where): Policy {
  const usual = besidePolicy(policyFile);
  const placed = (path: string): string => {
    const inside = relative(usual, path);
    return inside === '..' || inside.startsWith(`..${sep}`) || isAbsolute(inside) ? path : join(dataFolder, inside);
  };
  const egress = Object.entries(policy.egress).map(([name, exit]) => [
    name,
    exit.type === 'sandbox' ? { ...exit, path: placed(exit.path) } : exit,
  ]);
  return {
    ...policy,
    egress: Object.fromEntries(egress) as Policy['egress'],
    spool: policy.spool.engine === 'embedded' ? { ...policy.spool, path: placed(policy.spool.path) } : policy.spool,
  };
}

/** The same for the policy in force: placed once for each policy, so that equal policies stay the same object. */
export function placedPolicy(current: () => Policy, where: Where): () => Policy {
  let last: { readonly policy: Policy; readonly placed: Policy } | null = null;
  return () => {
    const policy = current();
    if (last?.policy !== policy) last = { policy, placed: placeData(policy, where) };
    return last.placed;
  };
}
