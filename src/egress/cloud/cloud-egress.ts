/** What the exits by a provider's API have in common: keys in turn, requests of so many recipients, alerts, outcomes. */
import type { Outcome } from '../../message/outcome.ts';
import { plainText } from '../../message/plain-text.ts';
import type { Clock, Emit } from '../../ports.ts';
import type { Stage } from '../classify.ts';
import type { AttemptResult, Egress, Mail, Peer, Whether } from '../egress.ts';
import type { HttpPeer } from './http.ts';
import { KeyTurns } from './keys.ts';
import { ProviderAlert } from './provider-alert.ts';
import type { CloudKey, Prepared, Provider, ProviderAnswer } from './provider.ts';
import { outcomeOf, refusal, restAfter } from './verdict-on.ts';

export type CloudEgressOptions<Parcel> = {
  readonly name: string;
  readonly provider: Provider<Parcel>;
  /** At least one. */
  readonly keys: readonly CloudKey[];
  readonly concurrency: number;
  readonly ports: { readonly clock: Clock; readonly emit: Emit };
};

/** An exit by that provider. When it is disposed of, what is under way is finished first, then the provider is. */
export function openCloudEgress<Parcel>(options: CloudEgressOptions<Parcel>): Egress {
  const egress = new CloudEgress(options);
  const { name, concurrency, provider } = options;
  return {
    name,
    concurrency,
    attempt: (mail, signal) => egress.attempt(mail, signal),
    ...(provider.whether === undefined
      ? {}
      : { whether: (mail: Mail, signal: AbortSignal) => egress.whether(mail, signal) }),
    ...(provider.pace === undefined ? {} : { pace: () => provider.pace?.() ?? null }),
    [Symbol.asyncDispose]: () => egress.close(),
  };
}

type Run<Parcel> = {
  readonly parcel: Parcel;
  readonly signal: AbortSignal;
  /** Of this attempt, in the order in which they are asked. */
  readonly keys: readonly CloudKey[];
};

/** What one request came to, for its recipients in their order. */
type Told = { readonly outcome: Outcome; readonly peer: Peer };

class CloudEgress<Parcel> {
  readonly #options: CloudEgressOptions<Parcel>;
  readonly #keys: KeyTurns;
  readonly #alert: ProviderAlert;
  readonly #underWay = new Set<Promise<unknown>>();
  /** How often in a row, and until when, monotonic ms. */
  #throttled = { times: 0, untilMs: 0 };

  /** When it last took a message, monotonic ms. */
  #tookAtMs = Number.NEGATIVE_INFINITY;

  constructor(options: CloudEgressOptions<Parcel>) {
    const { name, keys, ports } = options;
    this.#options = options;
    this.#keys = new KeyTurns(name, keys, ports);
    this.#alert = new ProviderAlert(`exit-provider:${name}`, ports);
  }

  attempt(mail: Mail, signal: AbortSignal): Promise<AttemptResult> {
    return this.#kept(this.#attempt(mail, signal));
  }

  whether(mail: Mail, signal: AbortSignal): Promise<Whether> {
    const { provider } = this.#options;
    const key = this.#keys.first();
    const unknown: Whether = { kind: 'unknown' };
    if (key === null || provider.whether === undefined) return Promise.resolve(unknown);
    return this.#kept(provider.whether(mail, key, signal).catch((): Whether => unknown));
  }

  async close(): Promise<void> {
    await Promise.allSettled(this.#underWay);
    this.#keys.close();
    this.#alert.end(`${this.#options.name}: its settings are others, or it is not used any more`);
    await this.#options.provider[Symbol.asyncDispose]();
  }

  #kept<T>(work: Promise<T>): Promise<T> {
    const kept = work.finally(() => this.#underWay.delete(kept));
    this.#underWay.add(kept);
    return kept;
  }

  async #attempt(mail: Mail, signal: AbortSignal): Promise<AttemptResult> {
    const { provider } = this.#options;
    if (signal.aborted) return this.#all(mail, this.#outcomeOf({ kind: 'stopped' }));
    const held = (await provider.holdsBack?.(mail.recipients.length)) ?? null;
    if (held !== null) return this.#all(mail, this.#outcomeOf(held));
    const prepared = await this.#prepared(mail);
    if (prepared.kind !== 'ready') return this.#all(mail, prepared.outcome);
    const run: Run<Parcel> = { parcel: prepared.parcel, signal, keys: this.#keys.order() };
    const told: Told[] = [];
    for (let at = 0; at < mail.recipients.length; at += provider.batchMost) {
      const part = { ...mail, recipients: mail.recipients.slice(at, at + provider.batchMost) };
      const last = told.at(-1);
      // What the exit failed of, it will fail of again.
      if (last !== undefined && isOfTheExit(last.outcome)) {
        told.push(...part.recipients.map(() => ({ ...last, outcome: unsent(last.outcome) })));
      } else told.push(...(await this.#request(part, run)));
    }
    const worst = told.find(({ outcome }) => outcome.kind !== 'delivered') ?? told[0];
    return {
      ...(worst?.peer ?? NOBODY),
      outcomes: told.map(({ outcome }) => outcome),
      peers: told.map(({ peer }) => peer),
      mailed: told.some(({ outcome }) => outcome.kind !== 'deferred'),
    };
  }

  async #prepared(
    mail: Mail,
  ): Promise<Extract<Prepared<Parcel>, { kind: 'ready' }> | { readonly kind: 'not-ready'; readonly outcome: Outcome }> {
    const { provider, name, ports } = this.#options;
    const { title } = provider;
    try {
      const prepared = await provider.prepare(mail);
      if (prepared.kind === 'ready') return prepared;
      if (prepared.kind === 'refused')
        return { kind: 'not-ready', outcome: refusal('message', prepared.detail, { title, text: prepared.text }) };
      const text = plainText(`it would lose something by ${name}: ${prepared.why}`, 500);
      const reply = { code: 451, detail: '6.5', text };
      return {
        kind: 'not-ready',
        outcome: { kind: 'deferred', own: true, scope: 'egress', unfit: true, reply },
      };
    } catch (cause) {
      ports.emit({ event: 'failed', atMs: ports.clock.nowMs(), where: `egress ${name}`, cause: String(cause) });
      const reply = { code: 451, detail: '6.0', text: `it could not be made into a request to ${title}` };
      return { kind: 'not-ready', outcome: { kind: 'deferred', own: true, scope: 'recipient', reply } };
    }
  }

  /** One request, and where at least one of several recipients is refused, requests that find out which. */
  async #request(mail: Mail, run: Run<Parcel>): Promise<readonly Told[]> {
    const { answer, peer } = await this.#asked(mail, run);
    const count = mail.recipients.length;
    if (answer.kind === 'refused' && answer.scope === 'recipient' && count > 1) {
      const half = Math.ceil(count / 2);
      const left = await this.#request({ ...mail, recipients: mail.recipients.slice(0, half) }, run);
      const right = await this.#request({ ...mail, recipients: mail.recipients.slice(half) }, run);
      return [...left, ...right];
    }
    if (answer.kind !== 'taken') {
      const outcome = this.#outcomeOf(this.#narrowed(answer));
      return mail.recipients.map(() => ({ outcome, peer }));
    }
    this.#throttled = { times: 0, untilMs: 0 };
    this.#tookAtMs = this.#options.ports.clock.monotonicMs();
    const { title } = this.#options.provider;
    this.#alert.over(`${this.#options.name}: ${title} takes mail again`);
    const text = plainText(`${title} took it: ${answer.providerId ?? answer.text}`, 500);
    const taken: Outcome = { kind: 'delivered', reply: { code: 250, detail: '0.0', text } };
    const by = answer.providerId === null ? peer : { ...peer, providerId: answer.providerId };
    return mail.recipients.map(({ address }) => {
      const refused = answer.refused?.get(address);
      if (refused === undefined) return { outcome: taken, peer: by };
      return { outcome: refusal('recipient', refused.detail, { title, text: refused.text }), peer };
    });
  }

  /** What stops one kind of mail stops not the exit, as long as it takes others. */
  #narrowed(answer: Exclude<ProviderAnswer, { kind: 'taken' }>): Exclude<ProviderAnswer, { kind: 'taken' }> {
    if (answer.kind !== 'closed' || answer.isOfThis !== true) return answer;
    const isAlive = this.#options.ports.clock.monotonicMs() - this.#tookAtMs < ALIVE_MS;
    return isAlive ? { kind: 'unsuited', text: answer.text, advice: answer.advice } : answer;
  }

  /** With the next key at once, as long as keys are refused. */
  async #asked(
    mail: Mail,
    { parcel, keys, signal }: Run<Parcel>,
  ): Promise<{ readonly answer: ProviderAnswer; readonly peer: Peer }> {
    let refused: ProviderAnswer = { kind: 'closed', text: 'the exit has no key', advice: 'set apiKeys' };
    let peer: Peer = { ...NOBODY, host: this.#options.provider.host };
    for (const key of keys) {
      let stage: Stage = 'connect';
      const watch = {
        signal,
        recorder: mail.recorder,
        mayGo: () => mail.mayGo?.() ?? true,
        onStage: (next: Stage) => {
          stage = next;
          mail.onStage?.(next);
        },
        onPeer: (found: HttpPeer) => {
          peer = { ...peer, ...found };
        },
      };
      const answer = await this.#sent({ mail, parcel, key, watch }, () => stage);
      if (answer.kind !== 'key-refused') {
        if (answer.kind === 'taken') this.#keys.worked(key);
        return { answer, peer };
      }
      this.#keys.refused(key, answer.text);
      refused = answer;
      if (signal.aborted) break;
    }
    return { answer: refused, peer };
  }

  /** A surprise is in doubt as soon as anything of the message went out. */
  async #sent(order: Parameters<Provider<Parcel>['send']>[0], stage: () => Stage): Promise<ProviderAnswer> {
    const { provider, name, ports } = this.#options;
    try {
      return await provider.send(order);
    } catch (cause) {
      ports.emit({ event: 'failed', atMs: ports.clock.nowMs(), where: `egress ${name}`, cause: String(cause) });
      const text = 'its answer was not understood';
      return stage() === 'connect' ? { kind: 'failed', text } : { kind: 'in-doubt', text };
    }
  }

  #outcomeOf(answer: Exclude<ProviderAnswer, { kind: 'taken' }>): Outcome {
    const { name, provider } = this.#options;
    const { title } = provider;
    const restMs = answer.kind === 'throttled' ? this.#rest(answer.restMs) : 0;
    const advice = 'advice' in answer ? (answer.advice ?? null) : null;
    if (advice !== null && 'text' in answer) {
      const isOfThis = answer.kind === 'unsuited';
      const then = isOfThis
        ? 'Such mail takes the route’s other exits; other mail goes on.'
        : 'Its mail takes the route’s other exits or waits, and the exit is tried again by itself.';
      const text = `${name}: ${title} says: ${plainText(answer.text, 300)}. ${advice}. ${then}`;
      this.#alert.raise(advice, text, isOfThis ? ALIVE_MS : 0);
    }
    return outcomeOf(answer, { title, restMs });
  }

  /** What was under way already when it was too much says nothing new. */
  #rest(askedMs: number | null): number {
    const nowMs = this.#options.ports.clock.monotonicMs();
    const { times, untilMs } = this.#throttled;
    const isNew = nowMs >= untilMs;
    const restMs = restAfter(askedMs, Math.max(1, isNew ? times + 1 : times));
    if (isNew || askedMs !== null)
      this.#throttled = { times: isNew ? times + 1 : times, untilMs: Math.max(untilMs, nowMs + restMs) };
    return Math.max(restMs, this.#throttled.untilMs - nowMs);
  }

  #all(mail: Mail, outcome: Outcome): AttemptResult {
    return { ...NOBODY, outcomes: mail.recipients.map(() => outcome), mailed: false };
  }
}

/** So long an exit that took a message is taken to be in order. */
const ALIVE_MS = 600_000;
const NOBODY: Peer = { host: null, address: null, source: null, tls: null };

/** Whether other recipients of the same mail would fare alike. */
function isOfTheExit(outcome: Outcome): boolean {
  return outcome.kind === 'in-doubt' || (outcome.kind === 'deferred' && outcome.scope !== 'recipient');
}

/** To recipients who were in no request, nothing is in doubt. */
function unsent(outcome: Outcome): Outcome {
  if (outcome.kind !== 'in-doubt') return outcome;
  return { kind: 'deferred', own: true, scope: 'egress', reply: outcome.reply };
}
