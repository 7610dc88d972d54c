/** What an SMTP sink is told and what it writes down. */
import type { SinkFaults } from './sink-faults.ts';

/** A message whose final dot came, whatever was answered. */
export type SunkMessage = {
  readonly sender: string;
  /** Parameters of MAIL, as sent: `SIZE=12`, `BODY=8BITMIME`. */
  readonly parameters: readonly string[];
  readonly recipients: readonly { readonly address: string; readonly parameters: readonly string[] }[];
  /** Dot-stuffing undone; nothing else is touched. Empty when the sink keeps no content. */
  readonly content: Buffer;
  /** Of the Message-ID field; '' where there is none. */
  readonly messageId: string;
  /** Code of the reply; null: none was given. */
  answer: number | null;
  readonly helo: string;
  readonly tls: string | null;
  readonly user: string | null;
  /** Number of the connection, from 1. */
  readonly session: number;
};

export type SinkOptions = {
  /** Address to listen at; default 127.0.0.1. */
  readonly address?: string;
  /** Default: whichever is free. */
  readonly port?: number;
  readonly tls?: {
    readonly mode: 'starttls' | 'implicit';
    readonly key: string;
    readonly cert: string;
    /** Breaks the handshake off when the client shows no certificate: in TLS 1.3 after the client thinks it done. */
    readonly clientCert?: boolean;
  };
  /** Users and passwords; MAIL is refused with 530 before AUTH. */
  readonly auth?: {
    readonly users: Readonly<Record<string, string>>;
    readonly mechanisms: readonly ('PLAIN' | 'LOGIN' | 'CRAM-MD5')[];
  };
  /** EHLO lines besides STARTTLS and AUTH; null: EHLO is unknown. Default: all that matter. */
  readonly extensions?: readonly string[] | null;
  /** Recipients taken in one transaction; then 452 4.5.3. */
  readonly maxRecipients?: number;
  /** Messages taken over one connection; then 421. */
  readonly maxMessages?: number;
  /** Default true. False, for load: only ids and envelopes are kept. */
  readonly keepContent?: boolean;
  /** What `slow` waits, and what `drip` waits between two bytes. Default 100 and 10. */
  readonly slowMs?: number;
};

export const ALL_EXTENSIONS = ['PIPELINING', 'SIZE 50000000', '8BITMIME', 'SMTPUTF8', 'DSN', 'ENHANCEDSTATUSCODES'];

/** Where a session finds its orders and leaves its records. */
export interface SinkBooks {
  readonly options: SinkOptions;
  readonly faults: SinkFaults;
  readonly messages: SunkMessage[];
  readonly commands: string[];
  /** Something happened: whoever waits for it is to look. */
  stir(): void;
}
