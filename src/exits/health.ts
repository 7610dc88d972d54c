/** Checks of the exits, one after the other: what they came to goes into the store, and into alerts. */
import { isDeepStrictEqual } from 'node:util';
import { formatAge } from '../policy/units.ts';
import type { ProbeResult } from '../egress/probe.ts';
import type { MarkWriter } from './mark-writer.ts';
import type { Event } from '../message/event.ts';
import { isUsable } from '../policy/match.ts';
import type { EgressPolicy, Policy } from '../policy/schema.ts';
import type { Clock, Emit, Random } from '../ports.ts';
import { afterCheck, healthMark, healthMarksOf, parseHealth, type Health } from '../routing/health.ts';
import type { Marks } from '../spool/marks.ts';

export type ExitHealthNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly random: Random;
  readonly emit: Emit;
  readonly marks: Marks;
  readonly writer: MarkWriter;
  readonly node: string;
  /** Whether other nodes use the same spool: then exits of theirs are for them to check. */
  readonly isShared: boolean;
  readonly probe: (egress: EgressPolicy, signal: AbortSignal) => Promise<ProbeResult>;
};

type Checked = {
  readonly terms: EgressPolicy;
  health: Health | null;
  /** Monotonic. */
  dueMs: number;
  isUnderWay: boolean;
  /** Something went out by it since the last check. */
  delivered: boolean;
  /** Its alert is raised. */
  told: boolean;
};

/** Whatever starts has the first minute for itself. */
const FIRST_AFTER_MS = 60_000;
/** A new exit, or one with other settings, is checked within that. */
const NEW_WITHIN_MS = 3_000;
/** After mail failed by an exit it is checked within that. */
const TROUBLE_WITHIN_MS = 3_000;
/** What a node that is gone for so long knew is forgotten. */
const FORGET_MS = 7 * 24 * 60 * 60_000;

export class ExitHealth {
  readonly #needs: ExitHealthNeeds;
  readonly #exits = new Map<string, Checked>();
  readonly #signal: AbortSignal;
  readonly #underWay = new Set<Promise<void>>();
  #started = false;
  #followed: Policy | null = null;

  constructor(needs: ExitHealthNeeds, signal: AbortSignal) {
    this.#needs = needs;
    this.#signal = signal;
  }

  /** Takes up what was known when the relay ended. A store that is away has it begin anew. Never rejects. */
  async start(): Promise<void> {
    const { marks, node, clock, writer } = this.#needs;
    const nowMs = clock.nowMs();
    const known = await marks.marks('health:').catch(() => []);
    this.#follow();
    for (const { name, text, atMs } of known) {
      const isOurs = name.startsWith(healthMarksOf(node));
      if (!isOurs && nowMs - atMs > FORGET_MS) writer.remove(name);
      if (!isOurs) continue;
      const egress = name.slice(healthMarksOf(node).length);
      const exit = this.#exits.get(egress);
      const health = parseHealth(text);
      if (exit === undefined || health === null) {
        writer.remove(name);
        continue;
      }
      exit.health = health;
      if (health.downSinceMs === null) continue;
      exit.dueMs = clock.monotonicMs();
      this.#tellDown(egress, exit, health);
    }
    this.#started = true;
  }

  /** Follows the policy, and begins the checks that are due. */
  tick(): void {
    this.#follow();
    const nowMs = this.#needs.clock.monotonicMs();
    for (const [name, exit] of this.#exits) {
      if (exit.isUnderWay || exit.dueMs > nowMs) continue;
      exit.isUnderWay = true;
      const check = this.#check(name, exit).finally(() => this.#underWay.delete(check));
      this.#underWay.add(check);
    }
  }

  /** What happens to mail says something of exits too. */
  heard(event: Event): void {
    if (event.event === 'delivered') {
      const exit = event.egress === null ? undefined : this.#exits.get(event.egress);
      if (exit !== undefined) exit.delivered = true;
      return;
    }
    const name = troubled(event);
    const exit = name === null ? undefined : this.#exits.get(name);
    // One that is down has its own times: it is not to be knocked at more often.
    if (exit === undefined || (exit.health?.downSinceMs ?? null) !== null) return;
    exit.dueMs = Math.min(exit.dueMs, this.#within(TROUBLE_WITHIN_MS));
  }

  /** Until the checks under way are over. */
  async rest(): Promise<void> {
    await Promise.all(this.#underWay);
  }

  #follow(): void {
    const policy = this.#needs.policy();
    if (policy === this.#followed) return;
    this.#followed = policy;
    for (const [name, exit] of this.#exits) {
      // Checks are to come more often now.
      const farthestMs = this.#needs.clock.monotonicMs() + policy.health.every;
      if (exit.dueMs > farthestMs) exit.dueMs = this.#within(policy.health.every);
      if (isDeepStrictEqual(policy.egress[name], exit.terms) && this.#isOurs(policy, name)) continue;
      this.#exits.delete(name);
      this.#needs.writer.remove(healthMark(this.#needs.node, name));
      this.#tellOver(name, exit, `${name} has other settings, or is not used any more`);
    }
    for (const [name, terms] of Object.entries(policy.egress)) {
      if (this.#exits.has(name) || !this.#isOurs(policy, name)) continue;
      const dueMs = this.#started ? this.#within(NEW_WITHIN_MS) : this.#firstDueMs(policy.health.every);
      this.#exits.set(name, { terms, health: null, dueMs, isUnderWay: false, delivered: false, told: false });
    }
  }

  #isOurs(policy: Policy, name: string): boolean {
    const terms = Object.hasOwn(policy.egress, name) ? policy.egress[name] : undefined;
    if (terms === undefined || !isUsable(policy, name)) return false;
    const { node, isShared } = this.#needs;
    if (isShared && terms.node !== null && terms.node !== node) return false;
    return terms.type !== 'mx' || terms.bind !== null;
  }

  #within(ms: number): number {
    return this.#needs.clock.monotonicMs() + this.#needs.random.fraction() * ms;
  }

  /** Spread over the whole time between two checks, and so they stay. */
  #firstDueMs(everyMs: number): number {
    const spreadMs = this.#needs.random.fraction() * everyMs;
    return this.#needs.clock.monotonicMs() + Math.max(Math.min(everyMs, FIRST_AFTER_MS), spreadMs);
  }

  async #check(name: string, exit: Checked): Promise<void> {
    const { clock, policy, probe, emit } = this.#needs;
    const result = await probe(exit.terms, this.#signal).catch((error: unknown): null => {
      emit({ event: 'failed', atMs: clock.nowMs(), where: `check of egress ${name}`, cause: String(error) });
      return null;
    });
    const { health: terms } = policy();
    exit.isUnderWay = false;
    exit.dueMs = clock.monotonicMs() + terms.every;
    if (result === null || this.#signal.aborted || this.#exits.get(name) !== exit) return;
    this.#judge(name, exit, result);
  }

  #judge(name: string, exit: Checked, result: ProbeResult): void {
    const { clock, policy, writer, node } = this.#needs;
    // An address that is missing here is told, and keeps mail away, where exits are placed: within seconds, and for all nodes.
    const isElsewhere = result.kind === 'failed' && result.stage === 'bind';
    if (isElsewhere) {
      exit.health = null;
      writer.remove(healthMark(node, name));
      this.#tellOver(name, exit, `${name} cannot be used here now: its address is missing`);
      return;
    }
    const terms = { nowMs: clock.nowMs(), health: policy().health, delivered: exit.delivered };
    exit.delivered = false;
    const failure = result.kind === 'ok' ? null : { cause: result.cause, refused: result.stage === 'auth' };
    const before = exit.health;
    const after = afterCheck(before, failure, terms);
    exit.health = after;
    exit.dueMs = clock.monotonicMs() + after.nextAtMs - terms.nowMs;
    writer.put(healthMark(node, name), JSON.stringify(after));
    if (after.downSinceMs !== null) this.#tellDown(name, exit, after);
    else if (before !== null && before.downSinceMs !== null) {
      const downMs = Math.max(0, terms.nowMs - before.downSinceMs);
      this.#tellOver(name, exit, `${name} works again after ${formatAge(downMs)}`);
    }
  }

  #tellDown(name: string, exit: Checked, { failures, cause, nextAtMs }: Health): void {
    if (exit.told) return;
    exit.told = true;
    const nextMs = Math.max(0, nextAtMs - this.#needs.clock.nowMs());
    const checks = failures === 1 ? 'a check failed' : `${failures} checks failed`;
    this.#tell(
      name,
      `${name} is down: ${checks}: ${cause}. Nothing goes out by it; it is checked again in ${formatAge(nextMs)}, and comes back by itself`,
      true,
    );
  }

  #tellOver(name: string, exit: Checked, text: string): void {
    if (!exit.told) return;
    exit.told = false;
    this.#tell(name, text, false);
  }

  #tell(name: string, text: string, raised: boolean): void {
    const { emit, clock } = this.#needs;
    emit({ event: 'alert', atMs: clock.nowMs(), name: `egress-down:${name}`, text, raised });
  }
}

/** The alert of an exit by which mail failed, and the event of one whose server says nothing. */
const RESTING = 'egress-resting:';
const SILENT = 'egress ';

/** The exit with which something is amiss, by that event; null: with none. */
function troubled(event: Event): string | null {
  if (event.event === 'failed') return event.where.startsWith(SILENT) ? event.where.slice(SILENT.length) : null;
  if (event.event !== 'alert' || !event.raised || !event.name.startsWith(RESTING)) return null;
  return event.name.slice(RESTING.length);
}
