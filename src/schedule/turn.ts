import { peerOf } from '../egress/egress.ts';
import type { Recipient } from '../message/message.ts';
import { egressOf } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import type { Spool } from '../spool/spool.ts';
import { converse, type Conversation, type ReversePath } from './converse.ts';
import type { Entry } from './entry.ts';
import type { Exits } from './exits.ts';
import type { Signal } from './feedback.ts';
import type { Limits } from './limits.ts';
import { isBlockedBefore, movesWhenBlocked } from './on-block.ts';
import type { Told } from './settlement.ts';
import type { SiteSignal } from './site-feedback.ts';
import type { Sites } from './sites.ts';
import { isRateLimited, verdictOn, type Verdict } from './verdict.ts';
import { providerAt } from './site.ts';

/** Exits that one delivery is offered to in one turn. */
const EXITS_A_TURN = 8;
/** When every exit failed and none says until when it rests. */
const NO_EXIT_MS = 30_000;
/** When another node has one. */
const ELSEWHERE_MS = 1_000;

export type TurnNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly exits: Exits;
  readonly limits: Limits;
  readonly sites: Sites;
  readonly spool: Pick<Spool, 'content'>;
  readonly reversePath?: ReversePath;
  /** Whether the leases are known to hold. Default: they do. */
  readonly leasesHold?: () => boolean;
  /** Whether it is too late to send it. Default: it never is. */
  readonly isLate?: (entry: Entry) => boolean;
};

/** `no-content`: the store's copy is gone or damaged. `unreadable`: the store did not answer; nothing was tried. */
export type Turn =
  | {
      readonly kind: 'tried';
      readonly told: readonly Told[];
      readonly conversations: readonly Conversation[];
      readonly counted: boolean;
      readonly waitMs: number;
      readonly signal: Signal;
    }
  /** A limit of the exit was used up by others meanwhile: nothing was tried. */
  | { readonly kind: 'not-booked' }
  | { readonly kind: 'no-content'; readonly why: 'corrupt' | 'missing' }
  | { readonly kind: 'unreadable'; readonly cause: string };

export type ChosenExit = {
  readonly name: string;
  readonly pool: string | null;
  readonly place: number | null;
  /** The mailbox provider to which the attempt counts. */
  readonly provider: string;
};

/**
 * One turn of a delivery: a conversation by the exit that was chosen (and is counted as under way), and, where that exit
 * failed of itself, at once by the next one. Never rejects.
 */
export async function takeTurn(needs: TurnNeeds, entry: Entry, chosen: ChosenExit): Promise<Turn> {
  if (entry.content !== null) return fromExitToExit(needs, entry, { chosen, content: entry.content.bytes });
  const content = await readContent(needs, entry);
  if (Buffer.isBuffer(content)) return fromExitToExit(needs, entry, { chosen, content });
  unused(needs, entry, chosen);
  return content;
}

/** What a recipient was told in the turn so far. */
type Heard = Told & { readonly elsewhere: boolean; readonly blocked: boolean };

async function fromExitToExit(
  needs: TurnNeeds,
  entry: Entry,
  { chosen, content }: { readonly chosen: ChosenExit; readonly content: Buffer },
): Promise<Turn> {
  const told = new Map<Recipient, Heard>();
  const conversations: Conversation[] = [];
  const tried = new Set<string>();
  const moves = movesWhenBlocked(needs.policy(), entry.group.stream);
  let recipients = entry.leased.delivery.recipients;
  let next = firstExit(needs, entry, { chosen, moves });
  let signal: Signal = 'none';
  while (next.exit !== null) {
    const { exit } = next;
    const made = await tryExit(needs, { entry, exit, recipients, content });
    tried.add(exit.name);
    if (made === null) {
      next = nextExit(needs, entry, tried);
      continue;
    }
    const { conversation, verdict } = made;
    conversations.push(conversation);
    for (const [place, recipient] of recipients.entries()) {
      const outcome = conversation.result.outcomes[place];
      if (outcome === undefined) continue;
      const { host, reportsSuccess = false } = peerOf(conversation.result, place);
      const blocked = verdict.blocked[place] === true;
      const elsewhere = verdict.elsewhere[place] === true && (moves || !blocked);
      const waits = blocked && !moves ? { waitsFor: 'operator' as const } : {};
      told.set(recipient, {
        recipient,
        outcome,
        egress: exit.name,
        host,
        reportsSuccess,
        elsewhere,
        blocked,
        ...waits,
      });
    }
    if (verdict.destination !== 'none') signal = verdict.destination;
    recipients = recipients.filter((recipient) => told.get(recipient)?.elsewhere === true);
    next = recipients.length === 0 ? NONE : nextExit(needs, entry, tried);
  }
  if (conversations.length === 0) return { kind: 'not-booked' };
  if (next.soon) waitForExit(told, recipients);
  // Stopped half-way: nothing to hold against the delivery.
  const aborted = entry.abort.signal.aborted;
  const counts = ({ outcome, elsewhere, blocked }: Heard): boolean =>
    outcome.kind !== 'deferred' || (!aborted && (blocked || (!elsewhere && !isRateLimited(outcome))));
  const all = [...told.values()];
  const waitMs = aborted ? 0 : waitFor(needs, entry);
  return { kind: 'tried', told: all, conversations, counted: all.some(counts), waitMs, signal };
}

async function readContent(needs: TurnNeeds, entry: Entry): Promise<Buffer | Turn> {
  try {
    const found = await needs.spool.content(entry.leased.message.id);
    return found.kind === 'found' ? found.content : { kind: 'no-content', why: found.kind };
  } catch (cause) {
    return { kind: 'unreadable', cause: String(cause) };
  }
}

type Try = {
  readonly entry: Entry;
  readonly exit: ChosenExit;
  readonly recipients: readonly Recipient[];
  readonly content: Buffer;
};

async function tryExit(
  needs: TurnNeeds,
  { entry, exit, recipients, content }: Try,
): Promise<{ readonly conversation: Conversation; readonly verdict: Verdict } | null> {
  // Before the first byte: whatever happens to this process, what it sends is counted.
  const { provider } = exit;
  const booking = await needs.limits.book(exit.name, provider);
  if (booking === null) {
    endAt(needs, entry, { signal: 'none', cause: '' });
    needs.exits.ended(exit.name, 'none', '');
    return null;
  }
  const egress = needs.exits.find(exit.name);
  if (egress === undefined) {
    // Another policy came into force since it was chosen: nothing was tried, and nothing is held against anybody.
    await booking.refund();
    endAt(needs, entry, { signal: 'none', cause: '' });
    needs.exits.ended(exit.name, 'none', '');
    return null;
  }
  const { leased, abort } = entry;
  const mayGo = (): boolean => {
    if (needs.leasesHold?.() === false) abort.abort(new Error('the lease may be lost'));
    if (needs.isLate?.(entry) === true) abort.abort(new Error('it is too late to send it'));
    return !abort.signal.aborted;
  };
  const exchange = { leased, recipients, content, egress, exit: exit.name, signal: abort.signal, mayGo };
  const conversation = await converse(needs, exchange);
  if (conversation.result.mailed === false) await booking.refund();
  else needs.limits.sent(exit.name, provider);
  const type = egressOf(needs.policy(), exit.name)?.type ?? 'mx';
  const verdict = verdictOn(conversation.result, type);
  // What was cut off says nothing of the exit.
  const blame = abort.signal.aborted && verdict.exit !== 'worked' ? 'none' : verdict.exit;
  endAt(needs, entry, { signal: verdict.site, cause: verdict.cause });
  needs.exits.ended(exit.name, blame, verdict.cause);
  return { conversation, verdict };
}

/** The exit that goes on; or none, and whether another is about to be had. */
type Next = { readonly exit: ChosenExit | null; readonly soon: boolean };

const NONE: Next = { exit: null, soon: false };

/** Another than the one whose address was refused the last time, where there is one. */
function firstExit(
  needs: TurnNeeds,
  entry: Entry,
  { chosen, moves }: { readonly chosen: ChosenExit; readonly moves: boolean },
): Next {
  if (!moves || !isBlockedBefore(entry.leased.delivery, chosen.name)) return { exit: chosen, soon: false };
  endAt(needs, entry, { signal: 'none', cause: '' });
  const other = nextExit(needs, entry, new Set([chosen.name]));
  if (other.exit === null && !other.soon) {
    entry.ticket = needs.sites.started(entry.lane.site, chosen.name);
    return { exit: chosen, soon: false };
  }
  needs.exits.unused(chosen);
  return other;
}

function nextExit(needs: TurnNeeds, entry: Entry, tried: ReadonlySet<string>): Next {
  const { route, stream } = entry.group;
  const { site } = entry.lane;
  if (route === null || tried.size >= EXITS_A_TURN || entry.abort.signal.aborted) return NONE;
  const choice = needs.exits.choose({ route, stream, tried, siteGate: (exit) => needs.sites.gateOf(site, exit) });
  if (choice.kind !== 'egress') return { exit: null, soon: choice.kind === 'elsewhere' || choice.busy };
  const exit = { ...choice, provider: providerAt(site) };
  needs.exits.started(exit);
  entry.ticket = needs.sites.started(site, exit.name);
  return { exit, soon: false };
}

function endAt(
  { sites }: TurnNeeds,
  entry: Entry,
  { signal, cause }: { readonly signal: SiteSignal; readonly cause: string },
): void {
  sites.ended(entry.ticket, signal, cause);
  entry.ticket = null;
}

function unused(needs: TurnNeeds, entry: Entry, chosen: ChosenExit): void {
  endAt(needs, entry, { signal: 'none', cause: '' });
  needs.exits.unused(chosen);
}

/** What was refused for good by one address is not over while another is about to be had. */
function waitForExit(told: Map<Recipient, Heard>, recipients: readonly Recipient[]): void {
  for (const recipient of recipients) {
    const heard = told.get(recipient);
    if (heard?.blocked === true && heard.outcome.kind === 'bounced')
      told.set(recipient, { ...heard, waitsFor: 'exit' });
  }
}

/** How long until an exit can be had again, in ms. */
function waitFor(needs: TurnNeeds, { group }: Entry): number {
  if (group.route === null) return NO_EXIT_MS;
  const choice = needs.exits.choose({ route: group.route, stream: group.stream });
  if (choice.kind === 'elsewhere') return ELSEWHERE_MS;
  const untilMs = choice.kind === 'wait' ? choice.untilMs : null;
  return untilMs === null ? NO_EXIT_MS : Math.max(1_000, untilMs - needs.clock.monotonicMs());
}
