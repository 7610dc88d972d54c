/** A scheduler on a real spool with a clock that stands still and exits that do as they are told. */
import { randomBytes } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Event } from '../../src/message/event.ts';
import type { Notice } from '../../src/message/notice.ts';
import { policySchema, type Policy, type PolicyInput } from '../../src/policy/schema.ts';
import { startScheduler, type Scheduler, type SchedulerNeeds } from '../../src/schedule/scheduler.ts';
import { type EmbeddedSpool, openEmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import type { AuditReport, Spool, Submission } from '../../src/spool/spool.ts';
import { FakeClock } from './clock.ts';
import { ScriptedEgress } from './scripted-egress.ts';
import { aSubmission, deliveryOf, type SubmissionOptions } from './submission.ts';

export type SchedulingOptions = {
  readonly policy?: Partial<PolicyInput>;
  /** Stands between the scheduler and the store, to break it. */
  readonly between?: (spool: Spool) => Spool;
  readonly report?: (notice: Notice) => Promise<void>;
  /** Into the first day (2026-01-01, UTC), at which the clock starts. Default: 0. */
  readonly startsInMs?: number;
  /** What else the scheduler has. */
  readonly needs?: Partial<
    Pick<SchedulerNeeds, 'standingOf' | 'hostsOf' | 'circles' | 'screening' | 'sharesConnections' | 'signStored'>
  >;
};

export type Scheduling = AsyncDisposable & {
  readonly clock: FakeClock;
  /** The store itself, whatever stands between. */
  readonly spool: EmbeddedSpool;
  scheduler: Scheduler;
  policy: Policy;
  readonly events: Event[];
  readonly notices: Notice[];
  exit(name: string): ScriptedEgress;
  /** Accepts a message as ingress does: straight into its lane where there is room. */
  accept(options?: Partial<SubmissionOptions>): Promise<Submission>;
  /** Accepts it into the store alone, and wakes nobody. */
  store(options?: Partial<SubmissionOptions>): Promise<Submission>;
  /** Stops the scheduler as a crash would (nothing is handed back), and starts another on the same store. */
  restart(): Promise<void>;
  /** Advances by so long in steps of a few seconds, each of which lets the store catch up. */
  elapsed(forMs: number): Promise<void>;
  /** Advances until the queue is empty, or for so long. */
  drained(withinMs?: number): Promise<void>;
  audit(): Promise<AuditReport>;
};

/** One test on a scheduler of its own; in the end the books must hold. */
export function scheduled(
  name: string,
  run: (scheduling: Scheduling) => Promise<void>,
  options: SchedulingOptions = {},
): void {
  test(name, async () => {
    await using scheduling = await openScheduling(options);
    await run(scheduling);
    expect((await scheduling.audit()).violations).toEqual([]);
  });
}

/** Opens all of it; the scheduler is started. */
export async function openScheduling(options: SchedulingOptions = {}): Promise<Scheduling> {
  const clock = new FakeClock(Date.UTC(2026, 0, 1) + (options.startsInMs ?? 0), { uneven: true });
  const path = await mkdtemp(join(tmpdir(), 'relevo-schedule-'));
  const spool = await openEmbeddedSpool({ path, durability: 'relaxed', clock });
  clock.standsWhile(() => spool.underWay > 0);
  const exits = new Map<string, ScriptedEgress>();
  const events: Event[] = [];
  const notices: Notice[] = [];
  const exit = (name: string): ScriptedEgress => {
    const known = exits.get(name) ?? new ScriptedEgress(name, clock);
    exits.set(name, known);
    return known;
  };
  const start = (): Scheduler => startOn(started(), options);
  const scheduling: Omit<Scheduling, 'scheduler'> & { scheduler?: Scheduler } = {
    clock,
    spool,
    policy: policySchema.parse({ hostname: 'relay.test', ...options.policy }),
    events,
    notices,
    exit,
    accept: (given) => accept(started(), given ?? {}),
    async store(given) {
      const submission = aSubmission({ atMs: clock.nowMs(), ...given });
      await spool.accept(submission);
      return submission;
    },
    async restart() {
      await started().scheduler.stop(AbortSignal.abort());
      await spool.reap(Number.MAX_SAFE_INTEGER);
      scheduling.scheduler = start();
    },
    drained: (withinMs = 600_000) =>
      clock.advanceUntil(async () => (await spool.overview()).deliveries === 0, {
        stepMs: withinMs > 900_000 ? 5_000 : 500,
        withinMs,
      }),
    async elapsed(forMs) {
      const endMs = clock.monotonicMs() + forMs;
      while (clock.monotonicMs() < endMs) {
        await clock.advance(Math.min(5_000, endMs - clock.monotonicMs()));
        await spool.overview();
      }
    },
    audit: () => spool.audit(),
    async [Symbol.asyncDispose]() {
      await started().scheduler.stop(AbortSignal.abort());
      await spool[Symbol.asyncDispose]();
      await rm(path, { recursive: true, force: true });
    },
  };
  // It is whole once `scheduler` is set, before anybody gets it.
  const started = (): Scheduling => scheduling as Scheduling;
  return Object.assign(started(), { scheduler: start() });
}

/** Another one on the same store, by the same exits; `scheduling.scheduler` says which of them takes fresh mail. */
export function startOn(scheduling: Scheduling, { between, report, needs }: SchedulingOptions): Scheduler {
  const { spool, clock, events, notices } = scheduling;
  return startScheduler({
    signStored: async ({ id }, content) => Buffer.concat([Buffer.from(`Signed: ${id}\r\n`), content]),
    ...needs,
    policy: () => scheduling.policy,
    spool: between?.(spool) ?? spool,
    quotas: spool.ledger,
    records: { tallies: spool.ledger, marks: spool.marks },
    exits: (name) => (Object.hasOwn(scheduling.policy.egress, name) ? scheduling.exit(name) : undefined),
    clock,
    random: { fraction: () => 0.5, bytes: randomBytes },
    emit: (event) => void events.push(event),
    report: async (notice) => {
      await report?.(notice);
      notices.push(notice);
    },
  });
}

async function accept(
  { clock, spool, scheduler: { handoff } }: Scheduling,
  options: Partial<SubmissionOptions>,
): Promise<Submission> {
  const plain = aSubmission({ atMs: clock.nowMs(), ...options });
  const { message, content } = plain;
  const deliveries = plain.deliveries.map((delivery, place) => ({
    ...delivery,
    leaseUntilMs: handoff.reserve({
      id: deliveryOf(plain, place + 1),
      domain: delivery.domain,
      client: message.client,
      priority: message.priority,
      sizeBytes: message.sizeBytes,
      dueAtMs: delivery.dueAtMs,
    }),
  }));
  const submission = { ...plain, deliveries };
  const result = await spool.accept(submission);
  if (result.kind === 'accepted') handoff.take(result.leased, content);
  if (deliveries.some(({ leaseUntilMs }) => leaseUntilMs === null)) handoff.wake();
  return submission;
}

/** So many messages, each to a domain of its own. */
export async function acceptMany(scheduling: Scheduling, count: number, domain = 'test'): Promise<void> {
  for (let number = 0; number < count; number++) await scheduling.accept({ to: [`a@d${number}.${domain}`] });
}

/** Lets time pass, a minute at most unless given, until so many attempts were made by the exit. */
export async function reached(
  scheduling: Scheduling,
  name: string,
  wanted: number | { readonly count: number; readonly withinMs: number },
): Promise<void> {
  const { count, withinMs } = typeof wanted === 'number' ? { count: wanted, withinMs: 60_000 } : wanted;
  await scheduling.clock.advanceUntil(() => scheduling.exit(name).attempts.length >= count, { withinMs });
}

/** Has the scheduler follow another policy. */
export function inForce(scheduling: Scheduling, { policy }: SchedulingOptions): void {
  scheduling.policy = policySchema.parse({ hostname: 'relay.test', ...policy });
  scheduling.scheduler.applyPolicy();
}
