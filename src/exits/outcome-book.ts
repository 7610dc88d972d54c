/**
 * Counts what came of mail, from the events: for each exit and mailbox provider, and for the whole relay. Added to the
 * tallies every few seconds, so that all nodes and workers know it; a process that is killed takes the last of it along.
 */
import type { AttemptRecord, CameBack, Event, MessageEvent } from '../message/event.ts';
import type { FinalState } from '../message/outcome.ts';
import { isBlock, refusalOf } from '../message/refusal.ts';
import { replyClass, type Reply } from '../message/reply.ts';
import { providerOf } from '../policy/providers.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import {
  DAY_MS,
  type FlowKind,
  FLOWS,
  FLOWS_BY_DAY,
  HOUR_MS,
  type OutcomeKind,
  outcomeName,
  OUTCOMES,
  OUTCOMES_BY_DAY,
} from '../routing/outcome-figures.ts';
import { REPORT_KINDS, reportAccount, type ReportKind } from '../routing/report-figures.ts';
import { TALLIES_AT_ONCE, type Tallies, type Tally } from '../spool/tallies.ts';
import { repeated } from '../running/repeated.ts';

/** Hours are for reputation and for the last week, days for the last month. */
const HOURS_KEPT_MS = 10 * DAY_MS;
const DAYS_KEPT_MS = 40 * DAY_MS;
/** Figures that wait for a store that is away: more than 25 exits and as many providers come to in some hours. */
const MOST_WAITING = 20_000;
const MOST_HOSTS = 2_000;

type Attempt = {
  readonly provider: string;
  readonly reply: Reply;
  readonly isOwn: boolean;
  /** Whose story did not end by it. */
  readonly left: Set<string>;
  bounced: boolean;
};

/** What is written at once of one delivery: its attempts come first, then what they came to. */
type Settled = { readonly deliveryId: string; readonly atMs: number; readonly attempts: Map<string, Attempt> };

export class OutcomeBook {
  readonly #policy: () => Policy | null;
  #waiting = new Map<string, { entry: Tally; amount: number }>();
  #settled: Settled | null = null;
  #providers = new Map<string, string>();
  #providersOf: Policy | null = null;
  /** Of what was not counted because too much waited. */
  lost = 0;

  /** @param policy null before the first is in force */
  constructor(policy: () => Policy | null) {
    this.#policy = policy;
  }

  /** A sink for `createEmit`. */
  readonly sink: Emit = (event) => this.#hear(event);

  /** Takes out all that was counted; `add` puts it back. */
  take(): Tally[] {
    this.#close();
    const taken = [...this.#waiting.values()].map(({ entry, amount }) => ({ ...entry, amount }));
    this.#waiting = new Map();
    return taken;
  }

  add(entries: readonly Tally[]): void {
    for (const { amount, ...entry } of entries) this.#count(entry, amount);
  }

  #hear(event: Event): void {
    if (!('deliveryId' in event)) {
      if (event.event === 'received') this.#flow('accepted', event);
      return;
    }
    const { event: what } = event;
    if (isReport(what)) this.#reported(what, event);
    if (what === 'attempted') return this.#attempted(event);
    if (what === 'bounced-later') return this.#bouncedLater(event);
    if (what === 'complained') return this.#complained(event);
    if (what === 'delivered' || what === 'bounced') this.#ended(event, what);
    if (isFlow(what)) this.#flow(what, event);
  }

  #attempted(event: MessageEvent & { readonly event: 'attempted' }): void {
    const { attempt, deliveryId, atMs, recipients } = event;
    if (this.#settled?.deliveryId !== deliveryId || this.#settled.atMs !== atMs) {
      this.#close();
      this.#settled = { deliveryId, atMs, attempts: new Map() };
    }
    this.#settled.attempts.set(attempt.egress, this.#attemptOf(attempt, recipients));
  }

  #attemptOf({ host, reply, own }: AttemptRecord, recipients: readonly string[]): Attempt {
    return { provider: this.#providerOf(host), reply, isOwn: own === true, left: new Set(recipients), bounced: false };
  }

  /** Without an attempt it was an operator who ended it. */
  #ended(event: Extract<Event, { event: FinalState }>, what: 'delivered' | 'bounced'): void {
    const { deliveryId, atMs, egress, reply, recipients } = event;
    const settled = this.#settled;
    if (settled?.deliveryId !== deliveryId || settled.atMs !== atMs || egress === null) return;
    const attempt = settled.attempts.get(egress);
    if (attempt === undefined) return;
    for (const recipient of recipients) attempt.left.delete(recipient);
    if (what === 'bounced') attempt.bounced = true;
    const isSilent = reply === null || attempt.isOwn;
    const kind = what === 'delivered' ? what : isSilent ? null : refusalKind(reply, 'bounced');
    this.#outcome({ egress, provider: attempt.provider, kind }, { atMs, recipients: recipients.length });
  }

  #bouncedLater({ atMs, egress, host, reply, recipients }: CameBack & { readonly event: 'bounced-later' }): void {
    if (egress === null) return;
    const kind = refusalKind(reply, 'bounced');
    this.#outcome({ egress, provider: this.#providerOf(host), kind }, { atMs, recipients: recipients.length });
  }

  /** By whoever it was: one that does not say of whom is one of somebody. */
  #complained({ atMs, egress, host = null, recipients }: Extract<CameBack, { readonly detail: string }>): void {
    if (egress === null) return;
    const by = { egress, provider: this.#providerOf(host), kind: 'complained' } as const;
    this.#outcome(by, { atMs, recipients: Math.max(1, recipients.length) });
  }

  /** Those whose story goes on were deferred, each by every exit that was tried. */
  #close(): void {
    const settled = this.#settled;
    this.#settled = null;
    for (const [egress, attempt] of settled?.attempts ?? []) {
      const { provider, left } = attempt;
      if (left.size === 0) continue;
      const kind = deferralKind(attempt);
      this.#outcome({ egress, provider, kind }, { atMs: settled?.atMs ?? 0, recipients: left.size });
    }
  }

  #outcome(
    {
      egress,
      provider,
      kind,
    }: { readonly egress: string; readonly provider: string; readonly kind: OutcomeKind | null },
    { atMs, recipients }: { readonly atMs: number; readonly recipients: number },
  ): void {
    if (kind === null) return;
    const name = outcomeName({ egress, provider, kind });
    this.#add({ hours: OUTCOMES, days: OUTCOMES_BY_DAY, name }, { atMs, amount: recipients });
  }

  #reported(kind: ReportKind, { egress = null, atMs, recipients }: Reported): void {
    if (egress === null) return;
    const day = Math.floor(atMs / DAY_MS) * DAY_MS;
    const entry = { account: reportAccount(egress, kind), startsAtMs: day, keepUntilMs: day + DAYS_KEPT_MS };
    this.#count(entry, Math.max(1, recipients.length));
  }

  #flow(kind: FlowKind, { atMs, recipients }: { readonly atMs: number; readonly recipients: readonly string[] }): void {
    this.#add({ hours: FLOWS, days: FLOWS_BY_DAY, name: kind }, { atMs, amount: recipients.length });
  }

  #add(
    { hours, days, name }: { readonly hours: string; readonly days: string; readonly name: string },
    { atMs, amount }: { readonly atMs: number; readonly amount: number },
  ): void {
    const hour = Math.floor(atMs / HOUR_MS) * HOUR_MS;
    const day = Math.floor(atMs / DAY_MS) * DAY_MS;
    this.#count({ account: hours + name, startsAtMs: hour, keepUntilMs: hour + HOURS_KEPT_MS }, amount);
    this.#count({ account: days + name, startsAtMs: day, keepUntilMs: day + DAYS_KEPT_MS }, amount);
  }

  #count(entry: Omit<Tally, 'amount'>, amount: number): void {
    const key = `${entry.startsAtMs} ${entry.account}`;
    const known = this.#waiting.get(key);
    if (known !== undefined) known.amount += amount;
    else if (this.#waiting.size < MOST_WAITING) this.#waiting.set(key, { entry: { ...entry, amount: 0 }, amount });
    else this.lost += amount;
  }

  #providerOf(host: string | null): string {
    const policy = this.#policy();
    if (policy === null) return 'other';
    if (policy !== this.#providersOf || this.#providers.size >= MOST_HOSTS) {
      this.#providers = new Map();
      this.#providersOf = policy;
    }
    const known = this.#providers.get(host ?? '');
    if (known !== undefined) return known;
    const provider = providerOf(policy, host);
    this.#providers.set(host ?? '', provider);
    return provider;
  }
}

type Reported = { readonly egress?: string | null; readonly atMs: number; readonly recipients: readonly string[] };

function isReport(what: string): what is ReportKind {
  return REPORT_KINDS.some((kind) => kind === what);
}

function isFlow(what: MessageEvent['event']): what is Exclude<FlowKind, 'accepted'> & MessageEvent['event'] {
  return FLOWS_OF_EVENTS.has(what);
}

const FLOWS_OF_EVENTS: ReadonlySet<string> = new Set<FlowKind>([
  'delivered',
  'deferred',
  'bounced',
  'expired',
  'suppressed',
  'discarded',
]);

/** The server wants a sign-in or TLS: it says nothing of mail (RFC 4954 §6, RFC 3207 §4). */
const SIGN_IN: ReadonlySet<number> = new Set([454, 530, 534, 535, 538]);

/** null: it says nothing of the exit. */
function deferralKind({ reply, isOwn, bounced }: Attempt): OutcomeKind | null {
  const verdict = replyClass(reply);
  // What the server told the others beside those that it bounced is not recorded; they are tried again, and told then.
  if (isOwn || bounced || verdict === 'success' || verdict === 'more' || SIGN_IN.has(reply.code)) return null;
  return refusalKind(reply, 'deferred');
}

/**
 * A mailbox that is full, a server that wants to see the mail again, and one that was sent too much at once say nothing of
 * what is thought of the exit: unless the last one says that it is.
 */
function refusalKind(reply: Reply, otherwise: 'bounced' | 'deferred'): OutcomeKind | null {
  const refusal = refusalOf(reply);
  if (isBlock(refusal)) return 'blocked';
  if (refusal === 'rate-limited') return STANDING.test(reply.text) ? otherwise : null;
  return refusal === 'greylisted' || refusal === 'mailbox-full' ? null : otherwise;
}

/** Words of those that want less because of what the address sent before: Gmail, Yahoo, Microsoft (docs/replies.md). */
const STANDING = /\b(?:reputation|complaints?|unsolicited)\b/i;

const FLUSH_EVERY_MS = 2_000;

export type FlushNeeds = {
  readonly book: OutcomeBook;
  readonly tallies: Pick<Tallies, 'count'>;
  readonly clock: Clock;
  readonly emit: Emit;
};

/** Adds what was counted to the tallies, now and then, and once more when it is disposed of. */
export function flushOutcomes(needs: FlushNeeds): AsyncDisposable {
  const { clock, emit } = needs;
  let failures = 0;
  const look = async (): Promise<void> => {
    const cause = await flush(needs);
    failures = cause === null ? 0 : failures + 1;
    // A store that is away tells so itself; this says once what waits.
    if (failures === 1) emit({ event: 'failed', atMs: clock.nowMs(), where: 'outcomes', cause: String(cause) });
  };
  const looking = repeated(look, { clock, everyMs: FLUSH_EVERY_MS });
  return {
    [Symbol.asyncDispose]: async () => {
      await looking[Symbol.asyncDispose]();
      await flush(needs);
    },
  };
}

/** Kept for the next time where the store is away, though some of it may have been written. @returns why it was not */
async function flush({ book, tallies }: FlushNeeds): Promise<unknown> {
  const entries = book.take();
  for (let start = 0; start < entries.length; start += TALLIES_AT_ONCE) {
    try {
      await tallies.count(entries.slice(start, start + TALLIES_AT_ONCE));
    } catch (cause) {
      book.add(entries.slice(start));
      return cause ?? 'unknown';
    }
  }
  return null;
}
