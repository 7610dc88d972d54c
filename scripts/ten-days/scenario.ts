/** What happens in the ten days: the addresses, what befalls them, the mailbox providers, and the mail of each day. */
import type { PolicyInput } from '../../src/policy/schema.ts';
export type Terms = {
  /** How many of the ten. */
  readonly days: number;
  /** Of each address, once it is warmed up. */
  readonly dailyLimit: number;
  readonly seed: number;
  /** Waits of a second and longer end at multiples of this. */
  readonly grainMs: number;
};

export const ADDRESSES = 15;
export const ZONE = 'bl.test';
export const TIME_ZONE = 'America/Mexico_City';
/** Midnight there, where clocks do not change. */
export const START_MS = Date.UTC(2026, 0, 12, 6);
export const HOUR_MS = 3_600_000;
export const DAY_MS = 24 * HOUR_MS;

/** Of the standard warm-up, by day from 1. */
const PERCENT: readonly number[] = [10, 20, 40, 60, 80, 100];

/** The cap of an address that has sent on so many days before, without a step back. */
export function capOf(steps: number, dailyLimit: number): number {
  return Math.max(1, Math.floor((dailyLimit * (PERCENT[steps] ?? 100)) / 100));
}

/** What befalls an address, in hours from the start. */
export type Trouble = {
  readonly address: number;
  readonly kind: 'missing' | 'hangs' | 'blocked' | 'listed';
  readonly fromHour: number;
  readonly untilHour: number;
};

const hourOf = (day: number, hour: number): number => (day - 1) * 24 + hour;

export const TROUBLES: readonly Trouble[] = [
  { address: 4, kind: 'missing', fromHour: hourOf(2, 8), untilHour: hourOf(2, 18) },
  { address: 2, kind: 'listed', fromHour: hourOf(3, 11), untilHour: hourOf(4, 17) },
  { address: 8, kind: 'hangs', fromHour: hourOf(4, 9), untilHour: hourOf(4, 15) },
  { address: 9, kind: 'listed', fromHour: hourOf(4, 10), untilHour: hourOf(6, 10) },
  { address: 12, kind: 'blocked', fromHour: hourOf(5, 8), untilHour: hourOf(5, 20) },
];

/** What is the matter with an own address at that time; null: nothing. */
export function troubleOf(address: string | null, atMs: number): Trouble['kind'] | null {
  const hour = (atMs - START_MS) / HOUR_MS;
  const found = TROUBLES.find((one) => bindOf(one.address) === address && hour >= one.fromHour && hour < one.untilHour);
  return found?.kind ?? null;
}

export const exitOf = (address: number): string => `ip-${address}`;
export const bindOf = (address: number): string => `127.0.1.${address}`;
/** As the world knows it. */
export const publicOf = (address: number): string => `198.51.100.${address}`;

type Place = {
  readonly name: string;
  readonly host: string;
  readonly domains: readonly string[];
  readonly part: number;
};

/** `part`: of all mail. The last one is where the senders are at home, and gets reports only. */
export const PLACES: readonly Place[] = [
  { name: 'bigmail.test', host: '127.0.2.1', domains: ['bigmail.test', 'firm1.test', 'firm2.test'], part: 0.5 },
  { name: 'outpost.test', host: '127.0.2.2', domains: ['outpost.test'], part: 0.25 },
  { name: 'yonder.test', host: '127.0.2.3', domains: ['yonder.test'], part: 0.15 },
  { name: 'small.test', host: '127.0.2.4', domains: ['small.test'], part: 0.1 },
  { name: 'senders.test', host: '127.0.2.5', domains: ['shop.test', 'bank.test', 'news.test'], part: 0 },
];

/** The providers as `relevo simulate-provider` reads them. */
export function providersAt(port: number, { dailyLimit }: Terms): string {
  const hourly = Math.max(2, Math.ceil(dailyLimit * 0.08));
  const more: Readonly<Record<string, string>> = {
    'bigmail.test': `manner: google, rate: ${hourly}/h, connections: 10, blocked: [${blocks()}]`,
    'outpost.test': 'manner: microsoft, perConnection: 20',
    'yonder.test': 'manner: yahoo, connections: 5',
    'small.test': 'greylist: { delay: 5m, remember: 36d }',
    'senders.test': 'connections: 20',
  };
  const lines = PLACES.map(
    ({ name, host, domains }) =>
      `  - { name: ${name}, listen: "${host}:${port}", domains: [${domains.join(', ')}], ` +
      `unknown: ["nobody-*@*"], full: ["full-*@*"], ${more[name] ?? ''} }`,
  );
  return `providers:\n${lines.join('\n')}\n`;
}

function blocks(): string {
  return TROUBLES.filter(({ kind }) => kind === 'blocked')
    .map(
      ({ address, fromHour, untilHour }) =>
        `{ network: ${bindOf(address)}, as: reputation, from: ${fromHour}h, until: ${untilHour}h }`,
    )
    .join(', ');
}

/** @param ports of the relay, and of all providers */
export function policyAt(
  ports: { readonly relay: number; readonly providers: number },
  { dailyLimit }: Terms,
): PolicyInput {
  const numbers = Array.from({ length: ADDRESSES }, (_, index) => index + 1);
  const exit = (number: number) => ({
    type: 'mx' as const,
    bind: bindOf(number),
    address: publicOf(number),
    port: ports.providers,
    privateAddresses: true,
    dailyLimit,
    warmup: {},
  });
  return {
    hostname: 'relay.test',
    timeZone: TIME_ZONE,
    listen: [{ port: ports.relay, address: '127.0.0.1', tls: 'none', auth: 'none' }],
    clients: {
      shop: { networks: ['127.0.0.1'], senders: ['*@shop.test'] },
      bank: { networks: ['127.0.0.1'], senders: ['*@bank.test'] },
      news: { networks: ['127.0.0.1'], senders: ['*@news.test'] },
    },
    egress: Object.fromEntries(numbers.map((number) => [exitOf(number), exit(number)])),
    pools: { own: { members: numbers.map(exitOf) } },
    routes: [{ name: 'all', use: ['own'] }],
    blocklists: { zones: [ZONE] },
    // Mail that waits for the next day is nothing to write to anybody about, least of all by the same addresses.
    retry: { warnAfter: null },
  };
}

export type Sent = {
  readonly atMs: number;
  readonly client: string;
  readonly stream: 'transactional' | 'marketing';
  readonly recipients: readonly string[];
};

/** Of what all addresses may send that day by an undisturbed warm-up; on some days it is all of that. */
const SHARE = 0.7;
const RUSH_DAYS: readonly number[] = [5, 9];
const RUSH_SHARE = 1;
const TRANSACTIONAL = 0.35;
/** Messages by hour of the day, of a thousand. */
const BY_HOUR: readonly number[] = [
  10, 6, 5, 5, 6, 10, 20, 35, 55, 70, 75, 75, 70, 65, 65, 65, 60, 60, 55, 50, 45, 40, 32, 21,
];
/** Newsletters go out then. */
const CAMPAIGN_HOURS: readonly number[] = [9, 10, 11, 16];

/** The mail of a day, by time. @param day from 1 */
export function mailOf(day: number, { dailyLimit, seed }: Terms): readonly Sent[] {
  const random = randomOf(seed * 1_000 + day);
  const startsAtMs = START_MS + (day - 1) * DAY_MS;
  const share = RUSH_DAYS.includes(day) ? RUSH_SHARE : SHARE;
  const count = Math.floor(ADDRESSES * capOf(day - 1, dailyLimit) * share);
  const mail: Sent[] = [];
  for (let ordinal = 0; mail.length < count; ordinal++) {
    const stream = random() < TRANSACTIONAL ? 'transactional' : 'marketing';
    const hour =
      stream === 'marketing' ? (CAMPAIGN_HOURS[Math.floor(random() * CAMPAIGN_HOURS.length)] ?? 9) : hourBy(random());
    const client = stream === 'marketing' ? 'news' : random() < 0.5 ? 'shop' : 'bank';
    const recipients = [`${nameBy(random())}${day}-${ordinal}@${domainBy(random())}`];
    if (random() < 0.02) recipients.push(`copy${day}-${ordinal}@${domainBy(random())}`);
    mail.push({ atMs: startsAtMs + (hour + random()) * HOUR_MS, client, stream, recipients });
  }
  return mail.sort((one, other) => one.atMs - other.atMs);
}

function hourBy(fraction: number): number {
  let left = fraction * BY_HOUR.reduce((sum, part) => sum + part, 0);
  const hour = BY_HOUR.findIndex((part) => (left -= part) < 0);
  return hour === -1 ? 12 : hour;
}

function nameBy(fraction: number): string {
  if (fraction < 0.01) return 'nobody-';
  return fraction < 0.013 ? 'full-' : 'to';
}

function domainBy(fraction: number): string {
  let left = fraction;
  for (const { domains, part } of PLACES) {
    if (left < part) return domains[Math.floor((left / part) * domains.length)] ?? domains[0] ?? '';
    left -= part;
  }
  return 'small.test';
}

/** Numbers in [0, 1) that look random and are the same each time (mulberry32). */
export function randomOf(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}
