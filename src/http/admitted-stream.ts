import type { Clock } from '../ports.ts';

/** How soon one who signed out, or whose token was revoked, reads nothing more. */
const LOOK_EVERY_MS = 15_000;

/**
 * The same stream, for as long as whoever reads it may: a stream may go on for days, and is admitted once.
 * @param of `isStill` is asked now and then; where it rejects, it is not known now and nothing ends
 */
export function whileAdmitted(
  stream: ReadableStream<Uint8Array>,
  { clock, isStill }: { readonly clock: Clock; readonly isStill: () => Promise<boolean> },
): ReadableStream<Uint8Array> {
  const reader = stream.getReader();
  let isOver = false;
  let cancelLook = (): void => {};
  const stop = (): void => {
    isOver = true;
    cancelLook();
  };
  const lookAgain = (): void => {
    if (!isOver) cancelLook = clock.after(LOOK_EVERY_MS, () => void look());
  };
  const look = async (): Promise<void> => {
    // What waits for the next of it hears then that there is no more.
    if (await isStill().catch(() => true)) lookAgain();
    else await reader.cancel().catch(() => {});
  };
  lookAgain();
  return new ReadableStream<Uint8Array>(
    {
      pull: async (controller) => {
        const { done, value } = await reader.read().catch((cause: unknown) => {
          stop();
          throw cause;
        });
        if (!done) {
          controller.enqueue(value);
          return;
        }
        stop();
        controller.close();
      },
      cancel: async (reason) => {
        stop();
        await reader.cancel(reason);
      },
    },
    { highWaterMark: 0 },
  );
}
