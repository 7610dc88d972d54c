/** The operations on the policy file inside the relay that runs by it. */
import { readFileSync } from 'node:fs';
import { checkNamedFiles } from './named-files.ts';
import type { UptakeWatch } from './uptake.ts';
import type { PolicyHolder } from '../../policy/holder.ts';
import { loadPolicy, type LoadResult } from '../../policy/file/load.ts';
import type { Environment } from '../../policy/file/variables.ts';
import { PolicyOperations } from './policy-operations.ts';
import type { PolicyRecord } from './record.ts';
import type { PolicyVersions } from './versions.ts';

export type RelayPolicyNeeds = {
  readonly policyFile: string;
  /** As messages about it name it. */
  readonly shownPolicyFile: string;
  readonly env: Environment;
  readonly holder: Pick<PolicyHolder, 'reload' | 'state'>;
  readonly versions: PolicyVersions;
  readonly record: Pick<PolicyRecord, 'kept'>;
  readonly canSendFrom: (address: string) => Promise<boolean>;
};

/** Checks a text as the relay would check it in the place of its file. */
export function relayLoad({
  shownPolicyFile: file,
  env,
}: Pick<RelayPolicyNeeds, 'shownPolicyFile' | 'env'>): (text: string) => LoadResult {
  return (text) => loadPolicy({ file, text, env, readFile: (path) => readFileSync(path, 'utf8') });
}

/** What is written is in force, and kept as a version, when the operation is over. */
export function relayPolicy(needs: RelayPolicyNeeds): PolicyOperations {
  const { policyFile, holder, versions, record, canSendFrom } = needs;
  const result: UptakeWatch['result'] = async (version, isSame) => {
    const state = isSame === true ? holder.state() : await holder.reload();
    await record.kept();
    if (state.problems.length > 0) return { kind: 'refused', problems: state.problems };
    if (version === null || state.version === version) return { kind: 'in-force' };
    return { kind: 'unknown', why: 'the file has changed again' };
  };
  return new PolicyOperations({
    policyFile,
    load: relayLoad(needs),
    namedFiles: checkNamedFiles,
    canSendFrom,
    versions,
    watchUptake: async () => ({ result }),
    inForce: async () => holder.state().version,
  });
}
