import type { Event } from '../message/event.ts';
import type { Emit } from '../ports.ts';

/**
 * Fans every event out to the sinks, in order: an event that a sink itself emits waits until all sinks have had the
 * present one. Never throws: what breaks in a sink does not reach mail; the other sinks are told, once for each sink.
 */
export function createEmit(sinks: readonly Emit[]): Emit {
  const waiting: Event[] = [];
  const broken = new Set<Emit>();
  let running = false;

  const deliver = (event: Event): void => {
    for (const sink of sinks) {
      try {
        sink(event);
      } catch (cause) {
        if (broken.has(sink)) continue;
        broken.add(sink);
        waiting.push({ event: 'failed', atMs: event.atMs, where: 'report', cause: causeOf(cause) });
      }
    }
  };

  return (event) => {
    waiting.push(event);
    if (running) return;
    running = true;
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) deliver(next);
    running = false;
  };
}

function causeOf(cause: unknown): string {
  return cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
}
