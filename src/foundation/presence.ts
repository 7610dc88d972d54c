/** The relay as one of the nodes that share its spool: keeps its name, says that it lives, and tells who does not. */
import type { Clock, Emit } from '../ports.ts';
import {
  BEAT_EVERY_MS,
  BEAT_HOLDS_MS,
  isUp,
  type BeatResult,
  type KnownNode,
  type NodeFacts,
  type Nodes,
} from '../spool/nodes.ts';
import { SpoolError } from '../spool/spool.ts';

/** Where a process is, for others beside it. */
export type ProcessPlace = {
  readonly host: string;
  /** See `NodeFacts`. */
  readonly machine: string | null;
  /** Whether there is no such process here. */
  readonly isEnded: (pid: number) => boolean;
};

export type PresenceNeeds = {
  readonly nodes: Nodes;
  /** As they are now. */
  readonly facts: () => NodeFacts | Promise<NodeFacts>;
  readonly clock: Clock;
  readonly emit: Emit;
};

const LOOK_AGAIN_MS = 1_000;
/** Clocks may differ by as much before it is told, and before a node is not let in among others. */
const CLOCK_TOLD_MS = 2_000;
const CLOCK_REFUSED_MS = 5_000;

type Up = BeatResult & { readonly kind: 'up' };

/**
 * Takes the node's name. One that was killed may have it still: where its process is known to have ended at once, else
 * once it has not been heard of for 15 s. Rejects with `SpoolError`: `in-use` as soon as whoever has it is heard of,
 * `unavailable` where its clock would have it take the others' leases for ended.
 */
export async function takeName({ nodes, facts, clock, emit }: PresenceNeeds, place: ProcessPlace): Promise<void> {
  const own = await facts();
  const sinceMs = clock.monotonicMs();
  let seen: KnownNode | null = null;
  let replaces = '';
  for (;;) {
    const nowMs = clock.nowMs();
    const result = await nodes.beat({ facts: own, nowMs, untilMs: nowMs + BEAT_HOLDS_MS, replaces });
    if (result.kind === 'up') {
      await refuseClock(nodes, own, { up: result, nowMs });
      break;
    }
    const { by } = result;
    if (seen !== null && (by.instance !== seen.instance || by.untilMs !== seen.untilMs)) throw inUse(by);
    if (isOver(by, own, place) || clock.monotonicMs() - sinceMs > BEAT_HOLDS_MS) {
      replaces = by.instance;
      continue;
    }
    if (seen === null) tellWait({ clock, emit }, by, true);
    seen = by;
    await clock.sleep(LOOK_AGAIN_MS);
  }
  if (seen !== null) tellWait({ clock, emit }, seen, false);
}

type Seen = { readonly up: Up; readonly nowMs: number };

async function refuseClock(nodes: Nodes, own: NodeFacts, { up, nowMs }: Seen): Promise<void> {
  const offMs = offBy(own.name, up, nowMs).toSorted((left, right) => Math.abs(left) - Math.abs(right))[0] ?? 0;
  // With one of them it agrees: then this is not the one that is wrong.
  if (Math.abs(offMs) <= CLOCK_REFUSED_MS) return;
  await nodes.leave(own);
  throw new SpoolError('unavailable', `${clockText(offMs)}: set it right (NTP), then start again`);
}

/** By so much the clock of this node is ahead of each other's that lives, by the clock that they have in common. */
function offBy(own: string, { nodes, clockAheadMs }: Up, nowMs: number): number[] {
  return nodes.flatMap((node) => {
    if (node.name === own || node.clockAheadMs === undefined) return [];
    const isGone = node.untilMs - node.clockAheadMs <= nowMs - clockAheadMs;
    return isGone ? [] : [clockAheadMs - node.clockAheadMs];
  });
}

function clockText(aheadMs: number): string {
  const seconds = (Math.abs(aheadMs) / 1_000).toFixed(1);
  const how = aheadMs > 0 ? 'ahead of' : 'behind';
  return `the clock of this node is ${seconds} s ${how} that of another, and by it they judge each other's leases`;
}

function isOver(by: KnownNode, own: NodeFacts, place: ProcessPlace): boolean {
  if (by.machine === null || by.machine !== place.machine) return false;
  return by.pid === own.pid || place.isEnded(by.pid);
}

function inUse({ name, host, pid, startedAtMs }: KnownNode): SpoolError {
  const since = new Date(startedAtMs).toISOString();
  return new SpoolError(
    'in-use',
    `the name ${name} is in use by a relay on ${host} (process ${pid}, since ${since}): give this one another with --node`,
  );
}

function tellWait({ clock, emit }: Pick<PresenceNeeds, 'clock' | 'emit'>, by: KnownNode, raised: boolean): void {
  const who = `process ${by.pid} on ${by.host}`;
  const text = raised
    ? `the name ${by.name} was ${who}'s, which did not leave: waits at most ${BEAT_HOLDS_MS / 1_000} s to see whether it lives`
    : `${who} is gone: the name ${by.name} is this relay's`;
  emit({ event: 'alert', atMs: clock.nowMs(), name: 'node-name', text, raised });
}

/** Says every few seconds that this node lives, until it is disposed of: then it leaves. */
export function startPresence(needs: PresenceNeeds): AsyncDisposable {
  const presence = new Presence(needs);
  const running = presence.run();
  return {
    [Symbol.asyncDispose]: async () => {
      presence.end();
      await running;
      const { name, instance } = await needs.facts();
      // Where the store does not answer, the others miss it for a while.
      await needs.nodes.leave({ name, instance }).catch(() => undefined);
    },
  };
}

class Presence {
  readonly #needs: PresenceNeeds;
  readonly #ending = new AbortController();
  /** Since when every beat came in time; null: the last did not. */
  #soundSinceMs: number | null = null;
  #lastBeatMs = Number.NEGATIVE_INFINITY;
  #isNameTaken = false;
  #clockAheadMs: number | null = null;
  /** Beats in a row by which the clock was wrong. */
  #clockOff = 0;
  #isClockTold = false;
  /** Those of which an alert was raised. */
  readonly #missed = new Set<string>();

  constructor(needs: PresenceNeeds) {
    this.#needs = needs;
  }

  end(): void {
    this.#ending.abort(new Error('the node leaves'));
  }

  async run(): Promise<void> {
    const { clock } = this.#needs;
    while (!this.#ending.signal.aborted) {
      await this.#beat();
      await clock.sleep(BEAT_EVERY_MS, this.#ending.signal).catch(() => undefined);
    }
  }

  async #beat(): Promise<void> {
    const { nodes, clock, facts } = this.#needs;
    const nowMs = clock.nowMs();
    const startMs = clock.monotonicMs();
    if (startMs - this.#lastBeatMs > BEAT_HOLDS_MS) this.#soundSinceMs = null;
    try {
      const own = await facts();
      const clockAheadMs = this.#clockAheadMs;
      const told = clockAheadMs === null ? own : { ...own, clockAheadMs };
      const result = await nodes.beat({ facts: told, nowMs, untilMs: nowMs + BEAT_HOLDS_MS });
      this.#lastBeatMs = startMs;
      this.#soundSinceMs ??= startMs;
      this.#tellTaken(result.kind === 'taken' ? result.by : null);
      if (result.kind === 'up') this.#tellClock(own.name, { up: result, nowMs });
      if (result.kind === 'up') this.#judge(result.nodes, own.name, startMs - this.#soundSinceMs);
    } catch {
      // The spool tells of its own troubles.
      this.#soundSinceMs = null;
    }
  }

  /** Whoever could not say so itself cannot tell that others did not: after an outage all get time to be heard. */
  #judge(nodes: readonly KnownNode[], own: string, soundMs: number): void {
    const { clock } = this.#needs;
    const nowMs = clock.nowMs();
    const gone = new Map<string, KnownNode>();
    for (const node of nodes) if (node.name !== own && !isUp(node, nowMs)) gone.set(node.name, node);
    for (const name of this.#missed) {
      if (gone.has(name)) continue;
      this.#missed.delete(name);
      const isBack = nodes.some((node) => node.name === name);
      this.#alert(`node-gone:${name}`, `node ${name} ${isBack ? 'is back' : 'is not expected any more'}`, false);
    }
    if (soundMs < BEAT_HOLDS_MS) return;
    for (const [name, { host, untilMs }] of gone) {
      if (this.#missed.has(name)) continue;
      this.#missed.add(name);
      const since = new Date(untilMs - BEAT_HOLDS_MS).toISOString();
      const text = `node ${name} on ${host} is gone since ${since}, and did not leave: the others take over its mail`;
      this.#alert(`node-gone:${name}`, text, true);
    }
  }

  /** Once is no proof: an answer may have been on its way for long. */
  #tellClock(own: string, { up, nowMs }: Seen): void {
    this.#clockAheadMs = Math.round(up.clockAheadMs);
    const offMs = offBy(own, up, nowMs).toSorted((left, right) => Math.abs(right) - Math.abs(left))[0] ?? 0;
    const isOff = Math.abs(offMs) > CLOCK_TOLD_MS;
    this.#clockOff = isOff ? this.#clockOff + 1 : 0;
    const raised = this.#clockOff > 1;
    if (raised === this.#isClockTold || (isOff && !raised)) return;
    this.#isClockTold = raised;
    this.#alert('node-clock', raised ? clockText(offMs) : 'the clocks of all nodes agree', raised);
  }

  #tellTaken(by: KnownNode | null): void {
    if ((by !== null) === this.#isNameTaken) return;
    this.#isNameTaken = by !== null;
    const text =
      by === null
        ? 'the name of this node is its own again'
        : `the name ${by.name} was taken by a relay on ${by.host} (process ${by.pid}) while this one was not heard of: restart one of them with another --node`;
    this.#alert('node-name-taken', text, by !== null);
  }

  #alert(name: string, text: string, raised: boolean): void {
    const { clock, emit } = this.#needs;
    emit({ event: 'alert', atMs: clock.nowMs(), name, text, raised });
  }
}
