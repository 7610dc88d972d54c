/** The policy of a relay that takes up every edit at once, for calls and pages over it. */
import { readFileSync } from 'node:fs';
import type { PolicyDesk } from '../../src/http/api/policy.ts';
import type { Operations } from '../../src/operations/operations.ts';
import { PolicyVersions } from '../../src/operations/policy/versions.ts';
import { relayLoad, relayPolicy } from '../../src/operations/policy/relay-policy.ts';
import { SecretFiles } from '../../src/operations/policy/secret-files.ts';
import { simulator } from '../../src/operations/simulate/apart.ts';
import { setUpWizard } from '../../src/operations/wizard/setup.ts';
import type { Policy } from '../../src/policy/schema.ts';
import type { Clock } from '../../src/ports.ts';

export function policyDesk(of: {
  readonly policyFile: string;
  readonly dataFolder: string;
  readonly policy: () => Policy;
  readonly operations: Pick<Operations, 'traffic' | 'exitPasts'>;
  readonly clock: Clock;
}): PolicyDesk {
  const file = { policyFile: of.policyFile, shownPolicyFile: 'config/relevo.yaml', env: {} };
  const load = relayLoad(file);
  const state = () => {
    const loaded = load(readFileSync(of.policyFile, 'utf8'));
    return { version: loaded.kind === 'loaded' ? loaded.version : '', appliedAtMs: 0, warnings: [], problems: [] };
  };
  const holder = { state, reload: async () => state() };
  const versions = new PolicyVersions(of.dataFolder);
  const canSendFrom = async () => true;
  const operations = relayPolicy({ ...file, holder, versions, record: { kept: async () => {} }, canSendFrom });
  return {
    operations,
    simulate: simulator({ operations: of.operations, policy: of.policy, load, clock: of.clock }),
    secrets: () => new SecretFiles(of),
    setUp: (answers, base) =>
      setUpWizard({ ...of, shownPolicyFile: 'config/relevo.yaml', env: {}, nowMs: 0, answers, base }),
    tryOut: () => Promise.reject(new Error('nothing is tried here')),
  };
}
