/**
 * An SMTP reply: one fact, one field. The class digit of the enhanced code is computed from the reply code,
 * so that `550 4.x.x` cannot be built (RFC 3463 §2).
 */
export type Reply = {
  /** 200–599. */
  readonly code: number;
  /** Subject and detail of the enhanced code: `7.1`; null where a reply carries none (RFC 2034 §4). */
  readonly detail: string | null;
  /** One line for the peer: bland, ASCII, no policy and no paths. What a remote server said may be longer. */
  readonly text: string;
};

export type ReplyClass = 'success' | 'more' | 'temporary' | 'permanent';

/** 2yz success, 3yz more, 5yz permanent; everything else, unknown included, is temporary. */
export function replyClass(reply: Reply): ReplyClass {
  const digit = Math.trunc(reply.code / 100);
  if (digit === 2) return 'success';
  if (digit === 3) return 'more';
  return digit === 5 ? 'permanent' : 'temporary';
}

/** `5.7.1`, or null where the reply has no enhanced code. */
export function enhancedCode(reply: Reply): string | null {
  return reply.detail === null ? null : `${Math.trunc(reply.code / 100)}.${reply.detail}`;
}

/** The RFC 3463 status for a delivery report: the enhanced code, or `X.0.0` from the reply code. */
export function statusOf(reply: Reply): string {
  const digit = Math.trunc(reply.code / 100);
  const safeDigit = digit === 2 || digit === 5 ? digit : 4;
  return `${safeDigit}.${reply.detail ?? '0.0'}`;
}

/** "550 5.7.1 relaying denied" */
export function formatReply(reply: Reply): string {
  const enhanced = enhancedCode(reply);
  return `${reply.code} ${enhanced === null ? '' : `${enhanced} `}${reply.text}`;
}

/**
 * Reads what a server said.
 * @param code the three digits
 * @param lines the lines' texts, without the code
 */
export function parseReply(code: number, lines: readonly string[]): Reply {
  const wanted = Math.trunc(code / 100);
  let detail: string | null = null;
  const texts = lines.map((line) => {
    const match = /^([245])\.(\d{1,3}\.\d{1,3})(?:\s+|$)/.exec(line);
    if (match === null) return line;
    // A class that contradicts the reply code is not believed (RFC 3463 §2); the rest is.
    if (Number(match[1]) === wanted || detail === null) detail = match[2] ?? null;
    return line.slice(match[0].length);
  });
  return { code, detail, text: texts.join(' ').trim() };
}
