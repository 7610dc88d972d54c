import { afterEach, beforeEach } from 'vitest';
import { FakeClock } from '../../tests/fakes/clock.ts';
import { aSubmission, type SubmissionOptions } from '../../tests/fakes/submission.ts';
import type { MessageEvent } from '../message/event.ts';
import type { Feed } from './feed.ts';
import type { MarkStore } from './marks.ts';
import type { Peek } from './peek.ts';
import type { Search } from './search.ts';
import type { LeasedDelivery, Spool, Submission } from './spool.ts';
import type { Suppressions } from './suppressions.ts';
import type { Accounts } from './tallies.ts';
import type { Traffic } from './traffic.ts';

/** The stream whose deliveries the engine is told to hold when they are in doubt. */
export const CAREFUL_STREAM = 'careful';

/** Characters that mean something to a store, or to how it sorts. */
export const ODD = ['%', '_', '*', '?', '[', ']', '\\', '{', '"', "'", ' ', '-', '\n', 'é', '日', '😀', '\u{10ffff}'];

/** A spool engine as the contracts test it. */
export type Engine = {
  readonly name: string;
  /** A new, empty store, removed after the test. */
  fresh(clock: FakeClock): Promise<Store>;
};

export type Store = {
  readonly spool: Spool &
    Traffic &
    Search &
    Peek & {
      readonly ledger: Accounts;
      readonly marks: MarkStore;
      readonly suppressions: Suppressions;
      readonly feed: Feed;
    };
  /** The events that the engine told of by itself since it was opened. */
  told(): Promise<readonly MessageEvent[]>;
  /** The same store as another process sees it; closed with the store. */
  beside?(): Promise<Store['spool']>;
  /** Closes it and opens it again, as a relay that was shut down and started. */
  reopened(): Promise<Store>;
  /** Changes a byte of a message's stored content, as a failing disk would. Closes and opens the store for it. */
  withCorruptContent(messageId: string): Promise<Store>;
  remove(): Promise<void>;
};

/** What a contract's tests work with; made anew for each. */
export class Fixture {
  readonly clock = new FakeClock();
  store: Store;

  constructor(store: Store) {
    this.store = store;
  }

  get spool(): Store['spool'] {
    return this.store.spool;
  }

  get nowMs(): number {
    return this.clock.nowMs();
  }

  /** Claims with room for all. */
  async claimed(
    options: { readonly exclude?: readonly string[]; readonly atMs?: number } = {},
  ): Promise<readonly LeasedDelivery[]> {
    const nowMs = options.atMs ?? this.nowMs;
    const request = { nowMs, leaseUntilMs: nowMs + 60_000, limit: 1_000, perLane: 1_000 };
    return (await this.spool.claim({ ...request, exclude: options.exclude ?? [] })).leased;
  }

  async oneClaimed(): Promise<LeasedDelivery> {
    const [leased] = await this.claimed();
    if (leased === undefined) throw new Error('there was nothing to claim');
    return leased;
  }
}

/** Gives each test of a contract its own store, and takes it away again. */
export function eachWith(engine: Engine): () => Fixture {
  let fixture: Fixture | null = null;
  beforeEach(async () => {
    const clock = new FakeClock();
    fixture = Object.assign(new Fixture(await engine.fresh(clock)), { clock });
  });
  afterEach(async () => {
    await fixture?.store.remove();
  });
  return () => {
    if (fixture === null) throw new Error('no test is running');
    return fixture;
  };
}

/** A message that the spool has taken. */
export async function accepted(fixture: Fixture, options: Partial<SubmissionOptions>): Promise<Submission> {
  const submission = aSubmission({ atMs: fixture.nowMs, ...options });
  await fixture.spool.accept(submission);
  return submission;
}

/** The events of a message, in order. */
export async function kinds(fixture: Fixture, submission: Submission): Promise<readonly string[]> {
  return (await fixture.spool.story(submission.message.id))?.events.map(({ event }) => event) ?? [];
}
