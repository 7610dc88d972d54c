/** What `blocklists` asks of the exits. Pure. */
import type { Check } from './checks.ts';
import { ownAddressOf } from '../own-address.ts';
import type { Policy } from '../schema.ts';

/** Warns of own exits whose address cannot be looked up because nobody says what it is. */
export function checkBlocklists({ egress, blocklists }: Policy): Check[] {
  if (blocklists.zones.length === 0) return [];
  return Object.entries(egress).flatMap(([name, exit]): Check[] => {
    const isOwn = exit.enabled && (exit.type === 'mx' || exit.type === 'smtp');
    if (!isOwn || ownAddressOf(exit) !== null) return [];
    const text =
      'is in no blocklist look-up, for its address is not known: say which one its mail comes from (`address`)';
    return [{ verdict: 'warn', path: ['egress', name], text, also: ['blocklists', 'zones'] }];
  });
}
