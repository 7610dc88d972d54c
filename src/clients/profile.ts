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

/** Not shown as they are. */
const SUMS = ['session', 'message', 'put-off', 'came-again'] as const satisfies readonly Habit[];
type Sum = (typeof SUMS)[number];

export type Profile = {
  readonly sessions: number;
  readonly messages: number;
  readonly habits: readonly {
    readonly habit: Exclude<Habit, Sum> | 'one-message' | 'comes-again' | 'never-again';
    readonly messages: number;
    /** 0 to 1. */
    readonly share: number;
    /** What it is, and what comes of it. */
    readonly text: string;
    readonly needsAttention: boolean;
  }[];
};

/** What each means, and whether somebody should do something about it: then also what would help. */
const MEANINGS: Readonly<Record<Profile['habits'][number]['habit'], readonly [text: string, needsAttention: boolean]>> =
  {
    login: ['signs in with AUTH LOGIN, which no standard has; PLAIN is the one to use', false],
    plain: ['signs in with AUTH PLAIN', false],
    helo: [
      'says HELO: without extensions it has no SIZE, no 8BITMIME, no pipelining; a newer mail library says EHLO',
      true,
    ],
    clear: [
      'sends in clear text: mail, and passwords from this machine, can be read on the way; turn STARTTLS on in it, or use port 465',
      true,
    ],
    'old-tls': [
      'speaks TLS 1.2 at best: it is cut off when tls.minVersion becomes TLSv1.3; a newer runtime or TLS library speaks 1.3',
      true,
    ],
    'bare-newline': [
      'ends lines with LF or CR alone: set right here, refused by many others, and on ports without AUTH; have it end lines with CR LF (PHP: PHP_EOL is not)',
      true,
    ],
    'no-date': ['sends mail without Date: the relay adds one', false],
    'no-message-id': [
      'sends mail without Message-ID: the relay adds one, but cannot know a resend; have it make one for each message, and keep it when it tries again',
      true,
    ],
    'eight-bit': ['sends bytes above 127 without BODY=8BITMIME', false],
    'long-line': [
      'sends lines longer than 998 octets, which are refused where limits.lineLength is not raised; have it encode bodies as quoted-printable or base64',
      true,
    ],
    'space-after-colon': [
      'writes MAIL FROM: <…> with a space: taken here, refused by strict servers; a newer mail library writes none',
      true,
    ],
    'bare-address': [
      'writes addresses without < and >: taken here, refused by strict servers; have it put them in angle brackets',
      true,
    ],
    'no-quit': ['closes connections without QUIT: whether its last message was taken it may not know', false],
    'one-message': ['opens a connection for each message: it could send many over one', false],
    'comes-again': ['comes again when it is told to (451, 452)', false],
    'never-again': [
      'does not come again after 451 or 452: that mail is lost; have it queue its mail, or hand it to a local Postfix; for its quota, overQuota: hold takes it all the same',
      true,
    ],
  };

/** Fewer say nothing of how it uses connections. */
const CONNECTIONS_LEAST = 20;
/** Fewer say nothing of whether it comes again. */
const PUT_OFF_LEAST = 5;

/** A client's habits, each with what it means. */
export function profileOf(habits: ReadonlyMap<Habit, number>): Profile {
  const of = (habit: Habit): number => habits.get(habit) ?? 0;
  const [sessions, messages] = [of('session'), of('message')];
  const shown = HABITS.flatMap((habit) => {
    if (isSum(habit) || of(habit) === 0) return [];
    const all = habit === 'no-quit' ? sessions : messages;
    return [{ habit, count: of(habit), all }];
  });
  const isOneEach = sessions >= CONNECTIONS_LEAST && messages < 1.1 * sessions;
  const oneEach = isOneEach ? [{ habit: 'one-message' as const, count: messages, all: messages }] : [];
  return {
    sessions,
    messages,
    habits: [...shown, ...oneEach, ...retriesOf(of('put-off'), of('came-again'))].map(({ habit, count, all }) => {
      const [text, needsAttention] = MEANINGS[habit];
      const share = all === 0 ? 1 : Math.min(1, count / all);
      return { habit, messages: count, share, text, needsAttention };
    }),
  };
}

type Shown = { readonly habit: Profile['habits'][number]['habit']; readonly count: number; readonly all: number };

/** What it did when it was put off, where that is known. */
function retriesOf(putOff: number, cameAgain: number): readonly Shown[] {
  if (putOff < PUT_OFF_LEAST) return [];
  if (2 * cameAgain >= putOff) return [{ habit: 'comes-again', count: cameAgain, all: putOff }];
  return [{ habit: 'never-again', count: putOff - cameAgain, all: putOff }];
}

function isSum(habit: Habit): habit is Sum {
  return SUMS.some((sum) => sum === habit);
}
