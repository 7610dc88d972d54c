/** What is checked of the exits once a node: whether they work, and whether their addresses are listed. */
import { probe } from '../egress/probe.ts';
import { ExitHealth } from './health.ts';
import { ExitListings } from './listings.ts';
import { MarkWriter } from './mark-writer.ts';
import type { Event } from '../message/event.ts';
import type { Policy } from '../policy/schema.ts';
import type { Emit, Ports } from '../ports.ts';
import type { Marks } from '../spool/marks.ts';
import type { Spool } from '../spool/spool.ts';
import type { AddressProbe } from './whereabouts.ts';

export type ExitChecksNeeds = Pick<Ports, 'clock' | 'random' | 'dns' | 'dial'> & {
  readonly policy: () => Policy;
  readonly emit: Emit;
  readonly marks: Marks;
  readonly hold: Spool['hold'];
  /** This relay's name among those that share the spool. */
  readonly node: string;
  readonly isShared: boolean;
  readonly canSendFrom: AddressProbe;
};

export type ExitChecks = AsyncDisposable & {
  /** To be told of every event: what becomes of mail says something of exits. */
  heard(event: Event): void;
};

const TICK_MS = 1_000;
const LAST_WORDS_MS = 2_000;

/** Goes on until it is disposed of. */
export function openExitChecks(needs: ExitChecksNeeds): ExitChecks {
  const { policy, clock, marks, canSendFrom } = needs;
  const ending = new AbortController();
  const { signal } = ending;
  const writer = new MarkWriter(marks, clock);
  const health = new ExitHealth(
    {
      ...needs,
      writer,
      probe: (egress, stop) => {
        const { hostname, health: terms } = policy();
        return probe(egress, { ...needs, hostname, timeoutMs: terms.timeout, canSendFrom }, stop);
      },
    },
    signal,
  );
  const listings = new ExitListings({ ...needs, writer }, signal);
  const run = async (): Promise<void> => {
    await health.start();
    while (!signal.aborted) {
      health.tick();
      listings.tick();
      await clock.sleep(TICK_MS, signal).catch(() => undefined);
      // Behind the wait, so that what a check came to is not a second late.
      void writer.flush();
    }
    await health.rest();
    await listings.rest();
    await writer.flush();
  };
  const running = run();
  return {
    heard: (event) => health.heard(event),
    [Symbol.asyncDispose]: () => {
      ending.abort(new Error('the relay ends'));
      // A store that is away is not waited for: the next start checks anew.
      return Promise.race([running, clock.sleep(LAST_WORDS_MS)]);
    },
  };
}
