/** What a header says of mail that went to many. Pure. */
import { type HeaderField, unfoldedValue } from '../message/header.ts';

/** List-Unsubscribe (RFC 2369 §3.2), or Precedence: bulk. */
export function isBulk(fields: readonly HeaderField[]): boolean {
  return fields.some((field) => {
    if (field.name === 'list-unsubscribe') return unfoldedValue(field) !== '';
    return field.name === 'precedence' && unfoldedValue(field).toLowerCase() === 'bulk';
  });
}

/** The field that keeps readers from unsubscribing by one click (RFC 8058 §3.1): missing, or not as it must be. null: none. */
export function missingForUnsubscribe(
  fields: readonly HeaderField[],
): 'List-Unsubscribe' | 'List-Unsubscribe-Post' | null {
  const valueOf = (name: string): string => {
    const field = fields.find((one) => one.name === name);
    return field === undefined ? '' : unfoldedValue(field);
  };
  if (!/<\s*https:\/\/[^>\s]+\s*>/i.test(valueOf('list-unsubscribe'))) return 'List-Unsubscribe';
  return /^List-Unsubscribe\s*=\s*One-Click$/i.test(valueOf('list-unsubscribe-post')) ? null : 'List-Unsubscribe-Post';
}
