/**
 * The scalar values of the policy file as zod types: what may be written, and what it becomes. Every message starts
 * with "expected": the loader adds what it found.
 */
import { isIP } from 'node:net';
import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { parseDomain } from '../../message/address.ts';
import { isTimeZone, nearestTimeZones } from '../day.ts';
import { formatNetwork, parseNetwork, withoutHostBits } from '../network.ts';
import { parseBudget, parseCost, parseDurationMs, parseRate, parseSharePercent, parseSizeBytes } from '../units.ts';

/** @param value how the reference calls such a value */
function unit<T>(value: string, parse: (text: string) => T | null, expected: string) {
  const error = `expected ${expected}`;
  const read = z.union([z.string(), z.number()], { error }).transform((written, context): T => {
    const parsed = parse(String(written));
    if (parsed !== null) return parsed;
    context.addIssue({ code: 'custom', message: error });
    return z.NEVER;
  });
  return read.meta({ value });
}

export const duration = unit('duration', parseDurationMs, 'a duration such as 30s, 5m, 2h or 3d');
export const size = unit('size', parseSizeBytes, 'a size such as 64KB or 25MB');
export const rate = unit('rate', parseRate, 'a rate such as 1000/h, 20/s or 5/10m');
export const share = unit('share', parseSharePercent, 'a share such as 10%');
export const cost = unit('cost', parseCost, 'a cost such as "25 USD/month" or "1.06 USD/1000"');
export const budgetAmount = unit('budget', parseBudget, 'a budget such as "90 USD/month"');
export const domainName = unit('domain', (text) => (text.startsWith('[') ? null : parseDomain(text)), 'a domain name');

export const timeZone = z
  .string('expected a time zone such as Europe/Berlin')
  .refine(isTimeZone, { error: ({ input }) => expectedTimeZone(String(input)) })
  .meta({ value: 'time zone' });

export const ipAddress = z
  .string('expected an IP address')
  .refine((text) => isIP(text) !== 0, 'expected an IP address')
  .meta({ value: 'IP address' });
export const network = z
  .string('expected a network such as 10.0.0.0/24, or an address')
  .refine(isNetwork, 'expected a network such as 10.0.0.0/24, or an address')
  .refine((text) => meantNetwork(text) === null, {
    error: ({ input }) =>
      `expected a network without host bits: ${meantNetwork(String(input))}, or ${String(input).split('/', 1)[0]} alone`,
  })
  .meta({ value: 'network' });
export const port = wholeNumber('a port from 1 to 65535')
  .min(1, expectedPort())
  .max(65_535, expectedPort())
  .meta({ value: 'port' });
export const positive = wholeNumber('a positive number')
  .positive('expected a positive number')
  .meta({ value: 'number' });
export const name = z
  .string('expected a name')
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/, 'expected a name of letters, digits, - _ and .')
  .meta({ value: 'name' });
export const priority = z.enum(['high', 'normal', 'low']);

/** One value or a list of them; becomes a list. */
export function oneOrMore<T extends z.ZodType>(value: T, expected: string) {
  return z
    .union([value, z.array(value).min(1, `expected ${expected}`)], { error: `expected ${expected}` })
    .transform((given): z.output<T>[] => (Array.isArray(given) ? (given as z.output<T>[]) : [given as z.output<T>]));
}

const pattern = z.string().min(1).meta({ value: 'pattern' });
export const globs = oneOrMore(pattern, 'a name or pattern, or a list of them');
/** Patterns of domains: labels in other scripts become A-labels, as domains are inside the relay. */
export const domainGlobs = oneOrMore(
  pattern.transform(asciiGlob),
  'a domain or pattern such as *.example.com, or a list',
);
export const tldGlobs = oneOrMore(
  pattern.transform((text) => asciiGlob(text.replace(/^\./, ''))),
  'a top-level domain such as mx, or a list',
);
/** By the name of a header field, which becomes lower-case. The relay's own fields are taken off: they have conditions of their own. */
export const headerGlobs = z
  .record(
    z
      .string()
      .regex(/^[!-9;-~]{1,76}$/, 'expected the name of a header field')
      .refine((text) => !/^x-relevo-/i.test(text), 'expected another field: stream, priority and tag ask for these'),
    globs,
  )
  .transform((fields) => Object.fromEntries(Object.entries(fields).map(([key, like]) => [key.toLowerCase(), like])));
/** A pattern of addresses. Without an `@` it would match nothing but the lone `*`. */
export const senderGlob = z
  .string('expected "*" or a pattern such as *@example.com')
  .refine((text) => text === '*' || /^[^@]+@[^@]+$/.test(text), 'expected "*" or a pattern such as *@example.com')
  .transform((text) => {
    const at = text.indexOf('@');
    return at === -1 ? text : `${text.slice(0, at)}@${asciiGlob(text.slice(at + 1))}`;
  })
  .meta({ value: 'pattern' });

function expectedTimeZone(given: string): string {
  const names = nearestTimeZones(given);
  return names.length === 0
    ? 'expected a time zone such as Europe/Berlin'
    : `expected a time zone (is it ${names.join(' or ')}?)`;
}

function asciiGlob(text: string): string {
  // Only labels beyond ASCII need IDNA, and those may not have a wildcard in them.
  const labels = text.split('.').map((label) => (/^[\x20-\x7e]*$/.test(label) ? label : domainToASCII(label)));
  return labels.join('.').toLowerCase();
}

function wholeNumber(expected: string) {
  return z.int({
    error: ({ input }) =>
      typeof input === 'number' && !Number.isInteger(input) ? 'expected a whole number' : `expected ${expected}`,
  });
}

function expectedPort(): string {
  return 'expected a port from 1 to 65535';
}

function isNetwork(text: string): boolean {
  const [address, prefix, ...rest] = text.split('/');
  const family = isIP(address ?? '');
  if (family === 0 || rest.length > 0 || text.includes('%')) return false;
  return prefix === undefined || (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128));
}

/** The network that `10.1.2.3/8` is part of; null where there is nothing to set right. */
function meantNetwork(text: string): string | null {
  const written = isNetwork(text) ? parseNetwork(text) : null;
  if (written === null) return null;
  const network = withoutHostBits(written);
  return network.bits === written.bits ? null : formatNetwork(network);
}

/** Marks a key that validates but has no effect in this version: the loader says so when a file uses it. */
export const LATER = { later: true } as const;
/** Marks a key whose value no message, log line or page may show. */
export const SECRET = { secret: true } as const;
