/**
 * A process that sends by an exit with a daily limit as fast as the store lets it, to be killed: says `sent` on standard
 * output for each message that it may send, and `over` once the limit is used up. Arguments: Redis URL, prefix, holder,
 * limit, lease in ms, and how many it sends before it waits to be killed (0: all that it can).
 */
import { writeSync } from 'node:fs';
import { Allowance } from '../../src/schedule/limits/allowance.ts';
import { openRedisLink } from '../../src/spool/redis/open-link.ts';
import { openRedisSpool } from '../../src/spool/redis/spool.ts';
import { systemClock } from '../../src/system.ts';

const [url = '', prefix = '', holder = '', limit = '0', leaseMs = '0', most = '0'] = process.argv.slice(2);
const link = await openRedisLink({ target: { kind: 'single', url }, clock: systemClock });
const spool = await openRedisSpool({ link, prefix, clock: systemClock, node: holder });

function say(line: string): void {
  writeSync(1, `${line}\n`);
}

let sent = 0;
let told = false;
const allowance: Allowance = new Allowance(
  {
    quotas: spool.ledger,
    clock: systemClock,
    holder,
    leaseMs: Number(leaseMs),
    changed: () => send(),
    failed: (cause) => say(`failed ${String(cause)}`),
  },
  { account: 'egress:one', windowOf: () => ({ startsAtMs: 0, endsAtMs: 100_000 * 86_400_000 }), limit: Number(limit) },
);

function send(): void {
  if (Number(most) > 0 && sent >= Number(most)) {
    if (!told) say('waits');
    told = true;
    return;
  }
  const state = allowance.state();
  if (state.kind === 'open') {
    allowance.take();
    void allowance.book().then((booked) => {
      if (booked) {
        sent += 1;
        say('sent');
      }
      send();
    });
  } else if (state.kind === 'spent') {
    say('over');
  }
  allowance.want();
}

send();
// As the scheduler's tick; and somebody may hand something back.
setInterval(() => {
  allowance.tick();
  send();
}, 200);
