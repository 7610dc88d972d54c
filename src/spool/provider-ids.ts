/**
 * What providers call the messages that they took, as it is looked up: without the angle brackets that some put around it; and
 * their own Message-ID.
 */
import type { MessageEvent } from '../message/event.ts';

const LONGEST = 1_000;

/** The one text by which it is kept and found. */
export function providerIdKey(id: string): string {
  const [, inner] = /^<(.+)>$/s.exec(id.trim()) ?? [];
  return inner ?? id.trim();
}

/** What stands in the JSON of a message that has this Message-ID field. */
export function headerNeedle(header: string): string {
  return `"messageIdHeader":${JSON.stringify(`<${providerIdKey(header)}>`)}`;
}

/** Those of one attempt or several; empty for mail that left by servers. */
export function providerIdsOf(events: readonly MessageEvent[]): readonly string[] {
  const found = new Set<string>();
  for (const event of events) {
    if (event.event !== 'attempted') continue;
    for (const id of event.attempt.providerId?.split(/\s+/) ?? []) {
      const key = providerIdKey(id);
      if (key !== '' && key.length <= LONGEST && !key.includes('\0')) found.add(key);
    }
  }
  return [...found];
}

/** The same of events as JSON, which are parsed only where there may be such an id in them. */
export function providerIdsIn(bodies: readonly string[]): readonly string[] {
  return providerIdsOf(
    bodies.flatMap((body): MessageEvent[] => {
      if (!body.includes('"providerId"')) return [];
      try {
        const event = JSON.parse(body) as MessageEvent | null;
        return event === null || typeof event !== 'object' || !('attempt' in event) ? [] : [event];
      } catch {
        return [];
      }
    }),
  );
}
