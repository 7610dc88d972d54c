import { accessKeysKey } from '../access/access-keys.ts';
import { seedKeys } from '../access/seed-keys.ts';
import { Seeds } from '../http/sign-in/seeds.ts';
import { SecondFactors } from '../http/sign-in/second-factor.ts';
import { Sessions } from '../http/sign-in/sessions.ts';
import { TokenBook } from '../http/token-book.ts';
import { storeUsers } from '../operations/store-users.ts';
import type { UserOperations } from '../operations/user-operations.ts';
import { nodeStatuses } from '../operations/node-status.ts';
import { clientOperations } from '../operations/client-operations.ts';
import { alertOperations } from '../operations/alert-operations.ts';
import { OperationsError, type Operations } from '../operations/operations.ts';
import { connectControl } from '../control/client.ts';
import { figuresOverStore } from '../operations/figures/figures-over-store.ts';
import { createOperations } from '../operations/store-operations.ts';
import { loadPolicyFile } from './policy/policy-file.ts';
import { openPolicyStore } from './store.ts';
import { tokenOperations } from '../operations/token-operations.ts';
import { webhookOperations } from '../operations/webhook-operations.ts';
import { AuditLog } from '../operations/audit-log.ts';
import { auditedOperations } from '../operations/audited-operations.ts';
import type { Cli } from './cli.ts';
import { localUser } from '../control/local-user.ts';
import { exitOperations, type ExitOperations } from '../operations/exits/exit-operations.ts';
import type { SpoolWithLedger } from '../foundation/open-spool.ts';
import { readExitStandings } from '../exits/standings.ts';
import { statsNeeds } from '../access/relay-stats.ts';
import type { Policy } from '../policy/schema.ts';
import type { Where } from '../foundation/data-folder.ts';

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
  const keepMs = () => policy.audit.keepMs;
  await using log = new AuditLog({ ...cli, marks: spool.marks, emit: () => {}, keepMs });
  const operations = createOperations({
    spool,
    clock: cli.clock,
    showsSubjects: () => policy.log.subjects,
    furthestMs: () => policy.limits.futureReleaseMs,
    live: null,
    auditLog: (ask) => log.page(ask),
    exits: exitsOf(cli, { policy, spool }),
    clients: clientOperations({
      policy: () => policy,
      clock: cli.clock,
      marks: spool.marks,
      tallies: spool.ledger,
      spool,
      wake: () => {},
    }),
    alerts: alertOperations({ marks: spool.marks, clock: cli.clock, isShared: nodes !== undefined, test: null }),
    figures: figuresOverStore({ ...spool, policy: () => policy, clock: cli.clock }),
    webhooks: webhookOperations({ policy: () => policy, marks: spool.marks, clock: cli.clock }),
    tokens: tokenOperations({
      ...cli,
      marks: spool.marks,
      changed: () => {},
      accessKeysKey: () => accessKeysKey(policy.http.accessKeys, cli.random),
    }),
    users: usersOf(cli, { policy, spool }),
    ...(nodes === undefined ? {} : { nodes: () => nodeStatuses(nodes, cli.clock.nowMs()) }),
  });
  const actor = { kind: 'operator', name: localUser(), from: 'command line' } as const;
  return await use(auditedOperations(operations, actor, (audited) => log.note(audited)));
}

function usersOf(
  { clock, random }: Cli,
  { policy: loaded, spool: { marks, ledger } }: { readonly policy: Policy; readonly spool: SpoolWithLedger },
): UserOperations {
  const policy = (): Policy => loaded;
  const book = new TokenBook({ marks, clock });
  const sessions = new Sessions({ policy, clock, random, marks, checkToken: (hash) => book.check(hash) });
  const seeds = new Seeds({ marks, random, keys: () => seedKeys(loaded, random) });
  const secondFactors = new SecondFactors({ marks, ledger, clock, random, seeds });
  return storeUsers({ marks, clock, random, sessions, secondFactors, issuer: () => loaded.hostname });
}

/** Reads what is known of the exits only once that is asked for. */
function exitsOf(
  { clock }: Cli,
  { policy: loaded, spool }: { readonly policy: Policy; readonly spool: SpoolWithLedger },
): ExitOperations {
  const policy = (): Policy => loaded;
  const { marks, ledger } = spool;
  const open = async (): Promise<ExitOperations> => {
    const standings = await readExitStandings({
      policy,
      marks,
      tallies: ledger,
      clock,
      node: loaded.hostname,
      judges: true,
    });
    const stats = statsNeeds({ policy, clock, spool, standings });
    const sharesConnections = spool.nodes !== undefined;
    return exitOperations({ policy, clock, marks, ledger, standings, stats, alerts: () => null, sharesConnections });
  };
  return {
    stats: async () => (await open()).stats(),
    exits: async () => (await open()).exits(),
    exitPasts: async () => (await open()).exitPasts(),
    pause: async (ask) => (await open()).pause(ask),
    resume: async (ask) => (await open()).resume(ask),
  };
}
