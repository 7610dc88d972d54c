/** Between the password and the code of the second factor: who gave the right password, for a few minutes. */
import { z } from 'zod';
import type { Clock, Random } from '../../ports.ts';
import type { Marks } from '../../spool/marks.ts';
import { newSecret, secretHash, sessionId } from './session.ts';
import { parsed, type User } from './user.ts';

export type TicketNeeds = { readonly marks: Marks; readonly clock: Clock; readonly random: Random };

const MARKS = 'sign-in:';
const TICKET_MS = 5 * 60_000;
const TICKET = z.object({ name: z.string(), epoch: z.string() });

/** All nodes know them: the code may come to another one. */
export class Tickets {
  readonly #needs: TicketNeeds;

  constructor(needs: TicketNeeds) {
    this.#needs = needs;
  }

  /** @returns the text that comes back with the code */
  async issue({ name, epoch }: User): Promise<string> {
    const { marks, clock, random } = this.#needs;
    const nowMs = clock.nowMs();
    const old = (await marks.marks(MARKS)).filter(({ atMs }) => nowMs - atMs > TICKET_MS);
    if (old.length > 0) await marks.unmark(old.map((mark) => mark.name));
    const text = newSecret(random);
    await marks.mark([{ name: markName(text), text: JSON.stringify({ name, epoch }), atMs: nowMs }]);
    return text;
  }

  /** Whose it is; null: it is too old, or none. */
  async holder(text: string): Promise<{ readonly name: string; readonly epoch: string } | null> {
    const { marks, clock } = this.#needs;
    const name = markName(text);
    const mark = (await marks.marks(name)).find((one) => one.name === name);
    if (mark === undefined || clock.nowMs() - mark.atMs > TICKET_MS) return null;
    const read = TICKET.safeParse(parsed(mark.text));
    return read.success ? read.data : null;
  }

  /** It is good once. */
  async spend(text: string): Promise<void> {
    await this.#needs.marks.unmark([markName(text)]);
  }
}

/** Of what is no ticket too: there is nothing at it. */
function markName(text: string): string {
  const sha256 = secretHash(text);
  return `${MARKS}${sha256 === null ? 'none' : sessionId(sha256)}`;
}
