/** What becomes of mail that one exit refused for good, or cannot carry, while its route has others. */
import type { Recipient } from '../../message/message.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Emit } from '../../ports.ts';
import type { Gate, GateState } from '../../routing/choose.ts';
import type { Exits } from '../exits/exits.ts';
import type { Told } from '../settlement/settlement.ts';
import type { Sites } from '../sites/sites.ts';
import type { Entry } from '../window/entry.ts';
import { factsOf } from '../window/groups.ts';
import { isUnfit } from './verdict.ts';

/** When every exit failed and none says until when it rests. */
const NO_EXIT_MS = 30_000;
/** When there is one, here or on another node. */
const SOON_MS = 1_000;
/** Between two looks for an exit that can carry what another cannot, where no time is known. */
const UNFIT_MS = 900_000;

type OthersNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly exits: Exits;
  readonly sites: Sites;
};

/** What a recipient was told in the turn so far. */
export type Heard = Told & { readonly elsewhere: boolean; readonly blocked: boolean };

export type Round = {
  /** Exits whose address was refused for good, also in turns before. */
  readonly refused: Set<string>;
  /** By which a conversation was held in this turn. */
  readonly asked: Set<string>;
  /** By which it was cut short since another was to be had, though others may have been quicker to take that. */
  readonly cut: Set<string>;
  /** That could not be used after all. */
  readonly missed: Set<string>;
};

/** What is in any of them. */
export function union(...sets: readonly ReadonlySet<string>[]): Set<string> {
  return new Set(sets.flatMap((set) => [...set]));
}

type Left = {
  readonly told: Map<Recipient, Heard>;
  readonly recipients: readonly Recipient[];
  readonly round: Round;
};

/**
 * What was refused for good by one address is not over while there is another that did not refuse it: at rest, at its limit,
 * busy, or not asked yet. What none of its exits can carry waits for an operator. @returns how long until an exit can be
 * had, ms
 */
export function waitForOthers(needs: OthersNeeds, entry: Entry, { told, recipients, round }: Left): number {
  const left = recipients.flatMap((recipient) => told.get(recipient) ?? []);
  const refused = left.filter(({ blocked, outcome }) => blocked && outcome.kind === 'bounced');
  const unfit = left.filter(({ outcome }) => isUnfit(outcome));
  if (refused.length === 0 && unfit.length === 0) {
    if (round.cut.size > 0) return opensInMs(needs, entry, round.cut) ?? NO_EXIT_MS;
    // One that was not asked may have been busy, or what is left of its limit is about to be known.
    const nextMs = left.length === 0 ? null : opensInMs(needs, entry, union(round.refused, round.asked));
    return Math.min(nextMs ?? Number.POSITIVE_INFINITY, waitFor(needs, entry));
  }
  const unaskedMs = opensInMs(needs, entry, union(round.refused, round.asked));
  const leftMs = unaskedMs ?? opensInMs(needs, entry, round.refused);
  const wait = (some: readonly Heard[], waitsFor: NonNullable<Told['waitsFor']>): void => {
    for (const heard of some) told.set(heard.recipient, { ...heard, waitsFor });
  };
  if (leftMs !== null) wait([...refused, ...unfit], unaskedMs === null ? 'retry' : 'exit');
  else if (unfit.length > 0 && isDeadEnd(needs, entry, round.refused)) {
    wait(unfit, 'operator');
    tellUnfit(needs, entry, unfit);
  } else wait(unfit, 'exit');
  return leftMs ?? (unfit.length > 0 ? UNFIT_MS : NO_EXIT_MS);
}

/** What only another policy changes. */
const SHUT: ReadonlySet<Gate> = new Set<Gate>(['tried', 'disabled', 'stream']);

/** Whether the route has no exit that could ever carry it. By the policy in force. */
function isDeadEnd({ exits }: OthersNeeds, { leased }: Entry, tried: ReadonlySet<string>): boolean {
  const route = exits.routeOf(factsOf(leased));
  if (route === null) return false;
  return exits.walk({ route, stream: leased.delivery.stream, tried }).every(({ gate }) => SHUT.has(gate));
}

/** Routes of which it is told that they have no exit for some mail. */
const toldRoutes = new WeakMap<Exits, Set<string>>();

function tellUnfit(needs: OthersNeeds, { group }: Entry, unfit: readonly Heard[]): void {
  const { exits, clock, emit } = needs;
  const [first] = unfit;
  if (group.route === null || first === undefined) return;
  const { name } = group.route;
  const told = toldRoutes.get(exits) ?? new Set();
  toldRoutes.set(exits, told);
  if (told.has(name)) return;
  told.add(name);
  const text =
    `mail by route ${name} is held: none of its exits can carry it as it is. ${first.egress}: ${first.outcome.reply.text}. ` +
    'It neither expires nor goes out until it is released; relevo message says of each why. Give the route an exit that ' +
    'carries any mail, then relevo queue release';
  emit({ event: 'alert', atMs: clock.nowMs(), name: `unfit:${name}`, text, raised: true });
}

/** Another policy is in force: what was told of routes is over until it is so again. */
export function forgetUnfit({ exits, clock, emit }: Pick<OthersNeeds, 'exits' | 'clock' | 'emit'>): void {
  for (const name of toldRoutes.get(exits) ?? []) {
    const text = `another policy is in force: mail by route ${name} that was held for want of an exit can be released`;
    emit({ event: 'alert', atMs: clock.nowMs(), name: `unfit:${name}`, text, raised: false });
  }
  toldRoutes.delete(exits);
}

/** How long until one of the other exits can be had, ms; null: no time is known for any. By the policy in force. */
function opensInMs(needs: OthersNeeds, { leased, lane }: Entry, tried: ReadonlySet<string>): number | null {
  const route = needs.exits.routeOf(factsOf(leased));
  if (route === null) return null;
  const siteGate = (exit: string): GateState | null => needs.sites.gateOf(lane.site, exit);
  const choice = needs.exits.choose({ route, stream: leased.delivery.stream, tried, siteGate });
  if (choice.kind !== 'wait' || choice.busy) return SOON_MS;
  return choice.untilMs === null ? null : Math.max(SOON_MS, choice.untilMs - needs.clock.monotonicMs());
}

/** How long until any exit can be had again, in ms. */
function waitFor(needs: OthersNeeds, { group }: Entry): number {
  if (group.route === null) return NO_EXIT_MS;
  const choice = needs.exits.choose({ route: group.route, stream: group.stream });
  if (choice.kind === 'elsewhere') return SOON_MS;
  const untilMs = choice.kind === 'wait' ? choice.untilMs : null;
  return untilMs === null ? NO_EXIT_MS : Math.max(SOON_MS, untilMs - needs.clock.monotonicMs());
}
