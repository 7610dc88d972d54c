/** Times as a browser's field has them, without an offset: by the clocks of the policy's zone. Pure. */
import { wallTimeOf } from '../api/local-time.ts';

/** Of the named fields those that are wall times, as moments; the others stay as they are. */
export function inZone(
  fields: Readonly<Record<string, string>>,
  named: readonly string[],
  zone: string,
): Record<string, string> {
  const moments = named.flatMap((name) => {
    const atMs = wallTimeOf(fields[name]?.trim() ?? '', zone);
    return atMs === null ? [] : [[name, String(atMs)] as const];
  });
  return { ...fields, ...Object.fromEntries(moments) };
}
