/** What a header of bulk mail says of how to get out of it. Pure. */
import { type HeaderField, unfoldedValue } from '../message/header.ts';

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
