/** Whether a header says that its message went to many. Pure. */
import { type HeaderField, unfoldedValue } from '../message/header.ts';

/** List-Unsubscribe (RFC 2369 §3.2), or Precedence: bulk. */
export function isBulk(fields: readonly HeaderField[]): boolean {
  return fields.some((field) => {
    if (field.name === 'list-unsubscribe') return unfoldedValue(field) !== '';
    return field.name === 'precedence' && unfoldedValue(field).toLowerCase() === 'bulk';
  });
}
