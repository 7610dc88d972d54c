/** `/release/TOKEN`: a page with one button, which lets the held mail of a client go. */
import type { ReleaseKeys, ReleaseToken } from '../clients/release.ts';
import { readReleaseToken } from '../clients/release.ts';
import type { Hold } from '../clients/holds.ts';
import type { Clock, Emit } from '../ports.ts';
import { type Answer, plain } from './answer.ts';
import type { Place } from './posts.ts';

export type ReleasePlaceNeeds = {
  /** Those that links may be signed with. Never rejects. */
  readonly keys: () => Promise<ReleaseKeys>;
  readonly holdOf: (client: string) => Promise<Hold | null>;
  /** @returns false: it is not held any more */
  readonly release: (token: ReleaseToken, peer: string) => Promise<boolean>;
  readonly clock: Clock;
  readonly emit: Emit;
};

const BODY_MOST = 4 * 1024;
const NOT_FOUND = plain(404, 'this link is not valid, or its time is over\n');
const LATER: Answer = { ...plain(503, 'not now: try again in a minute\n'), headers: { 'retry-after': '60' } };

/** A GET changes nothing: mail programs and filters follow links. */
export function releasePlace({ keys, holdOf, release, clock, emit }: ReleasePlaceNeeds): Place {
  const tokenOf = async (rest: string) => readReleaseToken(rest, await keys(), clock.nowMs());
  const guarded = async (answer: () => Promise<Answer>): Promise<Answer> => {
    try {
      return await answer();
    } catch (cause) {
      emit({ event: 'failed', atMs: clock.nowMs(), where: 'release', cause: String(cause) });
      return LATER;
    }
  };
  return {
    mostBytes: BODY_MOST,
    get: ({ rest }) =>
      guarded(async () => {
        const token = await tokenOf(rest);
        if (token === null) return NOT_FOUND;
        const hold = await holdOf(token.client);
        return hold?.id === token.id ? page(question(hold)) : page(over(token));
      }),
    post: ({ rest, peer }) =>
      guarded(async () => {
        const token = await tokenOf(rest);
        if (token === null) return NOT_FOUND;
        const isReleased = await release(token, peer);
        return page(isReleased ? `<p>The mail of ${escaped(token.client)} goes out now.</p>` : over(token));
      }),
  };
}

function question({ client, reason }: Hold): string {
  return (
    `<p>The bulk mail of the client <b>${escaped(client)}</b> is held: ${escaped(reason)}.</p>` +
    '<p>Was this meant? Then let it go. If not, leave it, and look at what the client sends.</p>' +
    '<form method="post"><button type="submit">Let it go</button></form>'
  );
}

function over({ client }: ReleaseToken): string {
  return `<p>The mail of ${escaped(client)} is not held any more, or for another reason: this link did its work.</p>`;
}

/** No script, no style, nothing from elsewhere. */
function page(body: string): Answer {
  const text =
    '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">' +
    `<meta name="robots" content="noindex"><title>Held mail</title></head><body>${body}</body></html>\n`;
  return {
    status: 200,
    contentType: 'text/html; charset=utf-8',
    text,
    headers: { 'content-security-policy': "default-src 'none'; form-action 'self'; frame-ancestors 'none'" },
  };
}

function escaped(text: string): string {
  return text.replaceAll(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
