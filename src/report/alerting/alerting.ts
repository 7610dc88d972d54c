/**
 * Tells people of alerts, once for all nodes that share a store: what each node raised is kept as marks; the node whose turn it
 * is gathers what is owed, keeps the notice as a mark, and only then sends it. Whoever goes on after it sends the rest.
 */
import { factsOfAlert } from '../../message/alert-kind.ts';
import type { Event } from '../../message/event.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock, Emit, Random } from '../../ports.ts';
import type { Mark, Marks } from '../../spool/marks.ts';
import type { AlertState, NodeAlert, NoticeKind, Terms } from './alert-state.ts';
import { owedOf, raisedMark } from './alert-state.ts';
import { AlertBoard, nodeAlertsOf } from './board.ts';
import { Delivery, type DeliveryNeeds } from './delivery.ts';
import { type AlertNotice, destinationKey, destinationName, noticeOf, owedMark, readNotice } from './notice.ts';
import { Recorder } from './recorder.ts';

export type AlertingNeeds = Pick<DeliveryNeeds, 'mail' | 'fetch' | 'linkFor'> & {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly random: Pick<Random, 'bytes'>;
  readonly emit: Emit;
  readonly marks: Marks;
  /** This relay's name among those that share the store. */
  readonly node: string;
  readonly isShared: boolean;
  /** Whether it is for this relay to tell people; rejects where the store does not answer. */
  readonly isOurs: () => Promise<boolean>;
  /** The nodes that are up; null: nobody shares the store. */
  readonly nodesUp: () => Promise<ReadonlySet<string> | null>;
};

/** What came of a test, for each destination. */
export type TestResult = { readonly to: string; readonly kind: 'mail' | 'webhook'; readonly problem: string | null };

export type Alerting = AsyncDisposable & {
  /** A sink of every event. */
  heard(event: Event): void;
  /** Sends a test notice to everybody at once. */
  test(): Promise<readonly TestResult[]>;
  /** Looks now. Never rejects. */
  look(): Promise<void>;
};

const PREFIX = 'alert:';
const LOOK_MS = 5_000;
/** While something is gathered, or about to be sent. */
const BUSY_MS = 1_000;
/** What a node that is gone for so long raised is over. */
const NODE_GONE_MS = 15 * 60_000;

/** Goes on until it is disposed of. */
export function openAlerting(needs: AlertingNeeds): Alerting {
  const alerting = new Teller(needs);
  const running = alerting.run();
  return {
    heard: (event) => alerting.heard(event),
    test: () => alerting.test(),
    look: () => alerting.look(),
    [Symbol.asyncDispose]: async () => {
      alerting.end();
      await running;
    },
  };
}

class Teller {
  readonly #needs: AlertingNeeds;
  readonly #recorder: Recorder;
  readonly #board: AlertBoard;
  readonly #delivery: Delivery;
  readonly #ending = new AbortController();
  #isStarted = false;
  /** Whether this node tells people, and knows what was told. */
  #isTelling = false;
  /** Since when something is owed, monotonic; null: nothing is. */
  #gatheringMs: number | null = null;
  #wake: (() => void) | null = null;
  #last: Promise<void> = Promise.resolve();
  #isFailing = false;

  constructor(needs: AlertingNeeds) {
    this.#needs = needs;
    this.#recorder = new Recorder(needs);
    this.#board = new AlertBoard(needs);
    this.#delivery = new Delivery(needs);
  }

  heard(event: Event): void {
    if (event.event === 'alert' && this.#recorder.heard(event)) this.#wake?.();
  }

  end(): void {
    this.#ending.abort(new Error('the relay ends'));
  }

  async run(): Promise<void> {
    const { signal } = this.#ending;
    while (!signal.aborted) {
      await this.look();
      const isBusy = this.#gatheringMs !== null || this.#delivery.isDueWithin(LOOK_MS) || this.#recorder.hasNews;
      await this.#rest(isBusy ? BUSY_MS : LOOK_MS);
    }
    // What was raised last is for the next life, or another node.
    await this.#recorder.flush().catch(() => undefined);
  }

  /** One after the other. */
  look(): Promise<void> {
    this.#last = this.#last.then(() => this.#look()).catch((cause: unknown) => this.#failed(cause));
    return this.#last;
  }

  async test(): Promise<readonly TestResult[]> {
    const { policy, clock } = this.#needs;
    const of = { id: this.#newId(), atMs: clock.nowMs(), avoids: this.#board.failingExits() };
    const { to } = policy().alerts;
    const notice: AlertNotice = { ...noticeOf(of, [], []), isTest: true, left: to.map(destinationKey) };
    return Promise.all(
      to.map(async (destination) => ({
        to: destinationName(destination),
        kind: destination.kind,
        problem: await this.#delivery.send(notice, destination, this.#ending.signal),
      })),
    );
  }

  async #rest(ms: number): Promise<void> {
    const { clock } = this.#needs;
    const woken = Promise.withResolvers<void>();
    // Many that come at once are one look.
    this.#wake = () => void clock.after(50, woken.resolve);
    // What cannot be written waits for its turn: a store in trouble is not to be asked without a pause.
    if (this.#recorder.hasNews && !this.#isFailing) this.#wake();
    await Promise.race([clock.sleep(ms, this.#ending.signal).catch(() => undefined), woken.promise]);
    this.#wake = null;
  }

  async #look(): Promise<void> {
    const marks = await this.#read();
    if (marks === 'others') {
      this.#isTelling = false;
      this.#gatheringMs = null;
      this.#delivery.leave();
      return;
    }
    await this.#follow(marks);
    await this.#tell();
    await this.#delivery.run(this.#ending.signal);
  }

  /** `others`: it is for another node. null: the store is away, and this node tells what it knows of itself. */
  async #read(): Promise<readonly Mark[] | 'others' | null> {
    const { marks, isOurs } = this.#needs;
    try {
      if (!this.#isStarted) await this.#recorder.start();
      this.#isStarted = true;
      await this.#recorder.flush();
      if (!(await isOurs())) return 'others';
      const read = await marks.marks(PREFIX);
      this.#isFailing = false;
      return read;
    } catch (cause) {
      this.#failed(cause);
      return null;
    }
  }

  async #follow(marks: readonly Mark[] | null): Promise<void> {
    const { clock, isShared } = this.#needs;
    const nowMs = clock.nowMs();
    if (marks !== null && !this.#isTelling) {
      this.#board.load(marks);
      for (const mark of marks) {
        const notice = readNotice(mark);
        if (notice !== null) this.#delivery.add(notice);
      }
    }
    if (marks !== null) this.#isTelling = true;
    const alerts = marks === null ? this.#ownAlerts() : await this.#alertsOf(marks);
    this.#board.follow({ alerts, marks, isShared }, nowMs);
  }

  /** Of nodes that are there; what the others left behind is removed. */
  async #alertsOf(marks: readonly Mark[]): Promise<readonly NodeAlert[]> {
    const { nodesUp, clock, node, isShared, marks: store } = this.#needs;
    const alerts = nodeAlertsOf(marks);
    const up = await nodesUp().catch(() => null);
    const nowMs = clock.nowMs();
    const written = new Map(marks.map(({ name, atMs }) => [name, atMs]));
    const isLeft = (alert: NodeAlert): boolean => {
      if (alert.node === node || up?.has(alert.node) === true) return false;
      if (up === null) return !isShared;
      return nowMs - (written.get(raisedMark(alert)) ?? nowMs) > NODE_GONE_MS;
    };
    const left = alerts.filter(isLeft);
    if (left.length > 0) await store.unmark(left.map(raisedMark)).catch(() => undefined);
    return left.length === 0 ? alerts : alerts.filter((alert) => !left.includes(alert));
  }

  /** While the store is away: where others may tell what all mean, only what is this node's alone. */
  #ownAlerts(): readonly NodeAlert[] {
    const all = this.#recorder.all();
    return this.#isTelling ? all : all.filter(({ name }) => factsOfAlert(name).of === 'node' || !this.#needs.isShared);
  }

  async #tell(): Promise<void> {
    const { policy, clock } = this.#needs;
    const { alerts, timeZone } = policy();
    const terms: Terms = { alerts, zone: timeZone, nowMs: clock.nowMs() };
    const owed = this.#board.all().flatMap((state) => {
      const kind = owedOf(state, terms);
      return kind === null ? [] : [{ state, kind }];
    });
    if (owed.length === 0) {
      this.#gatheringMs = null;
      await this.#keep();
      await this.#board.end(terms, new Set()).catch((cause: unknown) => this.#failed(cause));
      return;
    }
    this.#gatheringMs ??= clock.monotonicMs();
    if (clock.monotonicMs() - this.#gatheringMs < alerts.gather) return this.#keep();
    this.#gatheringMs = null;
    await this.#notify(owed, terms);
  }

  /** Kept before anybody has it; where the store is away it is sent all the same. */
  async #notify(
    owed: readonly { readonly state: AlertState; readonly kind: NoticeKind }[],
    terms: Terms,
  ): Promise<void> {
    const { policy } = this.#needs;
    const { nowMs } = terms;
    const of = { id: this.#newId(), atMs: nowMs, avoids: this.#board.failingExits() };
    const notice = noticeOf(
      of,
      owed.map(({ state, kind }) => ({ ...lineOf(state), kind })),
      policy().alerts.to,
    );
    for (const { state } of owed) {
      const { text, severity } = state;
      this.#board.set({ ...state, told: { text, severity, atMs: nowMs, wasOver: state.overAtMs !== null } });
    }
    await this.#keep(notice.left.length === 0 ? [] : [{ name: owedMark(notice), text: JSON.stringify(notice) }]);
    if (notice.left.length > 0) this.#delivery.add(notice);
    const over = owed.filter(({ kind }) => kind === 'over').map(({ state }) => state.key);
    await this.#board.end(terms, new Set(over)).catch((cause: unknown) => this.#failed(cause));
  }

  async #keep(more: readonly Omit<Mark, 'atMs'>[] = []): Promise<void> {
    await this.#board.write(more).catch((cause: unknown) => this.#failed(cause));
  }

  /** Once: a store that is away tells so itself. */
  #failed(cause: unknown): void {
    if (this.#isFailing || this.#ending.signal.aborted) return;
    this.#isFailing = true;
    const { emit, clock } = this.#needs;
    emit({ event: 'failed', atMs: clock.nowMs(), where: 'alerts', cause: String(cause) });
  }

  #newId(): string {
    return this.#needs.random.bytes(12).toString('hex');
  }
}

function lineOf({ name, node, severity, text, sinceMs, overAtMs }: AlertState) {
  return { name, node, severity, text, sinceMs, overAtMs };
}
