import type { MessageId } from './ids.ts';

export type Priority = 'high' | 'normal' | 'low';
export const PRIORITIES = ['high', 'normal', 'low'] as const satisfies readonly Priority[];

/** RFC 3461 §4.1. `never` excludes the others; null: the client did not say (failure and delay are reported). */
export type Notify = 'never' | readonly ('success' | 'failure' | 'delay')[] | null;

export type Recipient = {
  /** `local@domain` as RCPT TO will say it: domain lower-case A-label or address literal, local part untouched. */
  readonly address: string;
  readonly notify: Notify;
  /** RFC 3461 §4.2, `type;xtext` as received; null: none was given. */
  readonly orcpt: string | null;
};

export type Envelope = {
  /** The reverse-path, same form as a recipient's address; '' is the null sender. */
  readonly sender: string;
  /** RFC 3461 §4.3. */
  readonly ret: 'full' | 'hdrs' | null;
  /** RFC 3461 §4.4, xtext as received. */
  readonly envid: string | null;
  /** RFC 6152: the content has bytes above 127. Computed from the content, not from what the client claimed. */
  readonly eightBit: boolean;
  /** RFC 6531: an address or a header has UTF-8, so the next hop must offer SMTPUTF8. */
  readonly smtpUtf8: boolean;
};

/** RFC 2852: `return` it as undeliverable when it is late, or `notify` the sender and go on. */
export type DeliverBy = {
  /** Wall time. */
  readonly atMs: number;
  readonly mode: 'return' | 'notify';
  /** The sender wants to hear where it went. */
  readonly trace: boolean;
};

/** What one client handed over in one transaction, without its content and recipients. */
export type Message = {
  readonly id: MessageId;
  readonly receivedAtMs: number;
  /** Scheduled mail: not to be sent before this wall time, and its age counts from then. Absent: at once. */
  readonly sendAtMs?: number;
  /** RFC 2852: by when its sender wants it delivered, and what is to become of it when it is late. Absent: did not say. */
  readonly deliverBy?: DeliverBy;
  /** Of no use to anybody from this wall time on. Absent: none was named. */
  readonly expiresAtMs?: number;
  /** The same by its age, ms, as that counts. Absent: none was named. */
  readonly expiresAfterMs?: number;
  /** RFC 6710, -9 to 9, as it is passed on. Absent: the client did not say. */
  readonly mtPriority?: number;
  /** The policy's client name; `relevo` for the relay's own bounces and notices. */
  readonly client: string;
  readonly stream: string;
  readonly priority: Priority;
  readonly tag: string | null;
  readonly envelope: Envelope;
  /** Of what leaves the relay, bytes: signatures included. */
  readonly sizeBytes: number;
  /**
   * The spool keeps its content without the relay's signatures, which were made while it went straight to its lane: whoever reads
   * the content from there signs it before it leaves. Absent: it is kept as it leaves.
   */
  readonly unsigned?: true;
  /** As in the header, with angle brackets. */
  readonly messageIdHeader: string;
  /** Domain of the header From, A-label; null where there is none to be had. */
  readonly fromDomain: string | null;
  /** Exits by which it does not go out, whatever its route says: mail about what is wrong with them. Absent: none. */
  readonly avoids?: readonly string[];
  /** Raw, unfolded, at most 200 characters: shown to operators only where the policy allows (`log.subjects`). */
  readonly subject: string | null;
  /** The trace that its client has it in, where the policy takes that as the parent (W3C Trace Context). Absent: none was named. */
  readonly traceparent?: string;
  /** First values of the header fields that routes asked for when it came, names in lower case, each at most 200 characters. */
  readonly headers?: Readonly<Record<string, string>>;
};

/** The name under which the relay's own mail (bounces, notices) is queued. */
export const OWN_CLIENT = 'relevo';
