import type { AttemptResult, Egress, Mail, Peer } from '../../src/egress/egress.ts';
import type { Outcome } from '../../src/message/outcome.ts';
import type { FakeClock } from './clock.ts';

export const OUTCOMES = {
  delivered: { kind: 'delivered', reply: { code: 250, detail: '2.0', text: 'queued' } },
  unknownUser: { kind: 'bounced', reply: { code: 550, detail: '1.1', text: 'no such user' }, scope: 'recipient' },
  greylisted: { kind: 'deferred', reply: { code: 451, detail: '7.1', text: 'greylisted' }, scope: 'recipient' },
  /** Of this mailbox alone, and it names no time: tried again as the plan says. */
  notNow: { kind: 'deferred', reply: { code: 450, detail: '2.1', text: 'mailbox busy' }, scope: 'recipient' },
  rateLimited: {
    kind: 'deferred',
    reply: { code: 421, detail: '7.28', text: 'unusual rate of mail from your address' },
    scope: 'message',
  },
  /** 5yz, of the address that the mail came by. */
  blocked: {
    kind: 'bounced',
    reply: { code: 550, detail: '7.1', text: 'blocked using zen.spamhaus.org' },
    scope: 'egress',
  },
  refused: { kind: 'deferred', reply: { code: 451, detail: '3.2', text: 'too busy' }, scope: 'message' },
  unreachable: { kind: 'deferred', reply: { code: 451, detail: '4.1', text: 'connect: no answer' }, scope: 'host' },
  exitDown: { kind: 'deferred', reply: { code: 451, detail: '4.1', text: 'cannot leave' }, scope: 'egress' },
  signInRefused: { kind: 'deferred', reply: { code: 535, detail: '7.8', text: 'wrong password' }, scope: 'egress' },
  doubt: { kind: 'in-doubt', reply: { code: 451, detail: '4.2', text: 'no reply to the final dot' } },
} as const satisfies Record<string, Outcome>;

export type Attempt = { readonly mail: Mail; readonly atMs: number; readonly number: number };
/** What an attempt comes to: one outcome for all recipients, or one each. May take time, and may throw. */
export type Answer = (attempt: Attempt, signal: AbortSignal) => Outcome | Outcome[] | Promise<Outcome | Outcome[]>;

/** The edge of the network: an exit whose attempts come to what the test says. */
export class ScriptedEgress implements Egress {
  readonly name: string;
  readonly attempts: Attempt[] = [];
  readonly #clock: FakeClock;
  concurrency = 100;
  /** Delivers unless told otherwise. */
  answer: Answer = () => OUTCOMES.delivered;
  /** Who answered for each recipient; null: one server for all. */
  peers: readonly Peer[] | null = null;
  /** Whether an attempt comes as far as MAIL. */
  mailed: (attempt: Attempt) => boolean = () => true;
  inFlight = 0;
  mostInFlight = 0;

  constructor(name: string, clock: FakeClock) {
    this.name = name;
    this.#clock = clock;
  }

  async attempt(mail: Mail, signal: AbortSignal): Promise<AttemptResult> {
    const attempt = { mail, atMs: this.#clock.nowMs(), number: this.attempts.length + 1 };
    this.attempts.push(attempt);
    this.inFlight += 1;
    this.mostInFlight = Math.max(this.mostInFlight, this.inFlight);
    try {
      const outcomes = await this.answer(attempt, signal);
      return {
        outcomes: Array.isArray(outcomes) ? outcomes : mail.recipients.map(() => outcomes),
        host: `mx.${mail.domain}`,
        address: '192.0.2.25',
        source: '192.0.2.1',
        tls: null,
        mailed: this.mailed(attempt),
        ...(this.peers === null ? {} : { peers: this.peers }),
      };
    } finally {
      this.inFlight -= 1;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

/** Takes so long, then comes to that; stops at once when it is cut off. */
export function after(clock: FakeClock, delayMs: number, outcome: Outcome = OUTCOMES.delivered): Answer {
  return async (_, signal) => {
    try {
      await clock.sleep(delayMs, signal);
      return outcome;
    } catch {
      return { kind: 'deferred', reply: { code: 451, detail: '3.2', text: 'stopped' }, scope: 'message' };
    }
  };
}
