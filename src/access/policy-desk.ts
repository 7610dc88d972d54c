/** The policy of a running relay as operators work on it: its versions are kept from the start, all else is loaded once somebody asks. */
import type { Foundation, RelayOptions } from '../foundation/foundation.ts';
import type { PolicyDesk } from '../http/api/policy.ts';
import type { Operations } from '../operations/operations.ts';
import { recordPolicies } from '../operations/policy/record.ts';
import { PolicyVersions } from '../operations/policy/versions.ts';
import { canSendFrom } from '../system.ts';

export type OpenDesk = (operations: Pick<Operations, 'traffic' | 'exitPasts'>) => Promise<PolicyDesk>;

/** What is in force from now on is kept; that ends with `stack`. */
export function keepPolicies(
  { where, shownPolicyFile, env }: Pick<RelayOptions, 'where' | 'shownPolicyFile' | 'env'>,
  { holder, policy, ports, emit }: Pick<Foundation, 'holder' | 'policy' | 'ports' | 'emit'>,
  stack: AsyncDisposableStack,
): OpenDesk {
  const { clock } = ports;
  const versions = new PolicyVersions(where.dataFolder);
  const record = stack.use(recordPolicies({ holder, versions, clock, emit }));
  return async (operations) => {
    const [{ relayPolicy, relayLoad }, { simulator }, { SecretFiles }] = await Promise.all([
      import('../operations/policy/relay-policy.ts'),
      import('../operations/simulate/apart.ts'),
      import('../operations/policy/secret-files.ts'),
    ]);
    const file = { policyFile: where.policyFile, shownPolicyFile, env };
    return {
      operations: relayPolicy({ ...file, holder, versions, record, canSendFrom }),
      simulate: simulator({ operations, policy, load: relayLoad(file), clock }),
      secrets: () => new SecretFiles(where),
      setUp: async (answers, base) => {
        const { setUpWizard } = await import('../operations/wizard/setup.ts');
        return setUpWizard({ ...where, shownPolicyFile, env, nowMs: clock.nowMs(), answers, base });
      },
      tryOut: async (ask) => {
        const { tryAnswers } = await import('../operations/wizard/trial.ts');
        return tryAnswers(ask, { ports, canSendFrom });
      },
    };
  };
}
