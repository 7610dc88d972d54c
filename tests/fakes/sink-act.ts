import type { Socket } from 'node:net';
import { setTimeout as wait } from 'node:timers/promises';
import { TLSSocket } from 'node:tls';
import type { SinkAction } from './sink-faults.ts';

type Act = {
  readonly socket: Socket;
  readonly action: SinkAction;
  /** What would have been said. */
  readonly usual: string;
  readonly slowMs: number;
};

/** Does what went wrong. @returns whether the session is over */
export async function act({ socket, action, usual, slowMs }: Act): Promise<'on' | 'over'> {
  const say = (text: string): void => {
    if (socket.writable) socket.write(`${text}\r\n`);
  };
  if (typeof action === 'number') {
    const digit = Math.trunc(action / 100);
    say(`${action} ${digit === 3 ? '' : `${digit}.0.0 `}as asked for`);
    if (action === 421) socket.end();
    return action === 421 ? 'over' : 'on';
  }
  switch (action) {
    case 'slow':
      await wait(slowMs);
      say(usual);
      return 'on';
    case 'drip':
      for (const character of `${usual}\r\n`) {
        if (!socket.writable) return 'over';
        socket.write(character);
        await wait(slowMs / 10);
      }
      return 'on';
    case 'twice':
      say(`${usual}\r\n${usual}`);
      return 'on';
    case 'mixed':
      say('250-first so\r\n550 then so');
      return 'on';
    case 'garbage':
      say('what is this?');
      return 'on';
    case 'huge':
      say('250-and so on\r\n'.repeat(100_000));
      return 'on';
    case 'hang':
      socket.pause();
      return 'over';
    case 'close':
      socket.end();
      return 'over';
    case 'reset':
      if (socket instanceof TLSSocket) socket.destroy();
      else socket.resetAndDestroy();
      return 'over';
  }
}

/** The usual thing happens, only later or oddly. */
export function isDelay(action: SinkAction): boolean {
  return action === 'slow' || action === 'drip' || action === 'twice';
}
