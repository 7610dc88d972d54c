/** Which exits can be used by which node: those with a local address only by nodes that have it. */
import { boundAddressOf, isPlaced } from '../policy/match.ts';
import type { EgressPolicy, Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import type { ExitPlace } from '../routing/choose.ts';
import type { ExitPlaces } from '../schedule/scheduler.ts';
import { takesMail, type KnownNode, type Nodes } from '../spool/nodes.ts';
import { repeated } from '../running/repeated.ts';

export type WhereaboutsNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  /** Those that share the spool; null: there is this one alone. */
  readonly nodes: Pick<Nodes, 'all'> | null;
  /** Its name among them. */
  readonly node: string;
  readonly canSendFrom: AddressProbe;
};

/** Whether this machine can send from an address now. Never rejects. */
export type AddressProbe = (address: string) => Promise<boolean>;

export type Whereabouts = AsyncDisposable &
  ExitPlaces & {
    /** Looks now: the policy is another. */
    refresh(): Promise<void>;
  };

const LOOK_EVERY_MS = 5_000;
const AFTERMATH_MS = 60_000;
const HERE: ExitPlace = { kind: 'here' };

/** Local addresses that exits of the policy are bound to. */
export function boundAddresses({ egress }: Policy): string[] {
  const bound = Object.values(egress).map((exit) => (exit.enabled ? boundAddressOf(exit) : null));
  return [...new Set(bound.filter((address) => address !== null))];
}

/** Has looked once when it resolves. */
export async function openWhereabouts(needs: WhereaboutsNeeds): Promise<Whereabouts> {
  const places = new Places(needs);
  await places.refresh();
  const looking = repeated(() => places.refresh(), { clock: needs.clock, everyMs: LOOK_EVERY_MS });
  return {
    placeOf: (exit) => places.placeOf(exit),
    getsMail: () => places.getsMail,
    refresh: () => places.refresh(),
    [Symbol.asyncDispose]: () => looking[Symbol.asyncDispose](),
  };
}

/** Looks once, for one answer, and raises no alert. */
export async function lookAround(needs: Omit<WhereaboutsNeeds, 'emit'>): Promise<ExitPlaces['placeOf']> {
  const places = new Places({ ...needs, emit: () => {} });
  await places.refresh();
  return (exit) => places.placeOf(exit);
}

class Places {
  readonly #needs: WhereaboutsNeeds;
  /** By address. */
  #places = new Map<string, ExitPlace>();
  #others: readonly KnownNode[] = [];
  #othersSeenMs = Number.NEGATIVE_INFINITY;
  /** Addresses of which an alert was raised. */
  readonly #missing = new Set<string>();

  constructor(needs: WhereaboutsNeeds) {
    this.#needs = needs;
  }

  /** Never rejects. */
  async refresh(): Promise<void> {
    const { policy, clock, nodes, node, canSendFrom } = this.#needs;
    const addresses = boundAddresses(policy());
    // Not asked where no exit needs it.
    if (nodes !== null && Object.values(policy().egress).some(isPlaced)) {
      const all = await nodes.all().catch(() => null);
      if (all !== null) this.#others = all.filter((one) => one.name !== node && takesMail(one, clock.nowMs()));
      if (this.#others.length > 0) this.#othersSeenMs = clock.monotonicMs();
    }
    const found = addresses.map(async (address): Promise<[string, ExitPlace]> => {
      if (await canSendFrom(address)) return [address, HERE];
      const other = this.#others.find((one) => one.addresses.includes(address));
      if (other !== undefined) return [address, { kind: 'elsewhere', node: other.name }];
      const cause = nodes === null ? `this machine does not have ${address}` : `no node that is up has ${address}`;
      return [address, { kind: 'nowhere', cause }];
    });
    this.#places = new Map(await Promise.all(found));
    this.#tell();
  }

  /** What is not known yet is taken to be here: then its connections say what is wrong. */
  placeOf(name: string): ExitPlace {
    const { egress } = this.#needs.policy();
    const exit = Object.hasOwn(egress, name) ? egress[name] : undefined;
    if (exit === undefined) return HERE;
    const address = boundAddressOf(exit);
    const isHere = this.#isForUs(exit);
    const byAddress = address === null ? HERE : (this.#places.get(address) ?? HERE);
    const place = isHere ? byAddress : this.#placeOfNode(exit.node ?? '');
    if (place.kind !== 'elsewhere') return place;
    const isClosed = this.#others.find((one) => one.name === place.node)?.closed?.includes(name) === true;
    return isClosed ? { ...place, isClosed } : place;
  }

  /** On a spool that nobody shares every exit is. */
  #isForUs({ node }: EgressPolicy): boolean {
    return node === null || this.#needs.nodes === null || node === this.#needs.node;
  }

  #placeOfNode(name: string): ExitPlace {
    const isThere = this.#others.some((one) => one.name === name);
    return isThere
      ? { kind: 'elsewhere', node: name }
      : { kind: 'nowhere', cause: `is for node ${name}, which is not up` };
  }

  /** For a while after the last of them too: what waits for one that is gone is anybody's. */
  get getsMail(): boolean {
    return this.#needs.clock.monotonicMs() - this.#othersSeenMs < AFTERMATH_MS;
  }

  #tell(): void {
    const { clock, emit } = this.#needs;
    for (const address of new Set([...this.#missing, ...this.#places.keys()])) {
      const place = this.#places.get(address) ?? HERE;
      const raised = place.kind === 'nowhere';
      if (raised === this.#missing.has(address)) continue;
      if (raised) this.#missing.add(address);
      else this.#missing.delete(address);
      const text = raised
        ? `${place.cause}: exits that are bound to it are passed over`
        : `${address} is there again, or is not needed any more`;
      emit({ event: 'alert', atMs: clock.nowMs(), name: `address-missing:${address}`, text, raised });
    }
  }
}
