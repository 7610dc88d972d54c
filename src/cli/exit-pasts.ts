/** What a replay begins with: each exit as it stands now, and the days of its warm-up. */
import type { ExitPast, PastDays } from '../routing/exit-past.ts';
import type { ExitStandings } from '../exits/standings.ts';
import { Warmups, type WarmupsNeeds } from '../schedule/warmups.ts';

export type ExitPastsNeeds = Pick<WarmupsNeeds, 'policy' | 'tallies' | 'marks' | 'clock'> & {
  readonly standings: Pick<ExitStandings, 'refresh' | 'standingOf'>;
};

/** Of every exit of the policy, by name. Rejects with `SpoolError`. */
export async function exitPasts(needs: ExitPastsNeeds): Promise<Readonly<Record<string, ExitPast>>> {
  const { policy, standings } = needs;
  const warmups = new Warmups(needs);
  await Promise.all([warmups.read(), standings.refresh()]);
  const daysOf = (egress: string, provider: string | null): PastDays => {
    const { sent, regressed } = warmups.daysOf({ egress, provider });
    return { sent: [...sent].sort(), regressed: [...regressed].sort() };
  };
  return Object.fromEntries(
    Object.keys(policy().egress).map((egress): [string, ExitPast] => {
      const providers = warmups.providersOf(egress).map((provider) => [provider, daysOf(egress, provider)] as const);
      const standing = standings.standingOf(egress);
      return [egress, { standing, days: daysOf(egress, null), providers: Object.fromEntries(providers) }];
    }),
  );
}
