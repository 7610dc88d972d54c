/** The spool that the policy asks for, opened with its troubles told: for the relay, for its workers, for one command. */
import type { MessageEvent } from '../message/event.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import { type EmbeddedSpool, openEmbeddedSpool } from '../spool/embedded/spool.ts';
import type { SalvageReport } from '../spool/embedded/wire.ts';
import type { Feed } from '../spool/feed.ts';
import type { MarkStore } from '../spool/marks.ts';
import type { Nodes } from '../spool/nodes.ts';
import type { Peek } from '../spool/peek.ts';
import type { Search } from '../spool/search.ts';
import { type Spool, SpoolError } from '../spool/spool.ts';
import type { Suppressions } from '../spool/suppressions.ts';
import type { Accounts } from '../spool/tallies.ts';
import type { Traffic } from '../spool/traffic.ts';
import type { SpoolReach } from '../workers/worker-wire.ts';
import { knowSpool } from './known-spool.ts';

export type SpoolWithLedger = Spool &
  Traffic &
  Search &
  Peek & {
    readonly ledger: Accounts;
    readonly marks: MarkStore;
    readonly suppressions: Suppressions;
    readonly feed: Feed;
    /** Absent: nobody shares the spool. */
    readonly nodes?: Nodes;
  };

export type OpenedSpool = {
  readonly spool: SpoolWithLedger;
  /** How another thread reaches it: a way of its own for each call. */
  readonly reach: () => SpoolReach;
};

export type OpenSpoolNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  /** By which leases are known to be this process's, on a spool that others share. Asked once, and only there. */
  readonly node: () => Promise<string>;
  /** Called on a spool that others share before anything of that node is touched; rejects where another has its name. */
  readonly admit?: (nodes: Nodes) => Promise<void>;
  /** Where the relay remembers a spool that others share; absent: it does not. */
  readonly dataFolder?: string;
  /** The ways of other threads have ended, and new ones can be had. */
  readonly onReopened: () => void;
};

/** @returns what speaks against it, in a line for operators, instead */
export async function openSpool(needs: OpenSpoolNeeds): Promise<OpenedSpool | string> {
  const { policy } = needs;
  const { spool } = policy();
  try {
    if (spool.engine === 'redis') {
      // Loaded where it is needed only: it takes some 10 MB.
      const { describeRedisSpool, openOnRedis } = await import('./open-redis.ts');
      const node = await needs.node();
      const feed = (): boolean => isFollowed(policy());
      const opened = await openOnRedis(spool, { ...needs, ...tellingOf(needs), node, feed });
      tellReclaimed(opened.report.reaped, needs);
      await tellIfAnother({ place: describeRedisSpool(spool), identity: opened.report.identity }, needs);
      return { spool: opened, reach: () => ({ kind: 'policy', node }) };
    }
    const opened = await openEmbedded(spool, needs);
    return { spool: opened, reach: () => ({ kind: 'port', port: opened.connect() }) };
  } catch (error) {
    if (!(error instanceof SpoolError)) throw error;
    return spool.engine === 'redis' ? `spool: ${error.message}` : `spool.path ${spool.path}: ${error.message}`;
  }
}

type EmbeddedSpoolPolicy = Extract<Policy['spool'], { engine: 'embedded' }>;

async function openEmbedded(spool: EmbeddedSpoolPolicy, needs: OpenSpoolNeeds): Promise<EmbeddedSpool> {
  const { clock, emit, onReopened } = needs;
  const { path, durability } = spool;
  const onFailure = (cause: string): void => emit({ event: 'failed', atMs: clock.nowMs(), where: 'spool', cause });
  const onSalvage = (report: SalvageReport): void =>
    emit({ event: 'alert', atMs: clock.nowMs(), name: 'spool-salvaged', text: salvageText(report), raised: true });
  const opened = await openEmbeddedSpool({
    ...tellingOf(needs),
    path,
    durability,
    clock,
    onFailure,
    onReopened,
    onSalvage,
  });
  if (opened.report.salvaged !== null) onSalvage(opened.report.salvaged);
  tellReclaimed(opened.report.reaped, needs);
  return opened;
}

/** Streams whose mail waits for an operator when a copy of it may be out (`onDoubt: hold`). */
export function streamsToHold({ streams }: Policy): readonly string[] {
  return Object.entries(streams).flatMap(([name, { onDoubt }]) => (onDoubt === 'hold' ? [name] : []));
}

/** Whether programs are told of events, so that the store keeps the order of all of them. */
function isFollowed({ webhooks }: Policy): boolean {
  return webhooks.length > 0;
}

function tellingOf({ policy, emit }: Pick<OpenSpoolNeeds, 'policy' | 'emit'>) {
  return {
    onEvents: (events: readonly MessageEvent[]): void => events.forEach(emit),
    holdWhenInDoubt: (): readonly string[] => streamsToHold(policy()),
  };
}

async function tellIfAnother(
  spool: { readonly place: string; readonly identity: string },
  { dataFolder, clock, emit }: OpenSpoolNeeds,
): Promise<void> {
  if (dataFolder === undefined) return;
  const text = await knowSpool(dataFolder, spool);
  if (text !== null) emit({ event: 'alert', atMs: clock.nowMs(), name: 'spool-lost', text, raised: true });
}

function tellReclaimed(leases: number, { clock, emit }: Pick<OpenSpoolNeeds, 'clock' | 'emit'>): void {
  if (leases > 0) emit({ event: 'reclaimed', atMs: clock.nowMs(), leases });
}

/** For operators. */
export function salvageText(report: SalvageReport): string {
  const { rowsUnreadable, cause, messagesCarried, messagesQuarantined, keptAs } = report;
  const unreadable =
    rowsUnreadable === null ? 'nothing of it could be read' : `${rowsUnreadable} rows could not be read`;
  return (
    `the spool was damaged (${cause}): ${messagesCarried} messages were carried over, ${messagesQuarantined} are ` +
    `quarantined, ${unreadable}; the damaged file is kept as ${keptAs}`
  );
}
