/** Reads the addresses of a From, Sender, To or Cc field (RFC 5322 §3.4, with the obsolete forms that still occur). */
import { type Mailbox, parseMailbox } from './address.ts';

/**
 * @param text the unfolded value, decoded as UTF-8
 * @returns the mailboxes in their order, groups opened; null where the text is no such list. Linear in its length.
 */
export function parseMailboxList(text: string): Mailbox[] | null {
  const list: Mailbox[] = [];
  let element: Element = { text: '', angle: null };
  let inGroup = false;
  let at = 0;
  while (at < text.length) {
    const token = nextToken(text, at);
    if (token === null) return null;
    at = token.end;
    switch (token.kind) {
      case 'comment':
        element = { ...element, text: `${element.text} ` };
        break;
      case 'text':
        element = { ...element, text: element.text + text.slice(token.start, token.end) };
        break;
      case 'angle':
        if (element.angle !== null) return null;
        element = { text: '', angle: text.slice(token.start + 1, token.end - 1) };
        break;
      case 'group':
        if (inGroup || element.angle !== null || element.text.trim() === '') return null;
        inGroup = true;
        element = { text: '', angle: null };
        break;
      case 'separator': {
        if (text[token.start] === ';' && !inGroup) return null;
        if (text[token.start] === ';') inGroup = false;
        if (!finish(element, list)) return null;
        element = { text: '', angle: null };
        break;
      }
    }
  }
  return finish(element, list) ? list : null;
}

/** `text`: what stands outside angle brackets, or after them. */
type Element = { readonly text: string; readonly angle: string | null };

/** Adds the element's mailbox; false where it is not one. An empty element is allowed (RFC 5322 §4.4). */
function finish(element: Element, list: Mailbox[]): boolean {
  const rest = element.text.trim();
  if (element.angle === null && rest === '') return true;
  if (element.angle !== null && rest !== '') return false;
  const source = element.angle === null ? rest : element.angle.trim().replace(/^@[^:]*:/, '');
  const mailbox = parseMailbox(source);
  if (mailbox === null) return false;
  list.push(mailbox);
  return true;
}

type Token = {
  readonly kind: 'text' | 'comment' | 'angle' | 'group' | 'separator';
  readonly start: number;
  readonly end: number;
};

function nextToken(text: string, start: number): Token | null {
  switch (text.charAt(start)) {
    case '"':
      return spanned('text', start, endOfQuoted(text, start));
    case '[':
      return spanned('text', start, text.indexOf(']', start));
    case '(':
      return spanned('comment', start, endOfComment(text, start));
    case '<':
      return spanned('angle', start, endOfAngle(text, start));
    case ':':
      return { kind: 'group', start, end: start + 1 };
    case ',':
    case ';':
      return { kind: 'separator', start, end: start + 1 };
    case '>':
    case ')':
      return null;
    default: {
      let end = start + 1;
      while (end < text.length && !'"[(<:,;>)'.includes(text.charAt(end))) end += 1;
      return { kind: 'text', start, end };
    }
  }
}

/** @param last index of the closing character, or -1 */
function spanned(kind: Token['kind'], start: number, last: number): Token | null {
  return last === -1 ? null : { kind, start, end: last + 1 };
}

function endOfQuoted(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '"') return at;
  }
  return -1;
}

function endOfComment(text: string, start: number): number {
  let depth = 0;
  for (let at = start; at < text.length; at++) {
    if (text[at] === '\\') at += 1;
    else if (text[at] === '(') depth += 1;
    else if (text[at] === ')') depth -= 1;
    if (depth === 0) return at;
  }
  return -1;
}

function endOfAngle(text: string, start: number): number {
  for (let at = start + 1; at < text.length; at++) {
    if (text[at] === '"') {
      at = endOfQuoted(text, at);
      if (at === -1) return -1;
    } else if (text[at] === '>') return at;
  }
  return -1;
}
