/** What others tell of recipients that still wait: the exit that tried them last had taken the mail after all. */
import type { MessageEvent } from '../../message/event.ts';
import type { Recipient } from '../../message/message.ts';
import { formatReply, type Reply } from '../../message/reply.ts';
import type { LeasedDelivery } from '../../spool/spool.ts';
import { termsFor, type Schedule } from '../schedule.ts';
import { noticeMaker } from './notices.ts';
import { settle } from './settle.ts';
import { aboutOf, type Plan, type Terms } from './settlement.ts';
import { restOf } from './untried.ts';

/** How a recipient's story ends. `egress`: the exit that had taken the mail. */
export type ToldEnd = { readonly state: 'delivered' | 'bounced'; readonly reply: Reply; readonly egress: string };

/** By address. */
export type ToldEnds = ReadonlyMap<string, ToldEnd>;

/**
 * Ends the stories of those recipients; the others of the delivery wait on as before. Only what was leased by `Spool.take`.
 * @returns whether it was written
 */
export async function endTold(schedule: Schedule, leased: LeasedDelivery, ends: ToldEnds): Promise<boolean> {
  const plan = toldPlan(leased, { ends, terms: termsFor(schedule, leased, null) });
  return (await settle(schedule, plan, { signal: schedule.ending.signal, mail: leased.message })) === 'settled';
}

type Fate = { readonly recipient: Recipient; readonly end: ToldEnd };

/** The settlement of that. Pure. */
export function toldPlan(
  leased: LeasedDelivery,
  { ends, terms }: { readonly ends: ToldEnds; readonly terms: Terms },
): Plan {
  const { delivery, lease } = leased;
  const fates = delivery.recipients.flatMap((recipient): Fate[] => {
    const end = ends.get(recipient.address);
    return end === undefined ? [] : [{ recipient, end }];
  });
  return {
    settlement: {
      deliveryId: delivery.id,
      token: lease.token,
      atMs: terms.nowMs,
      finished: fates.map(({ recipient, end }) => ({ address: recipient.address, state: end.state })),
      rest: restOf(leased),
      events: eventsOf(leased, { fates, nowMs: terms.nowMs }),
    },
    notices: (['delivered', 'bounced'] as const).flatMap((how) => {
      const some = fates.filter(({ end }) => end.state === how);
      const told = some.map(({ recipient, end }) => ({ recipient, reply: end.reply, host: null }));
      return noticeMaker(leased, terms)(how === 'bounced' ? 'failed' : 'relayed', told);
    }),
  };
}

/** One for each end. */
function eventsOf(
  leased: LeasedDelivery,
  { fates, nowMs }: { readonly fates: readonly Fate[]; readonly nowMs: number },
): MessageEvent[] {
  const about = aboutOf(leased, nowMs);
  const groups = new Map<string, { readonly end: ToldEnd; readonly addresses: string[] }>();
  for (const { recipient, end } of fates) {
    const key = `${end.state} ${end.egress} ${formatReply(end.reply)}`;
    const group = groups.get(key) ?? { end, addresses: [] };
    groups.set(key, group);
    group.addresses.push(recipient.address);
  }
  return [...groups.values()].map(({ end, addresses }) => ({
    event: end.state,
    reply: end.reply,
    egress: end.egress,
    ...about(addresses),
  }));
}
