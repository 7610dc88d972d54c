/** A node whose checks of its exits come to what a test says, by a clock that it moves. */
import type { ProbeResult } from '../../src/egress/probe.ts';
import { ExitHealth, type ExitHealthNeeds } from '../../src/exits/health.ts';
import { MarkWriter } from '../../src/exits/mark-writer.ts';
import type { Event } from '../../src/message/event.ts';
import type { Policy, PolicyInput } from '../../src/policy/schema.ts';
import { checksOf } from '../../src/routing/checks.ts';
import { FakeClock, settled } from './clock.ts';
import { testPolicy } from './exits.ts';
import { MemoryMarks } from './marks.ts';

export const OK: ProbeResult = { kind: 'ok', steps: [], tookMs: 5 };
export const REFUSED: ProbeResult = {
  kind: 'failed',
  stage: 'connect',
  cause: 'smtp.example: connection refused',
  steps: [],
  tookMs: 5,
};
/** An exit through that server. */
export const server = (host: string, more: object = {}) => ({ type: 'smtp' as const, host, ...more });
export const ONE: PolicyInput['egress'] = { s1: server('one.example') };

/** Ticks each second. */
export class HealthRig {
  readonly clock = new FakeClock();
  readonly marks = new MemoryMarks();
  readonly events: Event[] = [];
  /** Every check as seconds since the start and host. */
  readonly checks: string[] = [];
  result: ProbeResult | Promise<ProbeResult> = OK;
  policy: Policy;
  readonly ending = new AbortController();
  health: ExitHealth;
  writer: MarkWriter;
  readonly #more: Partial<ExitHealthNeeds>;
  #second = 0;

  constructor(egress: PolicyInput['egress'] = ONE, more: Partial<ExitHealthNeeds> = {}) {
    this.policy = testPolicy({ egress });
    this.#more = more;
    [this.health, this.writer] = this.#opened();
  }

  #opened(): [ExitHealth, MarkWriter] {
    const writer = new MarkWriter(this.marks, this.clock);
    const needs: ExitHealthNeeds = {
      policy: () => this.policy,
      clock: this.clock,
      random: { fraction: () => 0.5, bytes: (count) => Buffer.alloc(count) },
      emit: (event) => void this.events.push(event),
      marks: this.marks,
      writer,
      node: 'n1',
      isShared: false,
      probe: async (egress) => {
        this.checks.push(`${this.#second} ${'host' in egress ? egress.host : egress.type}`);
        return this.result;
      },
      ...this.#more,
    };
    return [new ExitHealth(needs, this.ending.signal), writer];
  }

  /** As the process would after its end. */
  async restart(): Promise<void> {
    [this.health, this.writer] = this.#opened();
    await this.health.start();
  }

  async pass(seconds: number): Promise<void> {
    for (let second = 0; second < seconds; second++) {
      this.health.tick();
      await settled();
      await this.writer.flush();
      await this.clock.advance(1_000);
      this.#second += 1;
    }
  }

  gates(egress = 's1'): readonly string[] {
    const at = { policy: this.policy, marks: this.marks.all(), node: 'n1', nowMs: this.clock.nowMs() };
    return checksOf(egress, at).closures.map(({ gate }) => gate);
  }

  alerts(): readonly string[] {
    return this.events.flatMap((event) =>
      event.event === 'alert' ? [`${event.raised ? 'raised' : 'over'} ${event.name}: ${event.text}`] : [],
    );
  }

  delivered(egress: string): void {
    this.health.heard({ event: 'delivered', egress } as Event);
  }
}
