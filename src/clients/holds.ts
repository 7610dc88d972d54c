/** Clients whose bulk mail is held: as marks, and as every thread that sends mail knows them. */
import type { Screening } from '../message/screening.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import { repeated } from '../running/repeated.ts';

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
  /** The same as the store has it now, which may be away: then as it was last known. */
  confirmed(of: { readonly client: string; readonly stream: string }): Promise<string | null>;
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
  let holds = new Map<string, Hold>();
  const look = async (): Promise<void> => {
    const read = (await marks.marks(HOLD_MARKS)).map(holdOf).filter((hold) => hold !== null);
    holds = new Map(read.map((hold) => [hold.client, hold]));
  };
  await look().catch(() => undefined);
  const looking = repeated(() => look().catch(() => undefined), { clock, everyMs: LOOK_MS });
  const reasonFor: HeldClients['reasonFor'] = ({ client, stream }) => {
    const hold = holds.size === 0 ? undefined : holds.get(client);
    const { streams } = policy();
    const isBulk = Object.hasOwn(streams, stream) && streams[stream]?.bulk === true;
    return hold === undefined || !isBulk ? null : heldText(hold);
  };
  // Many ask at once: those who come while one is read are answered by the next.
  let next: Promise<void> | null = null;
  let last: Promise<void> = Promise.resolve();
  const lookAfter = (): Promise<void> => {
    next ??= last.then(() => {
      next = null;
      return look().catch(() => undefined);
    });
    last = next;
    return next;
  };
  return {
    reasonFor,
    confirmed: async (of) => {
      await lookAfter();
      return reasonFor(of);
    },
    [Symbol.asyncDispose]: () => looking[Symbol.asyncDispose](),
  };
}

/** The same screening, which holds their mail too. @param screening null: everybody is written to */
export function screeningWith(screening: Screening | null, held: HeldClients): Screening {
  return {
    suspects: (addresses) => screening?.suspects(addresses) ?? false,
    suppressedOf: async (ask) => (await screening?.suppressedOf(ask)) ?? new Map(),
    holds: (of) => held.reasonFor(of),
    holdsNow: (of) => held.confirmed(of),
  };
}
