/** Time as a process has it, for promises that hold where a machine is not busy with something else. */
const TICK_MS = 10;
/** A tick that comes no later than this is not late. */
const TICK_WITHIN_MS = 15;

/**
 * How long `work` took, ms, without the time in which this process was given no processor: of each stretch in which its timers came late
 * counts what it computed itself, at least a tick. On a machine with nothing else to do that is all of the time.
 */
export async function ownTimeMs(work: () => Promise<unknown>): Promise<number> {
  let tookMs = 0;
  let before = { atMs: performance.now(), cpu: process.cpuUsage() };
  const count = (): void => {
    const { user, system } = process.cpuUsage(before.cpu);
    const atMs = performance.now();
    tookMs += Math.min(atMs - before.atMs, Math.max(TICK_WITHIN_MS, (user + system) / 1_000));
    before = { atMs, cpu: process.cpuUsage() };
  };
  const ticking = setInterval(count, TICK_MS);
  try {
    await work();
  } finally {
    clearInterval(ticking);
  }
  count();
  return tookMs;
}
