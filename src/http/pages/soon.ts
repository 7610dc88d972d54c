/** What a page does not wait for: it is shown without, and with it a moment later, as its live parts come. */
import type { Clock } from '../../ports.ts';

/** What has to be counted for longer is shown once it is: the page is there before. */
const SOON_MS = 40;

/** @returns null: it is not known yet */
export async function soon<Value>(clock: Clock, reading: Promise<Value>): Promise<Value | null> {
  let cancel = (): void => {};
  const late = new Promise<null>((resolve) => {
    cancel = clock.after(SOON_MS, () => resolve(null));
  });
  try {
    return await Promise.race([reading, late]);
  } finally {
    cancel();
    // Whoever waits no more hears of no failure: the next look does.
    reading.catch(() => undefined);
  }
}
