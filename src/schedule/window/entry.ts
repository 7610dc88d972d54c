import type { RoutePolicy } from '../../policy/schema.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import type { UnderWay } from '../attempt/under-way.ts';
import type { Lane } from '../lanes/lane.ts';
import type { Ticket } from '../sites/sites.ts';
import type { Weight } from './content-budget.ts';

/** Deliveries that the choice of an exit treats alike: one route, one stream, one exit to keep, the same that refused; and one weight. */
export type Group = {
  readonly key: string;
  /** null: no route takes them. */
  readonly route: RoutePolicy | null;
  readonly stream: string;
  readonly keep: string | null;
  /** Handed to this node by another. */
  readonly here?: boolean;
  /** Exits whose address the site refused for good: not asked again while another may be had. Default: none. */
  readonly refused?: readonly string[];
  /** The exit whose address it refused for now: another is asked first. Default: none. */
  readonly avoid?: string | null;
  /** Of the content that their attempts read from the store. */
  readonly weight: Weight;
  /** Entries of it that wait in lanes. */
  waiting: number;
};

/** Content that is still in memory from its acceptance, shared by the deliveries of one message. */
export type FreshContent = { readonly bytes: Buffer; holders: number };

/** `arrived`, not in a lane yet, `waiting` in its lane, `trying`, `settling` (what came of it is being written), `gone`. */
export type EntryState = 'arrived' | 'waiting' | 'trying' | 'settling' | 'gone';

/** One delivery in memory: ours by its lease. */
export type Entry = {
  /** Replaced when the store hands it out anew. */
  leased: LeasedDelivery;
  readonly lane: Lane;
  group: Group;
  content: FreshContent | null;
  state: EntryState;
  /** Ends the attempt while nothing but the envelope went out, and keeps other exits from being tried. */
  readonly abort: AbortController;
  /** Monotonic time at which it came into memory, and at which its attempt began. */
  readonly heldSinceMs: number;
  triedSinceMs: number | null;
  /** Of the attempt that is under way at its site; null: none is. */
  ticket: Ticket | null;
  /** Its attempt hears nothing, and takes no connection of its lane meanwhile. */
  isSetAside: boolean;
  /** The attempt by one exit; null: none is under way. */
  underWay: UnderWay | null;
};
