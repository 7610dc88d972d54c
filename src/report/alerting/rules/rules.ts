/** The rules with thresholds of the policy: what is so now, judged every half minute, and told when it begins and when it ends. */
import type { Event } from '../../../message/event.ts';
import type { Policy } from '../../../policy/schema.ts';
import { formatAge } from '../../../policy/units.ts';
import type { Clock, Emit } from '../../../ports.ts';
import type { Tallies } from '../../../spool/tallies.ts';
import { attemptsByExit, type Attempts, ATTEMPTS, AttemptBook, lastHourMs } from './attempt-book.ts';
import type { Finding } from './raised.ts';
import { Raised } from './raised.ts';
import type { OldMail } from './queue-age.ts';
import { repeated } from '../../../running/repeated.ts';

export type RulesNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly tallies: Pick<Tallies, 'count' | 'counts'>;
  /** What waits, is neither held nor scheduled, and is older. */
  readonly oldMail: (thanMs: number) => Promise<OldMail>;
  /** Why nothing can be accepted; null: it can. */
  readonly trouble: () => string | null;
};

export type Rules = AsyncDisposable & {
  /** A sink of every event. */
  heard(event: Event): void;
  /** Judges now. Never rejects. */
  look(): Promise<void>;
};

const LOOK_MS = 30_000;
/** What lasts no longer than that is not told. */
const TROUBLE_MS = 10_000;

/** Goes on until it is disposed of. */
export function openRules(needs: RulesNeeds): Rules {
  const watch = new RuleWatch(needs);
  const look = (): Promise<void> => {
    watch.lookAtSpool();
    return watch.lookWhenDue();
  };
  const looking = repeated(look, { clock: needs.clock, everyMs: TROUBLE_MS });
  return {
    heard: (event) => watch.heard(event),
    look: () => watch.look(),
    [Symbol.asyncDispose]: async () => {
      await looking[Symbol.asyncDispose]();
      await watch.flush();
    },
  };
}

class RuleWatch {
  readonly #needs: RulesNeeds;
  readonly #book = new AttemptBook();
  readonly #raised: Raised;
  #troubled = false;
  #lookedMs = Number.NEGATIVE_INFINITY;

  constructor(needs: RulesNeeds) {
    this.#needs = needs;
    this.#raised = new Raised(needs);
  }

  heard(event: Event): void {
    if (event.event === 'policy-refused') this.#raised.set('policy-refused', { text: refusedText(event.problems) });
    else if (event.event === 'policy-applied')
      this.#raised.set('policy-refused', null, `policy ${event.version} is in force`);
    else this.#book.heard(event);
  }

  /** Adds what was counted to the figures of all nodes. Never rejects. */
  async flush(): Promise<void> {
    const entries = this.#book.take();
    if (entries.length > 0) await this.#needs.tallies.count(entries).catch(() => this.#book.putBack(entries));
  }

  /** Twice in a row: what ends by itself is not told. */
  lookAtSpool(): void {
    const trouble = this.#needs.trouble();
    const isSo = trouble !== null && this.#troubled;
    this.#troubled = trouble !== null;
    if (isSo) this.#raised.set('spool-trouble', { text: `no mail is taken (451 or 452): ${trouble}` });
    else if (trouble === null) this.#raised.set('spool-trouble', null, 'the spool takes mail again');
  }

  async lookWhenDue(): Promise<void> {
    if (this.#needs.clock.monotonicMs() - this.#lookedMs >= LOOK_MS) await this.look();
  }

  /** A store that is away changes nothing: it tells so itself. */
  async look(): Promise<void> {
    this.#lookedMs = this.#needs.clock.monotonicMs();
    await this.flush();
    await this.#lookAtAttempts().catch(() => undefined);
    await this.#lookAtQueue().catch(() => undefined);
  }

  async #lookAtAttempts(): Promise<void> {
    const { policy, clock, tallies } = this.#needs;
    const { failureRate, failuresFrom, duplicateRate } = policy().alerts;
    const exits = attemptsByExit(await tallies.counts(ATTEMPTS, lastHourMs(clock.nowMs())));
    const found = new Map<string, Finding>();
    let [tried, doubted] = [0, 0];
    for (const [egress, attempts] of exits) {
      tried += attempts.tried;
      doubted += attempts.doubted;
      const share = shareOf(attempts.failed, attempts.tried);
      if (failureRate === null || egress === '' || attempts.tried < failuresFrom || share <= failureRate) continue;
      found.set(`failure-rate:${egress}`, { text: failureText(egress, attempts, failureRate), isLive: true });
    }
    if (duplicateRate !== null && tried >= failuresFrom && shareOf(doubted, tried) > duplicateRate)
      found.set('duplicate-rate', { text: doubtText({ tried, doubted }, duplicateRate), isLive: true });
    this.#raised.become(['failure-rate', 'duplicate-rate'], found, (name) =>
      name === 'duplicate-rate'
        ? `no more than ${duplicateRate ?? 0} % of the attempts of the last hour are in doubt`
        : `${name.slice(name.indexOf(':') + 1)}: no more than ${failureRate ?? 0} % of the attempts of the last hour failed`,
    );
  }

  async #lookAtQueue(): Promise<void> {
    const { policy, oldMail } = this.#needs;
    const { queueAge, queueAgeFrom } = policy().alerts;
    const over = 'no mail waits for longer than it may';
    if (queueAge === null) return this.#raised.set('queue-age', null, over);
    const old = await oldMail(queueAge);
    if (old.deliveries < queueAgeFrom) return this.#raised.set('queue-age', null, over);
    const where = old.domains.map(({ domain, deliveries }) => `${domain} (${deliveries})`).join(', ');
    const count = `${old.isWhole ? '' : 'at least '}${old.deliveries} ${old.deliveries === 1 ? 'delivery waits' : 'deliveries wait'}`;
    this.#raised.set('queue-age', { text: `${count} for more than ${formatAge(queueAge)}: ${where}`, isLive: true });
  }
}

function shareOf(some: number, all: number): number {
  return all === 0 ? 0 : (100 * some) / all;
}

function percent(some: number, all: number): string {
  return `${Math.round(shareOf(some, all) * 10) / 10} %`;
}

function failureText(egress: string, { failed, tried }: Attempts, most: number): string {
  return (
    `${percent(failed, tried)} of the attempts by ${egress} failed in the last hour (${failed} of ${tried}; ${most} % are allowed). ` +
    'Mail is tried again as the policy says'
  );
}

function doubtText({ doubted, tried }: Pick<Attempts, 'doubted' | 'tried'>, most: number): string {
  return `${percent(doubted, tried)} of the attempts of the last hour are in doubt (${doubted} of ${tried}; ${most} % are allowed): as many copies may be out`;
}

function refusedText(problems: readonly string[]): string {
  const [first = 'it cannot be read', ...others] = problems;
  const more = others.length === 0 ? '' : ` (and ${others.length} more)`;
  return `the policy file is not in force, the one before is: ${first}${more}`;
}
