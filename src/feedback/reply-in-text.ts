/** Finds what a server said in a text that quotes it, or makes a reply of the words in which the text says it. Pure. */
import { parseReply, type Reply } from '../message/reply.ts';
import { failureInWords } from './failure-words.ts';
import { oneLine } from './report-field.ts';

const LONGEST_TEXT = 500;
/** More of a text is not looked at. */
const LONGEST = 8_000;

/** The reply codes of RFC 5321 and those that servers are known to make up; any other three digits are just a number. */
const SPOKEN =
  /(?<![\w.:@/#[-])(4(?:2[12]|3[0-2]|4[1-7]|5[0-9]|71|72)|5(?:0[0-4]|1[0-7]|2[1-3]|3[0-9]|4[0-9]|5[0-9]|7[0-3]|8[0-9]|98))(?:[ -]|: )(?=[^\s\d]|\d\.\d|\d+ )([^\n]{0,1000}(?:\n(?!\n)[^\n]{0,300}){0,4})/u;
const ENHANCED = /(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?!\.?\d)/;

/** null: the text says nothing of a failure. */
export function replyInText(whole: string): Reply | null {
  const text = whole.slice(0, LONGEST);
  const spoken = SPOKEN.exec(text);
  if (spoken !== null) return fromSpoken(spoken, text);
  const enhanced = ENHANCED.exec(text);
  if (enhanced !== null && enhanced[1] !== '2') {
    const detail = `${Number(enhanced[2])}.${Number(enhanced[3])}`;
    return { code: codeFor(enhanced[1] === '4', detail), detail: precise(detail, text), text: words(text) };
  }
  const failure = failureInWords(text);
  if (failure === null) return null;
  const { detail, isTemporary } = failure;
  return { code: codeFor(isTemporary, detail), detail, text: words(text) };
}

function fromSpoken([, code = '', said = '']: RegExpExecArray, text: string): Reply {
  const [first = '', ...rest] = said.split('\n').map((line) => line.trim());
  const lines = [first];
  for (const line of rest) {
    // A reply of several lines repeats its code. A line of something else ends it; any other is folded text.
    if (line.startsWith(code)) lines.push(line.slice(code.length).replace(/^[ -]/, ''));
    else if (/^(?:[<>.]|-{2}|[245]\d\d[ -]|\S{1,40}:\s)/.test(line)) break;
    else lines.push(line);
  }
  const reply = parseReply(Number(code), lines.map(inPlainForm));
  const detail = reply.detail ?? enhancedOfClass(code[0], text);
  return { code: reply.code, detail: precise(detail, text), text: words(reply.text) };
}

/** `#5.1.1 no such user`, `5.1.1) …`, `5.1.1 - …` → `5.1.1 …` */
function inPlainForm(line: string): string {
  return line.replace(/^[#(<]{0,2}(\d\.\d{1,3}\.\d{1,3})(?:[>):,;]+| -)?(?= |$)/, '$1');
}

function enhancedOfClass(digit: string | undefined, text: string): string | null {
  const found = ENHANCED.exec(text);
  return found === null || found[1] !== digit ? null : `${Number(found[2])}.${Number(found[3])}`;
}

/**
 * Of a detail that says nothing (RFC 3463 `X.0`, or none): what the text says in numbers, or else in words; unchanged where
 * it says nothing either.
 */
export function precise(detail: string | null, text: string): string | null {
  if (detail !== null && (!detail.endsWith('.0') || detail === '7.0')) return detail;
  const numbers = ENHANCED.exec(text);
  if (numbers !== null && numbers[1] !== '2' && numbers[3] !== '0')
    return `${Number(numbers[2])}.${Number(numbers[3])}`;
  const found = failureInWords(text);
  return found === null || found.isTemporary ? detail : found.detail;
}

/** For a status without a reply: the code that fits it best, so that the table of replies is not misled. */
export function codeFor(isTemporary: boolean, detail: string | null): number {
  if (isTemporary) return 450;
  if (detail === '2.2') return 552;
  return detail !== null && /^[34]\./.test(detail) ? 554 : 550;
}

/** In one line, bounded. */
export function words(text: string): string {
  return oneLine(text, { utf8: true }).replace(/ {2,}/g, ' ').slice(0, LONGEST_TEXT).toWellFormed();
}
