/** `traceparent`: of which trace something is a part (W3C Trace Context, level 2). */

export type Traceparent = {
  /** 32 hexadecimal digits, not all 0. */
  readonly traceId: string;
  /** Of the span that comes before, 16 hexadecimal digits, not all 0. */
  readonly spanId: string;
  /** Whether whoever began the trace keeps it. */
  readonly isSampled: boolean;
};

/** Text that may be one is no longer. */
const LONGEST = 512;
const NONE = /^0+$/;

/** Of a later version the part that all versions have. @returns null for anything else: it is to be treated as if it were not there */
export function parseTraceparent(text: string): Traceparent | null {
  if (text.length > LONGEST) return null;
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text.trim());
  if (match === null) return null;
  const [, version = '', traceId = '', spanId = '', flags = '', more] = match;
  if (version === 'ff' || (version === '00' && more !== undefined)) return null;
  if (NONE.test(traceId) || NONE.test(spanId)) return null;
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 };
}

/** In the form of version 00, 55 characters. */
export function formatTraceparent({ traceId, spanId, isSampled }: Traceparent): string {
  return `00-${traceId}-${spanId}-${isSampled ? '01' : '00'}`;
}
