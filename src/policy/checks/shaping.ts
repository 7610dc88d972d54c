/** What `shaping` must hold beyond the form of its keys. Pure. */
import { isDeepStrictEqual } from 'node:util';
import type { Check } from './checks.ts';
import { suggestion } from '../file/nearest.ts';
import type { Policy } from '../schema.ts';
import { shippedShaping } from '../shipped-shaping.ts';

/** Warns of entries that no host can fit, and of one site with figures that differ. */
export function checkShaping({ shaping }: Pick<Policy, 'shaping'>): Check[] {
  const shipped = Object.keys(shippedShaping());
  const entries = Object.entries(shaping).filter(([key]) => key !== 'default');
  return entries.flatMap(([key, entry], place): Check[] => {
    const checks: Check[] = [];
    // A name without a dot is no public host's.
    if (!/[.*]/.test(key) && !shipped.includes(key)) {
      const text = `fits no host, and config/shaping.yaml has no provider of that name${suggestion(key, shipped)}`;
      checks.push({ verdict: 'warn', path: ['shaping', key], text });
    }
    const first = entries.slice(0, place).find(([, other]) => isSameProvider(other.provider, entry.provider));
    if (first === undefined || hasSameFigures(first[1], entry)) return checks;
    const text = `is the same site with other figures (provider ${entry.provider}): those of the host that mail goes to first hold for all of it`;
    return [...checks, { verdict: 'warn', path: ['shaping', key], text, also: ['shaping', first[0]] }];
  });
}

type Entry = Policy['shaping']['default'];

function isSameProvider(left: string | undefined, right: string | undefined): boolean {
  return left !== undefined && left.toLowerCase() === right?.toLowerCase();
}

function hasSameFigures(left: Entry, right: Entry): boolean {
  return left.connections === right.connections && isDeepStrictEqual(left.rate, right.rate);
}
