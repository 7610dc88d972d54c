/**
 * Mail in doubt: the provider had it all, and no answer came. What the provider says of it afterwards ends the doubt: it is not
 * sent once more.
 */
import { ANY_EXIT, type Delivery } from '../../message/delivery.ts';
import type { DeliveryId } from '../../message/ids.ts';
import type { Reply } from '../../message/reply.ts';
import type { Clock, Emit } from '../../ports.ts';
import type { LeasedDelivery, MessageStory, Spool } from '../../spool/spool.ts';
import type { Said } from './noting.ts';

/** How the story of a recipient ends. `egress`: the exit that had it. */
export type Verdict = { readonly state: 'delivered' | 'bounced'; readonly reply: Reply; readonly egress: string };
/** One recipient of a delivery. */
export type Ended = { readonly deliveryId: DeliveryId; readonly recipient: string };
export type Verdicts = ReadonlyMap<string, Verdict>;

export type DoubtNeeds = {
  readonly spool: Pick<Spool, 'take' | 'list' | 'giveBack'>;
  /** Ends the stories of those recipients; the others wait on. */
  readonly endNow: (leased: LeasedDelivery, verdicts: Verdicts) => Promise<boolean>;
  readonly clock: Clock;
  readonly emit: Emit;
};

const LEASE_MS = 60_000;
/** An attempt that is under way may come to be in doubt for all that was said meanwhile: it is looked at again after so long. */
const LOOKS_MS = [2_000, 5_000, 15_000, 30_000, 60_000, 120_000, 300_000] as const;
const MOST_WAITING = 10_000;

export class Doubts {
  readonly #needs: DoubtNeeds;
  #waiting = 0;

  constructor(needs: DoubtNeeds) {
    this.#needs = needs;
  }

  /**
   * Ends what is in doubt now, and looks again at what is under way. Rejects where the store fails.
   * @param isMeant whether an exit may be the one that the provider speaks of
   * @returns whose stories ended as bounced by that
   */
  async settle(story: MessageStory, said: readonly Said[], isMeant: IsMeant): Promise<readonly Ended[]> {
    const bounced: Ended[] = [];
    for (const { delivery, leasedUntilMs } of story.queued) {
      const mine = said.filter(({ place }) => place.deliveryId === delivery.id);
      const verdicts = verdictsOf(mine, new Set(delivery.recipients.map(({ address }) => address)));
      if (verdicts.size === 0) continue;
      const looked = { id: delivery.id, verdicts, isMeant };
      if (leasedUntilMs !== null) this.#lookAgain(looked, 0);
      if (leasedUntilMs !== null || !isInDoubt(delivery, story, isMeant)) continue;
      if (await this.#end(delivery.id, verdicts)) bounced.push(...bouncedBy(looked));
      // Somebody has it by now.
      else this.#lookAgain(looked, 0);
    }
    return bounced;
  }

  async #end(id: DeliveryId, verdicts: Verdicts): Promise<boolean> {
    const { spool, clock, endNow } = this.#needs;
    const [leased] = await spool.take({ ids: [id] }, clock.nowMs() + LEASE_MS, 1);
    if (leased === undefined) return false;
    try {
      return await endNow(leased, verdicts);
    } catch (cause) {
      // A lease that runs out would be one more attempt in doubt, though there was none.
      await spool.giveBack([{ deliveryId: id, token: leased.lease.token }]).catch(() => {});
      throw cause;
    }
  }

  /** In this process only: what is lost with it is asked of the provider, or sent once more. */
  #lookAgain(looked: Looked, look: number): void {
    const delayMs = LOOKS_MS[look];
    if (delayMs === undefined || this.#waiting >= MOST_WAITING) return;
    this.#waiting += 1;
    this.#needs.clock.after(delayMs, () => {
      this.#waiting -= 1;
      void this.#look(looked, look);
    });
  }

  async #look(looked: Looked, look: number): Promise<void> {
    const { spool, clock, emit } = this.#needs;
    const { id, verdicts, isMeant } = looked;
    try {
      const [queued] = await spool.list({ ids: [id] }, { limit: 1 });
      if (queued === undefined) return;
      const { doubtBy } = queued.delivery;
      if (queued.leasedUntilMs !== null) this.#lookAgain(looked, look + 1);
      else if (doubtBy !== undefined && (doubtBy === ANY_EXIT || isMeant(doubtBy))) await this.#end(id, verdicts);
    } catch (cause) {
      emit({ event: 'failed', atMs: clock.nowMs(), where: 'hooks', cause: String(cause) });
    }
  }
}

type IsMeant = (egress: string) => boolean;
type Looked = { readonly id: DeliveryId; readonly verdicts: Verdicts; readonly isMeant: IsMeant };

/** Where the process died it is not recorded whose attempt it was: that the provider has it says so. */
function isInDoubt({ id, doubtBy }: Delivery, { events }: MessageStory, isMeant: IsMeant): boolean {
  if (doubtBy !== undefined && doubtBy !== ANY_EXIT) return isMeant(doubtBy);
  return events.some((event) => event.event === 'in-doubt' && event.deliveryId === id);
}

function bouncedBy({ id: deliveryId, verdicts }: Looked): Ended[] {
  return [...verdicts].flatMap(([recipient, { state }]) => (state === 'bounced' ? [{ deliveryId, recipient }] : []));
}

/** A bounce says more than that it was taken, whichever came first. */
function verdictsOf(said: readonly Said[], waiting: ReadonlySet<string>): Map<string, Verdict> {
  const verdicts = new Map<string, Verdict>();
  for (const { event, place } of said) {
    for (const address of place.recipients.filter((one) => waiting.has(one))) {
      if (event.what === 'bounced-later' && event.reply !== null)
        verdicts.set(address, { state: 'bounced', reply: event.reply, egress: place.egress });
      else if (!verdicts.has(address))
        verdicts.set(address, { state: 'delivered', reply: TAKEN, egress: place.egress });
    }
  }
  return verdicts;
}

const TAKEN: Reply = { code: 250, detail: '0.0', text: 'the provider reports that it took it' };
