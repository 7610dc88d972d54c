/** What a client's software does that has to be known before rules become stricter: counted, and in words. Pure. */
import { HABIT_ACCOUNTS, type Habit, HABITS } from '../message/habit.ts';
import type { Count } from '../spool/tallies.ts';

/** Sums by client. */
export function habitsByClient(counts: readonly Count[]): ReadonlyMap<string, ReadonlyMap<Habit, number>> {
  const clients = new Map<string, Map<Habit, number>>();
  for (const { account, amount } of counts) {
    const [encoded = '', name] = account.slice(HABIT_ACCOUNTS.length).split(':');
    const habit = HABITS.find((one) => one === name);
    if (habit === undefined) continue;
    const client = decodeURIComponent(encoded);
    const habits = clients.get(client) ?? new Map<Habit, number>();
    clients.set(client, habits);
    habits.set(habit, (habits.get(habit) ?? 0) + amount);
  }
  return clients;
}

export type Profile = {
  readonly sessions: number;
  readonly messages: number;
  readonly habits: readonly {
    readonly habit: Exclude<Habit, 'session' | 'message'> | 'one-message';
    readonly messages: number;
    /** 0 to 1. */
    readonly share: number;
    /** What it is, and what comes of it. */
    readonly text: string;
    readonly needsAttention: boolean;
  }[];
};

/** What each means, and whether somebody should do something about it. */
const MEANINGS: Readonly<Record<Profile['habits'][number]['habit'], readonly [text: string, needsAttention: boolean]>> =
  {
    login: ['signs in with AUTH LOGIN, which no standard has; PLAIN is the one to use', false],
    plain: ['signs in with AUTH PLAIN', false],
    helo: ['says HELO: without extensions it has no SIZE, no 8BITMIME, no pipelining', true],
    clear: ['sends in clear text: mail, and passwords from this machine, can be read on the way', true],
    'old-tls': ['speaks TLS 1.2 at best: it is cut off when tls.minVersion becomes TLSv1.3', true],
    'bare-newline': [
      'ends lines with LF or CR alone: set right here, refused by many others, and on ports without AUTH',
      true,
    ],
    'no-date': ['sends mail without Date: the relay adds one', false],
    'no-message-id': ['sends mail without Message-ID: the relay adds one, but cannot know a resend', true],
    'eight-bit': ['sends bytes above 127 without BODY=8BITMIME', false],
    'long-line': ['sends lines longer than 998 octets, which are refused where limits.lineLength is not raised', true],
    'one-message': ['opens a connection for each message: it could send many over one', false],
  };

/** Fewer say nothing of how it uses connections. */
const CONNECTIONS_LEAST = 20;

/** A client's habits, each with what it means. */
export function profileOf(habits: ReadonlyMap<Habit, number>): Profile {
  const of = (habit: Habit): number => habits.get(habit) ?? 0;
  const [sessions, messages] = [of('session'), of('message')];
  const shown = HABITS.flatMap((habit) => {
    if (habit === 'session' || habit === 'message' || of(habit) === 0) return [];
    return [{ habit, messages: of(habit) }];
  });
  const isOneEach = sessions >= CONNECTIONS_LEAST && messages < 1.1 * sessions;
  const all = isOneEach ? [...shown, { habit: 'one-message' as const, messages }] : shown;
  return {
    sessions,
    messages,
    habits: all.map(({ habit, messages: count }) => {
      const [text, needsAttention] = MEANINGS[habit];
      return {
        habit,
        messages: count,
        share: messages === 0 ? 1 : Math.min(1, count / messages),
        text,
        needsAttention,
      };
    }),
  };
}
