/** What looks at or changes a relay: one set of functions, behind the command line, the control socket, and later HTTP. */
import type { AlertOperations } from './alert-operations.ts';
import type { ReportOperations } from './figures/report-operations.ts';
import type { ClientOperations } from './client-operations.ts';
import type { DeliveryState } from '../message/delivery.ts';
import type { DeliveryId, MessageId } from '../message/ids.ts';
import type { Message, Priority } from '../message/message.ts';
import type { Reply } from '../message/reply.ts';
import type { AuditReport, MessageStory, QueuedDelivery, QueueFilter, QueueOverview } from '../spool/spool.ts';
import type { RelayStats } from '../access/relay-stats.ts';
import type { Sample } from '../policy/sample.ts';
import type { RaisedAlert } from '../report/alerts.ts';
import type { ExitPast } from '../routing/exit-past.ts';
import type { TrafficAsk, TrafficPage } from '../spool/traffic.ts';
import type { AuditAsk, AuditPage } from './audit-log.ts';
import type { EgressTried } from './exits/try-egress.ts';
import type { FoundMessage } from './mail/find-message.ts';
import type { ExitStatus } from './exits/exit-status.ts';
import type { RouteExplanation } from '../schedule/reasons/explain.ts';
import type { NodeStatus } from './node-status.ts';
import type { FigureOperations } from './figures/figure-operations.ts';
import type { RecordOperations } from './mail/record-operations.ts';
import type { SuppressOperations } from './suppress/suppress-operations.ts';
import type { TokenOperations } from './token-operations.ts';
import type { UserOperations } from './user-operations.ts';
import type { WebhookOperations } from './webhook-operations.ts';

/** One message handed over by an operator. `client` null: the first client of the policy that may send from `sender`. */
export type OperatorMail = {
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly content: Buffer;
  readonly client: string | null;
  readonly stream: string | null;
  readonly priority: Priority | null;
  readonly tag: string | null;
};

export type SubmitResult =
  | { readonly kind: 'accepted' | 'duplicate'; readonly messageId: MessageId }
  | { readonly kind: 'refused'; readonly reply: Reply };

/** `cancel`: `discard` of mail that is scheduled, which its event says. */
export const QUEUE_ACTIONS = ['hold', 'release', 'retry', 'bounce', 'discard', 'cancel'] as const;
export type QueueAction = (typeof QUEUE_ACTIONS)[number];

/** `busy`: deliveries that the filter names but somebody was trying; they are as before. At most 10,000 are looked at. */
export type ChangeResult = { readonly changed: number; readonly busy: number };

/** Why one delivery is where it is. */
export type Explanation = {
  readonly deliveryId: DeliveryId;
  readonly domain: string;
  readonly recipients: readonly string[];
  readonly state: DeliveryState;
  readonly attempts: number;
  readonly dueAtMs: number;
  readonly leasedUntilMs: number | null;
  readonly lastReply: Reply | null;
  readonly lastEgress: string | null;
  /** For people, the decisive one first. */
  readonly reasons: readonly string[];
};

/** `isLive`: as a running relay sees its exits now; otherwise in the order of the policy. */
export type RouteAnswer =
  | { readonly kind: 'refused'; readonly reason: string }
  | ({
      readonly kind: 'accepted';
      readonly client: string;
      readonly stream: string;
      readonly priority: Priority;
      readonly isLive: boolean;
      /** What its recipient would be answered, who is not written to; absent: he is, or no relay runs that could say. */
      readonly suppressed?: Reply;
    } & RouteExplanation);

/** Deliveries by destination domain and age; domains with the most first. */
export type QueueShape = {
  /** Upper ends of the ages, ms; beyond the last there is one more column. */
  readonly agesMs: readonly number[];
  readonly rows: readonly { readonly domain: string; readonly total: number; readonly byAge: readonly number[] }[];
  /** False: the queue is longer than what was looked at, the newest first. */
  readonly isWhole: boolean;
};

export type RelayStatus = {
  readonly version: string;
  readonly pid: number;
  readonly startedAtMs: number;
  readonly policyVersion: string;
  /** Why the policy file as it is now is not in force; empty while it is. */
  readonly policyProblems: readonly string[];
  /** Why no mail can be taken now; empty: ready. */
  readonly notReady: readonly string[];
  readonly alerts: readonly RaisedAlert[];
};

/** All methods may reject with `SpoolError` or `OperationsError`; both have a message for operators. */
export type Operations = OwnOperations &
  AlertOperations &
  ClientOperations &
  AuditOperations &
  TokenOperations &
  UserOperations &
  SuppressOperations &
  WebhookOperations &
  FigureOperations &
  ReportOperations &
  RecordOperations;

/** What the audit log has; `audit` is the proof that no mail was lost. */
export type AuditOperations = { auditLog(ask: AuditAsk): Promise<AuditPage> };

type OwnOperations = {
  status(): Promise<RelayStatus | null>;
  overview(): Promise<QueueOverview>;
  /** Newest first; `after` pages on. */
  list(ask: {
    readonly filter: QueueFilter;
    readonly limit: number;
    readonly after: DeliveryId | null;
  }): Promise<readonly QueuedDelivery[]>;
  shape(ask: { readonly filter: QueueFilter }): Promise<QueueShape>;
  /** Scheduled mail: see `Spool.reschedule`. `busy`: of their deliveries, those that were left as they are. */
  reschedule(ask: { readonly ids: readonly MessageId[]; readonly toMs: number }): Promise<ChangeResult>;
  change(ask: { readonly action: QueueAction; readonly filter: QueueFilter }): Promise<ChangeResult>;
  story(ask: { readonly id: MessageId }): Promise<MessageStory | null>;
  /** By what a provider calls them, or by their Message-ID; see `findMessages`. */
  find(ask: { readonly text: string }): Promise<readonly FoundMessage[]>;
  /** Of one delivery or of all of a message that are queued; null: no such message is known. */
  explain(ask: { readonly id: MessageId | DeliveryId }): Promise<readonly Explanation[] | null>;
  /** Where such a message would go now; with no relay running, as the policy has it. */
  route(ask: { readonly sample: Sample }): Promise<RouteAnswer>;
  submit(mail: OperatorMail): Promise<SubmitResult>;
  audit(): Promise<AuditReport>;
  /** Those that share the spool, by name; empty: no relay runs on a store that is not shared. */
  nodes(): Promise<readonly NodeStatus[]>;
  stats(): Promise<RelayStats>;
  /** All exits of the policy, in its order. */
  exits(): Promise<readonly ExitStatus[]>;
  /** What a replay begins with, by name of the exit. */
  exitPasts(): Promise<Readonly<Record<string, ExitPast>>>;
  /** What passed through the spool; see `Traffic`. */
  traffic(ask: TrafficAsk): Promise<TrafficPage>;
  /** No new mail goes out by that exit, on any node, until it is resumed. `changed`: it was not paused before. */
  pause(ask: { readonly egress: string; readonly reason: string }): Promise<{ readonly changed: boolean }>;
  /** Whether it works, tried now from the node that is asked; no mail is sent. Needs a running relay. */
  tryEgress(ask: { readonly egress: string }): Promise<EgressTried>;
  /** `forget`: what came of its mail so far is not held against it any more. `changed`: it was paused. */
  resume(ask: { readonly egress: string; readonly forget: boolean }): Promise<{ readonly changed: boolean }>;
};

/** What only a running relay can do or say. */
export type LiveRelay = {
  status(): RelayStatus;
  /** Why the scheduler does not send it at this moment, and what it waits for; one line each, the decisive one first. */
  explain(queued: QueuedDelivery, message: Message): readonly string[] | Promise<readonly string[]>;
  /** By the same way as mail of clients: policy, signing, spool. */
  submit(mail: OperatorMail): Promise<SubmitResult>;
  /** Ends matching deliveries that nobody is trying, each with a report to its sender. */
  bounce(filter: QueueFilter): Promise<number>;
  /** Something became due in the store: claim soon. */
  wake(): void;
};

/** An operation that cannot be done here and now; the message says why and what to do. */
export class OperationsError extends Error {
  override readonly name = 'OperationsError';
}
