import { matchesGlob } from '../../message/address.ts';
import type { Policy } from '../../policy/schema.ts';

/** How many messages go over one connection to that host: by the first glob that fits its name, else `default`. */
export function messagesPerConnection(shaping: Policy['shaping'], host: string): number {
  for (const [glob, lane] of Object.entries(shaping))
    if (glob !== 'default' && matchesGlob(glob, host)) return lane.perConnection;
  return shaping.default.perConnection;
}
