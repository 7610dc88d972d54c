/** The relay as one of the nodes that share its spool: keeps its name, says that it lives, and tells who does not. */
import type { Clock, Emit } from './ports.ts';
import { BEAT_EVERY_MS, BEAT_HOLDS_MS, isUp, type KnownNode, type NodeFacts, type Nodes } from './spool/nodes.ts';
import { SpoolError } from './spool/spool.ts';

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

/**
 * Takes the node's name. One that was killed may have it still: where its process is known to have ended at once, else
 * once it has not been heard of for 15 s. Rejects with `SpoolError` `in-use` as soon as whoever has it is heard of.
 */
export async function takeName({ nodes, facts, clock, emit }: PresenceNeeds, place: ProcessPlace): Promise<void> {
  const own = await facts();
  const sinceMs = clock.monotonicMs();
  let seen: KnownNode | null = null;
  let replaces = '';
  for (;;) {
    const nowMs = clock.nowMs();
    const result = await nodes.beat({ facts: own, nowMs, untilMs: nowMs + BEAT_HOLDS_MS, replaces });
    if (result.kind === 'up') break;
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
      const result = await nodes.beat({ facts: own, nowMs, untilMs: nowMs + BEAT_HOLDS_MS });
      this.#lastBeatMs = startMs;
      this.#soundSinceMs ??= startMs;
      this.#tellTaken(result.kind === 'taken' ? result.by : null);
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
