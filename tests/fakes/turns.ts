/**
 * The longest that `work` kept the event loop for itself, ms. In processor time of this thread, so that it does not count
 * what other processes of a busy machine take.
 */
export async function longestTurnMs(work: () => unknown): Promise<number> {
  let longest = 0;
  let done = false;
  let before = process.threadCpuUsage();
  const look = (): void => {
    const { user, system } = process.threadCpuUsage(before);
    longest = Math.max(longest, (user + system) / 1000);
    before = process.threadCpuUsage();
    if (!done) setImmediate(look);
  };
  setImmediate(look);
  await new Promise((resolve) => setImmediate(resolve));
  await work();
  await new Promise((resolve) => setImmediate(resolve));
  done = true;
  await new Promise((resolve) => setImmediate(resolve));
  return longest;
}
