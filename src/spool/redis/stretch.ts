/** Stretches of time, named by the beginning of the ids of messages that were made in them (shape.ts). Pure. */
import { messageTimeMs, type MessageId } from '../../message/ids.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const QUARTERS = 'abcd';
const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const ID_TIME_DIGITS = 10;

/** From which age on a stretch of each length (33 s, 4 min, 17 min, 2.3 h, 9 h) is fine enough, ms; the next where the one before leaves too many. */
export const COARSENINGS: readonly (readonly number[])[] = [
  [0, 10 * MINUTE_MS, HOUR_MS, 6 * HOUR_MS, 48 * HOUR_MS],
  [0, 3 * MINUTE_MS, 15 * MINUTE_MS, 3 * HOUR_MS, 12 * HOUR_MS],
];

const COARSER: readonly ((stretch: string) => string)[] = [
  (stretch) => stretch,
  (stretch) => quarterOf(stretch, 6),
  (stretch) => stretch.slice(0, 6),
  (stretch) => quarterOf(stretch, 5),
  (stretch) => stretch.slice(0, 5),
];

/** The longest stretch around it that is fine enough for its age; itself where that is longer. */
export function coarserOf(stretch: string, nowMs: number, agesMs: readonly number[]): string {
  const ageMs = nowMs - startOf(stretch) - lengthOf(stretch);
  const wanted = agesMs.findLastIndex((fromMs) => ageMs >= fromMs);
  return COARSER[Math.max(wanted, lengthPlace(stretch))]?.(stretch) ?? stretch;
}

/** Wall ms. */
export function middleOf(stretch: string): number {
  return startOf(stretch) + lengthOf(stretch) / 2;
}

function isQuarter(stretch: string): boolean {
  return QUARTERS.includes(stretch.at(-1) ?? '0');
}

function lengthPlace(stretch: string): number {
  return 2 * (7 - stretch.length) + (isQuarter(stretch) ? 1 : 0);
}

/** @param digits of a stretch that has more than so many */
function quarterOf(stretch: string, digits: number): string {
  const digit = stretch.charAt(digits);
  const quarter = QUARTERS.includes(digit) ? digit : QUARTERS.charAt(Math.floor(DIGITS.indexOf(digit) / 8));
  return stretch.slice(0, digits) + quarter;
}

function startOf(stretch: string): number {
  const quarter = QUARTERS.indexOf(stretch.at(-1) ?? '0');
  const digits = quarter === -1 ? stretch : stretch.slice(0, -1) + DIGITS.charAt(quarter * 8);
  return messageTimeMs(digits.padEnd(ID_TIME_DIGITS, '0') as MessageId);
}

function lengthOf(stretch: string): number {
  return 32 ** (ID_TIME_DIGITS - stretch.length) * (isQuarter(stretch) ? 8 : 1);
}
