/** What every part of the relay stands on: reporting, the policy in force, and the spool. */
import { connectControl } from '../control/client.ts';
import { placedPolicy, placeData, type Where } from './data-folder.ts';
import { flushOutcomes, OutcomeBook } from '../exits/outcome-book.ts';
import { boundAddresses } from '../exits/whereabouts.ts';
import { openPolicyHolder, type PolicyHolder } from '../policy/holder.ts';
import { isPlaced } from '../policy/match.ts';
import { formatProblem } from '../policy/file/problem.ts';
import type { Policy } from '../policy/schema.ts';
import { sharedVersion } from '../policy/shared-version.ts';
import type { Emit, Ports, Random } from '../ports.ts';
import { keepTroubles } from '../report/kept-troubles.ts';
import type { LineOutput } from '../report/line-writer.ts';
import { openReporting, type Reporting, type Sample } from '../report/reporting.ts';
import { RollupBook } from '../report/rollups/book.ts';
import { openRollups, type Rollups, type RollupsNeeds } from '../report/rollups/rollups.ts';
import type { SpanCounts } from '../report/traces/tracer.ts';
import { createTroubles, type Troubles } from '../report/troubles.ts';
import type { NodeFacts } from '../spool/nodes.ts';
import { SpoolError } from '../spool/spool.ts';
import { canSendFrom, processPlace } from '../system.ts';
import { tellTraces } from '../watches/told-traces.ts';
import type { SpoolReach } from '../workers/worker-wire.ts';
import { nodeName } from './node-name.ts';
import { openSpool, type OpenSpoolNeeds, type SpoolWithLedger } from './open-spool.ts';
import { startPresence, takeName } from './presence.ts';

export type RelayOptions = {
  readonly where: Where;
  /** The policy file as messages about it should name it. */
  readonly shownPolicyFile: string;
  readonly version: string;
  readonly nodeVersion: string;
  readonly pid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly ports: (dnsServers: () => readonly string[] | null) => Ports;
  readonly localAddresses: () => readonly string[];
  /** Threads that take and send mail side by side; 1: all in this one. */
  readonly workers: number;
  /** The name of this node; null: one that is made up at the first start and kept in the data folder. */
  readonly node: string | null;
  /** Where log lines go. */
  readonly output: LineOutput;
};

export type Foundation = {
  readonly ports: Ports;
  readonly reporting: Reporting;
  readonly emit: Emit;
  readonly holder: PolicyHolder;
  /** The policy in force, its data where the command line says. */
  readonly policy: () => Policy;
  readonly spool: SpoolWithLedger;
  /** How another thread reaches the spool: a way of its own for each call. */
  readonly reach: () => SpoolReach;
  /** Calls `run` whenever those ways have ended and new ones can be had. Returns what ends it. */
  readonly onReachLost: (run: () => void) => () => void;
  /** What reload and reporting ask of the parts; set once they live. */
  readonly hooks: Hooks;
  /** What went wrong lately with exits and destinations. */
  readonly troubles: Troubles;
  /** Figures of all mail, by minute, hour and day. */
  readonly rollups: Rollups;
  /** This relay as the other nodes on its spool see it. */
  readonly nodeFacts: () => Promise<NodeFacts>;
};

export type Hooks = {
  /** Makes ready for the next policy, or says why it cannot be. */
  prepare: (next: Policy, previous: Policy, version: string) => Promise<readonly string[]>;
  sample: Sample;
  closedExits: () => Promise<readonly string[]>;
  isStopping: () => boolean;
  /** What came of spans since the last call; null: there are none. */
  spans: () => Readonly<SpanCounts> | null;
  /** Told of every event. */
  heard: Emit;
};

export type FoundationResult =
  | { readonly kind: 'laid'; readonly foundation: Foundation }
  /** Each a line for operators. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Opens them onto `stack`, which ends them. */
export async function layFoundation(options: RelayOptions, stack: AsyncDisposableStack): Promise<FoundationResult> {
  const { where, shownPolicyFile, version, nodeVersion, env, output } = options;
  const hooks = idleHooks();
  let policy: (() => Policy) | null = null;
  const ports = options.ports(() => policy?.().dns.servers ?? null);
  const { clock } = ports;
  const outcomes = new OutcomeBook(() => policy?.() ?? null);
  const book = new RollupBook();
  const troubles = createTroubles();
  const reporting = stack.use(
    openReporting({
      output,
      clock,
      version,
      nodeVersion,
      policy: () => policy?.() ?? null,
      sample: async (facts) => ({ ...(await hooks.sample(facts)), spans: hooks.spans() }),
      sinks: [outcomes.sink, book.sink, troubles.sink, (event) => hooks.heard(event)],
    }),
  );
  const { emit } = reporting;
  const onApply = (next: Policy, previous: Policy, version: string): Promise<readonly string[]> =>
    hooks.prepare(placeData(next, where), placeData(previous, where), version);
  const opened = await openPolicyHolder({ file: shownPolicyFile, env, clock, emit, onApply, canSendFrom });
  if (opened.kind === 'refused') return { kind: 'refused', problems: opened.problems.map(formatProblem) };
  const holder = stack.use(opened.holder);
  policy = placedPolicy(() => holder.current(), where);
  const reachers = new Set<() => void>();
  const onReopened = (): void => reachers.forEach((run) => run());
  const own = { name: options.node ?? policy().hostname };
  const node = async (): Promise<string> => (own.name = await claimNode(options, ports.random));
  const nodeFacts = factsOf(options, { own, holder, ports, policy, hooks });
  const presence = { facts: nodeFacts, clock, emit };
  const admit: OpenSpoolNeeds['admit'] = (nodes) => takeName({ ...presence, nodes }, processPlace());
  const opening = await openSpool({ policy, clock, emit, node, admit, dataFolder: where.dataFolder, onReopened });
  if (typeof opening === 'string') return { kind: 'refused', problems: [opening] };
  const { reach } = opening;
  const spool = stack.use(opening.spool);
  stack.use(keepTroubles({ troubles, marks: spool.marks, clock, node: own.name }));
  stack.use(flushOutcomes({ book: outcomes, tallies: spool.ledger, clock, emit }));
  const rollups = stack.use(await openRollups({ book, ...rowsOn(spool, policy), policy, clock, emit, node: own.name }));
  if (spool.nodes !== undefined) stack.use(startPresence({ ...presence, nodes: spool.nodes }));
  if (policy().spool.durability === 'relaxed') tellRelaxed(clock.nowMs(), emit);
  const onReachLost = (run: () => void): (() => void) => {
    reachers.add(run);
    return () => void reachers.delete(run);
  };
  const told = { reporting, emit, hooks, nodeFacts, troubles, rollups };
  const foundation = { ...told, ports, holder, policy, spool, reach, onReachLost };
  await tellTraces(foundation, version, stack);
  return { kind: 'laid', foundation };
}

/** Until the parts live. */
function idleHooks(): Hooks {
  return {
    prepare: async () => [],
    sample: () => Promise.reject(new Error('the relay is starting')),
    closedExits: async () => [],
    isStopping: () => false,
    spans: () => null,
    heard: () => {},
  };
}

/** Less history than this does not tell all of the last minutes. */
const HISTORY_LEAST_MS = 3_600_000;

/** Where others write to the history too, it does not tell what this relay lacks. */
function rowsOn(spool: SpoolWithLedger, policy: () => Policy): Pick<RollupsNeeds, 'marks' | 'spool' | 'feed'> {
  const tellsAll = spool.nodes === undefined && policy().historyMs >= HISTORY_LEAST_MS;
  return { marks: spool.marks, spool, feed: tellsAll ? spool.feed : null };
}

/** Two relays on one data folder would take each other's leases for those of a dead process. */
async function claimNode({ where: { dataFolder }, node }: RelayOptions, random: Random): Promise<string> {
  const other = await connectControl(dataFolder);
  if (other.kind === 'connected') throw new SpoolError('in-use', `another relay runs on ${dataFolder}`);
  return node ?? nodeName(dataFolder, random);
}

/** Those of its interfaces that others can tell it by, and what else the policy has it send from. */
async function addressesOf(policy: Policy, listed: readonly string[]): Promise<readonly string[]> {
  const shown = listed.filter((address) => !/^(?:127\.|::1$|fe80:)/.test(address));
  const others = boundAddresses(policy).filter((address) => !listed.includes(address));
  const own = await Promise.all(others.map(async (address) => ((await canSendFrom(address)) ? [address] : [])));
  return [...shown, ...own.flat()];
}

type FactsNeeds = Pick<Foundation, 'holder' | 'ports' | 'policy' | 'hooks'> & {
  readonly own: { readonly name: string };
};

function factsOf(options: RelayOptions, { own, holder, ports, policy, hooks }: FactsNeeds): () => Promise<NodeFacts> {
  const { pid, version, workers, localAddresses } = options;
  const { host, machine } = processPlace();
  const instance = ports.random.bytes(8).toString('hex');
  const startedAtMs = ports.clock.nowMs();
  return async () => ({
    name: own.name,
    instance,
    host,
    machine,
    pid,
    startedAtMs,
    version,
    policyVersion: holder.state().version,
    sharedPolicy: sharedVersion(holder.current()),
    workers,
    addresses: await addressesOf(policy(), localAddresses()),
    closed: Object.values(policy().egress).some(isPlaced) ? await hooks.closedExits() : [],
    isStopping: hooks.isStopping(),
  });
}

/** In the log and in the status for as long as it runs: it takes a restart to change. */
function tellRelaxed(atMs: number, emit: Emit): void {
  const text = 'spool.durability is relaxed: mail that was answered 250 a moment before the power fails may be lost';
  emit({ event: 'alert', atMs, name: 'durability-relaxed', text, raised: true });
}
