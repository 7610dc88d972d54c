/** Addresses with the name of whoever has them, as programs write them (RFC 5322 §3.4). Pure. */
import { z } from 'zod';
import { textOfField } from '../../feedback/part-text.ts';
import { formatMailbox, parseMailbox } from '../../message/address.ts';
import { rawOf } from '../../message/header.ts';
import { parseMailboxList } from '../../message/mailbox-list.ts';

/** `name` '': none. `address` in canonical form. */
export type NamedAddress = { readonly name: string; readonly address: string };

const LONGEST = 1_000;

/** `ann@example.com`, `Ann <ann@example.com>`, `"Lee, Ann" <ann@example.com>`; encoded words (RFC 2047) are decoded. */
export function namedAddressOf(text: string): NamedAddress | null {
  if (text.length > LONGEST || !isOneLine(text)) return null;
  const [mailbox, ...others] = parseMailboxList(text) ?? [];
  if (mailbox === undefined || others.length > 0 || /[:;]\s*$/.test(text)) return null;
  const before = /^([^<]*)<[^<>]*>\s*$/.exec(text)?.[1] ?? '';
  return { name: nameIn(before.trim()), address: formatMailbox(mailbox) };
}

/** No control characters: none can end a header field. */
export function isOneLine(text: string): boolean {
  // oxlint-disable-next-line no-control-regex -- they are what is looked for
  return !/[\u0000-\u001f\u007f\u0085\u2028\u2029]/.test(text);
}

function nameIn(text: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(text)?.[1];
  const name = quoted === undefined ? text : quoted.replaceAll(/\\(.)/g, '$1');
  const decoded = name.includes('=?') ? textOfField([{ name: 'x', raw: rawOf(`x: ${name}`) }], 'x') : name;
  return isOneLine(decoded) ? decoded : '';
}

const EXPECTED = 'expected an address, such as ann@example.com or Ann <ann@example.com>';

const parted = z.strictObject({
  address: z.string().max(LONGEST),
  name: z.string().max(LONGEST).refine(isOneLine, 'a name is one line').prefault(''),
});

/** As text, or as `{ name, address }`. Not a union: that would not say what is wrong. */
export const namedAddress = z.unknown().transform((value, context): NamedAddress => {
  const refuse = (message: string, path: readonly PropertyKey[] = []): never => {
    context.addIssue({ code: 'custom', message, path: [...path] });
    return z.NEVER;
  };
  if (typeof value === 'string') return namedAddressOf(value) ?? refuse(EXPECTED);
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return refuse(EXPECTED);
  const parsed = parted.safeParse(value);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return refuse(issue?.message ?? EXPECTED, issue?.path ?? []);
  }
  const mailbox = isOneLine(parsed.data.address) ? parseMailbox(parsed.data.address) : null;
  if (mailbox === null) return refuse('expected an address, such as ann@example.com', ['address']);
  return { name: parsed.data.name, address: formatMailbox(mailbox) };
});
