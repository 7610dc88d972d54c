import type { QueueOverview } from '../spool/spool.ts';

/** What only the running relay knows, read at each scrape. */
export type MetricsSample = {
  /** null: the store did not answer; the queue's gauges are left out then. */
  readonly overview: QueueOverview | null;
  /** What is used of each exit's limits; null: it has none of the kind. Those that are not known are left out. */
  readonly limits: readonly {
    readonly egress: string;
    readonly day: LimitSample | null;
    readonly hour: LimitSample | null;
    readonly rate?: { readonly used: number; readonly left: number } | null;
    readonly connections?: LimitSample | null;
    readonly warmup: { readonly kind: string; readonly day?: number } | null;
  }[];
  /** Of each exit in use, what is known of it; `closed`: each gate, and whether it keeps the exit from sending. */
  readonly exits?: readonly {
    readonly egress: string;
    readonly score: number;
    readonly successRate: number;
    readonly closed: Readonly<Record<string, boolean>>;
  }[];
  /** By mailbox provider: attempts under way, exits that it slows down, exits that it takes nothing from. */
  readonly sites?: readonly {
    readonly provider: string;
    readonly inFlight: number;
    readonly slowed: number;
    readonly blocked: number;
  }[];
  /** Of the month; null: not known. Absent: nothing has a price. */
  readonly costs?: CostsSample | null;
  readonly connectionsIn: number;
  readonly connectionsOut: number;
  readonly workers: number;
  /** Those that share the spool; null: not known. */
  readonly nodes: readonly { readonly isUp: boolean }[] | null;
  readonly alerts: number;
  /** Those of each kind. Absent: there are none. */
  readonly alertsByKind?: Readonly<Record<string, number>>;
  /** Those that can be read. */
  readonly certificates?: readonly { readonly what: string; readonly endsAtMs: number }[];
  readonly ready: boolean;
  readonly logLostLines: number;
  /** Since the last sample; absent or null: there are no traces. */
  readonly spans?: Readonly<Record<'exported' | 'failed' | 'dropped', number>> | null;
};

/** In units of the currencies. */
export type CostsSample = {
  readonly exits: readonly {
    readonly egress: string;
    readonly currency: string;
    readonly monthToDate: number;
    readonly forecast: number | null;
    readonly budget: { readonly amount: number; readonly used: number } | null;
  }[];
  readonly savings: readonly { readonly currency: string; readonly saved: number }[];
};

export type LimitSample = { readonly limit: number; readonly used: number };
