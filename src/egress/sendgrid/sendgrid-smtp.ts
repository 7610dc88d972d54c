/** SendGrid by its SMTP server: the message as it is, with one header field on top of it. */
import type { Outcome } from '../../message/outcome.ts';
import { plainText } from '../../message/plain-text.ts';
import { formatReply } from '../../message/reply.ts';
import type { CloudKey } from '../cloud/provider.ts';
import { KeyTurns } from '../cloud/keys.ts';
import { ProviderAlert } from '../cloud/provider-alert.ts';
import { outcomeOf, restAfter } from '../cloud/verdict-on.ts';
import type { AttemptResult, Egress, Mail, Peer, Whether } from '../egress.ts';
import type { ExitPorts } from '../smtp/smtp-exit.ts';
import { isLack, meaningOf, queuedIdOf, type SmtpMeaning } from './smtp-replies.ts';
import { smtpApiField } from './smtp-api.ts';

export type SendGridSmtpOptions = {
  readonly name: string;
  readonly concurrency: number;
  readonly keys: readonly CloudKey[];
  /** What carries mail with that key. */
  readonly exitOf: (key: CloudKey) => Egress;
  /** What of the message goes out. */
  readonly fitted: (mail: Mail) => Promise<Buffer>;
  /** Asks SendGrid whether it took a mail that is in doubt; null: it cannot be asked. */
  readonly ask: ((mail: Mail, key: CloudKey, signal: AbortSignal) => Promise<Whether>) | null;
  /** What is to be closed with the exit. */
  readonly dispose: () => Promise<void>;
  readonly ports: Pick<ExitPorts, 'clock' | 'emit'>;
};

const TITLE = 'SendGrid';
/** So long an exit that took a message is taken to be in order. */
const ALIVE_MS = 600_000;

export class SendGridSmtp implements Egress {
  readonly name: string;
  readonly concurrency: number;
  // Only where there is somebody to ask.
  declare readonly whether?: NonNullable<Egress['whether']>;
  readonly #options: SendGridSmtpOptions;
  readonly #keys: KeyTurns;
  readonly #alert: ProviderAlert;
  readonly #exits = new Map<CloudKey, Egress>();
  readonly #underWay = new Set<Promise<unknown>>();
  /** How often in a row, and until when, monotonic ms. */
  #throttled = { times: 0, untilMs: 0 };
  #tookAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: SendGridSmtpOptions) {
    const { name, concurrency, keys, ports } = options;
    this.name = name;
    this.concurrency = concurrency;
    this.#options = options;
    this.#keys = new KeyTurns(name, keys, ports);
    this.#alert = new ProviderAlert(`exit-provider:${name}`, ports);
    const { ask } = options;
    if (ask === null) return;
    this.whether = (mail, signal) => {
      const key = this.#keys.first();
      return key === null ? Promise.resolve({ kind: 'unknown' }) : this.#kept(ask(mail, key, signal));
    };
  }

  attempt(mail: Mail, signal: AbortSignal): Promise<AttemptResult> {
    return this.#kept(this.#attempt(mail, signal));
  }

  #kept<T>(work: Promise<T>): Promise<T> {
    const kept = work.finally(() => this.#underWay.delete(kept));
    this.#underWay.add(kept);
    return kept;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled(this.#underWay);
    await this.#options.dispose();
    this.#keys.close();
    this.#alert.end(`${this.name}: its settings are others, or it is not used any more`);
    await Promise.all([...this.#exits.values()].map((exit) => exit[Symbol.asyncDispose]()));
  }

  async #attempt(mail: Mail, signal: AbortSignal): Promise<AttemptResult> {
    const { ports, fitted, name } = this.#options;
    let content: Buffer;
    try {
      content = Buffer.concat([Buffer.from(smtpApiField(mail)), await fitted(mail)]);
    } catch (cause) {
      ports.emit({ event: 'failed', atMs: ports.clock.nowMs(), where: `egress ${name}`, cause: String(cause) });
      return unsent(mail, { code: 451, detail: '6.0', text: 'it could not be made ready for SendGrid' });
    }
    const sent = { ...mail, content };
    let result = unsent(mail, { code: 451, detail: '7.8', text: 'the exit has no key' });
    for (const key of this.#keys.order()) {
      result = await this.#exitWith(key).attempt(sent, signal);
      const refusal = result.outcomes.find((outcome) => meaningOf(outcome).kind === 'key');
      // Another key would send it once more to those who have it.
      const isOut = result.outcomes.some(({ kind }) => kind === 'delivered' || kind === 'in-doubt');
      if (refusal === undefined || isOut) {
        if (result.outcomes.some(({ kind }) => kind === 'delivered')) this.#worked(key);
        break;
      }
      this.#keys.refused(key, plainText(refusal.reply.text, 300));
      if (signal.aborted) break;
    }
    return this.#read(result);
  }

  #exitWith(key: CloudKey): Egress {
    const known = this.#exits.get(key);
    if (known !== undefined) return known;
    const exit = this.#options.exitOf(key);
    this.#exits.set(key, exit);
    return exit;
  }

  #worked(key: CloudKey): void {
    this.#keys.worked(key);
    this.#throttled = { times: 0, untilMs: 0 };
    this.#tookAtMs = this.#options.ports.clock.monotonicMs();
    this.#alert.over(`${this.name}: SendGrid takes mail again`);
  }

  /** What SendGrid means by it. */
  #read(result: AttemptResult): AttemptResult {
    const rest: { ms: number | null } = { ms: null };
    const outcomes = result.outcomes.map((outcome) => this.#outcomeOf(outcome, rest));
    const peers = result.outcomes.map((outcome, place): Peer => {
      const peer = result.peers?.[place] ?? barePeer(result);
      const id = outcome.kind === 'delivered' ? queuedIdOf(outcome.reply.text) : null;
      return id === null ? peer : { ...peer, providerId: id };
    });
    // What the exit was refused itself counts towards no limit of it.
    const mailed = result.mailed !== false && !outcomes.every((outcome) => isOfTheExit(outcome));
    return { ...result, outcomes, peers, mailed };
  }

  /** @param rest one for all recipients of the attempt */
  #outcomeOf(outcome: Outcome, rest: { ms: number | null }): Outcome {
    const text = isLack(outcome) ? outcome.reply.text : formatReply(outcome.reply);
    if (isLack(outcome)) return outcomeOf({ kind: 'unsuited', text }, { title: TITLE, restMs: 0 });
    const meaning = meaningOf(outcome);
    switch (meaning.kind) {
      case 'plain':
        return outcome;
      case 'key':
        return outcomeOf({ kind: 'key-refused', text }, { title: TITLE, restMs: 0 });
      case 'throttled':
        rest.ms ??= this.#restMs(meaning.restMs);
        this.#tell(meaning, outcome);
        return outcomeOf({ kind: 'throttled', restMs: rest.ms, text }, { title: TITLE, restMs: rest.ms });
      case 'closed': {
        const isAlive = this.#options.ports.clock.monotonicMs() - this.#tookAtMs < ALIVE_MS;
        const kind = meaning.isOfThis && isAlive ? 'unsuited' : 'closed';
        this.#tell(meaning, outcome);
        return outcomeOf({ kind, text, advice: meaning.advice }, { title: TITLE, restMs: 0 });
      }
    }
  }

  #tell(meaning: Extract<SmtpMeaning, { kind: 'throttled' | 'closed' }>, { reply }: Outcome): void {
    if (meaning.advice === null) return;
    const isOfThis = meaning.kind === 'closed' && meaning.isOfThis;
    const then = isOfThis
      ? 'Such mail takes the route’s other exits; other mail goes on.'
      : 'Its mail takes the route’s other exits or waits, and the exit is tried again by itself.';
    const text = `${this.name}: SendGrid says: ${plainText(reply.text, 300)}. ${meaning.advice}. ${then}`;
    this.#alert.raise(meaning.advice, text, isOfThis ? ALIVE_MS : 0);
  }

  /** What was under way already when it was too much says nothing new. */
  #restMs(askedMs: number | null): number {
    const nowMs = this.#options.ports.clock.monotonicMs();
    const { times, untilMs } = this.#throttled;
    const isNew = nowMs >= untilMs;
    const restMs = restAfter(askedMs, Math.max(1, isNew ? times + 1 : times));
    if (isNew) this.#throttled = { times: times + 1, untilMs: nowMs + restMs };
    return Math.max(restMs, this.#throttled.untilMs - nowMs);
  }
}

function isOfTheExit(outcome: Outcome): boolean {
  return outcome.kind === 'deferred' && outcome.own === true && outcome.scope === 'egress';
}

function barePeer({ host, address, source, tls }: AttemptResult): Peer {
  return { host, address, source, tls };
}

function unsent(mail: Mail, reply: Outcome['reply']): AttemptResult {
  const outcome: Outcome = { kind: 'deferred', own: true, scope: 'egress', reply };
  const nobody = { host: null, address: null, source: null, tls: null };
  return { ...nobody, outcomes: mail.recipients.map(() => outcome), mailed: false };
}
