/** The port of an exit. One file an egress type; `egress.contract.ts` holds what all must do. */
import type { DeliveryId } from '../message/ids.ts';
import type { Message, Recipient } from '../message/message.ts';
import type { Outcome } from '../message/outcome.ts';
import type { Stage } from './classify.ts';
import type { Recorder } from './recorder.ts';

/** What one attempt is to carry: one message to recipients of one destination domain. */
export type Mail = {
  readonly message: Message;
  /** Of the delivery that these recipients are of: providers say it again in their events. Absent: there is none. */
  readonly deliveryId?: DeliveryId;
  readonly domain: string;
  readonly recipients: readonly Recipient[];
  /** The reverse-path to use (VERP may have changed the message's own); '' is the null sender. */
  readonly sender: string;
  readonly content: Buffer;
  /**
   * Asked before MAIL and before the final dot; false: the right to send it may be gone (a process that was frozen finds
   * its lease with another), and the attempt is over. Default: yes.
   */
  readonly mayGo?: () => boolean;
  /** Told of each stage as the conversation comes to it; with another host or address it begins anew. Default: nobody is. */
  readonly onStage?: (stage: Stage) => void;
  /** Hears what is said, and what happens meanwhile; never content or what signs in. Default: nobody does. */
  readonly recorder?: Recorder;
};

/** The far end of a conversation, as far as it is known. */
export type Peer = {
  readonly host: string | null;
  readonly address: string | null;
  readonly source: string | null;
  readonly tls: string | null;
  /**
   * The next hop offered DSN and got the NOTIFY parameters, so that reporting success is its duty now (RFC 3461 §5.2.1).
   * Absent: it is ours, as `relayed`.
   */
  readonly reportsSuccess?: boolean;
  /** What a provider calls the message that it took. */
  readonly providerId?: string;
};

/** Itself the peer that gave the last outcome. */
export type AttemptResult = Peer & {
  /** One for each recipient of the mail, in its order. */
  readonly outcomes: readonly Outcome[];
  /** Who gave each outcome, in the same order. Absent: one and the same gave all. */
  readonly peers?: readonly Peer[];
  /** False: no server was sent a MAIL command, so that the attempt counts towards no limit. Absent: one was. */
  readonly mailed?: boolean;
};

/** Who gave the outcome at that place. */
export function peerOf(result: AttemptResult, place: number): Peer {
  return result.peers?.[place] ?? result;
}

/** Of an attempt in doubt. `unknown`: it cannot be told yet, or at all. */
export type Whether =
  | {
      readonly kind: 'taken';
      readonly providerId: string | null;
      /** For whom. Absent: for all recipients of the mail. */
      readonly addresses?: readonly string[];
      /** What is known of the others. Absent: they are as `not-taken`. */
      readonly others?: 'unknown';
    }
  | { readonly kind: 'not-taken' | 'unknown' };

/** How fast a provider takes mail of an account, all that sends by it together. `text`: its own words for operators. */
export type ProviderPace = { readonly perSecond: number; readonly text: string };

export interface Egress extends AsyncDisposable {
  readonly name: string;
  /**
   * Tries once, over as many hosts of the destination as need be. Never rejects: whatever goes wrong is an outcome.
   * `signal` ends it while nothing but the envelope went out; once the final dot is on its way the reply is waited for.
   */
  attempt(mail: Mail, signal: AbortSignal): Promise<AttemptResult>;
  /** As the provider allows now; the schedule keeps it. null, or absent: nobody says. */
  pace?(): ProviderPace | null;
  /** Asks the provider whether it took the mail of an attempt that is in doubt. Absent: it cannot be asked. Never rejects. */
  whether?(mail: Mail, signal: AbortSignal): Promise<Whether>;
  /** How many attempts it will carry at once; the scheduler never asks for more. */
  readonly concurrency: number;
  /** Connections that it has: idle, about to be closed, and one for each attempt under way. Absent: none outlives its attempt. */
  readonly connections?: number;
  /** Closes idle connections, the oldest first, so that there are at most so many in all. */
  trim?(most: number): void;
}
