/** Replies of servers in which only the words count: those that say the same of several recipients are one. Pure. */
import { plainText } from '../../message/plain-text.ts';
import { formatReply, type Reply } from '../../message/reply.ts';

const TEXT_MOST = 160;

/** `550 5.1.1 (address): no such user`: without whom it is about, and what servers number. */
export function reasonText({ code, detail, text }: Reply): string {
  const words = plainText(text, 2 * TEXT_MOST)
    .replace(/<?[^\s<>"'()[\]]+@[^\s<>"'()[\],;:]+>?/g, '(address)')
    .replace(/\b(?=[\w.:-]*\d)[\w.:-]*(?:\d{4,}|\d+\.\d+\.\d+)[\w.:-]*/g, '#');
  const shown = words.length <= TEXT_MOST ? words : `${words.slice(0, TEXT_MOST - 1)}…`;
  return formatReply({ code, detail, text: shown }).trim();
}
