/**
 * The one shape that a message can have in v3 JSON: texts that are alternatives of each other (plain, HTML, calendar), and
 * attachments, of which some may be shown inside the HTML. Pure.
 */
import { type MimeNode, mimeTreeOf } from './mime-tree.ts';

export type Shape = {
  /** Alternatives in their order. */
  readonly texts: readonly MimeNode[];
  /** In their order; those inside the HTML come first, as in the message. */
  readonly attachments: readonly Attachment[];
};

/** `isRelated`: it is shown inside the HTML. */
export type Attachment = { readonly node: MimeNode; readonly isRelated: boolean };

export type ShapeResult =
  | { readonly kind: 'shape'; readonly shape: Shape }
  | { readonly kind: 'unfit'; readonly why: string };

class Unfit extends Error {}

/** @param message every line ends with CR LF */
export function shapeOf(message: Buffer): ShapeResult {
  const tree = mimeTreeOf(message);
  if (tree.kind === 'broken') return { kind: 'unfit', why: tree.why };
  try {
    checkNodes(tree.root, true);
    return { kind: 'shape', shape: shapeOfRoot(tree.root) };
  } catch (error) {
    if (error instanceof Unfit) return { kind: 'unfit', why: error.message };
    throw error;
  }
}

/** What no shape makes sayable. */
const UNSAYABLE: readonly (readonly [RegExp, string])[] = [
  [/^multipart\/(?:signed|encrypted)$/, 'it is signed or encrypted (S/MIME or PGP)'],
  [/^application\/(?:x-)?pkcs7-|^application\/pgp-/, 'it is signed or encrypted (S/MIME or PGP)'],
  [/^multipart\/report$/, 'it is a report (multipart/report)'],
  [/^message\//, 'it has another message in it'],
  [
    /^multipart\/(?!mixed$|alternative$|related$)/,
    'it has a multipart of another kind than mixed, alternative and related',
  ],
];

/** Fields of a part that readers do nothing with, or that the JSON says. */
const PART_FIELDS: ReadonlySet<string> = new Set([
  'content-type',
  'content-transfer-encoding',
  'content-disposition',
  'content-id',
  'content-description',
  'x-attachment-id',
  'mime-version',
]);

const ENCODINGS: ReadonlySet<string> = new Set(['7bit', '8bit', 'binary', 'base64', 'quoted-printable']);

function checkNodes(node: MimeNode, isRoot: boolean): void {
  const { type, fields, encoding } = node;
  const found = UNSAYABLE.find(([pattern]) => pattern.test(type));
  if (found !== undefined) throw new Unfit(found[1]);
  if (!ENCODINGS.has(encoding)) throw new Unfit(`it has a part in the transfer encoding ${encoding.slice(0, 40)}`);
  const strange = isRoot ? undefined : fields.find(({ name }) => !PART_FIELDS.has(name));
  if (strange !== undefined) throw new Unfit(`it has a part with the header field ${strange.name || '(none)'}`);
  for (const child of node.children) checkNodes(child, false);
}

function shapeOfRoot(root: MimeNode): Shape {
  if (root.type !== 'multipart/mixed') return bodyOf(root);
  const [first, ...rest] = root.children;
  if (first === undefined) throw new Unfit('it has a multipart without parts');
  if (isAttachment(first)) throw new Unfit('it begins with an attachment');
  const body = bodyOf(first);
  return { texts: body.texts, attachments: [...body.attachments, ...rest.map((node) => attached(node, false))] };
}

/** What is read, with what is shown inside it. */
function bodyOf(node: MimeNode): Shape {
  if (node.type === 'multipart/alternative') return alternativesOf(node);
  if (node.type === 'multipart/related') return relatedOf(node);
  return { texts: [textOf(node)], attachments: [] };
}

const ORDER = ['text/plain', 'text/html', 'text/calendar'];

function alternativesOf(node: MimeNode): Shape {
  const shapes = node.children.map((child) =>
    child.type === 'multipart/related' ? relatedOf(child) : { texts: [textOf(child)], attachments: [] },
  );
  const texts = shapes.flatMap((shape) => shape.texts);
  const places = texts.map(({ type }) => ORDER.indexOf(type));
  if (texts.length === 0) throw new Unfit('it has a multipart without parts');
  if (places.some((place, at) => at > 0 && place <= (places[at - 1] ?? 0)))
    throw new Unfit('it has alternatives that are not one each of plain text, HTML and calendar, in this order');
  return { texts, attachments: shapes.flatMap((shape) => shape.attachments) };
}

/** The first part is what is shown; the others are shown inside it (RFC 2387). */
function relatedOf(node: MimeNode): Shape {
  const [root, ...rest] = node.children;
  if (root === undefined) throw new Unfit('it has a multipart without parts');
  if (node.parameters.has('start')) throw new Unfit('it has a multipart/related that does not begin with its root');
  const body =
    root.type === 'multipart/alternative' ? alternativesOf(root) : { texts: [textOf(root)], attachments: [] };
  if (!body.texts.some(({ type }) => type === 'text/html')) throw new Unfit('it has parts related to what is no HTML');
  return { texts: body.texts, attachments: [...body.attachments, ...rest.map((node) => attached(node, true))] };
}

function isAttachment({ type, disposition, isNamed }: MimeNode): boolean {
  return !type.startsWith('multipart/') && (disposition === 'attachment' || (isNamed && type !== 'text/calendar'));
}

function textOf(node: MimeNode): MimeNode {
  const { type, parameters } = node;
  if (type.startsWith('multipart/')) throw new Unfit('it has multiparts nested in a way that cannot be said');
  if (!ORDER.includes(type)) throw new Unfit(`it has a body of the type ${type.slice(0, 60)}`);
  if (isAttachment(node)) throw new Unfit('it has an attachment where its text should be');
  if (parameters.get('format')?.toLowerCase() === 'flowed') throw new Unfit('it has flowing text (format=flowed)');
  const text = decodedText(node);
  if (text === null)
    throw new Unfit(`it has text in a charset that it is not in, or that is not known (${charsetOf(node)})`);
  if (/^-----BEGIN PGP /m.test(text)) throw new Unfit('it is signed or encrypted (PGP in its text)');
  if (text.includes('\0')) throw new Unfit('it has NUL characters in its text');
  if (text.trim() === '') throw new Unfit('it has an empty text');
  return node;
}

function attached(node: MimeNode, isRelated: boolean): Attachment {
  const { type, disposition, isNamed, parameters, body } = node;
  if (type.startsWith('multipart/')) throw new Unfit('it has multiparts nested in a way that cannot be said');
  if (disposition !== null && disposition !== 'attachment' && disposition !== 'inline')
    throw new Unfit(`it has a part with the disposition ${disposition.slice(0, 40)}`);
  if (!/^[\w.+-]{1,100}\/[\w.+-]{1,100}$/.test(type)) throw new Unfit('it has a part of a type that is none');
  const isText = type.startsWith('text/');
  if (isText && disposition !== 'attachment' && !isNamed) throw new Unfit('it has a second text');
  // The JSON has no place for a charset: readers take what has none for UTF-8.
  if (
    isText &&
    parameters.has('charset') &&
    !isUnicode(charsetOf(node)) &&
    body.some((byte) => byte > 0x7f || byte === 0x3d)
  )
    throw new Unfit(`it has a text attachment in the charset ${charsetOf(node)}`);
  return { node, isRelated };
}

function charsetOf({ parameters }: MimeNode): string {
  return (parameters.get('charset') ?? 'us-ascii').toLowerCase().slice(0, 40);
}

function isUnicode(charset: string): boolean {
  return charset === 'utf-8' || charset === 'utf8' || charset === 'us-ascii';
}

/** null: its bytes are not in the charset that it has, or nobody knows that one. */
export function decodedText(node: MimeNode): string | null {
  const charset = charsetOf(node);
  const bytes = decodedBytes(node);
  if (charset === 'us-ascii' || charset === 'ascii')
    return bytes.some((byte) => byte > 0x7f) ? null : bytes.toString('latin1');
  try {
    return new TextDecoder(charset, { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/** A part's body without its transfer encoding. */
export function decodedBytes({ encoding, body }: MimeNode): Buffer {
  if (encoding === 'base64') return Buffer.from(body.toString('latin1'), 'base64');
  if (encoding !== 'quoted-printable') return body;
  const text = body
    .toString('latin1')
    .replace(/[ \t]+\r\n/g, '\r\n')
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(text, 'latin1');
}
