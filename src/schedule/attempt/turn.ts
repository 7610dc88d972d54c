import { peerOf } from '../../egress/egress.ts';
import type { Recipient } from '../../message/message.ts';
import type { GateState } from '../../routing/choose.ts';
import type { Signal } from '../lanes/feedback.ts';
import type { Told, TurnOutcome } from '../settlement/settlement.ts';
import { providerAt } from '../sites/site.ts';
import { type ContentNeeds, type NoContent, readContent } from '../window/content.ts';
import type { Entry } from '../window/entry.ts';
import { type AttemptNeeds, type ChosenExit, endAt, type Tried, tryExit } from './attempt.ts';
import type { Conversation } from './converse.ts';
import { type DoubtSettled, settleDoubt } from './doubt.ts';
import { movesWhenBlocked } from './on-block.ts';
import { type Heard, type Round, union, waitForOthers } from './other-exits.ts';
import { isRateLimited, isUnfit } from './verdict.ts';

/** Exits that one delivery is offered to in one turn. */
const EXITS_A_TURN = 8;
/** What is left of an exit's limit is known a moment after it was asked for: so often, and so far apart, it is looked for. */
const ASKING_LOOKS = 20;
const ASKING_MS = 10;

export type TurnNeeds = AttemptNeeds & ContentNeeds;

export type Turn =
  | {
      readonly kind: 'tried';
      readonly told: readonly Told[];
      readonly conversations: readonly Conversation[];
      readonly counted: boolean;
      readonly waitMs: number;
      readonly refusedBy: readonly string[];
      /** As in `TurnOutcome`. */
      readonly doubtBy?: string;
      readonly signal: Signal;
    }
  /** A limit of the exit was used up by others meanwhile, or the exit is gone: nothing was tried. */
  | { readonly kind: 'not-booked' }
  | NoContent;

/**
 * One turn of a delivery: a conversation by the exit that was chosen (and is counted as under way), and, where that exit
 * failed of itself, at once by the next one. Never rejects.
 */
export async function takeTurn(needs: TurnNeeds, entry: Entry, chosen: ChosenExit): Promise<Turn> {
  const content = entry.content?.bytes ?? (await readContent(needs, entry));
  if (!Buffer.isBuffer(content)) {
    unused(needs, entry, chosen);
    return content;
  }
  const before = await settleDoubt(needs, entry, content);
  if (before.recipients.length > 0) return fromExitToExit(needs, entry, { chosen, content, before });
  unused(needs, entry, chosen);
  const { told, conversations, doubtBy, waitMs = 0 } = before;
  const { refused = [] } = entry.group;
  const doubt = doubtBy === undefined ? {} : { doubtBy };
  return {
    kind: 'tried',
    told,
    conversations,
    counted: false,
    waitMs,
    refusedBy: refused,
    ...doubt,
    signal: 'none',
  };
}

/** Of mail in doubt whose time is over: for whom its exits say that it was taken after all; null: for none. Never rejects. */
export async function takenAfterAll(needs: TurnNeeds, entry: Entry): Promise<TurnOutcome | null> {
  if (entry.leased.delivery.doubtBy === undefined) return null;
  const content = entry.content?.bytes ?? (await readContent(needs, entry));
  if (!Buffer.isBuffer(content)) return null;
  const { told, conversations } = await settleDoubt(needs, entry, content);
  const taken = told.filter(({ outcome }) => outcome.kind === 'delivered');
  if (taken.length === 0) return null;
  return { leased: entry.leased, told: inOrder(entry, taken), conversations, counted: false, waitMs: 0 };
}

async function fromExitToExit(
  needs: TurnNeeds,
  entry: Entry,
  { chosen, content, before }: { readonly chosen: ChosenExit; readonly content: Buffer; readonly before: DoubtSettled },
): Promise<Turn> {
  const told = new Map<Recipient, Heard>();
  const conversations: Conversation[] = [...before.conversations];
  const { refused = [] } = entry.group;
  // Where no other was to be had, it begins anew.
  const round: Round = {
    refused: new Set(refused.includes(chosen.name) ? [] : refused),
    asked: new Set(),
    cut: new Set(),
    missed: new Set(),
  };
  const moves = movesWhenBlocked(needs.policy(), entry.group.stream);
  let { recipients } = before;
  let signal: Signal = 'none';
  let exit: ChosenExit | null = chosen;
  while (exit !== null) {
    const made = await tryExit(needs, { entry, exit, recipients, content });
    if (made.kind === 'tried') {
      const { conversation, verdict } = made;
      conversations.push(conversation);
      round.asked.add(exit.name);
      if (made.isCut) round.cut.add(exit.name);
      for (const heard of heardBy({ exit, recipients, made, moves })) {
        told.set(heard.recipient, heard);
        if ((heard.blocked && heard.outcome.kind === 'bounced') || isUnfit(heard.outcome)) round.refused.add(exit.name);
      }
      if (verdict.destination !== 'none') signal = verdict.destination;
      recipients = recipients.filter((recipient) => told.get(recipient)?.elsewhere === true);
    } else round.missed.add(exit.name);
    exit = recipients.length === 0 ? null : await nextExit(needs, entry, round);
  }
  if (round.asked.size === 0 && before.told.length === 0) return { kind: 'not-booked' };
  const waitMs = waitForOthers(needs, entry, { told, recipients, round });
  // Stopped half-way: nothing to hold against the delivery.
  const aborted = entry.abort.signal.aborted;
  const counts = ({ outcome, elsewhere, blocked }: Heard): boolean =>
    outcome.kind !== 'deferred' || (!aborted && (blocked || (!elsewhere && !isRateLimited(outcome))));
  const all = [...told.values()];
  return {
    kind: 'tried',
    told: inOrder(entry, [...before.told, ...all]),
    ...(before.doubtBy === undefined ? {} : { doubtBy: before.doubtBy }),
    conversations,
    counted: all.some(counts),
    waitMs: aborted ? 0 : waitMs,
    refusedBy: [...round.refused],
    signal,
  };
}

function heardBy({
  exit,
  recipients,
  made: { conversation, verdict, known },
  moves,
}: {
  readonly exit: ChosenExit;
  readonly recipients: readonly Recipient[];
  readonly made: Pick<Tried, 'conversation' | 'verdict' | 'known'>;
  readonly moves: boolean;
}): Heard[] {
  return recipients.flatMap((recipient, place) => {
    const outcome = conversation.result.outcomes[place];
    if (outcome === undefined) return [];
    const { host, reportsSuccess = false } = peerOf(conversation.result, place);
    const blocked = verdict.blocked[place] === true;
    const elsewhere = verdict.elsewhere[place] === true && (moves || !blocked);
    const waits = blocked && !moves ? { waitsFor: 'operator' as const } : {};
    const doubt = outcome.kind === 'in-doubt' ? known : {};
    return [{ recipient, outcome, egress: exit.name, host, reportsSuccess, elsewhere, blocked, ...waits, ...doubt }];
  });
}

/** One a recipient of the delivery. Whom nobody could be asked for after all is as deferred as before. */
function inOrder({ leased }: Entry, all: readonly Told[]): readonly Told[] {
  const { recipients, lastReply, lastEgress } = leased.delivery;
  const reply = lastReply ?? { code: 451, detail: '4.3', text: 'no exit was free' };
  return recipients.map(
    (recipient) =>
      all.find((told) => told.recipient.address === recipient.address) ?? {
        recipient,
        outcome: { kind: 'deferred', own: true, scope: 'egress', reply },
        egress: lastEgress ?? '',
        host: null,
        reportsSuccess: false,
      },
  );
}

/** The exit that goes on; null: none may now. One that nobody used lately has to hear first what is left of its limits. */
async function nextExit(
  needs: AttemptNeeds,
  entry: Entry,
  { refused, asked, missed }: Round,
): Promise<ChosenExit | null> {
  const { route, stream } = entry.group;
  const { site } = entry.lane;
  const tried = union(refused, asked, missed);
  const siteGate = (exit: string): GateState | null => needs.sites.gateOf(site, exit);
  for (let left = ASKING_LOOKS; ; left--) {
    if (route === null || asked.size + missed.size >= EXITS_A_TURN || entry.abort.signal.aborted) return null;
    const choice = needs.exits.choose({ route, stream, tried, siteGate });
    if (choice.kind === 'egress') {
      const exit = { ...choice, provider: providerAt(site) };
      needs.exits.started(exit);
      entry.ticket = needs.sites.started(site, exit.name);
      return exit;
    }
    if (choice.kind !== 'wait' || left === 0 || choice.reasons.every(({ gate }) => gate !== 'asking')) return null;
    await needs.clock.sleep(ASKING_MS);
  }
}

function unused(needs: AttemptNeeds, entry: Entry, chosen: ChosenExit): void {
  endAt(needs, entry, { signal: 'none', cause: '' });
  needs.exits.unused(chosen);
}
