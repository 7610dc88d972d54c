/** What a provider says of mail that it was given, in the words of no provider in particular. */
import type { IncomingHttpHeaders } from 'node:http';
import type { CameBack } from '../../message/event.ts';
import { plainText } from '../../message/plain-text.ts';
import type { Reply } from '../../message/reply.ts';

/** `taken`: it has the mail; more is not known yet. The others: see `CameBack`. */
export type ProviderEventKind = 'taken' | Exclude<CameBack['event'], 'answered'>;

export type ProviderEvent = {
  readonly what: ProviderEventKind;
  /** As the provider says them; of a message that may be one of several. */
  readonly recipients: readonly string[];
  /** What it was told of the message by the exit, and says again. */
  readonly tags: Readonly<Record<string, string>>;
  /** What it may call the message; the likeliest first. */
  readonly providerIds: readonly string[];
  /** Its name for this event; '' where it has none. */
  readonly ref: string;
  /** When it happened, wall ms; null: it does not say. */
  readonly atMs: number | null;
  /** Of `bounced-later` only. */
  readonly reply: Reply | null;
  readonly host: string | null;
  /** At most 1,000 characters. */
  readonly detail: string;
};

export type HookPost = { readonly headers: IncomingHttpHeaders; readonly body: Buffer; readonly nowMs: number };

const HOOK_REFUSALS = [
  'unsigned',
  'signature',
  'old',
  'replay',
  'topic',
  'certificate',
  'malformed',
  'too-large',
] as const;

/**
 * `unsigned`: no signature, or not in the form that it has. `old`: signed too long ago, or in the future. `replay`: signed for
 * another post. `topic`: not one of the policy's. `certificate`: it cannot be believed. `malformed`: no JSON of the right form.
 */
export type HookRefusal = (typeof HOOK_REFUSALS)[number];

export type HookReading =
  | {
      readonly kind: 'events';
      readonly events: readonly ProviderEvent[];
      /** So many more were of a kind that is not used. */
      readonly ignored: number;
      /** Called once they are stored. */
      readonly stored?: () => Promise<void>;
      /** Called where they could not be. */
      readonly failed?: () => Promise<void>;
    }
  | { readonly kind: 'refused'; readonly reason: HookRefusal }
  /** What it wants is done, or was done before. */
  | { readonly kind: 'done' }
  /** It cannot be told now; `why` is for operators. */
  | { readonly kind: 'later'; readonly why: string };

/** Longest text of what others say. */
const DETAIL_MOST = 1_000;
const REF_MOST = 120;

type Fields = Readonly<Record<string, unknown>>;

/** JSON of a body; undefined: it is none. */
export function jsonOf(text: Buffer | string): unknown {
  try {
    return JSON.parse(text.toString());
  } catch {
    return undefined;
  }
}

/** null: not an object. */
export function fieldsOf(value: unknown): Fields | null {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : null;
}

/** '' where there is no text; a number as its digits. */
export function textAt(fields: Fields | null, name: string): string {
  const value = fields !== null && Object.hasOwn(fields, name) ? fields[name] : undefined;
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
}

export function fieldsAt(fields: Fields | null, name: string): Fields | null {
  return fields !== null && Object.hasOwn(fields, name) ? fieldsOf(fields[name]) : null;
}

/** Empty where there is no list. */
export function listAt(fields: Fields | null, name: string): readonly unknown[] {
  const value = fields !== null && Object.hasOwn(fields, name) ? fields[name] : undefined;
  return Array.isArray(value) ? value : [];
}

/** Texts of an object, at most so many. */
export function tagsOf(fields: Fields | null): Record<string, string> {
  const tags: Record<string, string> = {};
  for (const [name, value] of Object.entries(fields ?? {}).slice(0, 100)) {
    const text: unknown = Array.isArray(value) ? value[0] : value;
    if (typeof text === 'string' && name.startsWith('relevo-')) tags[name] = text;
  }
  return tags;
}

export function refOf(text: string): string {
  return plainText(text, REF_MOST);
}

export function detailOf(text: string): string {
  return plainText(text, DETAIL_MOST);
}

/** What a server said to the provider, as far as it says that. */
export type Said = {
  readonly text: string;
  /** Three digits, where they stand by themselves; others are not believed. */
  readonly code?: string;
  /** RFC 3463, where it stands by itself. */
  readonly status?: string;
  /** Where neither code nor status says so: whether the failure may pass. */
  readonly isSoft: boolean;
};

/** A 4yz or 5yz reply of what a provider says of a failure. */
export function replyOf({ text, code = '', status = '', isSoft }: Said): Reply {
  const said = /^(?:smtp;\s*)?([45]\d\d)?[\s-]*(?:#?([245])\.(\d{1,3}\.\d{1,3}))?[\s:-]*/i.exec(text);
  const enhanced = /^([45])\.(\d{1,3}\.\d{1,3})$/.exec(status.trim());
  const given = /^[45]\d\d$/.test(code) ? Number(code) : undefined;
  const spoken = said?.[1] === undefined ? undefined : Number(said[1]);
  const classDigit = enhanced?.[1] ?? said?.[2];
  const byClass = classDigit === '4' ? 450 : classDigit === '5' ? 550 : undefined;
  const detail = enhanced?.[2] ?? said?.[3] ?? null;
  const rest = text.slice(said?.[0].length ?? 0);
  return {
    code: spoken ?? given ?? byClass ?? (isSoft ? 450 : 550),
    detail,
    text: detailOf(rest === '' ? text : rest),
  };
}

/** `Name <a@example.com>` and `a@example.com` alike. */
export function addressIn(text: string): string {
  return (/<([^<>]*)>\s*$/.exec(text)?.[1] ?? text).trim();
}
