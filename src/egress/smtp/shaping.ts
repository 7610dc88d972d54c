import type { Policy } from '../../policy/schema.ts';
import { shapeOf } from '../../policy/shaping.ts';

/** How many messages go over one connection to that host, by the policy and the shipped file. */
export function messagesPerConnection(shaping: Policy['shaping'], host: string): number {
  return shapeOf(shaping, host).perConnection;
}
