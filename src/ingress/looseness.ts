/** How MAIL was written where it is not as RFC 5321 §4.1.1.2 has it: `MAIL FROM: <a@b>`, `MAIL FROM:a@b`. */
export type Looseness = 'space-after-colon' | 'bare-address';

const AFTER_COLON = 'FROM:'.length;

/** @param argument of a MAIL that was accepted. null: as it should be */
export function loosenessOf(argument: string): Looseness | null {
  if (argument[AFTER_COLON] === '<') return null;
  return argument.slice(AFTER_COLON).trimStart().startsWith('<') ? 'space-after-colon' : 'bare-address';
}
