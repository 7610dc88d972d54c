/**
 * Where a page of a list begins, as programs carry it from one page to the next: good for the very question that it was given
 * for, and for nothing else. What is beneath it is the store's own.
 */
import { createHash } from 'node:crypto';
import type { z } from 'zod';

const DIGEST_LETTERS = 16;

/** @param asked what was asked for, page by page the same; `place`: null is the end */
export function pageCursor(asked: object, place: string | null): string | null {
  return place === null ? null : `${digestOf(asked, place)}.${Buffer.from(place).toString('base64url')}`;
}

/** The place that a cursor is of. @returns null: it is none of ours, or of another question */
export function placeOf(asked: object, cursor: string): string | null {
  const [digest = '', packed = '', ...rest] = cursor.split('.');
  const place = Buffer.from(packed, 'base64url').toString();
  return rest.length === 0 && digest === digestOf(asked, place) ? place : null;
}

/**
 * For the transform of a query's schema. null: from the first page on.
 * @param of.field its name in the query, for the fault; `cursor` '' is none
 */
export function openedPlace(
  asked: object,
  { field, cursor }: { readonly field: string; readonly cursor: string | null },
  context: z.RefinementCtx,
): string | null {
  if (cursor === null || cursor === '') return null;
  const place = placeOf(asked, cursor);
  if (place === null) context.addIssue({ code: 'custom', path: [field], message: EXPECTED });
  return place;
}

const EXPECTED = 'expected `next` of the page before, with the same question';

/** No secret: it tells what was mistyped or belongs elsewhere, and keeps nobody out. */
function digestOf(asked: object, place: string): string {
  const fields = Object.entries(asked).toSorted(([one], [other]) => (one < other ? -1 : 1));
  return createHash('sha256')
    .update(JSON.stringify([fields, place]))
    .digest('base64url')
    .slice(0, DIGEST_LETTERS);
}
