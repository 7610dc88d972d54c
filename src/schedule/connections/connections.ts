import { egressOf } from '../../policy/match.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import type { ExitState, LimitState } from '../../routing/choose.ts';
import { limitUnder } from '../../routing/limit-terms.ts';
import type { Quotas } from '../../spool/ledger.ts';
import { ConnectionGrant, connectionQuota, type ConnectionTerms } from './connection-grant.ts';

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
  /** Its attempts by it. */
  readonly inFlightOf: (exit: string) => number;
  /** Whether it is tried by one message at a time, of all processes together. Default: none ever is. */
  readonly isProbed?: (exit: string) => boolean;
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
  /** By account; and whose exit that is. */
  readonly #grants = new Map<string, ConnectionGrant>();
  readonly #exits = new Map<string, string>();

  constructor(needs: ConnectionsNeeds) {
    this.#needs = needs;
  }

  /** One that may be had for the asking is among them, see `stateOf`. @param most what the exit carries at once */
  of(
    exit: string,
    { most, inFlight }: { readonly most: number; readonly inFlight: number },
  ): Pick<ExitState, 'concurrency' | 'sharedConcurrency'> {
    const { paceOf, share } = this.#needs;
    // Never none: `deliveryShare` has as many deliver as an operator's limits allow.
    const own = limitUnder(share(most), paceOf?.(exit) ?? 1);
    const bounds = this.#boundsOf(exit);
    if (bounds.length === 0) return { concurrency: own };
    const sharedConcurrency = Math.min(...bounds.map(({ terms }) => terms.now));
    if (this.stateOf(exit, inFlight) !== null) return { concurrency: inFlight + 1, sharedConcurrency };
    const concurrency = Math.min(...bounds.map(({ account }) => this.#grants.get(account)?.allowed ?? 0));
    return { concurrency, sharedConcurrency };
  }

  /** How many of the process may be open now; null: what the exit's settings say. */
  most(exit: string): number | null {
    const { policy, share } = this.#needs;
    if (this.#shared(exit) !== null) return this.#grants.get(connectionQuota(exit).account)?.allowed ?? 0;
    const terms = egressOf(policy(), exit);
    return terms !== undefined && 'connections' in terms ? Math.max(1, share(terms.connections)) : null;
  }

  /** Those that are open, or about to be. */
  openOf(exit: string): number {
    return this.#needs.openOf(exit);
  }

  /** `asking` while it is worth waiting for the answer whether there is one more. */
  stateOf(exit: string, inFlight: number): LimitState | null {
    let isAsked = false;
    for (const { account, terms } of this.#boundsOf(exit)) {
      if (inFlight >= terms.now) return null;
      const grant = this.#grants.get(account);
      const has = grant !== undefined && inFlight < grant.allowed;
      if (grant !== undefined && !has && !grant.mayGrow) return null;
      isAsked ||= !has;
    }
    return isAsked ? ASKING : null;
  }

  /** Mail waits for one more. */
  want(exit: string, inFlight: number): void {
    for (const { account, terms } of this.#boundsOf(exit)) {
      let grant = this.#grants.get(account);
      if (grant === undefined) {
        grant = new ConnectionGrant(this.#needsOf(exit, account), account, terms);
        this.#grants.set(account, grant);
        this.#exits.set(account, exit);
      }
      if (inFlight >= grant.allowed) grant.want();
    }
  }

  /** An attempt by it began. */
  used(exit: string): void {
    for (const { account } of this.#boundsOf(exit)) this.#grants.get(account)?.used();
  }

  /** About once a second. */
  tick(): void {
    for (const [account, grant] of this.#grants) {
      const bound = this.#boundsOf(this.#exits.get(account) ?? '').find((one) => one.account === account);
      if (bound !== undefined) grant.terms = bound.terms;
      grant.tick();
      if (!grant.isIdle) continue;
      this.#grants.delete(account);
      this.#exits.delete(account);
    }
  }

  /** Hands back what is not open any more. Once nothing is under way. */
  async close(): Promise<void> {
    await Promise.all([...this.#grants.values()].map((grant) => grant.close()));
  }

  /** What it has to have of others; nothing: the exit is this process's alone, as far as its share goes. */
  #boundsOf(exit: string): readonly Bound[] {
    const connections = this.#shared(exit);
    const bounds = connections === null ? NONE : [{ account: connectionQuota(exit).account, terms: connections }];
    if (this.#needs.isProbed?.(exit) !== true) return bounds;
    return [...bounds, { account: `probes:${exit}`, terms: { most: 1, now: 1 } }];
  }

  /** null: nobody else has any of it, or the exit has none, as a sandbox. */
  #shared(exit: string): ConnectionTerms | null {
    const { policy, isShared, paceOf } = this.#needs;
    if (!isShared()) return null;
    const terms = egressOf(policy(), exit);
    if (terms === undefined || !('connections' in terms)) return null;
    return { most: terms.connections, now: limitUnder(terms.connections, paceOf?.(exit) ?? 1) };
  }

  #needsOf(exit: string, account: string): ConstructorParameters<typeof ConnectionGrant>[0] {
    const { openOf, inFlightOf, trim, lost, ...needs } = this.#needs;
    const isOfProbes = account !== connectionQuota(exit).account;
    return {
      ...needs,
      open: () => (isOfProbes ? inFlightOf(exit) : openOf(exit)),
      trim: (most) => (isOfProbes ? undefined : trim(exit, most)),
      lost: () => lost(exit),
    };
  }
}

/** `account`: of which it is granted. */
type Bound = { readonly account: string; readonly terms: ConnectionTerms };
const NONE: readonly Bound[] = [];
