/** Accepts one message after the other and marks each on standard error, for strace to see. Arguments: folder, durability. */
import { writeSync } from 'node:fs';
import { openEmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { systemClock } from '../../src/system.ts';
import { aSubmission } from '../fakes/submission.ts';

const [path = '', durability = 'fsync'] = process.argv.slice(2);
await using spool = await openEmbeddedSpool({
  path,
  durability: durability === 'relaxed' ? 'relaxed' : 'fsync',
  clock: systemClock,
});
for (let n = 1; n <= 5; n++) {
  const submission = aSubmission({ atMs: systemClock.nowMs(), content: Buffer.alloc(4_096, 'x') });
  writeSync(2, `asked-${n}\n`);
  await spool.accept(submission);
  writeSync(2, `answered-${n}\n`);
}
