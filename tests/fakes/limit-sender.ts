/** Processes that have mail for one exit and send it as its limits let them. */
import { dayOf, hourOf } from '../../src/policy/day.ts';
import { type Booking, ExitLimits, type ExitTerms } from '../../src/schedule/limits/exit-limits.ts';
import type { Quotas } from '../../src/spool/ledger.ts';
import type { FakeClock } from './clock.ts';

/** In which its days are counted. */
export const ZONE = 'Europe/Berlin';

export type LimitSettings = {
  readonly daily?: number;
  readonly hourly?: number;
  readonly delayMs?: number;
  readonly rate?: { readonly count: number; readonly windowMs: number };
  readonly cap?: number;
  /** The cap holds for each mailbox provider. */
  readonly perProvider?: boolean;
  readonly part?: number;
};

/** What is not given does not limit it. */
export function termsOf({ daily, hourly, delayMs, rate, cap, perProvider = false, part }: LimitSettings): ExitTerms {
  const warmup = cap === undefined ? null : { kind: 'warming' as const, day: 1, days: 6, cap };
  const regress = { deferred: 20, bounced: 5, complained: 0.3 };
  return {
    egress: {
      dailyLimit: daily ?? null,
      hourlyLimit: hourly ?? null,
      rate: rate ?? null,
      delay: delayMs ?? 0,
      warmup: cap === undefined ? null : { perProvider, regress },
    },
    zone: ZONE,
    part: part ?? 1,
    warmup: perProvider ? null : warmup,
    warmupFor: () => warmup,
  };
}

export type LimitSender = {
  limits: ExitLimits;
  /** Wall times at which messages went. */
  readonly sent: number[];
  /** The providers to which these went, in the same order. */
  readonly sentTo: (string | null)[];
  /** What left and never came to MAIL. */
  refund(): Promise<void>;
  /** As many as it may, to that provider from now on. */
  send(most?: number, provider?: string | null): void;
  die(): void;
};

let senders = 0;

/** A process of its own, with limits of its own on the same store. */
export function senderOn(clock: FakeClock, quotas: Quotas, settings: LimitSettings): LimitSender {
  let isDead = false;
  let waiting = 0;
  let to: string | null = null;
  const bookings: Booking[] = [];
  const isOpen = (): boolean => sender.limits.state() === null && (to === null || sender.limits.stateAt(to) === null);
  const pump = (): void => {
    if (isDead) return;
    for (; waiting > 0 && isOpen(); waiting--) {
      const provider = to;
      sender.limits.take(provider);
      void sender.limits.book(provider).then((booked) => {
        if (booked === null || isDead) return;
        sender.sent.push(clock.nowMs());
        sender.sentTo.push(provider);
        bookings.push(booked);
      });
    }
    if (waiting > 0) sender.limits.want();
  };
  const sender: LimitSender = {
    limits: null as unknown as ExitLimits,
    sent: [],
    sentTo: [],
    send(most = 1_000, provider = null) {
      to = provider;
      waiting = Math.min(1_000, waiting + most);
      pump();
    },
    async refund() {
      const booking = bookings.pop();
      if (booking === undefined || isDead) return;
      sender.sent.pop();
      sender.sentTo.pop();
      await booking.refund();
    },
    die: () => void (isDead = true),
  };
  const needs = {
    quotas,
    clock,
    holder: `holder ${senders++}`,
    leaseMs: 14_000,
    changed: () => pump(),
    failed: () => {},
  };
  sender.limits = new ExitLimits(needs, 'one', termsOf(settings));
  return sender;
}

/** The most that any of these windows has of the times. */
export function mostIn(times: readonly number[], nameOf: (atMs: number) => string): number {
  const counts = new Map<string, number>();
  for (const atMs of times) counts.set(nameOf(atMs), (counts.get(nameOf(atMs)) ?? 0) + 1);
  return Math.max(0, ...counts.values());
}

/** Of the window in which a moment is. */
export const dayName = (atMs: number): string => dayOf(atMs, ZONE).name;
export const hourName = (atMs: number): string => String(hourOf(atMs).startsAtMs);

/** Each process has mail all the time, and is asked every so often. */
export async function busy(
  clock: FakeClock,
  all: readonly LimitSender[],
  { forMs, stepMs }: { forMs: number; stepMs: number },
): Promise<void> {
  for (let past = 0; past < forMs; past += stepMs) {
    for (const one of all) {
      one.limits.tick();
      one.send();
    }
    await clock.advance(stepMs);
  }
}
