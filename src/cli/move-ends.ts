/** Which two stores a move is between: one is the policy's, the other is named on the command line. */
import { join, resolve } from 'node:path';
import { spool as spoolSchema } from '../policy/schema/keeping.ts';
import type { Policy, RedisSpoolPolicy } from '../policy/schema.ts';
import { salvageText, streamsToHold } from '../foundation/open-spool.ts';
import { hasEmbeddedStore, openEmbeddedMoveStore } from '../spool/embedded/move-store.ts';
import type { MoveStore } from '../spool/move.ts';
import { UsageError, type Cli } from './cli.ts';
import { besidePolicy, type Where } from '../foundation/data-folder.ts';
import { OperationsError } from '../operations/operations.ts';
import { plural } from './output.ts';
import { loadPolicyFile } from './policy/policy-file.ts';

export const ENGINES = ['embedded', 'redis'] as const;
export type EngineName = (typeof ENGINES)[number];

export type EndOptions = {
  readonly from: EngineName;
  readonly to: EngineName;
  readonly path?: string;
  readonly url?: string;
  readonly other?: string;
};

type SpoolPolicy = Policy['spool'];

export type MoveEnds = {
  readonly policy: Policy;
  readonly source: SpoolPolicy;
  readonly target: SpoolPolicy;
  /** Whether the policy names the target already. */
  readonly isPolicyTarget: boolean;
};

/** The password of `--url`: an argument would be seen by everybody on the machine. */
export const PASSWORD_VARIABLE = 'RELEVO_REDIS_PASSWORD';

/**
 * Reads the policy and the options.
 * @throws UsageError where they do not say two stores, `OperationsError` where a policy cannot be read
 */
export function moveEnds(cli: Cli, where: Where, options: EndOptions): MoveEnds {
  const { from, to } = options;
  if (from === to) throw new UsageError(`--from and --to are both ${from}: a move is from one engine to the other`);
  const policy = policyOf(cli, where);
  const other = policy.spool.engine === 'embedded' ? redisOption(cli, options) : embeddedOption(cli, where, options);
  const isPolicyTarget = policy.spool.engine === to;
  return isPolicyTarget
    ? { policy, source: other, target: policy.spool, isPolicyTarget }
    : { policy, source: policy.spool, target: other, isPolicyTarget };
}

function policyOf(cli: Cli, where: Where): Policy {
  const loaded = loadPolicyFile(cli, where);
  if (loaded.kind === 'loaded') return loaded.policy;
  throw new OperationsError(`the policy cannot be read:\n  ${loaded.problems.join('\n  ')}`);
}

/** The other store of a policy that names the embedded one. */
function redisOption(cli: Cli, { path, url, other }: EndOptions): SpoolPolicy {
  if (path !== undefined) throw new UsageError('--path names an embedded store, and the policy names one already');
  if (other !== undefined) return otherPolicy(cli, other, 'redis');
  if (url === undefined)
    throw new UsageError('the policy names the embedded store: say with --url or --other where Redis is');
  const parsed = URL.parse(url);
  if (parsed === null) throw new UsageError('--url is redis://user@host:port/database, or rediss:// with TLS');
  if (parsed.password !== '')
    throw new UsageError(`a password in an argument can be read by others: give it in ${PASSWORD_VARIABLE}`);
  const password = cli.env[PASSWORD_VARIABLE];
  if (password !== undefined) parsed.password = encodeURIComponent(password);
  return spoolSchema.parse({ engine: 'redis', url: parsed.href });
}

/** The other store of a policy that names Redis. */
function embeddedOption(cli: Cli, where: Where, { path, url, other }: EndOptions): SpoolPolicy {
  if (url !== undefined) throw new UsageError('--url names a Redis server, and the policy names one already');
  if (other !== undefined) return otherPolicy(cli, other, 'embedded');
  const folder = path === undefined ? join(where.dataFolder, 'spool') : resolve(cli.cwd, path);
  return spoolSchema.parse({ engine: 'embedded', path: folder });
}

function otherPolicy(cli: Cli, file: string, engine: EngineName): SpoolPolicy {
  const policyFile = resolve(cli.cwd, file);
  const { spool } = policyOf(cli, { policyFile, dataFolder: besidePolicy(policyFile) });
  if (spool.engine !== engine) throw new UsageError(`--other ${file} has spool.engine ${spool.engine}, not ${engine}`);
  return spool;
}

/** Opens one end for the move. Makes no source: where there is none, there is nothing to move. */
export async function openEnd(
  cli: Cli,
  { policy, source }: Pick<MoveEnds, 'policy' | 'source'>,
  spool: SpoolPolicy,
): Promise<MoveStore> {
  const { clock } = cli;
  const holdWhenInDoubt = (): readonly string[] => streamsToHold(policy);
  if (spool.engine === 'redis') return openRedisEnd(cli, spool, holdWhenInDoubt);
  if (spool === source && !hasEmbeddedStore(spool.path))
    throw new OperationsError(`there is no store in ${spool.path}: no mail was ever accepted there`);
  const store = await openEmbeddedMoveStore({ path: spool.path, clock, holdWhenInDoubt });
  const { reaped, salvaged } = store.report;
  if (reaped > 0) cli.terminal.err(`${plural(reaped, 'delivery')} under way when the relay died: in doubt\n`);
  if (salvaged !== null) cli.terminal.err(`relevo: ${salvageText(salvaged)}\n`);
  return store;
}

async function openRedisEnd(
  { clock }: Cli,
  spool: RedisSpoolPolicy,
  holdWhenInDoubt: () => readonly string[],
): Promise<MoveStore> {
  // Loaded where it is needed only.
  const [{ openPolicyLink, describeRedisSpool }, { openRedisMoveStore }] = await Promise.all([
    import('../foundation/open-redis.ts'),
    import('../spool/redis/move-store.ts'),
  ]);
  const link = await openPolicyLink(spool, { clock });
  try {
    const name = describeRedisSpool(spool);
    return await openRedisMoveStore({ link, prefix: spool.prefix, clock, name, holdWhenInDoubt });
  } catch (error) {
    await link[Symbol.asyncDispose]();
    throw error;
  }
}
