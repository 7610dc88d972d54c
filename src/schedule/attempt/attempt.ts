/** One exit's attempt at a delivery: booked against its limits and its budget, made, and judged. */
import type { Recipient } from '../../message/message.ts';
import type { KeepTranscript } from '../../message/transcript.ts';
import { egressOf } from '../../policy/match.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Emit } from '../../ports.ts';
import { FREE } from '../budgets/budgets.ts';
import type { Exits } from '../exits/exits.ts';
import type { Limits } from '../limits/limits.ts';
import type { Told } from '../settlement/settlement.ts';
import type { SiteSignal } from '../sites/site-feedback.ts';
import type { Sites } from '../sites/sites.ts';
import type { Entry } from '../window/entry.ts';
import type { Conversation, ReversePath } from './converse.ts';
import { knownBy } from './doubt-left.ts';
import { passedOver } from './passed-over.ts';
import { goBy, type GoNeeds } from './under-way.ts';
import { isUpstream, type Verdict, verdictOn } from './verdict.ts';

export type AttemptNeeds = GoNeeds & {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly exits: Exits;
  readonly limits: Limits;
  readonly sites: Sites;
  readonly reversePath?: ReversePath;
  /** As in `ConverseNeeds`. */
  readonly keepTranscript?: KeepTranscript;
};

export type ChosenExit = {
  readonly name: string;
  readonly pool: string | null;
  readonly place: number | null;
  /** The mailbox provider to which the attempt counts. */
  readonly provider: string;
};

export type Try = {
  readonly entry: Entry;
  readonly exit: ChosenExit;
  readonly recipients: readonly Recipient[];
  readonly content: Buffer;
};

export type Tried = {
  readonly kind: 'tried';
  readonly conversation: Conversation;
  readonly verdict: Verdict;
  readonly isCut: boolean;
  /** See `knownBy`. */
  readonly known: Pick<Told, 'doubt'>;
};

/** `unbooked`: a limit of it was used up by others meanwhile. `gone`: another policy came into force since it was chosen. */
export async function tryExit(
  needs: AttemptNeeds,
  { entry, exit, recipients, content }: Try,
): Promise<Tried | { readonly kind: 'unbooked' | 'gone' }> {
  // Before the first byte: whatever happens to this process, what it sends is counted.
  const { provider } = exit;
  const booking = await needs.limits.book(exit.name, provider);
  if (booking === null) {
    endAt(needs, entry, { signal: 'none', cause: '' });
    needs.exits.ended(exit.name, 'none', '');
    return { kind: 'unbooked' };
  }
  const { stream, client } = entry.leased.delivery;
  const { budgets } = needs.limits;
  const spent = budgets.has(exit.name)
    ? await budgets.book(exit.name, { stream, recipients: recipients.length })
    : FREE;
  const egress = needs.exits.find(exit.name);
  if (egress === undefined || spent === null) {
    // Nothing was tried, and nothing is held against anybody.
    await Promise.all([booking.refund(), spent?.took(0)]);
    endAt(needs, entry, { signal: 'none', cause: '' });
    needs.exits.ended(exit.name, 'none', '');
    return { kind: spent === null ? 'unbooked' : 'gone' };
  }
  const policy = egressOf(needs.policy(), exit.name);
  const type = policy?.type ?? 'mx';
  const others = passedOver(needs, entry, exit);
  const going = { exit: exit.name, isUpstream: isUpstream(type), egress, recipients, content, passedOver: others };
  const { conversation, isCut } = await goBy(needs, entry, going);
  if (conversation.result.mailed === false) await booking.refund();
  else needs.limits.sent(exit.name, provider);
  const taken = conversation.result.outcomes.filter(({ kind }) => kind === 'delivered' || kind === 'in-doubt').length;
  if (spent !== FREE) await spent.took(taken);
  const { tag } = entry.leased.message;
  needs.limits.took({ egress: exit.name, recipients: taken, stream, client, tag });
  const verdict = verdictOn(conversation.result, type);
  // What was cut off says nothing of the exit, or nothing more.
  const blame = (entry.abort.signal.aborted || isCut) && verdict.exit !== 'worked' ? 'none' : verdict.exit;
  endAt(needs, entry, { signal: verdict.site, cause: verdict.cause });
  const { restMs, cause } = verdict;
  if (restMs !== undefined) needs.exits.toldToWait(exit.name, { restMs, cause });
  needs.exits.ended(exit.name, blame, cause);
  return { kind: 'tried', conversation, verdict, isCut, known: knownBy(egress, policy) };
}

/** It is over at the site. */
export function endAt(
  { sites }: AttemptNeeds,
  entry: Entry,
  { signal, cause }: { readonly signal: SiteSignal; readonly cause: string },
): void {
  sites.ended(entry.ticket, signal, cause);
  entry.ticket = null;
}
