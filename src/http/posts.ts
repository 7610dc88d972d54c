/**
 * What strangers may post: bodies, read within bounds, handed on whole. Nothing that they send is parsed here, and what all of
 * them send at once has one budget.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../ports.ts';
import { type Answer, plain } from './answer.ts';

/** A request below a place's prefix. */
export type PlaceAsk = {
  /** What follows the prefix, as it was sent, without the query: `sendgrid` of `/hooks/sendgrid`. */
  readonly rest: string;
  /** As it was sent, without `?`; '' where there is none. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly peer: string;
};

/** What answers below a path prefix that begins and ends with `/`. No method rejects for what was sent, only for bugs. */
export type Place = {
  /** A longer body is 413. */
  readonly mostBytes: number;
  /** Asked before a body is read; null: it may come. Default: any may. */
  readonly refusal?: (ask: PlaceAsk) => Answer | null;
  /** The body as it was sent. */
  readonly post: (ask: PlaceAsk, body: Buffer) => Promise<Answer>;
  /** Answers GET and HEAD, which must change nothing. Default: 405. */
  readonly get?: (ask: PlaceAsk) => Promise<Answer>;
};

/** By prefix. */
export type Places = ReadonlyMap<string, Place>;

/** Of all bodies that are being read at once, and what one of them may take to come. */
const MOST_BODIES = 64;
const MOST_BYTES_IN_ALL = 16 * 1024 * 1024;
const BODY_MS = 15_000;

const BUSY = { ...plain(503, 'too much at once: again later\n'), headers: { 'retry-after': '5' } };
const TOO_LARGE = plain(413, 'too large\n');

/** What bodies may take of a server. `bytes`: of all at once, but for a single one that may be longer. */
export type BodyBounds = { readonly bytes: number; readonly ms: number };

/** Of strangers. */
const STRANGERS: BodyBounds = { bytes: MOST_BYTES_IN_ALL, ms: BODY_MS };

/** Reads bodies, few enough at once and short enough in all, until what they are for is done. One for each server. */
export class Bodies {
  readonly #clock: Clock;
  readonly #bounds: BodyBounds;
  #count = 0;
  #bytes = 0;

  constructor(clock: Clock, bounds: BodyBounds = STRANGERS) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /** @returns the answer, of `use` or why it came to nothing; null: the client is gone */
  async read<Reply>(
    request: IncomingMessage,
    response: ServerResponse,
    { mostBytes, use }: { readonly mostBytes: number; readonly use: (body: Buffer) => Promise<Reply> },
  ): Promise<Reply | Answer | null> {
    const { headers } = request;
    if ((headers['content-encoding'] ?? 'identity') !== 'identity')
      return { ...plain(415, 'no content encoding\n'), headers: { 'accept-encoding': 'identity' } };
    if (Number(headers['content-length'] ?? 0) > mostBytes) return TOO_LARGE;
    if (this.#count >= MOST_BODIES) return BUSY;
    if (/^100-continue$/i.test(headers.expect ?? '')) response.writeContinue();
    this.#count += 1;
    const held = { bytes: 0 };
    try {
      const body = await this.#collect(request, mostBytes, held);
      return Buffer.isBuffer(body) ? await use(body) : body;
    } finally {
      this.#count -= 1;
      this.#bytes -= held.bytes;
    }
  }

  #collect(request: IncomingMessage, mostBytes: number, held: { bytes: number }): Promise<Buffer | Answer | null> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      const end = (result: Buffer | Answer | null): void => {
        cancel();
        request.off('data', take).off('end', whole).off('close', gone).off('error', gone);
        // An error may still come of a connection that is given up.
        request.on('error', () => {});
        request.pause();
        resolve(result);
      };
      const take = (chunk: Buffer): void => {
        held.bytes += chunk.length;
        this.#bytes += chunk.length;
        if (held.bytes > mostBytes) end(TOO_LARGE);
        else if (this.#bytes > Math.max(this.#bounds.bytes, mostBytes)) end(BUSY);
        else chunks.push(chunk);
      };
      const whole = (): void => end(Buffer.concat(chunks, held.bytes));
      const gone = (): void => end(null);
      const cancel = this.#clock.after(this.#bounds.ms, () => end(plain(408, 'too slow\n')));
      request.on('data', take).on('end', whole).on('close', gone).on('error', gone);
    });
  }
}

/** The place whose prefix the path has, and what follows it; null: there is none. */
export function placeFor(places: Places, path: string): { readonly place: Place; readonly rest: string } | null {
  for (const [prefix, place] of places) if (path.startsWith(prefix)) return { place, rest: path.slice(prefix.length) };
  return null;
}
