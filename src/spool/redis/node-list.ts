/** Nodes as they are stored: name and value in turn (beat.lua). */
import type { KnownNode, NodeFacts } from '../nodes.ts';

/** By name. A value that cannot be read is passed over: the node's next one is soon there. */
export function nodesOf(fields: readonly unknown[]): readonly KnownNode[] {
  const nodes: KnownNode[] = [];
  for (let place = 0; place < fields.length; place += 2) {
    const [, untilMs, json = ''] = /^(\d+) \S+ (.*)$/s.exec(String(fields[place + 1])) ?? [];
    try {
      nodes.push({ ...(JSON.parse(json) as NodeFacts), untilMs: Number(untilMs) });
    } catch {
      continue;
    }
  }
  return nodes.toSorted((left, right) => (left.name < right.name ? -1 : 1));
}
