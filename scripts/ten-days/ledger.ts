/** What was sent, what the relay says came of it, and what the providers have. */
import type { Event } from '../../src/message/event.ts';
import { FINAL_STATES } from '../../src/message/outcome.ts';
import type { SimulatorEvent } from '../simulator/simulator.ts';
import {
  ADDRESSES,
  bindOf,
  capOf,
  DAY_MS,
  exitOf,
  HOUR_MS,
  type Sent,
  START_MS,
  TROUBLES,
  type Trouble,
} from './scenario.ts';

export type Fate = { readonly state: string; readonly atMs: number };
export type Sending = { readonly atMs: number; readonly stream: string };
export type Alert = { readonly atMs: number; readonly name: string; readonly text: string; readonly raised: boolean };

const ENDS: ReadonlySet<string> = new Set(FINAL_STATES);

/** Day from 1. */
export function dayAt(atMs: number): number {
  return Math.floor((atMs - START_MS) / DAY_MS) + 1;
}

/** Hears relay and providers; what is known of a recipient is found by its address. */
export class Ledger {
  /** By recipient; each is written to once. */
  readonly accepted = new Map<string, Sending>();
  readonly fates = new Map<string, Fate>();
  /** By recipient: how often a provider took it. */
  readonly taken = new Map<string, number>();
  /** By recipient: why an attempt ended in doubt. */
  readonly doubted = new Map<string, string>();
  /** By client address and day: messages that providers took. */
  readonly byDay = new Map<string, number>();
  /** When providers took mail, by client address. */
  readonly times = new Map<string, number[]>();
  readonly refusals = new Map<string, number>();
  /** By exit: when it was tried. */
  readonly attempts = new Map<string, number[]>();
  readonly alerts: Alert[] = [];
  readonly failures: string[] = [];
  readonly problems: string[] = [];
  held = 0;

  send(mail: Sent, atMs: number): void {
    for (const recipient of mail.recipients) this.accepted.set(recipient, { atMs, stream: mail.stream });
  }

  readonly heard = (event: Event): void => {
    if (event.event === 'alert') this.alerts.push(event);
    else if (event.event === 'failed') this.failures.push(`day ${dayAt(event.atMs)}: ${event.where}: ${event.cause}`);
    else if (event.event === 'attempted') this.#at(this.attempts, event.attempt.egress).push(event.atMs);
    else if (event.event === 'held') this.held += 1;
    else if (event.event === 'in-doubt')
      for (const recipient of event.recipients) this.doubted.set(recipient, event.reason);
    if (!ENDS.has(event.event) || !('recipients' in event)) return;
    for (const recipient of event.recipients) this.#end(recipient, { state: event.event, atMs: event.atMs });
  };

  readonly provided = (event: SimulatorEvent): void => {
    const day = dayAt(event.atMs);
    if (event.event === 'refused') {
      const what = `${event.provider} ${event.reply.slice(0, 9)}`;
      this.refusals.set(what, (this.refusals.get(what) ?? 0) + 1);
    }
    if (event.event !== 'taken' && event.event !== 'dropped') return;
    const key = `${event.client} ${day}`;
    this.byDay.set(key, (this.byDay.get(key) ?? 0) + 1);
    this.#at(this.times, event.client).push(event.atMs);
    for (const recipient of event.recipients) this.taken.set(recipient, (this.taken.get(recipient) ?? 0) + 1);
  };

  /** Messages that providers took from an address on a day. */
  sentOn(address: number, day: number): number {
    return this.byDay.get(`${bindOf(address)} ${day}`) ?? 0;
  }

  #end(recipient: string, fate: Fate): void {
    if (!this.accepted.has(recipient)) return;
    if (this.fates.has(recipient)) this.problems.push(`${recipient} ended twice`);
    this.fates.set(recipient, fate);
  }

  #at(times: Map<string, number[]>, key: string): number[] {
    const known = times.get(key) ?? [];
    times.set(key, known);
    return known;
  }
}

/**
 * What an address may send on each day by the standard warm-up: worked out from what the providers took and the days on
 * which the relay told of a step back.
 */
export function capsOf(
  ledger: Ledger,
  address: number,
  terms: { readonly days: number; readonly dailyLimit: number },
): number[] {
  let steps = 0;
  const caps: number[] = [];
  for (let day = 1; day <= terms.days; day++) {
    caps.push(steps >= 6 ? terms.dailyLimit : capOf(steps, terms.dailyLimit));
    const isBack = ledger.alerts.some(
      ({ name, raised, atMs }) => raised && name === `warmup:${exitOf(address)}` && dayAt(atMs) === day,
    );
    if (steps >= 6) continue;
    if (isBack) steps = Math.max(0, steps - 1);
    else if (ledger.sentOn(address, day) > 0) steps += 1;
  }
  return caps;
}

/** Whatever is not as it must be; empty: all is. @param waiting recipients that are in the queue yet */
export function problemsOf(
  ledger: Ledger,
  terms: { readonly days: number; readonly dailyLimit: number; readonly waiting: number },
): string[] {
  const problems = [...ledger.problems];
  for (let address = 1; address <= ADDRESSES; address++) {
    const caps = capsOf(ledger, address, terms);
    for (const [place, cap] of caps.entries()) {
      const sent = ledger.sentOn(address, place + 1);
      if (sent > cap) problems.push(`${exitOf(address)} sent ${sent} on day ${place + 1}, more than ${cap}`);
    }
  }
  const open = [...ledger.accepted.keys()].filter((recipient) => !ledger.fates.has(recipient));
  if (open.length !== terms.waiting)
    problems.push(`${open.length} recipients have no end, and ${terms.waiting} are in the queue`);
  for (const [recipient, { state }] of ledger.fates) {
    const taken = ledger.taken.get(recipient) ?? 0;
    if (state === 'delivered' && taken === 0) problems.push(`${recipient} is delivered, and no provider has it`);
    if (taken > 1 && !ledger.doubted.has(recipient)) problems.push(`${recipient} was taken ${taken} times`);
    if (state !== 'delivered' && taken > 0 && !ledger.doubted.has(recipient))
      problems.push(`${recipient} ${state}, and a provider has it`);
  }
  for (const trouble of TROUBLES) problems.push(...troubleProblems(ledger, trouble, terms.days));
  return problems;
}

/** How long it may take until something is known: connections that stand die away, lists are asked hourly. */
const KNOWN_HOURS: Readonly<Record<Trouble['kind'], number>> = { missing: 0.1, hangs: 0.25, blocked: 13, listed: 1.1 };
/** And until mail goes out again. */
const BACK_HOURS = 20;
/** Where less is left, it is not known. */
const BACK_LEAST_HOURS = 12;

function troubleProblems(ledger: Ledger, trouble: Trouble, days: number): string[] {
  const { address, kind, fromHour, untilHour } = trouble;
  const exit = exitOf(address);
  const problems: string[] = [];
  const within = (fromAt: number, untilAt: number): number =>
    (ledger.times.get(bindOf(address)) ?? []).filter(
      (atMs) => atMs >= START_MS + fromAt * HOUR_MS && atMs < START_MS + untilAt * HOUR_MS,
    ).length;
  const during = within(fromHour + KNOWN_HOURS[kind], untilHour);
  if (during > 0) problems.push(`${exit} (${kind}) sent ${during} messages while it was out`);
  const untilAt = Math.min(untilHour + BACK_HOURS, days * 24);
  if (untilAt - untilHour >= BACK_LEAST_HOURS && within(untilHour, untilAt) === 0)
    problems.push(`${exit} (${kind}) sent nothing in the ${untilAt - untilHour} h after it could again`);
  return problems;
}
