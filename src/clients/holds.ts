/** Clients whose bulk mail is held: as marks, and as every thread that sends mail knows them. */
import type { Screening } from '../message/screening.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { Mark, Marks } from '../spool/marks.ts';

/** `id`: a release is of this hold alone. */
export type Hold = { readonly client: string; readonly id: string; readonly sinceMs: number; readonly reason: string };

export const HOLD_MARKS = 'guard-hold:';
const LOOK_MS = 2_000;

export function holdMark(client: string): string {
  return `${HOLD_MARKS}${client}`;
}

/** null: it cannot be read. */
export function holdOf(mark: Pick<Mark, 'name' | 'text'>): Hold | null {
  try {
    const value: unknown = JSON.parse(mark.text);
    return typeof value === 'object' && value !== null && 'client' in value && 'id' in value ? (value as Hold) : null;
  } catch {
    return null;
  }
}

/** What stands in the history of mail that is held, so that it is known by that. */
export function heldText({ client, reason }: Pick<Hold, 'client' | 'reason'>): string {
  return `${HELD_BY_GUARD} ${client}: ${reason}; it waits until \`relevo client release ${client}\``;
}

/** How such texts begin. */
export const HELD_BY_GUARD = 'held by the guard of the client';

export type HeldClients = AsyncDisposable & {
  /** Why mail of that client and stream is held; null: it is not. Cheap. */
  reasonFor(of: { readonly client: string; readonly stream: string }): string | null;
};

/** Has looked once when it resolves, and looks again every 2 s; a store that is away changes nothing. */
export async function watchHolds({
  policy,
  clock,
  marks,
}: {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly marks: Pick<Marks, 'marks'>;
}): Promise<HeldClients> {
  const ending = new AbortController();
  let holds = new Map<string, Hold>();
  const look = async (): Promise<void> => {
    const read = (await marks.marks(HOLD_MARKS)).map(holdOf).filter((hold) => hold !== null);
    holds = new Map(read.map((hold) => [hold.client, hold]));
  };
  const run = async (): Promise<void> => {
    while (!ending.signal.aborted) {
      await clock.sleep(LOOK_MS, ending.signal).catch(() => undefined);
      if (!ending.signal.aborted) await look().catch(() => undefined);
    }
  };
  await look().catch(() => undefined);
  const running = run();
  return {
    reasonFor: ({ client, stream }) => {
      const hold = holds.size === 0 ? undefined : holds.get(client);
      const { streams } = policy();
      const isBulk = Object.hasOwn(streams, stream) && streams[stream]?.bulk === true;
      return hold === undefined || !isBulk ? null : heldText(hold);
    },
    [Symbol.asyncDispose]: () => {
      ending.abort(new Error('the relay ends'));
      return running;
    },
  };
}

/** The same screening, which holds their mail too. @param screening null: everybody is written to */
export function screeningWith(screening: Screening | null, held: HeldClients): Screening {
  return {
    suspects: (addresses) => screening?.suspects(addresses) ?? false,
    suppressedOf: async (ask) => (await screening?.suppressedOf(ask)) ?? new Map(),
    holds: (of) => held.reasonFor(of),
  };
}
