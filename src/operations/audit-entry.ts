/** One line of the audit log, and the mark that it is kept as. */
import { z } from 'zod';
import { ACTOR_KINDS, type Audited } from '../http/audit.ts';
import type { Mark } from '../spool/marks.ts';

export type AuditEntry = Audited & { readonly id: string; readonly atMs: number };

export const AUDIT_MARKS = 'audit:';
/** Digits of a wall time in ms; names of marks are in the order of time so. */
const TIME_DIGITS = 13;
/** Of what was before and after, as JSON. */
const MOST_TEXT = 4_000;
const MOST_NAME = 300;

const KEPT = z.object({
  actor: z.object({ kind: z.enum(ACTOR_KINDS), name: z.string(), from: z.string() }),
  what: z.string(),
  on: z.string(),
  before: z.unknown().optional(),
  after: z.unknown().optional(),
});

/** @param turn tells entries of one process and one ms apart, in their order; @param random those of several */
export function auditMark(
  audited: Audited,
  { atMs, turn, random }: { atMs: number; turn: number; random: string },
): Mark {
  const { actor, what, on, before, after } = audited;
  const kept = {
    actor: { kind: actor.kind, name: cut(actor.name), from: cut(actor.from) },
    what: cut(what),
    on: cut(on),
    ...(before === undefined ? {} : { before: shortened(before) }),
    ...(after === undefined ? {} : { after: shortened(after) }),
  };
  const place = (turn % 1_000_000).toString().padStart(6, '0');
  return { name: `${AUDIT_MARKS}${timePart(atMs)}-${place}${random}`, text: JSON.stringify(kept), atMs };
}

/** Whether a text has the form of an entry's id. */
export function isAuditId(text: string): boolean {
  return /^\d{13}-\d{6}[0-9a-f]{8}$/.test(text);
}

/** @returns null for a mark that cannot be read */
export function auditEntryOf({ name, text, atMs }: Mark): AuditEntry | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const read = KEPT.safeParse(value);
  return read.success ? { id: name.slice(AUDIT_MARKS.length), atMs, ...read.data } : null;
}

/** How the names of those of that time begin, by so many of its digits. */
export function timePart(atMs: number, digits = TIME_DIGITS): string {
  return Math.max(0, Math.floor(atMs)).toString().padStart(TIME_DIGITS, '0').slice(0, digits);
}

const SECRET = /^token$|password|secret|seed|totp|privatekey|apikey|authorization|cookie|recoverycodes?$/i;

/** Whoever audits gives no secrets; those that have the name of one are left out all the same. */
function shortened(value: unknown): unknown {
  const text = JSON.stringify(value, (key, inner: unknown) =>
    SECRET.test(key) && (typeof inner === 'string' || Array.isArray(inner)) ? '(not shown)' : inner,
  );
  if (text.length <= MOST_TEXT) return JSON.parse(text) as unknown;
  return { cut: text.slice(0, MOST_TEXT) };
}

function cut(text: string): string {
  const whole = text.length <= MOST_NAME ? text : `${text.slice(0, MOST_NAME)}…`;
  return whole.toWellFormed();
}
