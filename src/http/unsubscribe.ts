/** `/unsubscribe/TOKEN` (RFC 8058): a page with one button, and what the button, or the reader's mail program, posts. */
import { readUnsubscribeToken, type UnsubscribeToken } from '../feedback/suppression/unsubscribe-token.ts';
import { readVerpKeys } from '../feedback/verp-keys.ts';
import type { VerpKeys } from '../feedback/verp.ts';
import type { Clock, Emit } from '../ports.ts';
import { type Answer, plain } from './answer.ts';
import type { Place } from './posts.ts';

export type UnsubscribeNeeds = {
  /** Those that links may be signed with; empty: there are none. Never rejects. */
  readonly keys: () => Promise<VerpKeys>;
  /** Durable once it resolves. */
  readonly unsubscribe: (token: UnsubscribeToken) => Promise<void>;
  readonly clock: Clock;
  readonly emit: Emit;
};

const BODY_MOST = 4 * 1024;
const NOT_FOUND = plain(404, 'this link is not valid\n');
const LATER: Answer = { ...plain(503, 'not now: try again in a minute\n'), headers: { 'retry-after': '60' } };

/**
 * A GET changes nothing, for whatever follows links in mail would unsubscribe people (RFC 8058 §5). Any POST with a link that
 * we signed counts, whatever is in its body.
 */
export function unsubscribePlace({ keys, unsubscribe, clock, emit }: UnsubscribeNeeds): Place {
  const tokenOf = async (rest: string): Promise<UnsubscribeToken | null> => readUnsubscribeToken(rest, await keys());
  return {
    mostBytes: BODY_MOST,
    get: async ({ rest }) => {
      const token = await tokenOf(rest);
      return token === null ? NOT_FOUND : page(200, question(token));
    },
    post: async ({ rest }) => {
      const token = await tokenOf(rest);
      if (token === null) return NOT_FOUND;
      try {
        await unsubscribe(token);
      } catch (cause) {
        emit({ event: 'failed', atMs: clock.nowMs(), where: 'unsubscribe', cause: String(cause) });
        return LATER;
      }
      return page(200, `<p>${escaped(token.address)} gets no more of these messages.</p>`);
    },
  };
}

function question({ address }: UnsubscribeToken): string {
  return (
    `<p>Shall ${escaped(address)} get no more of these messages?</p>` +
    '<form method="post"><input type="hidden" name="List-Unsubscribe" value="One-Click">' +
    '<button type="submit">Unsubscribe</button></form>'
  );
}

/** No script, no style, nothing from elsewhere. */
function page(status: number, body: string): Answer {
  const text =
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    `<meta name="robots" content="noindex"><title>Unsubscribe</title></head><body>${body}</body></html>\n`;
  return {
    status,
    contentType: 'text/html; charset=utf-8',
    text,
    headers: { 'content-security-policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'" },
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A file that was read a moment ago is as good as read again: strangers may ask often. */
const KEYS_HOLD_MS = 5_000;

/** The keys in a file, which may change; none where it cannot be read. */
export function createKeyReader({
  path,
  clock,
}: {
  readonly path: () => string;
  readonly clock: Clock;
}): () => Promise<VerpKeys> {
  let last: { readonly path: string; readonly atMs: number; readonly keys: Promise<VerpKeys> } | null = null;
  return () => {
    const now = { path: path(), atMs: clock.monotonicMs() };
    if (last === null || last.path !== now.path || now.atMs - last.atMs > KEYS_HOLD_MS) {
      const keys = readVerpKeys(now.path).then((read) => (read.kind === 'read' ? read.keys : []));
      last = { ...now, keys };
    }
    return last.keys;
  };
}
