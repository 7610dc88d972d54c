/** What a replay begins with: each exit as it stands now, and the days of its warm-up. */
import { dayOf, monthOf } from '../../policy/day.ts';
import { totalOf } from '../../policy/money.ts';
import { COSTS, parseCostAccount } from '../../routing/cost-names.ts';
import type { ExitPast, PastDays, SpentDay } from '../../routing/exit-past.ts';
import type { ExitStandings } from '../../exits/standings.ts';
import { Warmups, type WarmupsNeeds } from '../../schedule/limits/warmups.ts';

export type ExitPastsNeeds = Pick<WarmupsNeeds, 'policy' | 'tallies' | 'marks' | 'clock'> & {
  readonly standings: Pick<ExitStandings, 'refresh' | 'standingOf'>;
};

/** Of every exit of the policy, by name. Rejects with `SpoolError`. */
export async function exitPasts(needs: ExitPastsNeeds): Promise<Readonly<Record<string, ExitPast>>> {
  const { policy, standings } = needs;
  const warmups = new Warmups(needs);
  const [spent] = await Promise.all([spentDays(needs), warmups.read(), standings.refresh()]);
  const daysOf = (egress: string, provider: string | null): PastDays => {
    const { sent, regressed } = warmups.daysOf({ egress, provider });
    return { sent: [...sent].sort(), regressed: [...regressed].sort() };
  };
  return Object.fromEntries(
    Object.keys(policy().egress).map((egress): [string, ExitPast] => {
      const providers = warmups.providersOf(egress).map((provider) => [provider, daysOf(egress, provider)] as const);
      const standing = standings.standingOf(egress);
      const of = { standing, days: daysOf(egress, null), providers: Object.fromEntries(providers) };
      return [egress, { ...of, spent: spent.get(egress) ?? [] }];
    }),
  );
}

/** What each exit took for money on each day of this month and of the one before. */
async function spentDays({ policy, tallies, clock }: ExitPastsNeeds): Promise<Map<string, SpentDay[]>> {
  const { timeZone } = policy();
  const { startsAtMs } = monthOf(clock.nowMs(), timeZone);
  const counts = await tallies.counts(`${COSTS}exit:`, monthOf(startsAtMs - 1, timeZone).startsAtMs);
  const spent = new Map<string, SpentDay[]>();
  for (const count of counts) {
    const { name = '', price = null } = parseCostAccount(count.account) ?? {};
    if (price === null) continue;
    const micros = totalOf(count.amount, { ...price, blocks: false });
    const days = spent.get(name) ?? [];
    days.push({ day: dayOf(count.startsAtMs, timeZone).name, micros, currency: price.currency });
    spent.set(name, days);
  }
  return spent;
}
