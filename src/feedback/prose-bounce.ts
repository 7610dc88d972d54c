/** Reads bounces that are written for people alone: who did not get the mail, and what was said of it. Pure. */
import type { Reply } from '../message/reply.ts';
import type { MimePart } from './mime-parts.ts';
import { textOfPart } from './part-text.ts';
import { replyInText } from './reply-in-text.ts';

export type ProseFailure = { readonly address: string; readonly reply: Reply };

/** Of one mail: the beginning says why, and the original follows. */
const MOST_TEXT = 32_000;
const MOST_LINES = 800;
/** Of what stands behind an address. */
const MOST_SECTION_LINES = 25;

/** Where the original begins: what stands there is the sender's, and names all whom it was for. */
const ORIGINAL =
  /^[>\s]{0,4}(?:[-=_*~#\s]{0,80}(?:(?:this is |below (?:this line )?is |here is |included is )?(?:a |the )?(?:copy of (?:the |your )?(?:original |returned )?(?:message|mail|e-?mail|headers)|(?:original|returned|undelivered|your|unsent|bounced) (?:message|mail|e-?mail)(?: headers?| follows| is| text| source)?|message (?:header|text|source|copy)s?(?: follows)?|headers? (?:of|follow))|below this line is|ursprüngliche nachricht|originalnachricht|mensaje original|message (?:d.origine|original)|mensagem original|messaggio originale|原文|元のメッセージ|以下は)|(?:return-path|received|x-received|dkim-signature|mime-version): )/iu;

/** Lines of the original's header that some show on top. */
const QUOTED_FIELD =
  /^[>\s]{0,8}(?:to|cc|from|sent|date|subject|von|an|betreff|gesendet|de|para|asunto|assunto|à|a|objet|da|oggetto)\s{0,4}:/iu;

/** What a bounce says in its first text parts, without the original. */
export function proseOf(parts: readonly MimePart[]): string {
  const texts: string[] = [];
  let length = 0;
  for (const part of parts) {
    if (/^(?:message\/rfc822|message\/global|text\/rfc822-headers|message\/global-headers)$/.test(part.type)) break;
    if (!/^text\/(?:plain|html)$/.test(part.type) || length > MOST_TEXT) continue;
    const text = textOfPart(part).slice(0, MOST_TEXT);
    length += text.length;
    texts.push(text);
  }
  const lines = texts.join('\n').slice(0, MOST_TEXT).split('\n', MOST_LINES);
  const end = lines.findIndex((line, at) => at > 0 && ORIGINAL.test(line.slice(0, 200)));
  return (end === -1 ? lines : lines.slice(0, end)).join('\n').trim();
}

/**
 * Which of these recipients it names, each with its reply. With one recipient there is no doubt whom it is about.
 * @param named addresses that the header names (X-Failed-Recipients)
 */
export function readProse(
  prose: string,
  recipients: readonly string[],
  named: readonly string[],
): readonly ProseFailure[] {
  const known = new Map(recipients.map((address) => [address.toLowerCase(), address]));
  const { sections, isGood } = sectionsOf(prose.split('\n'), known);
  for (const one of named) {
    const address = known.get(one.toLowerCase());
    if (address !== undefined && !sections.has(address)) sections.set(address, []);
  }
  const [only] = recipients;
  if (sections.size === 0 && !isGood && recipients.length === 1 && only !== undefined) sections.set(only, []);
  const own = [...sections].map(([address, texts]) => ({ address, reply: replyOf(texts) }));
  // What is said once is said of all; where it is said of some, it is not known what became of the others.
  const ofAll = own.some(({ reply }) => reply !== null) ? null : replyInText(prose);
  return own.flatMap(({ address, reply }) => {
    const said = reply ?? ofAll;
    return said === null ? [] : [{ address, reply: said }];
  });
}

/** The first section that has a code; else the first that says why in words. */
function replyOf(sections: readonly string[]): Reply | null {
  const replies = sections.map(replyInText).filter((reply) => reply !== null);
  return replies.find(({ text, detail }) => detail !== null && text !== '') ?? replies[0] ?? null;
}

/** Over a list of those who got it, or may get it yet. */
const GOOD =
  /success|transient non-fatal|(?:was|were|been) (?:delivered|relayed) (?:to|for)|will be retried|still being tried/iu;
const BAD = /fatal|fail|undeliver|not (?:be )?deliver|unable|error|problem|reject/iu;

type Sections = {
  /** For each recipient that is named, what stands behind its name until the next is. */
  readonly sections: Map<string, string[]>;
  /** Somebody is named to whom nothing bad happened. */
  readonly isGood: boolean;
};

function sectionsOf(lines: readonly string[], known: ReadonlyMap<string, string>): Sections {
  let [isGoodHere, isGood] = [false, false];
  const naming: { readonly at: number; readonly addresses: readonly string[]; readonly isBad: boolean }[] = [];
  for (const [at, line] of lines.entries()) {
    if (GOOD.test(line.slice(0, 300))) isGoodHere = true;
    else if (BAD.test(line.slice(0, 300))) isGoodHere = false;
    const addresses = QUOTED_FIELD.test(line) ? [] : addressesIn(line, known);
    if (addresses.length > 0) naming.push({ at, addresses, isBad: !isGoodHere });
    if (addresses.length > 0 && isGoodHere) isGood = true;
  }
  const sections = new Map<string, string[]>();
  for (const [place, { at, addresses, isBad }] of naming.entries()) {
    if (!isBad) continue;
    const others = naming.slice(place + 1, place + 100);
    // What stands below a list is said of all that are in it.
    const next = others.find(
      (other, nth) =>
        !sameAddresses(other.addresses, addresses) && !isList(lines.slice(others[nth - 1]?.at ?? at, other.at)),
    );
    const end = Math.min(next?.at ?? lines.length, at + MOST_SECTION_LINES);
    const text = lines.slice(at, end).join('\n');
    for (const address of addresses) {
      const own = sections.get(address);
      if (own === undefined) sections.set(address, [text]);
      else if (own.length < 4) own.push(text);
    }
  }
  return { sections, isGood };
}

/** Addresses alone, whatever is around them. */
function isList(lines: readonly string[]): boolean {
  return lines.every((line) => !/[\p{L}\p{N}]/u.test(line.slice(0, 300).replace(ADDRESS, '')));
}

function sameAddresses(some: readonly string[], others: readonly string[]): boolean {
  return some.length === others.length && some.every((address) => others.includes(address));
}

const ADDRESS = /[^\s<>()[\]",;:=/|]{1,128}@[^\s<>()[\]",;:=/|]{1,255}/gu;

/** Addresses of the delivery that stand in a line, whatever is around them. */
function addressesIn(line: string, known: ReadonlyMap<string, string>): readonly string[] {
  const found = new Set<string>();
  for (const [text] of line.slice(0, 2_000).matchAll(ADDRESS)) {
    const plain = text.replace(/^[`'‘“]+/u, '').replace(/[.!?。、'’”]+$/u, '');
    const address = known.get(plain.toLowerCase());
    if (address !== undefined) found.add(address);
  }
  return [...found];
}
