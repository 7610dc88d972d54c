/** Counts what each client sends, and to how many that it never wrote to: for its guard, over all nodes, in the tallies. */
import type { Event } from '../message/event.ts';
import { OWN_CLIENT } from '../message/message.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { Marks } from '../spool/marks.ts';
import type { Count, Tallies, Tally } from '../spool/tallies.ts';
import { GUARD_FIGURES, guardTermsOf, type HourFigures, HOUR_MS } from './baseline.ts';
import { KnownRecipients } from './known-recipients.ts';

export const GUARD_ACCOUNTS = 'guard:';
const KNOWN_MARKS = 'guard-known:';
const KEPT_MS = 50 * HOUR_MS;
const MOST_CLIENTS = 1_000;
const MOST_WAITING = 10_000;

type Counted = Record<(typeof GUARD_FIGURES)[number], number>;
type Watched = {
  readonly known: KnownRecipients;
  isLoaded: boolean;
  counted: Counted | null;
  /** Recipients in the hour that began so, and from how many of them on it is to be looked at. */
  hourMs: number;
  inHour: number;
  lookFrom: number;
};

export type GuardBookNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly marks: Pick<Marks, 'marks' | 'mark' | 'unmark'>;
  readonly tallies: Pick<Tallies, 'count'>;
  /** A client sends so much that it should be judged soon: some times an hour, the fewer the more it sends. */
  readonly onMany?: () => void;
};

export class GuardBook {
  readonly #needs: GuardBookNeeds;
  readonly #clients = new Map<string, Watched>();
  #hourMs = 0;
  #waiting: Tally[] = [];

  constructor(needs: GuardBookNeeds) {
    this.#needs = needs;
  }

  /** A sink of every event: cheap. */
  heard(event: Event): void {
    if (event.event === 'received') {
      if (event.client === OWN_CLIENT) return;
      const client = this.#watched(event.client);
      if (client === null) return;
      const counted = this.#countedAt(client, event.atMs);
      counted.recipients += event.recipients.length;
      if (this.#isBulk(event.stream)) counted.bulk += event.recipients.length;
      this.#weigh(event.client, client, event.recipients.length);
      for (const address of event.recipients) if (client.known.add(address) && client.isLoaded) counted.fresh += 1;
    } else if (event.event === 'bounced' || event.event === 'bounced-later') {
      const client = event.mail === undefined ? undefined : this.#clients.get(event.mail.client);
      if (client !== undefined) this.#countedAt(client, event.atMs).bounced += event.recipients.length;
    }
  }

  /** Adds what was counted to the figures of all nodes. Never rejects: it is kept for the next time. */
  async flush(): Promise<void> {
    this.#close();
    const entries = this.#waiting;
    this.#waiting = [];
    if (entries.length > 0)
      await this.#needs.tallies.count(entries).catch(() => {
        this.#waiting = [...entries, ...this.#waiting].slice(0, MOST_WAITING);
      });
    for (const [name, client] of this.#clients)
      if (!client.isLoaded) await this.#load(name, client).catch(() => undefined);
  }

  /** Keeps whom clients wrote to, together with what other nodes know. Never rejects. */
  async keep(): Promise<void> {
    for (const [name, client] of this.#clients)
      if (client.isLoaded && client.known.isDirty) await this.#keepOne(name, client).catch(() => undefined);
  }

  async #load(name: string, client: Watched): Promise<void> {
    client.known.merge(await this.#stored(name));
    client.isLoaded = true;
  }

  async #keepOne(name: string, { known }: Watched): Promise<void> {
    const { marks, clock } = this.#needs;
    const stored = await this.#stored(name);
    known.merge(stored);
    const { first, texts } = known.changed();
    const atMs = clock.nowMs();
    await marks
      .mark(texts.map(({ number, text }) => ({ name: `${knownMarks(name)}${number}`, text, atMs })))
      .catch((cause: unknown) => {
        known.again(texts.map(({ number }) => number));
        throw cause;
      });
    const gone = stored.filter(({ number }) => number < first).map(({ number }) => `${knownMarks(name)}${number}`);
    if (gone.length > 0) await marks.unmark(gone);
  }

  async #stored(name: string): Promise<readonly { readonly number: number; readonly text: string }[]> {
    const prefix = knownMarks(name);
    const marks = await this.#needs.marks.marks(prefix);
    return marks.map((mark) => ({ number: Number(mark.name.slice(prefix.length)), text: mark.text }));
  }

  #watched(name: string): Watched | null {
    const watched = this.#clients.get(name);
    if (watched !== undefined) return watched;
    if (this.#clients.size >= MOST_CLIENTS) return null;
    const known = new KnownRecipients();
    const fresh = { known, isLoaded: false, counted: null, hourMs: 0, inHour: 0, lookFrom: 0 };
    this.#clients.set(name, fresh);
    return fresh;
  }

  /** From the fewest that are judged on, each time that they are twice as many. */
  #weigh(name: string, client: Watched, recipients: number): void {
    if (client.hourMs !== this.#hourMs) {
      client.hourMs = this.#hourMs;
      client.inHour = 0;
      client.lookFrom = guardTermsOf(this.#needs.policy(), name).least;
    }
    client.inHour += recipients;
    if (client.inHour < client.lookFrom) return;
    client.lookFrom = 2 * client.inHour;
    this.#needs.onMany?.();
  }

  #countedAt(client: Watched, atMs: number): Counted {
    if (atMs - this.#hourMs >= HOUR_MS || atMs < this.#hourMs) {
      this.#close();
      this.#hourMs = Math.floor(atMs / HOUR_MS) * HOUR_MS;
    }
    client.counted ??= { recipients: 0, fresh: 0, bounced: 0, bulk: 0 };
    return client.counted;
  }

  #close(): void {
    const startsAtMs = this.#hourMs;
    for (const [name, client] of this.#clients) {
      const { counted } = client;
      client.counted = null;
      if (counted === null || this.#waiting.length >= MOST_WAITING) continue;
      for (const figure of GUARD_FIGURES) {
        const amount = counted[figure];
        const account = `${GUARD_ACCOUNTS}${encodeURIComponent(name)}:${figure}`;
        if (amount > 0) this.#waiting.push({ account, startsAtMs, amount, keepUntilMs: startsAtMs + KEPT_MS });
      }
    }
  }

  #isBulk(stream: string): boolean {
    const { streams } = this.#needs.policy();
    return Object.hasOwn(streams, stream) && streams[stream]?.bulk === true;
  }
}

/** By client, and by the start of each hour. */
export function hoursByClient(counts: readonly Count[]): ReadonlyMap<string, ReadonlyMap<number, HourFigures>> {
  const clients = new Map<string, Map<number, Counted>>();
  for (const { account, startsAtMs, amount } of counts) {
    const [encoded = '', name] = account.slice(GUARD_ACCOUNTS.length).split(':');
    const figure = GUARD_FIGURES.find((one) => one === name);
    if (figure === undefined) continue;
    const client = decodeURIComponent(encoded);
    const hours = clients.get(client) ?? new Map<number, Counted>();
    clients.set(client, hours);
    const hour = hours.get(startsAtMs) ?? { recipients: 0, fresh: 0, bounced: 0, bulk: 0 };
    hours.set(startsAtMs, hour);
    hour[figure] += amount;
  }
  return clients;
}

function knownMarks(name: string): string {
  return `${KNOWN_MARKS}${encodeURIComponent(name)}:`;
}
