/**
 * What software does that submits mail, as it is counted. Of messages, but for
 * `session`: connections by which one was accepted, and `no-quit`: those of them that it just closed. `put-off`: messages that
 * heard 4yz, and `came-again`: those of them that came within a day.
 */
export const HABITS = [
  'session',
  'message',
  'login',
  'plain',
  'helo',
  'clear',
  'old-tls',
  'bare-newline',
  'no-date',
  'no-message-id',
  'eight-bit',
  'long-line',
  'space-after-colon',
  'bare-address',
  'no-quit',
  'put-off',
  'came-again',
] as const;
export type Habit = (typeof HABITS)[number];

export const HABIT_ACCOUNTS = 'habit:';

/** The account among the tallies. */
export function habitAccount(client: string, habit: Habit): string {
  return `${HABIT_ACCOUNTS}${encodeURIComponent(client)}:${habit}`;
}
