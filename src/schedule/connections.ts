import { egressOf } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { ExitState, LimitState } from '../routing/choose.ts';
import { limitUnder } from '../routing/limit-terms.ts';
import type { Quotas } from '../spool/ledger.ts';
import { ConnectionGrant, type ConnectionTerms } from './connection-grant.ts';

export type ConnectionsNeeds = {
  readonly policy: () => Policy;
  readonly quotas: Pick<Quotas, 'takeBlock' | 'returnBlock'>;
  readonly clock: Clock;
  /** One life of this process. */
  readonly holder: string;
  /** Whether other nodes may have connections by the same exits. */
  readonly isShared: () => boolean;
  /** This worker's part of what the policy allows, where no other node has any. */
  readonly share: (limit: number) => number;
  /** Part of its limits that an exit may use, above 0 and at most 1. Default: all. */
  readonly paceOf?: (exit: string) => number;
  /** Connections of this process by an exit, with those that attempts under way are about to open. */
  readonly openOf: (exit: string) => number;
  /** Closes idle ones, so that there are at most so many. */
  readonly trim: (exit: string, most: number) => void;
  /** Others may have them now: what is under way by the exit is to be cut off. */
  readonly lost: (exit: string) => void;
  readonly changed: () => void;
  readonly failed: (cause: unknown) => void;
};

const ASKING: LimitState = { kind: 'asking', untilMs: null, cause: '' };

/** How many connections this process may have by each exit. */
export class Connections {
  readonly #needs: ConnectionsNeeds;
  readonly #grants = new Map<string, ConnectionGrant>();

  constructor(needs: ConnectionsNeeds) {
    this.#needs = needs;
  }

  /** One that may be had for the asking is among them, see `stateOf`. @param most what the exit carries at once */
  of(
    exit: string,
    { most, inFlight }: { readonly most: number; readonly inFlight: number },
  ): Pick<ExitState, 'concurrency' | 'sharedConcurrency'> {
    const { paceOf, share } = this.#needs;
    const shared = this.#sharedTerms(exit);
    if (shared !== null) {
      const isAsked = this.stateOf(exit, inFlight) !== null;
      const concurrency = isAsked ? inFlight + 1 : (this.#grants.get(exit)?.allowed ?? 0);
      return { concurrency, sharedConcurrency: shared.now };
    }
    // Never none: `deliveryShare` has as many deliver as an operator's limits allow.
    return { concurrency: limitUnder(share(most), paceOf?.(exit) ?? 1) };
  }

  /** How many of the process may be open now; null: what the exit's settings say. */
  most(exit: string): number | null {
    const { policy, share } = this.#needs;
    if (this.#sharedTerms(exit) !== null) return this.#grants.get(exit)?.allowed ?? 0;
    const terms = egressOf(policy(), exit);
    return terms !== undefined && 'connections' in terms ? Math.max(1, share(terms.connections)) : null;
  }

  /** Those that are open, or about to be. */
  openOf(exit: string): number {
    return this.#needs.openOf(exit);
  }

  /** `asking` while it is worth waiting for the answer whether there is one more. */
  stateOf(exit: string, inFlight: number): LimitState | null {
    const terms = this.#sharedTerms(exit);
    if (terms === null || inFlight >= terms.now) return null;
    const grant = this.#grants.get(exit);
    if (grant === undefined) return ASKING;
    return inFlight >= grant.allowed && grant.mayGrow ? ASKING : null;
  }

  /** Mail waits for one more. */
  want(exit: string, inFlight: number): void {
    const terms = this.#sharedTerms(exit);
    if (terms === null) return;
    let grant = this.#grants.get(exit);
    if (grant === undefined) {
      grant = new ConnectionGrant(this.#needsOf(exit), exit, terms);
      this.#grants.set(exit, grant);
    }
    if (inFlight >= grant.allowed) grant.want();
  }

  /** An attempt by it began. */
  used(exit: string): void {
    this.#grants.get(exit)?.used();
  }

  /** About once a second. */
  tick(): void {
    for (const [exit, grant] of this.#grants) {
      const terms = this.#sharedTerms(exit);
      if (terms !== null) grant.terms = terms;
      grant.tick();
      if (grant.isIdle) this.#grants.delete(exit);
    }
  }

  /** Hands back what is not open any more. Once nothing is under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#grants.values()].map((grant) => grant.close()));
  }

  /** null: nobody else has any of it, or the exit has none, as a sandbox. */
  #sharedTerms(exit: string): ConnectionTerms | null {
    const { policy, isShared, paceOf } = this.#needs;
    if (!isShared()) return null;
    const terms = egressOf(policy(), exit);
    if (terms === undefined || !('connections' in terms)) return null;
    return { most: terms.connections, now: limitUnder(terms.connections, paceOf?.(exit) ?? 1) };
  }

  #needsOf(exit: string): ConstructorParameters<typeof ConnectionGrant>[0] {
    const { openOf, trim, lost, ...needs } = this.#needs;
    return {
      ...needs,
      open: () => openOf(exit),
      trim: (most) => trim(exit, most),
      lost: () => lost(exit),
    };
  }
}
