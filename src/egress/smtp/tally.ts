import type { Outcome } from '../../message/outcome.ts';
import type { AttemptResult, Peer } from '../egress.ts';
import type { Extensions } from './extensions.ts';

/** Who is talked to. */
type Met = Omit<Peer, 'reportsSuccess'> & { readonly extensions?: Extensions };

type Entry = { readonly outcome: Outcome; readonly peer: Peer };

/** The outcomes of one attempt as they come in, recipient by recipient. */
export class Tally {
  readonly #entries: (Entry | undefined)[];
  #peer = NOBODY;
  /** Who gave the last outcome. */
  #last = NOBODY;
  /** Somebody was sent a MAIL command. */
  mailed = false;

  constructor(recipients: number) {
    this.#entries = Array.from({ length: recipients });
  }

  /** Positions of recipients for whom another host may do better. */
  get open(): readonly number[] {
    const open: number[] = [];
    this.#entries.forEach((entry, index) => {
      if (entry === undefined || isOfHost(entry.outcome)) open.push(index);
    });
    return open;
  }

  has(index: number): boolean {
    return this.#entries[index] !== undefined;
  }

  /** What the one who was met last says. */
  record(index: number, outcome: Outcome): void {
    const before = this.#entries[index]?.outcome;
    // A host that can never take the message does not outweigh one that may later.
    if (before?.kind === 'deferred' && outcome.kind === 'bounced' && isOfHost(outcome)) return;
    this.#entries[index] = { outcome, peer: this.#peer };
    this.#last = this.#peer;
  }

  /** For everyone without an outcome; nobody said it. */
  recordRest(outcome: Outcome): void {
    for (const index of this.#entries.keys()) this.#entries[index] ??= { outcome, peer: NOBODY };
  }

  met({ host, address, source, tls, extensions }: Met): void {
    this.#peer = { host, address, source, tls, reportsSuccess: extensions?.dsn ?? false };
  }

  result(): AttemptResult {
    const entries = this.#entries.map((entry) => entry ?? { outcome: UNKNOWN, peer: NOBODY });
    const outcomes = entries.map(({ outcome }) => widened(outcome));
    return { ...this.#last, outcomes, mailed: this.mailed, peers: entries.map(({ peer }) => peer) };
  }
}

const NOBODY: Peer = { host: null, address: null, source: null, tls: null, reportsSuccess: false };

const UNKNOWN: Outcome = {
  own: true,
  kind: 'deferred',
  scope: 'message',
  reply: { code: 451, detail: '3.0', text: 'no host was tried' },
};

function isOfHost(outcome: Outcome): boolean {
  return (outcome.kind === 'deferred' || outcome.kind === 'bounced') && outcome.scope === 'host';
}

/** All hosts have said no for good: so it is about the message, not about one of them. */
function widened(outcome: Outcome): Outcome {
  return outcome.kind === 'bounced' && outcome.scope === 'host' ? { ...outcome, scope: 'message' } : outcome;
}
