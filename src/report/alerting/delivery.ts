/** Sends notices to those who are to have them, each until it has it or it is of no use any more. */
import { createHash } from 'node:crypto';
import { newMessageId, type MessageId } from '../../message/ids.ts';
import type { AlertDestination } from '../../policy/schema/alerts.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Emit, Fetch } from '../../ports.ts';
import type { Marks } from '../../spool/marks.ts';
import { signatureField } from '../webhooks/post.ts';
import { type AlertNotice, destinationKey, destinationName, noticeFor, owedMark } from './notice.ts';
import { noticeChat, noticeJson, noticeMail, type NoticeTerms } from './notice-text.ts';

/** A mail of the relay's own: high priority, by none of these exits, of no use after that wall time. */
export type AlertMail = {
  readonly id: MessageId;
  readonly recipient: string;
  readonly content: Buffer;
  readonly avoids: readonly string[];
  readonly expiresAtMs: number | null;
};

export type DeliveryNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly emit: Emit;
  readonly marks: Pick<Marks, 'mark' | 'unmark'>;
  /** Queues it durably. */
  readonly mail: (mail: AlertMail) => Promise<void>;
  /** Absent: nothing is posted. */
  readonly fetch?: Fetch | undefined;
  /** Where something can be done about an alert in force, for whoever is told and for no log; null: nowhere. Default: nowhere. */
  readonly linkFor?: ((name: string) => Promise<string | null>) | undefined;
};

const BACK_OFF_MS = [5_000, 30_000, 60_000, 300_000, 900_000, 1_800_000] as const;
/** Who could not be told for so long is told no more of it. */
const GIVE_UP_MS = 24 * 3_600_000;
const POST_MS = 10_000;
const ANSWER_BYTES = 4 * 1024;
/** Notices that wait for those who take none: the oldest goes. */
const MOST_WAITING = 500;

type Waiting = { notice: AlertNotice; readonly left: Map<string, { failures: number; dueMs: number }> };

export class Delivery {
  readonly #needs: DeliveryNeeds;
  readonly #waiting = new Map<string, Waiting>();
  readonly #toldFailing = new Set<string>();

  constructor(needs: DeliveryNeeds) {
    this.#needs = needs;
  }

  /** Whether something is to be sent within so long. */
  isDueWithin(ms: number): boolean {
    const untilMs = this.#needs.clock.monotonicMs() + ms;
    return this.#waiting.values().some(({ left }) => left.values().some(({ dueMs }) => dueMs <= untilMs));
  }

  /** Nothing of it is sent before `run`. One that is known already changes nothing. */
  add(notice: AlertNotice): void {
    if (this.#waiting.has(notice.id)) return;
    const [oldest] = this.#waiting.keys();
    if (this.#waiting.size >= MOST_WAITING && oldest !== undefined) this.#waiting.delete(oldest);
    this.#waiting.set(notice.id, { notice, left: new Map(notice.left.map((key) => [key, { failures: 0, dueMs: 0 }])) });
  }

  /** It is for another relay to send what is left. */
  leave(): void {
    this.#waiting.clear();
  }

  /** Sends what is due. Never rejects. */
  async run(signal: AbortSignal): Promise<void> {
    // Who does not answer takes its time once, however many notices wait for it: others must hear of what comes meanwhile.
    const failed = new Set<string>();
    for (const waiting of this.#waiting.values()) {
      if (signal.aborted) return;
      await this.#sendOne(waiting, failed, signal);
    }
  }

  /** Sends it to one at once. @returns why that one does not have it; null: it does */
  async send(notice: AlertNotice, destination: AlertDestination, signal: AbortSignal): Promise<string | null> {
    const part = noticeFor(notice, destination);
    if (part === null) return null;
    try {
      const terms = await this.#termsFor(part);
      if (destination.kind === 'mail') await this.#mail(part, destination.address, terms);
      else await this.#post(part, destination, { terms, signal });
      return null;
    } catch (cause) {
      return causeText(cause);
    }
  }

  /** @param failed destinations that are not asked again now; those that fail are added */
  async #sendOne(waiting: Waiting, failed: Set<string>, signal: AbortSignal): Promise<void> {
    const { notice, left } = waiting;
    const { clock, policy } = this.#needs;
    const to = new Map(policy().alerts.to.map((destination) => [destinationKey(destination), destination]));
    const before = left.size;
    const due = [...left].filter(([key, { dueMs }]) => dueMs <= clock.monotonicMs() && !failed.has(key));
    await Promise.all(
      due.map(async ([key, tries]) => {
        const destination = to.get(key);
        // The policy does not name it any more.
        const cause = destination === undefined ? null : await this.send(notice, destination, signal);
        if (cause === null) return void left.delete(key);
        if (signal.aborted || destination === undefined) return;
        failed.add(key);
        this.#failed(destination, { cause, tries, notice, left });
      }),
    );
    if (left.size === before) return;
    await this.#written({ ...notice, left: [...left.keys()] });
    if (left.size === 0) this.#waiting.delete(notice.id);
  }

  #failed(
    destination: AlertDestination,
    {
      cause,
      tries,
      notice,
      left,
    }: { cause: string; tries: { failures: number; dueMs: number }; notice: AlertNotice; left: Map<string, unknown> },
  ): void {
    const { clock, emit } = this.#needs;
    const key = destinationKey(destination);
    tries.failures += 1;
    tries.dueMs = clock.monotonicMs() + (BACK_OFF_MS[Math.min(tries.failures, BACK_OFF_MS.length) - 1] ?? 0);
    const isOver = clock.nowMs() - notice.atMs > GIVE_UP_MS;
    if (isOver) left.delete(key);
    if (!isOver && this.#toldFailing.has(key)) return;
    this.#toldFailing.add(key);
    const what = isOver ? 'is not told of it any more' : 'is told again later';
    emit({
      event: 'failed',
      atMs: clock.nowMs(),
      where: 'alerts',
      cause: `${destinationName(destination)} ${what}: ${cause}`,
    });
  }

  async #written(notice: AlertNotice): Promise<void> {
    const { marks, clock } = this.#needs;
    const mark = { name: owedMark(notice), text: JSON.stringify(notice), atMs: clock.nowMs() };
    // Where the store is away somebody may be told twice after a restart.
    await (notice.left.length === 0 ? marks.unmark([mark.name]) : marks.mark([mark])).catch(() => undefined);
  }

  async #termsFor({ lines }: AlertNotice): Promise<NoticeTerms> {
    const { policy, linkFor } = this.#needs;
    const { hostname, timeZone: zone, http } = policy();
    const links = new Map<string, string>();
    for (const { name, overAtMs } of lines) {
      const link = overAtMs === null ? await linkFor?.(name).catch(() => null) : null;
      if (link !== undefined && link !== null) links.set(name, link);
    }
    return { hostname, zone, publicUrl: http.publicUrl, links };
  }

  async #mail(notice: AlertNotice, address: string, terms: NoticeTerms): Promise<void> {
    const { mail } = this.#needs;
    // The same notice to the same address is the same message: a crash in between sends no second one.
    const digest = createHash('sha256').update(`${notice.id} ${address}`).digest();
    const id = newMessageId(notice.atMs, digest);
    const content = noticeMail(notice, { id, to: address, terms });
    const expiresAtMs = notice.avoids.length === 0 ? null : notice.atMs + GIVE_UP_MS;
    await mail({ id, recipient: address, content, avoids: notice.avoids, expiresAtMs });
  }

  async #post(
    notice: AlertNotice,
    { url, form, secret }: Extract<AlertDestination, { kind: 'webhook' }>,
    { terms, signal }: { readonly terms: NoticeTerms; readonly signal: AbortSignal },
  ): Promise<void> {
    const { fetch, clock } = this.#needs;
    if (fetch === undefined) throw new Error('nothing is posted here');
    const body = form === 'slack' ? noticeChat(notice, terms) : noticeJson(notice, terms);
    const signature = secret === null ? {} : signatureField(body, { secret, nowMs: clock.nowMs() });
    const headers = { 'content-type': 'application/json', 'user-agent': 'relevo', ...signature };
    const bounds = { timeoutMs: POST_MS, mostBytes: ANSWER_BYTES, isCut: true };
    const { status } = await fetch({ url, method: 'POST', headers, body, ...bounds }, signal);
    if (status < 200 || status >= 300) throw new Error(`it answers ${status}`);
  }
}

/** What Node says of it is in the cause; never the URL, which may have a secret in it. */
function causeText(cause: unknown): string {
  if (!(cause instanceof Error)) return 'it cannot be told';
  const inner = cause.cause instanceof Error ? cause.cause : cause;
  if ('code' in inner && typeof inner.code === 'string') return inner.code;
  return /^https?:|:\/\//.test(inner.message) ? inner.name : inner.message;
}
