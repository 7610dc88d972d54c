/** The parts of mailauth that relevo signs with; it has types of its own for the whole signer alone. */
declare module 'mailauth/lib/dkim/body/relaxed.js' {
  export class RelaxedHash {
    /**
     * The relaxed form of a line (RFC 6376 §3.4.4): a lone LF becomes a line end, a lone CR is content. Of several lines,
     * those after the first lose the whitespace that they begin with.
     * @param line perhaps without its line end
     */
    fixLineBuffer(line: Buffer): Buffer;
  }
}

declare module 'mailauth/lib/tools.js' {
  /**
   * The relaxed form of a header field (RFC 6376 §3.4.2).
   * @param line with its folds, one character a byte
   * @param suffix what ends the field
   */
  export function formatRelaxedLine(line: string, suffix?: string): Buffer;
}
