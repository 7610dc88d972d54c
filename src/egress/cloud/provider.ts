/**
 * A mail provider with an API, as the frame of all of them (`cloud-egress.ts`) uses it. A provider says what its answers
 * mean, by its own documents; what comes of that for keys, alerts and outcomes is the same for all and is the frame's.
 */
import type { Mail, ProviderPace, Whether } from '../egress.ts';
import type { HttpWatch } from './http.ts';

/** One of an exit's keys. `secret` is in no text; `shown` is: `key 2 (...4f2a)`. */
export type CloudKey = { readonly secret: string; readonly shown: string };

/** What a mail becomes for this provider. `unfit`: it would lose something on this way; `why` is for operators. */
export type Prepared<Parcel> =
  | { readonly kind: 'ready'; readonly parcel: Parcel }
  | { readonly kind: 'unfit'; readonly why: string }
  /** The provider takes no such message at all, by its documents (too large): it bounces, and nobody is asked. */
  | { readonly kind: 'refused'; readonly detail: string; readonly text: string };

/** One request: this parcel to these recipients, of which there are at most `batchMost`. */
export type Order<Parcel> = {
  /** With the recipients of this request only. */
  readonly mail: Mail;
  readonly parcel: Parcel;
  readonly key: CloudKey;
  /** To be handed to `HttpClient.ask` with the request that carries the message, and with no other. */
  readonly watch: HttpWatch;
};

/** What a provider's answer to one request means. Texts are for operators, in one line, and have no secrets. */
export type ProviderAnswer =
  /** It has the message, for all recipients but those whom it names. */
  | {
      readonly kind: 'taken';
      readonly providerId: string | null;
      readonly text: string;
      /** By address. Absent: it took all. */
      readonly refused?: ReadonlyMap<string, { readonly detail: string; readonly text: string }>;
    }
  /**
   * It will never take this message, or not to this recipient. Of a request with several recipients `recipient` says that
   * at least one of them is refused: the frame finds out which.
   */
  | {
      readonly kind: 'refused';
      readonly scope: 'message' | 'recipient';
      readonly detail: string;
      readonly text: string;
    }
  /** Wrong, revoked, or without the right to send: another key may do. */
  | { readonly kind: 'key-refused'; readonly text: string }
  /** Too much, too fast: later. `restMs` as the provider says; null: it does not say. `advice`: an operator could help. */
  | {
      readonly kind: 'throttled';
      readonly restMs: number | null;
      readonly text: string;
      readonly advice?: string;
    }
  /** Nothing goes out by this exit until somebody does something: `advice` says what. */
  /** `isOfThis`: as far as is known of mail like this one only; as long as other mail is taken, that goes on. */
  | { readonly kind: 'closed'; readonly text: string; readonly advice: string; readonly isOfThis?: true }
  /** It takes mail, but not this one, which another exit may carry. */
  | { readonly kind: 'unsuited'; readonly text: string; readonly advice?: string }
  /** It did not take the message, and it is its own fault, or the way's: 5xx, no connection. */
  | { readonly kind: 'failed'; readonly text: string }
  /** It has all of the message, and what it made of it is not known. */
  | { readonly kind: 'in-doubt'; readonly text: string }
  /** `HttpWatch.signal`, or `mayGo`: nothing was sent. */
  | { readonly kind: 'stopped' };

export type Provider<Parcel> = AsyncDisposable & {
  /** In texts: `Amazon SES`. */
  readonly title: string;
  /** Host name of its service. */
  readonly host: string;
  /** Recipients of one request. */
  readonly batchMost: number;
  /** Once for each attempt. May reject: that is held against this mail. */
  prepare(mail: Mail): Promise<Prepared<Parcel>>;
  /** Never rejects. */
  send(order: Order<Parcel>): Promise<ProviderAnswer>;
  /** What keeps mail to so many recipients back now, without a request for it: a quota that is used up. null: nothing. Absent: never anything. */
  holdsBack?(recipients: number): Promise<Extract<ProviderAnswer, { kind: 'throttled' | 'closed' }> | null>;
  /** How fast it takes mail, as far as it says so. null: it does not. Absent: it never does. */
  pace?(): ProviderPace | null;
  /** As in `Egress`. Never rejects. */
  whether?(mail: Mail, key: CloudKey, signal: AbortSignal): Promise<Whether>;
};
