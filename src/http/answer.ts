import { STATUS_CODES } from 'node:http';

export type Answer = {
  readonly status: number;
  readonly contentType: string;
  readonly text: string;
  /** Sent in its place: what is no text, or is compressed. */
  readonly bytes?: Buffer;
  readonly headers?: Readonly<Record<string, string>>;
};

/** One line feed must be at its end. */
export function plain(status: number, text: string): Answer {
  return { status, contentType: 'text/plain; charset=utf-8', text };
}

export function json(status: number, value: unknown): Answer {
  return { status, contentType: 'application/json; charset=utf-8', text: `${JSON.stringify(value)}\n` };
}

/**
 * What went wrong, for programs and people alike (RFC 9457 §3); the status says all that a type would.
 * @param detail what was wrong with this very request, and what would be right
 */
export function problem(status: number, detail: string, headers: Readonly<Record<string, string>> = {}): Answer {
  return problemWith({}, status, { detail, headers });
}

/** @param members beside those of the standard, such as `errors` */
export function problemWith(
  members: Readonly<Record<string, unknown>>,
  status: number,
  { detail, headers = {} }: { readonly detail: string; readonly headers?: Readonly<Record<string, string>> },
): Answer {
  const body = { type: 'about:blank', title: STATUS_CODES[status] ?? '', status, detail, ...members };
  return { status, contentType: 'application/problem+json', text: `${JSON.stringify(body)}\n`, headers };
}
