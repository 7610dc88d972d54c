/** What a server offered in its reply to EHLO (RFC 5321 §4.1.1.1). */
export type Extensions = {
  readonly pipelining: boolean;
  readonly eightBitMime: boolean;
  readonly smtpUtf8: boolean;
  readonly dsn: boolean;
  readonly startTls: boolean;
  /** Largest message in bytes (RFC 1870); null: SIZE was not offered; 0: offered without a limit. */
  readonly sizeBytes: number | null;
  /** The shortest time in seconds that it takes on (RFC 2852), 0: any; null: DELIVERBY was not offered. */
  readonly deliverByS: number | null;
  /** RFC 6710. */
  readonly mtPriority: boolean;
  /** Mechanisms in capitals, as offered. */
  readonly auth: readonly string[];
};

/** Of a server that knows only HELO. */
export const NO_EXTENSIONS: Extensions = parseExtensions([]);

/** @param lines of the reply, the first of which is a greeting */
export function parseExtensions(lines: readonly string[]): Extensions {
  const offered = new Map<string, readonly string[]>();
  for (const line of lines.slice(1)) {
    // Some old servers write AUTH=LOGIN.
    const [keyword = '', ...parameters] = line
      .toUpperCase()
      .replace(/^AUTH=/, 'AUTH ')
      .trim()
      .split(/\s+/);
    offered.set(keyword, [...(offered.get(keyword) ?? []), ...parameters]);
  }
  const size = offered.get('SIZE');
  const deliverBy = offered.get('DELIVERBY');
  return {
    pipelining: offered.has('PIPELINING'),
    eightBitMime: offered.has('8BITMIME'),
    smtpUtf8: offered.has('SMTPUTF8'),
    dsn: offered.has('DSN'),
    startTls: offered.has('STARTTLS'),
    sizeBytes: size === undefined ? null : parseSize(size[0]),
    deliverByS: deliverBy === undefined ? null : parseSize(deliverBy[0]),
    mtPriority: offered.has('MT-PRIORITY'),
    auth: offered.get('AUTH') ?? [],
  };
}

/** RFC 1870 §4: up to 20 digits; no number, or one that means nothing, is no limit. */
function parseSize(text: string | undefined): number {
  return text !== undefined && /^\d{1,20}$/.test(text) ? Number(text) : 0;
}
