import { isDeepStrictEqual } from 'node:util';
import { egressOf } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import type { LimitState } from '../routing/choose.ts';
import type { Clock } from '../ports.ts';
import type { Quotas } from '../spool/ledger.ts';
import { Allowance, type AllowanceNeeds, windowAt } from './allowance.ts';
import { Pacer } from './pacer.ts';

const DAY_MS = 86_400_000;

export type LimitsNeeds = {
  readonly policy: () => Policy;
  readonly quotas: Quotas;
  readonly clock: Clock;
  readonly holder: string;
  readonly leaseMs: number;
  /** An exit may have opened, or closed. */
  readonly changed: () => void;
  /** See `AllowanceNeeds`; of which exit. */
  readonly reopened: (exit: string, count: number) => void;
  readonly failed: (cause: unknown) => void;
};

type Limited = { daily: Allowance | null; pacer: Pacer | null };

/** A daily limit, and what all processes together have sent of it, or have set aside to send. */
export type LimitUse = { readonly egress: string; readonly limit: number; readonly used: number };

/** What `dailyLimit` and `rate` leave of each exit. Both count messages, a copy for another destination as another one. */
export class Limits {
  readonly #needs: LimitsNeeds;
  readonly #exits = new Map<string, Limited>();
  #ways: Pick<Policy, 'egress' | 'pools' | 'routes'> | null = null;

  constructor(needs: LimitsNeeds) {
    this.#needs = needs;
    this.adjust();
  }

  /** null: nothing limits it. */
  stateOf(name: string): LimitState | null {
    const limited = this.#exits.get(name);
    const daily = limited?.daily?.state();
    if (daily?.kind === 'spent') {
      const { clock } = this.#needs;
      const cause = `daily limit ${daily.used}/${limited?.daily?.limit}`;
      return { kind: 'limited', untilMs: daily.untilMs - clock.nowMs() + clock.monotonicMs(), cause };
    }
    const paced = limited?.pacer?.state();
    if (paced?.kind === 'later') return { kind: 'paced', untilMs: paced.atMs, cause: '' };
    return daily?.kind === 'asking' || paced?.kind === 'asking' ? { kind: 'asking', untilMs: null, cause: '' } : null;
  }

  /** A message is about to go; only where nothing limits the exit now. */
  take(name: string): void {
    const limited = this.#exits.get(name);
    limited?.daily?.take();
    limited?.pacer?.take();
  }

  /** What was taken is not used after all. */
  release(name: string): void {
    this.#exits.get(name)?.daily?.release();
  }

  /** Counts what was taken, before the first byte goes out; false: it may not go. */
  async book(name: string): Promise<boolean> {
    const { daily = null, pacer = null } = this.#exits.get(name) ?? {};
    if (daily !== null && !(await daily.book())) return false;
    if (pacer === null || (await pacer.begin())) return true;
    await daily?.refund();
    return false;
  }

  /** What was booked did not come as far as MAIL. */
  refund(name: string): Promise<void> {
    return this.#exits.get(name)?.daily?.refund() ?? Promise.resolve();
  }

  /** Mail waits for that exit. */
  want(name: string): void {
    const limited = this.#exits.get(name);
    limited?.daily?.want();
    if (limited?.daily?.state().kind !== 'spent') limited?.pacer?.want();
  }

  /** How long a message after the next one has to wait for its turn, ms; 0: the exit has no rate. */
  everyMs(name: string): number {
    const pace = this.#exits.get(name)?.pacer?.pace;
    return pace === undefined ? 0 : pace.distanceMs / pace.perGroup;
  }

  /** Waits until it is known what is used. */
  async look(): Promise<void> {
    await Promise.all([...this.#exits.values()].map(async ({ daily }) => daily?.look()));
  }

  tick(): void {
    for (const { daily } of this.#exits.values()) daily?.tick();
  }

  /** Another policy may be in force. @returns whether mail that a limit kept waiting may have another way now */
  adjust(): boolean {
    const { egress, pools, routes } = this.#needs.policy();
    const waits = [...this.#exits.values()].some(
      ({ daily, pacer }) => pacer !== null || daily?.state().kind === 'spent',
    );
    const changed = !isDeepStrictEqual(this.#ways, { egress, pools, routes });
    this.#ways = { egress, pools, routes };
    for (const name of new Set([...this.#exits.keys(), ...Object.keys(egress)])) {
      const { dailyLimit = null, rate = null } = egressOf(this.#needs.policy(), name) ?? {};
      const limited = this.#exits.get(name) ?? { daily: null, pacer: null };
      this.#adjustDaily(name, limited, dailyLimit);
      this.#adjustPacer(name, limited, rate);
      if (limited.daily === null && limited.pacer === null) this.#exits.delete(name);
      else this.#exits.set(name, limited);
    }
    return waits && changed;
  }

  /** Hands back what is left of every block. */
  async close(): Promise<void> {
    await Promise.all([...this.#exits.values()].map(async ({ daily }) => daily?.close()));
    for (const { pacer } of this.#exits.values()) pacer?.close();
  }

  #adjustDaily(name: string, limited: Limited, limit: number | null): void {
    if (limit === null) {
      void limited.daily?.close();
      limited.daily = null;
    } else if (limited.daily === null) {
      limited.daily = new Allowance(this.#allowanceNeeds(name), { account: accountOf(name), windowMs: DAY_MS, limit });
    } else {
      limited.daily.limit = limit;
    }
  }

  #adjustPacer(name: string, limited: Limited, rate: Policy['egress'][string]['rate']): void {
    if (rate === null) {
      limited.pacer?.close();
      limited.pacer = null;
    } else if (limited.pacer === null) {
      limited.pacer = new Pacer(this.#allowanceNeeds(name), { account: accountOf(name), rate });
    } else {
      limited.pacer.rate = rate;
    }
  }

  #allowanceNeeds(name: string): AllowanceNeeds {
    return { ...this.#needs, reopened: (count) => this.#needs.reopened(name, count) };
  }
}

/** What is used of every daily limit now, as the store has it. */
export function limitUses({
  policy,
  quotas,
  clock,
}: Pick<LimitsNeeds, 'policy' | 'quotas' | 'clock'>): Promise<readonly LimitUse[]> {
  const nowMs = clock.nowMs();
  const limited = Object.entries(policy().egress).flatMap(([egress, { enabled, dailyLimit: limit }]) =>
    enabled && limit !== null ? [{ egress, limit }] : [],
  );
  return Promise.all(
    limited.map(async ({ egress, limit }) => {
      const window = windowAt(accountOf(egress), { windowMs: DAY_MS, nowMs });
      const { used } = await quotas.takeBlock({ ...window, holder: 'look', wanted: 0, limit, nowMs, untilMs: nowMs });
      return { egress, limit, used };
    }),
  );
}

function accountOf(egress: string): string {
  return `egress:${egress}`;
}
