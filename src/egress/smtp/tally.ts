import type { Outcome } from '../../message/outcome.ts';
import type { AttemptResult } from '../egress.ts';
import type { Extensions } from './extensions.ts';

/** Who was talked to last. */
type Peer = Omit<AttemptResult, 'outcomes' | 'reportsSuccess'> & { readonly extensions?: Extensions };

/** The outcomes of one attempt as they come in, recipient by recipient. */
export class Tally {
  readonly #outcomes: (Outcome | undefined)[];
  #peer: Peer = { host: null, address: null, source: null, tls: null };

  constructor(recipients: number) {
    this.#outcomes = Array.from({ length: recipients });
  }

  /** Positions of recipients for whom another host may do better. */
  get open(): readonly number[] {
    const open: number[] = [];
    this.#outcomes.forEach((outcome, index) => {
      if (outcome === undefined || isOfHost(outcome)) open.push(index);
    });
    return open;
  }

  has(index: number): boolean {
    return this.#outcomes[index] !== undefined;
  }

  record(index: number, outcome: Outcome): void {
    const before = this.#outcomes[index];
    // A host that can never take the message does not outweigh one that may later.
    if (before?.kind === 'deferred' && outcome.kind === 'bounced' && isOfHost(outcome)) return;
    this.#outcomes[index] = outcome;
  }

  /** For everyone without an outcome. */
  recordRest(outcome: Outcome): void {
    for (const index of this.#outcomes.keys()) this.#outcomes[index] ??= outcome;
  }

  met(peer: Peer): void {
    this.#peer = peer;
  }

  result(): AttemptResult {
    const { host, address, source, tls, extensions } = this.#peer;
    const outcomes = this.#outcomes.map((outcome) => widened(outcome ?? UNKNOWN));
    return { outcomes, host, address, source, tls, reportsSuccess: extensions?.dsn ?? false };
  }
}

const UNKNOWN: Outcome = {
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
