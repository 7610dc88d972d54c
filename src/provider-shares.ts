/** What a provider allows its account, shared by all processes that send by it. */
import type { TakeShare } from './egress/cloud/cloud-ports.ts';
import type { Clock, Random } from './ports.ts';
import type { Quotas } from './spool/ledger.ts';

/** Exact over all that share the store. What was taken is spent, whatever comes of it. */
export function shareTaker({
  quotas,
  clock,
  random,
}: {
  readonly quotas: Pick<Quotas, 'takeBlock' | 'spend' | 'returnBlock'>;
  readonly clock: Pick<Clock, 'nowMs'>;
  readonly random: Pick<Random, 'bytes'>;
}): TakeShare {
  const life = random.bytes(12).toString('hex');
  let turn = 0;
  return async ({ account, startsAtMs, endsAtMs, limit, amount }) => {
    turn += 1;
    // Of its own: takers in one process must not spend what another of them was granted.
    const of = { account, startsAtMs, endsAtMs, holder: `${life}-${turn}` };
    const { left } = await quotas.takeBlock({ ...of, wanted: amount, limit, nowMs: clock.nowMs(), untilMs: endsAtMs });
    if (left >= amount) return (await quotas.spend({ ...of, amount })) === 'spent';
    if (left > 0) await quotas.returnBlock({ ...of, unused: left, unspent: 0 });
    return false;
  };
}
