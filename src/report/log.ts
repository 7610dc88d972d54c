import { pino } from 'pino';
import type { Event } from '../message/event.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock, Emit } from '../ports.ts';
import { LineWriter, type LineOutput } from './line-writer.ts';
import { EVENT_LEVELS, isoTime, logFields, type LogLevel } from './log-fields.ts';

const RANK = { debug: 0, info: 1, warn: 2, error: 3 } as const satisfies Record<LogLevel, number>;

export type Log = {
  /** A sink for `createEmit`: one JSON line an event, `{"level","time","event",…}`. Never throws, never blocks. */
  readonly sink: Emit;
  /** Lines dropped since the start, because the output could not take them. */
  readonly lost: number;
  /** Writes what waits, for at most `withinMs`; nothing is written afterwards. */
  end(withinMs: number): Promise<void>;
};

/**
 * The log: JSON lines, one for each event at or above the policy's `log.level`, read anew for each event.
 * @param needs.policy null before the first policy is in force: level info, no subjects
 */
export function createLog(needs: {
  readonly output: LineOutput;
  readonly clock: Clock;
  readonly policy: () => Pick<Policy, 'log'> | null;
}): Log {
  const { output, clock, policy } = needs;
  const writer = new LineWriter({ output, clock });
  const logger = pino(
    { level: 'debug', base: null, timestamp: false, formatters: { level: (level) => ({ level }) } },
    writer,
  );

  const sink = (event: Event): void => {
    const { level: least, subjects } = policy()?.log ?? { level: 'info', subjects: false };
    const level = levelOf(event);
    if (RANK[level] < RANK[least]) return;
    const worker = event.worker === undefined ? {} : { worker: event.worker };
    logger[level]({ time: isoTime(event.atMs), event: event.event, ...worker, ...logFields(event, { subjects }) });
  };

  return {
    sink,
    get lost() {
      return writer.lost;
    },
    end: (withinMs) => writer.end(withinMs),
  };
}

function levelOf(event: Event): LogLevel {
  // That an alert is over is good news.
  if (event.event === 'alert' && !event.raised) return 'info';
  return EVENT_LEVELS[event.event];
}
