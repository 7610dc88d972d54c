/** One attempt by SMTP: from hop to hop until each recipient has a verdict that another host could not change. */
import type { Outcome } from '../../message/outcome.ts';
import type { Clock } from '../../ports.ts';
import { classify, type Happening, type PeerKind, type Stage } from '../classify.ts';
import type { AttemptResult, Mail } from '../egress.ts';
import type { Connector, NextHop } from './connector.ts';
import { isSafe, type TimePolicy } from './envelope.ts';
import type { SessionPool } from './pool.ts';
import type { Session } from './session.ts';
import { Tally } from './tally.ts';
import { MAX_RECIPIENTS, transact, type Transaction } from './transaction.ts';

export type Carriage = {
  readonly peer: PeerKind;
  readonly connector: Connector;
  readonly pool: SessionPool;
  /** Messages over one connection to that host. */
  readonly maxTransactions: (host: string) => number;
  readonly clock: Clock;
  /** See `Part.times`. */
  readonly times?: TimePolicy;
  /** After this long no further host is tried in the same attempt. */
  readonly patienceMs: number;
};

/** Hosts in the order of trying; returns what it means that there was none, or null when there was one. */
export type NextHops = AsyncGenerator<NextHop, Outcome | null, undefined>;

export type Errand = { readonly mail: Mail; readonly hops: NextHops; readonly signal: AbortSignal };

/** Hosts that are really talked to in one attempt: who refused five times has said it. */
const MAX_HOSTS_TALKED_TO = 5;

export async function carry(errand: Errand, carriage: Carriage): Promise<AttemptResult> {
  const { mail, hops, signal } = errand;
  const { clock, peer } = carriage;
  const tally = new Tally(mail.recipients.length);
  if (!isSafe(mail)) tally.recordRest(UNSAFE);
  const endMs = clock.monotonicMs() + carriage.patienceMs;
  let talks = 0;
  mail.onStage?.('connect');
  while (tally.open.length > 0) {
    const next = await hops.next();
    if (next.done === true) {
      if (next.value !== null) tally.recordRest(next.value);
      break;
    }
    if (signal.aborted) {
      tally.recordRest(classify({ stage: 'connect', happening: { kind: 'aborted' }, peer, who: next.value.host }));
      break;
    }
    const talked = await tryHop(next.value, { errand, carriage, tally });
    if (talked) talks += 1;
    if (talks >= MAX_HOSTS_TALKED_TO || clock.monotonicMs() >= endMs) break;
  }
  await hops.return(null);
  return tally.result();
}

const UNSAFE: Outcome = {
  own: true,
  kind: 'bounced',
  scope: 'message',
  reply: { code: 553, detail: '1.3', text: 'an address of the envelope has control characters' },
};

type Run = { readonly errand: Errand; readonly carriage: Carriage; readonly tally: Tally };

/** @returns whether there was a conversation with that host */
async function tryHop(hop: NextHop, run: Run): Promise<boolean> {
  const { errand, carriage, tally } = run;
  const { mail, signal } = errand;
  const { pool, connector, peer, times } = carriage;
  let queue = tally.open;
  let session = pool.take(hop);
  let reused = session !== null;
  let repeated = false;
  while (queue.length > 0) {
    if (session === null) {
      await pool.makeRoom();
      const opened = await connector.open(hop, signal, mail);
      if (opened.kind === 'failed') {
        const who = nameOf(hop.host, opened.address);
        tally.met({ host: hop.host, address: opened.address, source: null, tls: null });
        fail(classify({ stage: opened.stage, happening: opened.happening, peer, who }), queue, { tally, opened });
        return opened.happening.kind !== 'resting' && opened.stage !== 'connect';
      }
      session = opened.session;
    }
    tally.met(session);
    if (reused) mail.recorder?.note(`a connection that was open already: ${nameOf(hop.host, session.address)}`);
    session.wire.recorder = mail.recorder ?? null;
    const batch = queue.slice(0, MAX_RECIPIENTS);
    const recipients = batch.flatMap((index) => mail.recipients[index] ?? []);
    const judge = judgeOf(session, peer);
    const { transactions } = session;
    const result: Transaction = await transact(session, { mail, recipients, judge, times }, signal);
    if (session.transactions > transactions) tally.mailed = true;
    session.wire.recorder = null;
    if (result.confused) connector.avoidPipelining(session);
    const again = !repeated && ((reused && result.stale) || result.confused);
    pool.give(session, again || result.confused ? 0 : carriage.maxTransactions(session.host));
    session = null;
    reused = false;
    if (again) {
      repeated = true;
      continue;
    }
    repeated = false;
    queue = settled({ batch, queue, result, tally });
    if (queue.length > 0) {
      session = pool.take(hop);
      reused = session !== null;
    }
  }
  return true;
}

type Settled = {
  readonly batch: readonly number[];
  readonly queue: readonly number[];
  readonly result: Transaction;
  readonly tally: Tally;
};

/** Writes down what a transaction came to. @returns who is left to be tried on this host */
function settled({ batch, queue, result, tally }: Settled): readonly number[] {
  result.outcomes.forEach((outcome, at) => {
    const index = batch[at];
    if (index !== undefined) tally.record(index, outcome);
  });
  const rest = queue.slice(batch.length);
  const fate = result.outcomes.find(
    (one) => one.kind !== 'delivered' && one.kind !== 'in-doubt' && one.scope !== 'recipient',
  );
  if (fate !== undefined) {
    // Whatever it is about, it is about the others as well.
    for (const index of rest) tally.record(index, fate);
    return [];
  }
  const doubt = result.outcomes.find((one) => one.kind === 'in-doubt');
  if (doubt !== undefined) {
    for (const index of rest) tally.record(index, { kind: 'deferred', scope: 'host', reply: doubt.reply, own: true });
    return [];
  }
  return [...result.surplus.flatMap((at) => batch[at] ?? []), ...rest];
}

function fail(
  outcome: Outcome,
  queue: readonly number[],
  { tally, opened }: { readonly tally: Tally; readonly opened: { readonly happening: Happening } },
): void {
  // That a host rests says less than what another one said.
  for (const index of queue) if (opened.happening.kind !== 'resting' || !tally.has(index)) tally.record(index, outcome);
}

function judgeOf({ host, address }: Session, peer: PeerKind): (stage: Stage, happening: Happening) => Outcome {
  return (stage, happening) => classify({ stage, happening, peer, who: nameOf(host, address) });
}

function nameOf(host: string, address: string | null): string {
  return address === null || address === host ? host : `${host}[${address}]`;
}
