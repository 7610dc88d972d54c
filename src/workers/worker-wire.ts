/** What goes between the supervisor and its workers. All of it is plain data, or a port that is handed over. */
import type { MessagePort } from 'node:worker_threads';
import type { OwnMail } from '../feedback/own-mail.ts';
import type { ListenProblem } from '../ingress/listen-problem.ts';
import type { PeerNews } from '../ingress/peers.ts';
import type { Submission, SubmitResult } from '../ingress/submit.ts';
import type { Doors, Figures } from '../mail-path.ts';
import type { Event } from '../message/event.ts';
import type { DeliveryId, MessageId } from '../message/ids.ts';
import type { Notice } from '../message/notice.ts';
import type { Reply } from '../message/reply.ts';
import type { MessageFacts } from '../policy/match.ts';
import type { Policy } from '../policy/schema.ts';
import type { Explanation, RouteExplanation } from '../schedule/reasons/explain.ts';
import type { ToldEnds } from '../schedule/settlement/told-ends.ts';
import type { LeasedDelivery } from '../spool/spool.ts';

/** How a worker reaches the spool: over a port to the thread that owns it, or by a connection of its own as the policy says. */
export type SpoolReach =
  | { readonly kind: 'port'; readonly port: MessagePort }
  /** `node`: the relay's name among those that share the spool. */
  | { readonly kind: 'policy'; readonly node: string };

export type PolicyInForce = { readonly policy: Policy; readonly version: string };

/** What a worker's thread is started with. */
export type WorkerStart = PolicyInForce & {
  /** From 1. */
  readonly worker: number;
  readonly workers: number;
  readonly reach: SpoolReach;
  /** The relay's name. */
  readonly node?: string;
  /** Ports that are not to be opened, and why. */
  readonly refusals: readonly ListenProblem[];
};

/** What is asked of a worker, by name. */
export type Asks = {
  /** Answers what speaks against the policy; empty: it is ready for it. */
  prepare: { ask: PolicyInForce; answer: readonly string[] };
  swap: { ask: PolicyInForce & { readonly refusals: readonly ListenProblem[] }; answer: Doors };
  refreshKeys: { ask: null; answer: null };
  figures: { ask: null; answer: Figures };
  explain: { ask: DeliveryId; answer: readonly Explanation[] };
  explainMail: { ask: MessageFacts; answer: RouteExplanation };
  submit: { ask: Submission; answer: SubmitResult };
  bounceNow: { ask: { readonly leased: readonly LeasedDelivery[]; readonly reply: Reply }; answer: number };
  endTold: { ask: { readonly leased: LeasedDelivery; readonly ends: ToldEnds }; answer: boolean };
  tellReturned: { ask: Notice; answer: MessageId | null };
  submitOwn: { ask: OwnMail; answer: null };
  stop: { ask: null; answer: null };
};
export type AskName = keyof Asks;

export type ToWorker =
  | AskMessage
  | { readonly kind: 'news'; readonly from: number; readonly news: PeerNews }
  | { readonly kind: 'gone'; readonly worker: number }
  /** Another worker came up: tell it everything. */
  | { readonly kind: 'introduce' }
  | { readonly kind: 'wake' }
  /** The spool is to be reached like this from now on. */
  | { readonly kind: 'reach'; readonly reach: SpoolReach }
  /** The stop that was asked for is to wait for nothing. */
  | { readonly kind: 'hurry' }
  | { readonly kind: 'end' };

export type AskMessage = {
  [Name in AskName]: {
    readonly kind: 'ask';
    readonly id: number;
    readonly name: Name;
    readonly ask: Asks[Name]['ask'];
  };
}[AskName];

export type FromWorker =
  | { readonly kind: 'up'; readonly version: string; readonly doors: Doors }
  | { readonly kind: 'answer'; readonly id: number; readonly version: string; readonly value: unknown }
  | { readonly kind: 'failed'; readonly id: number; readonly cause: string }
  | Told;

/** All that a worker had to tell in one turn of its event loop. */
export type Told = {
  readonly kind: 'told';
  readonly events: readonly Event[];
  readonly news: readonly PeerNews[];
  /** Something due is in the store that it leaves to others. */
  readonly wake: boolean;
};
