/** What is used of the limits of every exit, as the store has it, for operators. */
import { dayOf, hourOf } from '../../policy/day.ts';
import type { EgressPolicy, Policy } from '../../policy/schema.ts';
import type { Rate } from '../../policy/units.ts';
import type { Clock } from '../../ports.ts';
import { limitsNow, limitUnder } from '../../routing/limit-terms.ts';
import type { Warmup } from '../../routing/warmup.ts';
import type { Quota, Quotas } from '../../spool/ledger.ts';
import type { Marks } from '../../spool/marks.ts';
import type { Tallies } from '../../spool/tallies.ts';
import { connectionQuota } from '../connections/connection-grant.ts';
import type { ExitUse } from '../stats.ts';
import { limitAccount } from './exit-limits.ts';
import { sentAtRate } from './sent-counts.ts';
import { Warmups, warmsUp } from './warmups.ts';

/** Of one window. `used` by all processes, with what they have set aside to send. */
export type Used = {
  readonly limit: number;
  readonly used: number;
  readonly left: number;
  /** Wall ms. */
  readonly resetsAtMs: number;
};

export type ProviderUse = { readonly provider: string; readonly warmup: Warmup; readonly day: Used | null };

export type LimitUse = {
  readonly egress: string;
  /** What its limits are cut to, above 0 and at most 1; the figures below have it taken off. */
  readonly part: number;
  /** Of today: the daily limit, or the cap of the warm-up where that is lower; null: none. */
  readonly day: Used | null;
  readonly hour: Used | null;
  /** `used` in the window that ends now, see `sentAtRate`; `left` of what the window takes of it. */
  readonly rate: (Pick<Used, 'used' | 'left'> & { readonly count: number; readonly windowMs: number }) | null;
  readonly delayMs: number;
  /** When rate and delay let the next message go, as far as a relay on this machine knows, wall ms; null: at once. */
  readonly nextAtMs: number | null;
  /** Open, or set aside to be opened; null: it has none, or no relay on this machine knows. */
  readonly connections: Omit<Used, 'resetsAtMs'> | null;
  /** null: none, or it is over. */
  readonly warmup: Exclude<Warmup, { kind: 'done' }> | null;
  /** Where each mailbox provider has a warm-up of its own: those that it sent to. */
  readonly providers: readonly ProviderUse[];
};

export type LimitUsesNeeds = {
  readonly policy: () => Policy;
  readonly ledger: Quotas & Pick<Tallies, 'counts'>;
  readonly marks: Pick<Marks, 'marks'>;
  readonly clock: Clock;
  /** Default: all. */
  readonly paceOf?: (egress: string) => number;
  /** What a relay on this machine does by each exit. Default: none is running. */
  readonly usesNow?: () => Promise<readonly ExitUse[]>;
  /** Whether connections are had of the ledger, so that it knows those of all nodes. Default: no. */
  readonly sharesConnections?: boolean;
};

/** Of every exit that is enabled, in the order of the policy. Rejects with `SpoolError` where the store does not answer. */
export async function limitUses(needs: LimitUsesNeeds): Promise<readonly LimitUse[]> {
  const warmups = new Warmups({ ...needs, tallies: needs.ledger });
  if (warmsUp(needs.policy())) await warmups.read();
  const enabled = Object.entries(needs.policy().egress).filter(([, exit]) => exit.enabled);
  const now = new Map((await needs.usesNow?.())?.map((use) => [use.egress, use]));
  return Promise.all(
    enabled.map(([egress, exit]) => useOf(needs, { egress, exit, warmups, now: now.get(egress) ?? null })),
  );
}

type Exit = {
  readonly egress: string;
  readonly exit: EgressPolicy;
  readonly warmups: Warmups;
  readonly now: ExitUse | null;
};

async function useOf(needs: LimitUsesNeeds, { egress, exit, warmups, now }: Exit): Promise<LimitUse> {
  const part = needs.paceOf?.(egress) ?? 1;
  const byProvider = exit.warmup?.perProvider === true;
  const own = knownOf(warmups.of({ egress, provider: null }));
  const warmup = byProvider && own?.kind === 'warming' ? null : own;
  const { day, hour } = limitsNow({ egress: exit, part, warmup });
  const nowMs = needs.clock.nowMs();
  const today = dayOf(nowMs, needs.policy().timeZone);
  const account = limitAccount(egress);
  const providers = byProvider ? warmups.providersOf(egress) : [];
  const [usedToday, usedThisHour, rate, connections, ofProviders] = await Promise.all([
    day === null ? null : usedOf(needs, { account, ...today }, day.limit),
    hour === null ? null : usedOf(needs, { account, ...hourOf(nowMs) }, hour),
    exit.rate === null ? null : rateOf(needs, { egress, rate: exit.rate, part }),
    'connections' in exit ? connectionsOf(needs, { egress, most: exit.connections, part, now }) : null,
    Promise.all(
      providers.map(async (provider): Promise<ProviderUse> => {
        const of = knownOf(warmups.of({ egress, provider })) ?? { kind: 'done' };
        const quota = { account: limitAccount(egress, provider), ...today };
        const used = of.kind === 'warming' ? await usedOf(needs, quota, limitUnder(of.cap, part)) : null;
        return { provider, warmup: of, day: used };
      }),
    ),
  ]);
  return {
    egress,
    part,
    day: usedToday,
    hour: usedThisHour,
    rate,
    delayMs: exit.delay,
    nextAtMs: now?.nextAtMs ?? null,
    connections,
    warmup: warmup?.kind === 'done' ? null : warmup,
    providers: ofProviders,
  };
}

/** It was read just now. */
function knownOf(warmup: ReturnType<Warmups['of']>): Warmup | null {
  return warmup === null || warmup.kind === 'unknown' ? null : warmup;
}

type OfRate = { readonly egress: string; readonly rate: Rate; readonly part: number };

/** What is slowed down has a part of the count in the same window. */
async function rateOf({ ledger, clock }: LimitUsesNeeds, { part, ...of }: OfRate): Promise<LimitUse['rate']> {
  const used = await sentAtRate({ tallies: ledger, clock }, of);
  return { ...of.rate, used, left: Math.max(0, limitUnder(of.rate.count, part) - used) };
}

type OfConnections = {
  readonly egress: string;
  readonly most: number;
  readonly part: number;
  readonly now: ExitUse | null;
};

async function connectionsOf(
  { ledger, clock, sharesConnections = false }: LimitUsesNeeds,
  { egress, most, part, now }: OfConnections,
): Promise<LimitUse['connections']> {
  const limit = limitUnder(most, part);
  const known = (used: number): LimitUse['connections'] => ({ limit, used, left: Math.max(0, limit - used) });
  if (!sharesConnections) return now === null ? null : known(now.connections);
  const nowMs = clock.nowMs();
  const ask = { ...connectionQuota(egress), holder: 'look', wanted: 0, limit: most, nowMs, untilMs: nowMs };
  return known((await ledger.takeBlock(ask)).used);
}

async function usedOf({ ledger, clock }: LimitUsesNeeds, quota: Quota, limit: number): Promise<Used> {
  const { account, startsAtMs, endsAtMs } = quota;
  const nowMs = clock.nowMs();
  const ask = { account, startsAtMs, endsAtMs, holder: 'look', wanted: 0, limit, nowMs, untilMs: nowMs };
  const { used } = await ledger.takeBlock(ask);
  return { limit, used, left: Math.max(0, limit - used), resetsAtMs: endsAtMs };
}
