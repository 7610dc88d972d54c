/** What was said in an attempt, line by line. */
import type { DeliveryId } from './ids.ts';

export type TranscriptLine = {
  /** Since the attempt began. */
  readonly atMs: number;
  /** `note`: said by nobody, such as that TLS began. */
  readonly from: 'relay' | 'server' | 'note';
  readonly text: string;
};

/** Without the message's content, and without what signs in. */
export type Transcript = {
  readonly deliveryId: DeliveryId;
  /** As in `AttemptRecord`. */
  readonly number: number;
  readonly egress: string;
  /** When it ended, wall ms. */
  readonly atMs: number;
  readonly lines: readonly TranscriptLine[];
  /** False: it was longer, and lines are missing where a note says so. */
  readonly isWhole: boolean;
};

/** An attempt whose transcript may be kept. `said` is asked only if it is. */
export type TalkedAttempt = Omit<Transcript, 'lines' | 'isWhole'> & {
  /** To everybody. Of those fewer are kept: the others are looked for. */
  readonly isDelivered: boolean;
  readonly said: () => Pick<Transcript, 'lines' | 'isWhole'>;
};

/** Never throws, and does nothing that takes time. */
export type KeepTranscript = (attempt: TalkedAttempt) => void;
