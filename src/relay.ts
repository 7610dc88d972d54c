/**
 * The relay, put together in the order of a message's life. Read this first.
 *
 *   ingress takes it in → sign → spool keeps it → schedule says when → routing says by which exit → egress sends it →
 *   schedule settles it → report tells of it; what the sender must hear is written by feedback and goes round again.
 *
 * Parts are built so that each finds what it needs, and are ended in the reverse order.
 */
import { openAccess } from './access/access.ts';
import { openAudit } from './access/open-audit.ts';
import { openHttp } from './access/open-http.ts';
import { keepPolicies } from './access/policy-desk.ts';
import { relayOperations } from './access/relay-operations.ts';
import { exitSample, statsNeeds } from './access/relay-stats.ts';
import { certify } from './foundation/certificate-pair.ts';
import { startControl } from './control/server.ts';
import { watchStandings } from './exits/standing-watch.ts';
import { type ExitStandings, openExitStandings } from './exits/standings.ts';
import { watchWarmups } from './exits/warmup-watch.ts';
import { lookAround } from './exits/whereabouts.ts';
import { type Foundation, layFoundation, type RelayOptions } from './foundation/foundation.ts';
import type { Audit } from './http/audit.ts';
import type { HttpListener } from './http/server.ts';
import { formatListenProblem } from './ingress/listen-problem.ts';
import type { MailPath } from './mail-path.ts';
import { exitOperations } from './operations/exits/exit-operations.ts';
import { nodeStatuses, soleStatus, type NodeStatus } from './operations/node-status.ts';
import type { Operations, RelayStatus } from './operations/operations.ts';
import { changedKeys } from './policy/changed.ts';
import type { PolicyState } from './policy/holder.ts';
import type { Policy } from './policy/schema.ts';
import { certificateEnds } from './report/alerting/rules/certificates.ts';
import { startHistory } from './report/history.ts';
import { limitUses } from './schedule/limits/limit-uses.ts';
import { giveMemoryBack, startRest } from './spool/memory-at-rest.ts';
import { isUp } from './spool/nodes.ts';
import { canSendFrom } from './system.ts';
import { watchAdvice } from './watches/advice-watch.ts';
import { watchExits } from './watches/exit-watch.ts';
import { watchSuppressions } from './watches/suppressing.ts';
import { certificatesOf, sendReports, tellPeople } from './watches/told-people.ts';
import { tellPrograms } from './watches/told-programs.ts';
import { openPath } from './workers/open-path.ts';

export type StartResult =
  | { readonly kind: 'running'; readonly relay: Relay }
  /** It does not run; each a line for operators. */
  | { readonly kind: 'refused'; readonly problems: readonly string[] };

export type Relay = AsyncDisposable & {
  /** What does not work although it runs, such as a port that another program has; each a line for operators. */
  problems(): readonly string[];
  /** Reads the policy again, and tries again what could not be had. */
  reload(): Promise<PolicyState>;
  /**
   * No new mail; attempts in flight finish, for at most 30 s; leases are handed back. Then dispose of it.
   * @param signal ends the waiting at once, and still loses nothing
   */
  stop(signal: AbortSignal): Promise<void>;
  /** Something failed where nobody waited for it. */
  tellStray(cause: unknown): void;
};

/** All parts, on their foundation. */
type Parts = Foundation & {
  /** Ingress, signing, scheduler and egress: in this thread, or in workers. */
  readonly path: MailPath;
  readonly standings: ExitStandings;
  readonly operations: Operations;
  readonly audit: Audit;
  readonly http: HttpListener;
  /** What does not work, by part; changes as ports come and go. */
  readonly faults: Map<'http' | 'control', string>;
  readonly lifetime: { readonly startedAtMs: number; isStopping: boolean; following: Promise<void> };
};

/** Starts all parts. What was started is ended again when one cannot be had. */
export async function startRelay(options: RelayOptions): Promise<StartResult> {
  await using stack = new AsyncDisposableStack();
  const laid = await layFoundation(options, stack);
  if (laid.kind === 'refused') return laid;
  const parts = await build(options, laid.foundation, stack);
  const refusal = await openDoors(options, parts, stack);
  if (refusal.length > 0) return { kind: 'refused', problems: refusal };
  const running = stack.move();
  return {
    kind: 'running',
    relay: {
      problems: () => [...problemsOf(parts), ...spoolTrouble(parts)],
      reload: async () => {
        const state = await parts.holder.reload();
        await parts.path.refreshKeys();
        await followNext(parts);
        return state;
      },
      stop: (signal) => stop(parts, signal),
      tellStray: (cause) => tellStray(parts, cause),
      [Symbol.asyncDispose]: () => running.disposeAsync(),
    },
  };
}

async function build(options: RelayOptions, foundation: Foundation, stack: AsyncDisposableStack): Promise<Parts> {
  const { ports, emit, policy, spool, reporting, hooks } = foundation;
  const { clock } = ports;
  const { marks, ledger } = spool;
  await certify(policy(), clock.nowMs(), emit);
  const { name: node } = await foundation.nodeFacts();
  const standings = stack.use(await openExitStandings({ policy, marks, tallies: ledger, clock, node, judges: true }));
  // Before the mail path, so that it hears of the last mail too: what is used last is ended first.
  const suppression = await watchSuppressions(foundation, stack);
  const path = stack.use(await openPath(options, foundation, { standings, suppression }));
  stack.use(watchStandings({ policy, standings, marks, clock, emit }));
  watchExits(foundation, { node, standings }, stack);
  const stats = statsNeeds({ policy, clock, spool, standings });
  stack.use(watchWarmups({ policy, tallies: ledger, marks, clock, emit }));
  stack.use(watchAdvice({ stats, clock, emit }));
  stack.use(startHistory({ clock, spool, policy, emit, marks: spool.marks }));
  tellPrograms(foundation, node, stack);
  const alerting = tellPeople(foundation, { node, path }, stack);
  stack.use(startRest({ clock, collect: giveMemoryBack }));
  const alerts = () => reporting.alerts.raised();
  const places = () => lookAround({ policy, clock, nodes: spool.nodes ?? null, node, canSendFrom });
  const uses = {
    sharesConnections: spool.nodes !== undefined,
    usesNow: async () => (await path.figures()).exits ?? [],
  };
  const exits = exitOperations({ policy, clock, marks, ledger, standings, stats, alerts, places, ...uses });
  const log = openAudit(foundation, { node, file: options.shownPolicyFile }, stack);
  const audit: Audit = (audited) => log.note(audited);
  const access = openAccess({ policy, ports, marks, ledger });
  const notReady = () => reasonsNotReady(parts);
  const lifetime = { startedAtMs: clock.nowMs(), isStopping: false, following: Promise.resolve() };
  const operations = relayOperations({
    ...foundation,
    path,
    exits,
    access,
    alerting,
    screening: suppression.screening,
    log,
    nodes: () => nodesOf(parts),
    status: () => statusOf(options, parts),
  });
  sendReports(foundation, { node, path, operations }, stack);
  const desk = keepPolicies(options, foundation, stack);
  const http = stack.use(openHttp(foundation, { path, suppression, access, operations, audit, desk, notReady }, stack));
  const parts: Parts = { ...foundation, path, standings, operations, audit, http, faults: new Map(), lifetime };
  hooks.prepare = (next, previous, version) => prepare(parts, { next, previous, version });
  hooks.isStopping = () => lifetime.isStopping;
  hooks.closedExits = async () => (await path.figures()).closedExits;
  const paceOf = (exit: string): number => standings.standingOf(exit).pace;
  hooks.sample = async (facts) => ({
    ...facts,
    ...(await path.figures()),
    ...(await aroundOf(parts)),
    limits: await limitUses({ policy, ledger, marks, clock, paceOf, ...uses }).catch(() => []),
    ready: notReady().length === 0,
    ...(await exitSample(stats, standings)),
  });
  stack.defer(foundation.holder.subscribe(() => void followNext(parts)));
  return parts;
}

/** Opens HTTP and the control socket, and tells that it runs. @returns why it cannot run at all */
async function openDoors(options: RelayOptions, parts: Parts, stack: AsyncDisposableStack): Promise<readonly string[]> {
  const { path, policy, operations, emit, ports, faults } = parts;
  const { addresses, problems } = path.doors();
  if (addresses.length === 0) return [...path.notReady(), ...problems.map(formatListenProblem)];
  const control = await startControl({
    dataFolder: options.where.dataFolder,
    operations,
    audit: parts.audit,
    clock: ports.clock,
    emit,
    messageSizeBytes: () => policy().limits.messageSizeBytes,
  });
  if (control.kind === 'listening') stack.use(control.control);
  else faults.set('control', control.cause);
  await listenHttp(parts);
  const where = addresses.map(({ address, port, tls }) => `${address}:${port} (${tls})`).join(', ');
  emit({ event: 'started', atMs: ports.clock.nowMs(), text: `relevo ${options.version} takes mail on ${where}` });
  tellProblems(parts, []);
  return [];
}

type Swap = { readonly next: Policy; readonly previous: Policy; readonly version: string };

/** Before a policy is swapped in: what may refuse it. */
async function prepare({ path }: Parts, { next, previous, version }: Swap): Promise<readonly string[]> {
  if (changedKeys(previous, next).includes('spool')) return ['spool: cannot change while the relay runs: restart it'];
  const prepared = await path.prepare(next, version);
  if (prepared.kind === 'refused') return prepared.problems;
  prepared.use();
  return [];
}

/** One after the other: two at once would open the same ports twice. Never rejects. */
function followNext(parts: Parts): Promise<void> {
  const { lifetime, emit, ports } = parts;
  lifetime.following = lifetime.following
    .then(() => follow(parts))
    .catch((error: unknown) => {
      emit({ event: 'failed', atMs: ports.clock.nowMs(), where: 'policy', cause: String(error) });
    });
  return lifetime.following;
}

/** After a policy was swapped in. Ports that cannot be opened do not undo it: the others take mail by the new policy. */
async function follow(parts: Parts): Promise<void> {
  const { path, policy, emit, ports, lifetime } = parts;
  if (lifetime.isStopping) return;
  const before = problemsOf(parts);
  await certify(policy(), ports.clock.nowMs(), emit);
  await path.follow();
  await listenHttp(parts);
  tellProblems(parts, before);
}

/** One alert for all of them: it is over when none is left. */
function tellProblems(parts: Parts, before: readonly string[]): void {
  const after = problemsOf(parts);
  if (after.join() === before.join()) return;
  const text = (after.length > 0 ? after : before).join('; ');
  const atMs = parts.ports.clock.nowMs();
  parts.emit({ event: 'alert', atMs, name: 'not-listening', text, raised: after.length > 0 });
}

function tellStray({ emit, ports }: Parts, cause: unknown): void {
  const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
  emit({ event: 'failed', atMs: ports.clock.nowMs(), where: 'stray', cause: text });
}

async function listenHttp({ http, faults }: Parts): Promise<void> {
  const bound = await http.listen();
  if (bound.kind === 'failed') faults.set('http', bound.cause);
  else faults.delete('http');
}

function problemsOf({ path, faults }: Parts): readonly string[] {
  return [...path.doors().problems.map(formatListenProblem), ...faults.values()];
}

function spoolTrouble({ spool }: Parts): readonly string[] {
  const trouble = spool.trouble();
  return trouble === null ? [] : [`takes no mail now (451): ${trouble}`];
}

function reasonsNotReady({ spool, path, lifetime }: Parts): readonly string[] {
  const trouble = spool.trouble();
  return [
    ...(lifetime.isStopping ? ['the relay is stopping'] : []),
    ...(trouble === null ? [] : [trouble]),
    ...path.notReady(),
    ...path.doors().problems.map(formatListenProblem),
  ];
}

async function nodesOf({ spool, ports, nodeFacts }: Parts): Promise<readonly NodeStatus[]> {
  const atMs = ports.clock.nowMs();
  if (spool.nodes !== undefined) return nodeStatuses(spool.nodes, atMs);
  return [soleStatus(await nodeFacts(), { atMs, leases: (await spool.overview()).leased })];
}

async function aroundOf(parts: Parts) {
  return {
    overview: await parts.spool.overview().catch(() => null),
    nodes: await livesOf(parts).catch(() => null),
    certificates: await certificateEnds(certificatesOf(parts.policy())),
  };
}

/** Without what each of them has in hand. */
async function livesOf({ spool, ports }: Parts): Promise<readonly { readonly isUp: boolean }[]> {
  if (spool.nodes === undefined) return [{ isUp: true }];
  const nowMs = ports.clock.nowMs();
  return (await spool.nodes.all()).map((node) => ({ isUp: isUp(node, nowMs) }));
}

function statusOf({ version, pid }: RelayOptions, parts: Parts): RelayStatus {
  const { lifetime, holder, reporting } = parts;
  const { version: policyVersion, problems: policyProblems } = holder.state();
  return {
    version,
    pid,
    startedAtMs: lifetime.startedAtMs,
    policyVersion,
    policyProblems,
    notReady: reasonsNotReady(parts),
    alerts: reporting.alerts.raised(),
  };
}

async function stop({ lifetime, path, emit, ports }: Parts, signal: AbortSignal): Promise<void> {
  const { clock } = ports;
  lifetime.isStopping = true;
  emit({ event: 'stopping', atMs: clock.nowMs(), text: 'no new mail; attempts in flight finish' });
  await path.stop(signal);
  emit({ event: 'stopped', atMs: clock.nowMs(), text: 'leases are handed back' });
}
