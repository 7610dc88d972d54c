/**
 * What strangers may post: bodies, read within bounds, handed on whole. Nothing that they send is parsed here, and what all of
 * them send at once has one budget.
 */
import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../ports.ts';
import { type Answer, plain } from './answer.ts';
import { shareKey, Shares } from './shares.ts';

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
export type BodyBounds = {
  readonly bytes: number;
  readonly ms: number;
  /** What part of places and bytes those from one address may have at once (see `shareKey`). Default: 1/4. */
  readonly share?: number;
  /**
   * A body that says how long it is has room from its beginning, or is refused at once, and a small one always has: those who
   * do that are known. Default: room is taken as bytes come, for whoever only promises some must not keep others out.
   */
  readonly isReserved?: boolean;
};

/** Such as what people do on pages, while mail takes all the room. */
const SMALL_BYTES = 64 * 1024;

/** One of them who sends many, and slowly, leaves room for the others. */
const SHARE = 1 / 4;

/** Of strangers. */
const STRANGERS: BodyBounds = { bytes: MOST_BYTES_IN_ALL, ms: BODY_MS };

/** What one body has of the room, and from where it came. */
type Room = { bytes: number; readonly from: string | null; readonly mostBytes: number };

/** Reads bodies, few enough at once and short enough in all, until what they are for is done. One for each server. */
export class Bodies {
  readonly #clock: Clock;
  readonly #bounds: BodyBounds;
  readonly #places = new Shares();
  readonly #bytesFrom = new Shares();
  #count = 0;
  #bytes = 0;

  constructor(clock: Clock, bounds: BodyBounds = STRANGERS) {
    this.#clock = clock;
    this.#bounds = bounds;
  }

  /**
   * @param of `peer` is whoever sends it, as far as trusted proxies say
   * @returns the answer, of `use` or why it came to nothing; null: the client is gone
   */
  async read<Reply>(
    request: IncomingMessage,
    response: ServerResponse,
    of: { readonly peer: string; readonly mostBytes: number; readonly use: (body: Buffer) => Promise<Reply> },
  ): Promise<Reply | Answer | null> {
    const { headers } = request;
    const { peer, mostBytes, use } = of;
    if ((headers['content-encoding'] ?? 'identity') !== 'identity')
      return { ...plain(415, 'no content encoding\n'), headers: { 'accept-encoding': 'identity' } };
    const length = Number(headers['content-length'] ?? 0);
    if (length > mostBytes) return TOO_LARGE;
    const room: Room = { bytes: 0, from: shareKey(peer), mostBytes };
    const isCrowded = this.#count >= MOST_BODIES || this.#places.of(room.from) >= MOST_BODIES * this.#share;
    if (isCrowded) return BUSY;
    if (this.#bounds.isReserved === true && !this.#take(room, length, length)) return BUSY;
    if (/^100-continue$/i.test(headers.expect ?? '')) response.writeContinue();
    this.#count += 1;
    this.#places.add(room.from, 1);
    try {
      const body = await this.#collect(request, room);
      return Buffer.isBuffer(body) ? await use(body) : body;
    } finally {
      this.#count -= 1;
      this.#places.add(room.from, -1);
      this.#bytes -= room.bytes;
      this.#bytesFrom.add(room.from, -room.bytes);
    }
  }

  get #share(): number {
    return this.#bounds.share ?? SHARE;
  }

  /** `more` bytes, of a body that is `length` with them. @returns whether there was room for them */
  #take(room: Room, more: number, length: number): boolean {
    const { bytes, isReserved } = this.#bounds;
    const fits = (taken: number, most: number): boolean => taken + more <= Math.max(most, room.mostBytes);
    const hasRoom = fits(this.#bytes, bytes) && fits(this.#bytesFrom.of(room.from), bytes * this.#share);
    if (!hasRoom && !(isReserved === true && length <= SMALL_BYTES)) return false;
    room.bytes += more;
    this.#bytes += more;
    this.#bytesFrom.add(room.from, more);
    return true;
  }

  #collect(request: IncomingMessage, room: Room): Promise<Buffer | Answer | null> {
    return new Promise((resolve) => {
      const chunks: Buffer[] = [];
      let length = 0;
      const end = (result: Buffer | Answer | null): void => {
        cancel();
        request.off('data', take).off('end', whole).off('close', gone).off('error', gone);
        // An error may still come of a connection that is given up.
        request.on('error', () => {});
        request.pause();
        resolve(result);
      };
      const take = (chunk: Buffer): void => {
        length += chunk.length;
        const more = Math.max(0, length - room.bytes);
        if (length > room.mostBytes) end(TOO_LARGE);
        else if (more > 0 && !this.#take(room, more, length)) end(BUSY);
        else chunks.push(chunk);
      };
      const whole = (): void => end(Buffer.concat(chunks, length));
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
