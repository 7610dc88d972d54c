/** What software does that submits mail, as it is counted. Of messages, but for `session`: connections by which one was accepted. */
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
] as const;
export type Habit = (typeof HABITS)[number];

export const HABIT_ACCOUNTS = 'habit:';

/** The account among the tallies. */
export function habitAccount(client: string, habit: Habit): string {
  return `${HABIT_ACCOUNTS}${encodeURIComponent(client)}:${habit}`;
}
