/**
 * Signatures of requests (AWS Signature Version 4): read, and made again to compare. Presigned addresses and signatures over
 * several regions are not read. Pure.
 */
import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';

/** A signature is believed so long before and after its time. */
const WINDOW_MS = 15 * 60_000;

const ALGORITHM = 'AWS4-HMAC-SHA256';
const PRODUCT = 'ses';

/** A request as it came. */
export type SignedRequest = {
  readonly method: string;
  /** Without its query. */
  readonly path: string;
  /** Without `?`. */
  readonly query: string;
  readonly headers: IncomingHttpHeaders;
};

export type ShownSignature = {
  readonly accessKeyId: string;
  /** `20261122/eu-west-1/ses/aws4_request` */
  readonly scope: string;
  /** `20261122T163000Z` */
  readonly time: string;
  readonly atMs: number;
  /** In lower case, sorted. */
  readonly signedHeaders: readonly string[];
  /** Hex. */
  readonly signature: string;
};

export type ShownResult =
  /** There is none of this kind. */
  | { readonly kind: 'none' }
  /** For whoever wrote the program. */
  | { readonly kind: 'bad'; readonly text: string }
  | { readonly kind: 'shown'; readonly shown: ShownSignature };

const FORM =
  /^AWS4-HMAC-SHA256\s+Credential=([\w-]{1,128})\/(\d{8})\/([\w-]{1,64})\/([\w-]{1,64})\/aws4_request\s*,\s*SignedHeaders=([a-z0-9;_.-]{1,2000})\s*,\s*Signature=([0-9a-f]{64})$/;

/** What a request shows; nothing of it is checked yet. */
export function shownSignature({ headers }: SignedRequest): ShownResult {
  const { authorization } = headers;
  if (authorization === undefined || !/^AWS4/i.test(authorization)) return { kind: 'none' };
  const [, accessKeyId = '', date = '', region = '', product = '', names = '', signature = ''] =
    FORM.exec(authorization.trim()) ?? [];
  if (signature === '') return bad(`Authorization is no signature of ${ALGORITHM} that can be read`);
  if (product !== PRODUCT) return bad(`Credential should be scoped to correct service: '${PRODUCT}'`);
  const time = fieldOf(headers, 'x-amz-date');
  const atMs = timeIn(time);
  if (atMs === null) return bad('Authorization needs an X-Amz-Date such as 20261122T163000Z');
  if (!time.startsWith(date))
    return bad('Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date');
  const signedHeaders = names.split(';');
  if (!signedHeaders.includes('host') || !signedHeaders.includes('x-amz-date'))
    return bad("'Host' and 'X-Amz-Date' must be signed headers");
  const scope = `${date}/${region}/${product}/aws4_request`;
  return { kind: 'shown', shown: { accessKeyId, scope, time, atMs, signedHeaders, signature } };
}

/** Whether the time of a signature is one to believe. */
export function isTimely({ atMs }: Pick<ShownSignature, 'atMs'>, nowMs: number): boolean {
  return Math.abs(nowMs - atMs) <= WINDOW_MS;
}

/**
 * Whether the request was signed with this secret as it came, body and all.
 * @param bodySha256 hex
 */
export function isSignedWith(
  secret: string,
  request: SignedRequest,
  { shown, bodySha256 }: { readonly shown: ShownSignature; readonly bodySha256: string },
): boolean {
  const said = fieldOf(request.headers, 'x-amz-content-sha256');
  if (said !== '' && said !== bodySha256) return false;
  const wanted = signatureOf(secret, request, { shown, bodySha256 });
  return timingSafeEqual(Buffer.from(wanted, 'hex'), Buffer.from(shown.signature, 'hex'));
}

function signatureOf(
  secret: string,
  request: SignedRequest,
  { shown, bodySha256 }: { readonly shown: ShownSignature; readonly bodySha256: string },
): string {
  const { scope, time } = shown;
  const canonical = canonicalRequest(request, shown.signedHeaders, bodySha256);
  const toSign = [ALGORITHM, time, scope, createHash('sha256').update(canonical).digest('hex')].join('\n');
  const [date = '', region = '', product = ''] = scope.split('/');
  let key: Buffer = Buffer.from(`AWS4${secret}`);
  for (const part of [date, region, product, 'aws4_request']) key = createHmac('sha256', key).update(part).digest();
  return createHmac('sha256', key).update(toSign).digest('hex');
}

function canonicalRequest(request: SignedRequest, names: readonly string[], bodySha256: string): string {
  const { method, path, query, headers } = request;
  const fields = names.map((name) => `${name}:${fieldOf(headers, name).trim().replaceAll(/ +/g, ' ')}\n`);
  // The path is encoded once more than it was sent.
  const uri = path
    .split('/')
    .map((segment) => encoded(segment))
    .join('/');
  return [method, uri, canonicalQuery(query), fields.join(''), names.join(';'), bodySha256].join('\n');
}

function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs = query.split('&').map((pair) => {
    const [name = '', ...value] = pair.split('=');
    return [encoded(decoded(name)), encoded(decoded(value.join('=')))] as const;
  });
  const sorted = pairs.toSorted(([one, first], [other, second]) => compare(one, other) || compare(first, second));
  return sorted.map(([name, value]) => `${name}=${value}`).join('&');
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}

/** RFC 3986 §2.3: all but unreserved characters. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

function timeIn(time: string): number | null {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(time) ?? [];
  const atMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  return Number.isNaN(atMs) ? null : atMs;
}

function fieldOf(headers: IncomingHttpHeaders, name: string): string {
  const field = headers[name];
  return Array.isArray(field) ? field.join(',') : (field ?? '');
}

function bad(text: string): ShownResult {
  return { kind: 'bad', text };
}
