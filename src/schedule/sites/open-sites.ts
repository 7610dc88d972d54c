import { shareOf, WHOLE, type Share } from '../../policy/share.ts';
import type { Marks } from '../../spool/marks.ts';
import { dispatch } from '../attempt/dispatch.ts';
import type { Limits } from '../limits/limits.ts';
import { spawn, type Schedule } from '../schedule.ts';
import type { SharedCircles } from '../window/regroup.ts';
import { Ceilings } from './ceilings.ts';
import type { HostsOf } from './domain-hosts.ts';
import { Sites, type SitesNeeds } from './sites.ts';

export type OpenSitesNeeds = Pick<SitesNeeds, 'policy' | 'clock' | 'emit'> & {
  readonly limits: Pick<Limits, 'stateAt' | 'isNarrowAt'>;
  /** Absent: each domain is a site of its own. */
  readonly hostsOf?: HostsOf;
  /** Absent: what is learnt is forgotten at the end. */
  readonly records?: { readonly marks: Marks };
  /** This worker's part; null: it delivers nothing. */
  readonly shareNow: () => Share | null;
  /** Absent: no other process learns of the same. */
  readonly circles?: Pick<SharedCircles, 'isShared'>;
};

/** The sites of a schedule, and what is kept of them. @param scheduleOf called once it is there */
export function openSites(needs: OpenSitesNeeds, scheduleOf: () => Schedule): { sites: Sites; ceilings: Ceilings } {
  const { policy, clock, emit, hostsOf, records, shareNow, limits, circles } = needs;
  const workers = (): number => (shareNow() ?? WHOLE).of;
  const ceilings = new Ceilings({
    clock,
    workers,
    isShared: () => circles?.isShared() === true,
    ...(records === undefined ? {} : { marks: records.marks }),
  });
  const sites = new Sites({
    policy,
    share: (limit) => shareOf(limit, shareNow() ?? WHOLE),
    workers,
    ...(hostsOf === undefined ? {} : { hostsOf }),
    ceilings,
    capAt: (exit, provider) => limits.stateAt(exit, provider),
    isCapped: (provider) => limits.isNarrowAt(provider),
    clock,
    emit,
    opened: (site, slots) => scheduleOf().lanes.unpark(site, slots),
    changed: () => dispatch(scheduleOf()),
    moved: (domain) => scheduleOf().lanes.moved(domain),
  });
  return { sites, ceilings };
}

/** Takes up what was learnt before the last end. Mail does not wait for it. */
export function recallSites(schedule: Schedule): void {
  spawn(schedule, 'ceilings', async () => {
    await schedule.ceilings.read();
    schedule.sites.recall();
  });
}
