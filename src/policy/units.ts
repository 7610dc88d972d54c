/**
 * People's units, and the only place where they are parsed: durations `30s 5m 2h 3d`, sizes `64KB 25MB` (1 KB = 1024
 * bytes), rates `1000/h 5/10m`, shares `10%`, money `25 USD/month` `1.06 USD/1000`. Each returns null for anything else.
 */

const DURATION_MS = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 } as const;
const SIZE_BYTES = { B: 1, KB: 1024, MB: 1024 ** 2, GB: 1024 ** 3, TB: 1024 ** 4 } as const;

/** `90s` → 90,000. */
export function parseDurationMs(text: string): number | null {
  const match = /^(\d{1,9}(?:\.\d{1,3})?)\s*(ms|s|m|h|d|w)$/.exec(text.trim());
  if (match === null) return null;
  return Math.round(Number(match[1]) * DURATION_MS[match[2] as keyof typeof DURATION_MS]);
}

/** `64KB` → 65,536. */
export function parseSizeBytes(text: string): number | null {
  const match = /^(\d{1,12}(?:\.\d{1,3})?)\s*(B|KB|MB|GB|TB)$/i.exec(text.trim());
  if (match === null) return null;
  return Math.round(Number(match[1]) * SIZE_BYTES[(match[2] ?? '').toUpperCase() as keyof typeof SIZE_BYTES]);
}

/** So many in each window. */
export type Rate = { readonly count: number; readonly windowMs: number };

/** `1000/h`, `500/d`, `5/10m`. */
export function parseRate(text: string): Rate | null {
  const match = /^(\d{1,12})\s*\/\s*(\d{0,6})\s*(s|m|h|d|w)$/.exec(text.trim());
  if (match === null) return null;
  const windows = match[2] === '' ? 1 : Number(match[2]);
  const windowMs = windows * DURATION_MS[match[3] as keyof typeof DURATION_MS];
  return windowMs > 0 ? { count: Number(match[1]), windowMs } : null;
}

/** `{ count: 600, windowMs: 60_000 }` → `600/m`. */
export function formatRate({ count, windowMs }: Rate): string {
  const [unit, unitMs] = RATE_UNITS.find(([, ms]) => windowMs >= ms && windowMs % ms === 0) ?? ['ms', 1];
  const windows = windowMs / unitMs;
  return `${count}/${windows === 1 ? '' : windows}${unit}`;
}

const RATE_UNITS = (['d', 'h', 'm', 's'] as const).map((unit) => [unit, DURATION_MS[unit]] as const);

/** `10%` → 10. @returns 0–100 */
export function parseSharePercent(text: string): number | null {
  const match = /^(\d{1,3}(?:\.\d{1,3})?)\s*%$/.exec(text.trim());
  const percent = Number(match?.[1] ?? Number.NaN);
  return percent <= 100 ? percent : null;
}

/** `amount` for a month, or for one message. `micros`: the same exactly, in millionths, for a month or for `of` messages. */
export type Cost = {
  readonly amount: number;
  readonly currency: string;
  readonly per: 'month' | 'message';
  readonly micros: number;
  readonly of: number;
};

const MICROS = 1_000_000;

/** `25 USD/month`, or `1.06 USD/1000` (messages), which is kept per message. */
export function parseCost(text: string): Cost | null {
  const match = /^(\d{1,9})(?:\.(\d{1,6}))?\s*([A-Z]{3})\s*\/\s*(month|\d{1,7})$/.exec(text.trim());
  if (match === null) return null;
  const [, whole = '', fraction = '', currency = '', per = ''] = match;
  const micros = Number(whole) * MICROS + Number(fraction.padEnd(6, '0'));
  if (per === 'month') return { amount: micros / MICROS, currency, per: 'month', micros, of: 1 };
  const of = Number(per);
  return of > 0 ? { amount: micros / MICROS / of, currency, per: 'message', micros, of } : null;
}

/** `90 USD/month`: no price for messages. */
export function parseBudget(text: string): Cost | null {
  const budget = parseCost(text);
  return budget?.per === 'month' && budget.micros > 0 ? budget : null;
}

/** `45 s`, `12 min`, `3 h`, `2 d`: the largest unit that has at least two. */
export function formatAge(ageMs: number): string {
  const seconds = Math.max(0, Math.round(ageMs / 1_000));
  if (seconds < 120) return `${seconds} s`;
  if (seconds < 120 * 60) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 48 * 3_600) return `${Math.floor(seconds / 3_600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}
