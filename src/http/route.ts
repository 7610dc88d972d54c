/** What one call of the API is: the one source of its checks, of its line in OpenAPI, and of what runs. */
import type { IncomingHttpHeaders } from 'node:http';
import type { z } from 'zod';
import type { Admission } from './admission.ts';
import type { Answer } from './answer.ts';
import type { Principal } from './principal.ts';
import type { Scope } from './token.ts';

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

/** What a call changed, for the audit log; never with secrets in it. */
export type Change = {
  /** Such as `egress.pause`, `token.create`. */
  readonly what: string;
  /** What it was done to, such as `ip-1`. */
  readonly on: string;
  readonly before?: unknown;
  readonly after?: unknown;
};

export type ApiReply =
  | {
      readonly kind: 'json';
      /** Default: 200. */
      readonly status?: 200 | 201 | 202 | 207;
      readonly value: unknown;
      readonly headers?: Readonly<Record<string, string>>;
      /** null: nothing this time. */
      readonly change?: Change | null;
    }
  /** Anything else that is whole: a problem document, CSV, a file. */
  | { readonly kind: 'answer'; readonly answer: Answer; readonly change?: Change | null }
  /** Goes on until the reader is gone, such as server-sent events; the call's `signal` says when. */
  | { readonly kind: 'stream'; readonly contentType: string; readonly stream: ReadableStream<Uint8Array> };

export type ApiCall<Query, Body> = {
  readonly principal: Principal;
  /** What stood in the braces of the path, decoded. */
  readonly params: Readonly<Record<string, string>>;
  readonly query: Query;
  readonly body: Body;
  readonly header: (name: string) => string | null;
  /** It came by TLS, to here or to a proxy that is trusted. */
  readonly isSecure: boolean;
  /** Aborted when whoever asked is gone. */
  readonly signal: AbortSignal;
};

/** A request before its body. */
export type RouteAsk = {
  readonly method: string;
  /** As it was sent, without its query. */
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
  readonly peer: string;
};

/** A body as JSON of a schema, or as it was sent. */
export type BodyOf<Body> =
  | { readonly as: 'json'; readonly schema: z.ZodType<Body> }
  /** Handed on as `Buffer`, of one of these media types. `json`: what JSON among them is, which the call holds it to itself. */
  | { readonly as: 'bytes'; readonly contentTypes: readonly string[]; readonly json?: z.ZodType };

type Definition<Query, Body> = {
  readonly method: Method;
  /** In OpenAPI's form, such as `/api/v1/messages/{id}`. */
  readonly path: string;
  /** What whoever asks needs; null: everybody who was admitted. */
  readonly scope: Scope | null;
  /** One line for the reference: what it does. */
  readonly summary: string;
  /** The part of the reference that it belongs to, such as `messages`. */
  readonly part: string;
  /** Fields after `?`; texts, to be coerced by the schema. Absent: there are none. */
  readonly query?: z.ZodType<Query>;
  readonly body?: BodyOf<Body>;
  /** Longer bodies are 413. Default: 64 KB. */
  readonly mostBytes?: () => number;
  /** What comes with 2xx: JSON of a schema, or of a media type. */
  readonly answer: z.ZodType | { readonly contentType: string };
  /**
   * Why it leaves no line in the audit log of its own: it only looks; it, or what it asks, writes one; or what it takes in has a
   * history of its own, such as mail. Default: each that is answered with 2xx does, but for GET, as `change` of its reply says,
   * and where that says nothing by method and path.
   */
  readonly unaudited?: 'looks' | 'audits-itself' | 'own-history';
  /** Whoever comes may call it, unknown: such as to sign in. Its principal has no name and no scopes. Default: false. */
  readonly isOpen?: boolean;
  /** How a token is shown to it, where other programs have fixed that; null: none was. Default: `Authorization: Bearer …`. */
  readonly tokenOf?: (header: (name: string) => string | null) => string | null;
  /** Who asks, where other programs show that in a way of their own; null: they do not, and it is as everywhere. */
  readonly admission?: (ask: RouteAsk) => Promise<Admission | null>;
  /** How it tells of what went wrong, where other programs have fixed that. Default: RFC 9457. */
  readonly wrong?: (problem: Answer) => Answer;
};

/** One call of the API, whatever its query and body are. */
export type ApiRoute = Definition<unknown, unknown> & {
  readonly run: (call: ApiCall<unknown, unknown>) => Promise<ApiReply>;
};

/**
 * A route with the types of its schemas. What fails by what was sent is a reply (`problem`); what rejects is 503 for a
 * `SpoolError`, 409 for an `OperationsError`, and 500 with a log line for all else.
 */
export function defineRoute<Query = unknown, Body = unknown>(
  route: Definition<Query, Body> & { readonly run: (call: ApiCall<Query, Body>) => Promise<ApiReply> },
): ApiRoute {
  // The application parses both by these very schemas before it runs it.
  return route as unknown as ApiRoute;
}
