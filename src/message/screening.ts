import type { Reply } from './reply.ts';

/** Whose mail to whom, as far as suppressions hang on it. */
export type ScreeningAsk = {
  /** As in `Recipient`. */
  readonly addresses: readonly string[];
  readonly client: string;
  /** '' where it is not known yet: what holds for one stream only is left out then. */
  readonly stream: string;
};

/** Finds recipients that are not to be written to any more (suppressions). */
export type Screening = {
  /** Whether one of them may be suppressed, so that it must be asked. Cheap; false is certain. */
  suspects(addresses: readonly string[]): boolean;
  /** Those that are suppressed, as they were given, each with what there is to say of it. Rejects where it cannot be known now. */
  suppressedOf(ask: ScreeningAsk): Promise<ReadonlyMap<string, Reply>>;
  /** Why mail of that client and stream waits for an operator, whoever it is for; null: it does not. Cheap. Default: none does. */
  holds?(of: { readonly client: string; readonly stream: string }): string | null;
  /** The same once it was looked at again: somebody may just have let it go. Never rejects. Default: as `holds`. */
  holdsNow?(of: { readonly client: string; readonly stream: string }): Promise<string | null>;
};
