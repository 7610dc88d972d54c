/** What every part of the relay stands on: reporting, the policy in force, and the spool. */
import { placedPolicy, placeData, type Where } from './cli/data-folder.ts';
import { streamsToHold } from './cli/store.ts';
import type { MessageEvent } from './message/event.ts';
import { openPolicyHolder, type PolicyHolder } from './policy/holder.ts';
import { formatProblem } from './policy/problem.ts';
import type { Policy } from './policy/schema.ts';
import type { Clock, Emit, Ports } from './ports.ts';
import type { LineOutput } from './report/line-writer.ts';
import { openReporting, type Reporting, type Sample } from './report/reporting.ts';
import { type EmbeddedSpool, openEmbeddedSpool } from './spool/embedded/spool.ts';
import type { SalvageReport } from './spool/embedded/wire.ts';
import { SpoolError } from './spool/spool.ts';
import type { SpoolReach } from './worker-wire.ts';

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
  readonly spool: EmbeddedSpool;
  /** How another thread reaches the spool: a way of its own for each call. */
  readonly reach: () => SpoolReach;
  /** Calls `run` whenever those ways have ended and new ones can be had. Returns what ends it. */
  readonly onReachLost: (run: () => void) => () => void;
  /** What reload and reporting ask of the parts; set once they live. */
  readonly hooks: Hooks;
};

export type Hooks = {
  /** Makes ready for the next policy, or says why it cannot be. */
  prepare: (next: Policy, previous: Policy, version: string) => Promise<readonly string[]>;
  sample: Sample;
};

export type FoundationResult =
  | { readonly kind: 'laid'; readonly foundation: Foundation }
  /** Each a line for operators. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

/** Opens them onto `stack`, which ends them. */
export async function layFoundation(options: RelayOptions, stack: AsyncDisposableStack): Promise<FoundationResult> {
  const { where, shownPolicyFile, version, nodeVersion, env, output } = options;
  const hooks: Hooks = { prepare: async () => [], sample: () => Promise.reject(new Error('the relay is starting')) };
  let policy: (() => Policy) | null = null;
  const ports = options.ports(() => policy?.().dns.servers ?? null);
  const { clock } = ports;
  const reporting = stack.use(
    openReporting({
      output,
      clock,
      version,
      nodeVersion,
      policy: () => policy?.() ?? null,
      sample: (facts) => hooks.sample(facts),
    }),
  );
  const { emit } = reporting;
  const onApply = (next: Policy, previous: Policy, version: string): Promise<readonly string[]> =>
    hooks.prepare(placeData(next, where), placeData(previous, where), version);
  const opened = await openPolicyHolder({ file: shownPolicyFile, env, clock, emit, onApply });
  if (opened.kind === 'refused') return { kind: 'refused', problems: opened.problems.map(formatProblem) };
  const holder = stack.use(opened.holder);
  policy = placedPolicy(() => holder.current(), where);
  const reachers = new Set<() => void>();
  const onReopened = (): void => reachers.forEach((run) => run());
  const spool = await openSpool(policy, { clock, emit, onReopened });
  if (typeof spool === 'string') return { kind: 'refused', problems: [spool] };
  stack.use(spool);
  const reach = (): SpoolReach => ({ kind: 'port', port: spool.connect() });
  const onReachLost = (run: () => void): (() => void) => {
    reachers.add(run);
    return () => void reachers.delete(run);
  };
  const foundation = { ports, reporting, emit, holder, policy, spool, reach, onReachLost, hooks };
  return { kind: 'laid', foundation };
}

type Telling = { readonly clock: Clock; readonly emit: Emit; readonly onReopened: () => void };

async function openSpool(policy: () => Policy, { clock, emit, onReopened }: Telling): Promise<EmbeddedSpool | string> {
  const { spool } = policy();
  if (spool.engine !== 'embedded') return `spool.engine ${spool.engine} is not in this version: use embedded`;
  const { path, durability } = spool;
  const onFailure = (cause: string): void => emit({ event: 'failed', atMs: clock.nowMs(), where: 'spool', cause });
  const onSalvage = (report: SalvageReport): void =>
    emit({ event: 'alert', atMs: clock.nowMs(), name: 'spool-salvaged', text: salvageText(report), raised: true });
  const onEvents = (events: readonly MessageEvent[]): void => events.forEach(emit);
  const holdWhenInDoubt = (): readonly string[] => streamsToHold(policy());
  const telling = { onFailure, onReopened, onSalvage, onEvents };
  try {
    const opened = await openEmbeddedSpool({ path, durability, clock, holdWhenInDoubt, ...telling });
    if (opened.report.salvaged !== null) onSalvage(opened.report.salvaged);
    const { reaped } = opened.report;
    if (reaped > 0) emit({ event: 'reclaimed', atMs: clock.nowMs(), leases: reaped });
    return opened;
  } catch (error) {
    if (error instanceof SpoolError) return `spool.path ${path}: ${error.message}`;
    throw error;
  }
}

function salvageText(report: SalvageReport): string {
  const { rowsUnreadable, cause, messagesCarried, messagesQuarantined, keptAs } = report;
  const unreadable =
    rowsUnreadable === null ? 'nothing of it could be read' : `${rowsUnreadable} rows could not be read`;
  return (
    `the spool was damaged (${cause}): ${messagesCarried} messages were carried over, ${messagesQuarantined} are ` +
    `quarantined, ${unreadable}; the damaged file is kept as ${keptAs}`
  );
}
