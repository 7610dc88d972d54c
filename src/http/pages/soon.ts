/** What a page does not wait for: it is shown without, and with it a moment later, as its live parts come. */
import type { Clock } from '../../ports.ts';
import type { PageAsk } from '../page.ts';

/** What has to be counted for longer is shown once it is: the page is there before. */
const SOON_MS = 30;

/** @returns null: it is not known yet, which is never so for a page that is open already */
export async function soon<Value>(
  clock: Clock,
  { isLive }: Pick<PageAsk, 'isLive'>,
  reading: Promise<Value>,
): Promise<Value | null> {
  if (isLive === true) return reading;
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
