/** Streams whose mail gets fields for unsubscribing by one click (RFC 8058), and where those lead. Pure. */
import type { Check } from './checks/checks.ts';
import type { Policy } from './schema.ts';

/** Whether any stream asks for them. */
export function addsUnsubscribe({ streams }: Policy): boolean {
  return Object.values(streams).some(({ unsubscribe }) => unsubscribe === 'add');
}

/** What such a stream needs. */
export function checkUnsubscribe({ streams, http, suppression }: Policy): Check[] {
  return Object.entries(streams).flatMap(([name, { unsubscribe }]): Check[] => {
    if (unsubscribe !== 'add') return [];
    const path = ['streams', name, 'unsubscribe'];
    if (http.publicUrl === null) {
      const text = 'add needs http.publicUrl: the address by which those who unsubscribe reach the HTTP listener';
      return [{ verdict: 'refuse', path, text }];
    }
    if (suppression.unsubscribes.scope !== 'off') return [];
    const text = 'add promises that whoever unsubscribes gets no more, but suppression.unsubscribes.scope is off';
    return [{ verdict: 'refuse', path, text, also: ['suppression', 'unsubscribes', 'scope'] }];
  });
}
