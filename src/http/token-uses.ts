/** When each token was used last: kept for operators, never at the cost of a request. */
import { z } from 'zod';
import type { Clock } from '../ports.ts';
import type { Mark, Marks } from '../spool/marks.ts';

export const USE_MARKS = 'token-used:';

export type TokenUse = { readonly atMs: number; readonly peer: string };

/** The first uses of a while are soon known, later ones within a minute. */
const SOON_MS = 1_000;
const EVERY_MS = 60_000;
const USE = z.object({ peer: z.string() });

export class TokenUses {
  readonly #needs: { readonly marks: Pick<Marks, 'mark'>; readonly clock: Clock };
  readonly #uses = new Map<string, TokenUse>();
  #isDue = false;
  #writtenMs = Number.NEGATIVE_INFINITY;

  constructor(needs: { readonly marks: Pick<Marks, 'mark'>; readonly clock: Clock }) {
    this.#needs = needs;
  }

  used(name: string, peer: string): void {
    const { clock } = this.#needs;
    this.#uses.set(name, { atMs: clock.nowMs(), peer });
    if (this.#isDue) return;
    this.#isDue = true;
    const delayMs = Math.max(SOON_MS, this.#writtenMs + EVERY_MS - clock.monotonicMs());
    clock.after(delayMs, () => void this.#write());
  }

  async #write(): Promise<void> {
    const { marks, clock } = this.#needs;
    this.#isDue = false;
    this.#writtenMs = clock.monotonicMs();
    const uses = [...this.#uses];
    this.#uses.clear();
    const made = uses.map(([name, { atMs, peer }]) => ({
      name: USE_MARKS + name,
      text: JSON.stringify({ peer }),
      atMs,
    }));
    // Those of a store that is away are lost: the next use is told again.
    await marks.mark(made).catch(() => {});
  }
}

/** By the name of the token. */
export function usesOf(marks: readonly Mark[]): ReadonlyMap<string, TokenUse> {
  return new Map(marks.flatMap((mark) => useOf(mark)));
}

function useOf({ name, text, atMs }: Mark): [string, TokenUse][] {
  try {
    const { peer } = USE.parse(JSON.parse(text));
    return [[name.slice(USE_MARKS.length), { atMs, peer }]];
  } catch {
    return [];
  }
}
