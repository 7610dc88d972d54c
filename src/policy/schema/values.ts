/** The scalar values of the policy file as zod types: what may be written, and what it becomes. */
import { isIP } from 'node:net';
import { z } from 'zod';
import { parseDomain } from '../../message/address.ts';
import { parseCost, parseDurationMs, parseRate, parseSharePercent, parseSizeBytes } from '../units.ts';

function unit<T>(parse: (text: string) => T | null, expected: string) {
  return z.union([z.string(), z.number()]).transform((value, context): T => {
    const parsed = parse(String(value));
    if (parsed !== null) return parsed;
    context.addIssue({ code: 'custom', message: `expected ${expected}` });
    return z.NEVER;
  });
}

export const duration = unit(parseDurationMs, 'a duration such as 30s, 5m, 2h or 3d');
export const size = unit(parseSizeBytes, 'a size such as 64KB or 25MB');
export const rate = unit(parseRate, 'a rate such as 1000/h, 20/s or 5/10m');
export const share = unit(parseSharePercent, 'a share such as 10%');
export const cost = unit(parseCost, 'a cost such as "25 USD/month" or "1.06 USD/1000"');
export const domainName = unit(parseDomain, 'a domain name');

export const ipAddress = z.string().refine((text) => isIP(text) !== 0, 'expected an IP address');
export const network = z.string().refine(isNetwork, 'expected a network such as 10.0.0.0/24, or an address');
export const port = z.int().min(1).max(65_535);
export const positive = z.int().positive();
export const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a name of letters, digits, - _ and .');
export const priority = z.enum(['high', 'normal', 'low']);

function isNetwork(text: string): boolean {
  const [address, prefix, ...rest] = text.split('/');
  const family = isIP(address ?? '');
  if (family === 0 || rest.length > 0) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

/** Marks a key that validates but has no effect in this version: the loader says so when a file uses it. */
export const LATER = { later: true } as const;
