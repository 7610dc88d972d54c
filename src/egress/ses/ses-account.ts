/** What SES allows this account, read now and then: quotas, the sandbox, whether it may send at all. */
import type { GetAccountCommandOutput } from '@aws-sdk/client-sesv2';
import type { Clock, Emit } from '../../ports.ts';
import type { TakeShare } from '../cloud/cloud-ports.ts';
import { ProviderAlert } from '../cloud/provider-alert.ts';
import type { CloudKey, ProviderAnswer } from '../cloud/provider.ts';
import type { SesClient } from './ses-client.ts';

export type SesAccount = {
  /** Recipients a second; null: no limit. */
  readonly perSecond: number | null;
  /** Recipients in any 24 hours; null: no limit. */
  readonly perDay: number | null;
  /** In the last 24 hours, when it was read. */
  readonly sent: number;
  readonly isEnabled: boolean;
  readonly isSandbox: boolean;
  /** `HEALTHY`, `PROBATION`, `SHUTDOWN`; '' where it is not told. */
  readonly standing: string;
};

export function sesAccountOf(output: GetAccountCommandOutput): SesAccount {
  const { SendQuota: quota, SendingEnabled, ProductionAccessEnabled, EnforcementStatus } = output;
  const limitOf = (value: number | undefined): number | null => (value === undefined || value < 0 ? null : value);
  return {
    perSecond: limitOf(quota?.MaxSendRate),
    perDay: limitOf(quota?.Max24HourSend),
    sent: quota?.SentLast24Hours ?? 0,
    isEnabled: SendingEnabled !== false,
    isSandbox: ProductionAccessEnabled === false,
    standing: EnforcementStatus ?? '',
  };
}

/** Between two looks, as long as mail may go. */
const LOOK_MS = 300_000;
/** While the account keeps mail back, or after a look that came to nothing. */
const SOON_MS = 60_000;

type KeptBack = Extract<ProviderAnswer, { kind: 'throttled' | 'closed' }>;

export type AccountWatchNeeds = {
  readonly name: string;
  readonly client: Pick<SesClient, 'account'>;
  /** At least one. */
  readonly keys: readonly CloudKey[];
  readonly clock: Clock;
  readonly emit: Emit;
  /** Default: this process alone uses the account. */
  readonly takeShare?: TakeShare;
};

/**
 * Looks at the account of one exit from its start, and says what it keeps back. Each process looks for itself, and once more when the
 * stretch of time turns in which they share what is left of the quota: together they never take more than that.
 */
export class SesAccountWatch implements AsyncDisposable {
  readonly #needs: AccountWatchNeeds;
  readonly #alert: ProviderAlert;
  readonly #gone = new AbortController();
  #account: SesAccount | null = null;
  /** Recipients that this process sent to since it was read. */
  #since = 0;
  /** In which stretch it was asked last, and in which it last said something. */
  #askedIn = Number.NaN;
  #readIn = Number.NaN;
  #nextAtMs = 0;
  #cancel = (): void => {};
  #looking: Promise<void>;

  constructor(needs: AccountWatchNeeds) {
    this.#needs = needs;
    this.#alert = new ProviderAlert(`exit-account:${needs.name}`, needs);
    this.#looking = this.#look();
  }

  /** null: not known. */
  get account(): SesAccount | null {
    return this.#account;
  }

  /** So many recipients were sent to. */
  sent(count: number): void {
    this.#since += count;
  }

  /** Once it has been looked for the first time. */
  known(): Promise<void> {
    return this.#looking;
  }

  /** Where nothing keeps them back, so many recipients are taken from what is left of the quota. */
  async holdsBack(recipients: number): Promise<KeptBack | null> {
    const known = this.#known();
    if (known !== null || this.#account === null || this.#account.perDay === null) return known;
    const { takeShare, clock, name } = this.#needs;
    if (takeShare === undefined) return null;
    const startsAtMs = Math.floor(clock.nowMs() / LOOK_MS) * LOOK_MS;
    if (this.#askedIn !== startsAtMs) {
      this.#cancel();
      this.#looking = this.#looking.then(() => (this.#askedIn === startsAtMs ? undefined : this.#look()));
    }
    await this.#looking;
    const { perDay, sent } = this.#account;
    const anew = this.#known();
    if (anew !== null || perDay === null) return anew;
    const limit = Math.max(0, perDay - sent - (this.#readIn === startsAtMs ? 0 : this.#since));
    const ask = { account: `provider:${name}`, startsAtMs, endsAtMs: startsAtMs + LOOK_MS, limit, amount: recipients };
    // A store that does not answer now is no reason to hold mail back: SES keeps its quota itself.
    return (await takeShare(ask).catch(() => true)) ? null : this.#usedUp(perDay);
  }

  /** What is known of it alone. */
  #known(): KeptBack | null {
    if (this.#account === null) return null;
    const { isEnabled, standing, perDay, sent } = this.#account;
    if (!isEnabled)
      return {
        kind: 'closed',
        text: `sending is disabled for the account${standing === '' ? '' : ` (${standing})`}`,
        advice: PAUSED_ADVICE,
      };
    return perDay === null || sent + this.#since < perDay ? null : this.#usedUp(perDay);
  }

  #usedUp(perDay: number): KeptBack {
    const restMs = Math.max(1_000, this.#nextAtMs - this.#needs.clock.monotonicMs());
    return {
      kind: 'throttled',
      restMs,
      text: `its quota of ${perDay} recipients in 24 hours is used up`,
      advice: QUOTA_ADVICE,
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#cancel();
    this.#gone.abort();
    await this.#looking;
    this.#alert.end(`${this.#needs.name}: its settings are others, or it is not used any more`);
  }

  async #look(): Promise<void> {
    const { clock, client, keys } = this.#needs;
    this.#askedIn = Math.floor(clock.nowMs() / LOOK_MS) * LOOK_MS;
    for (const key of keys) {
      const result = await client.account(key, this.#gone.signal);
      if (result.kind !== 'done') continue;
      this.#account = sesAccountOf(result.output);
      this.#since = 0;
      this.#readIn = this.#askedIn;
      break;
    }
    if (this.#gone.signal.aborted) return;
    this.#tell();
    const waitMs = this.#account === null || this.#known() !== null ? SOON_MS : LOOK_MS;
    this.#nextAtMs = clock.monotonicMs() + waitMs;
    this.#cancel = clock.after(waitMs, () => {
      this.#looking = this.#look();
    });
  }

  /** What keeps all mail back is the exit's own alert, as soon as there is mail. */
  #tell(): void {
    const { name } = this.#needs;
    if (this.#account === null) return;
    const { isSandbox, standing, perDay, perSecond, sent } = this.#account;
    if (isSandbox)
      this.#alert.raise(
        'sandbox',
        `${name}: the account is in the SES sandbox of this region: ${perDay ?? 'any number of'} recipients a day, ${perSecond ?? 'any number'} a second, and every recipient has to be verified. Ask Amazon for production access; looked at again every ${LOOK_MS / 60_000} min.`,
      );
    else if (standing === 'PROBATION')
      this.#alert.raise(
        'probation',
        `${name}: Amazon has the account under review (PROBATION), and may pause it: look at bounces and complaints in the SES console.`,
      );
    else if (perDay !== null && sent >= perDay * NEARLY)
      this.#alert.raise(
        'quota',
        `${name}: ${sent} of the ${perDay} recipients that SES allows in 24 hours are used. ${QUOTA_ADVICE}.`,
      );
    else this.#alert.over(`${name}: the account is in order`);
  }
}

const NEARLY = 0.8;
const QUOTA_ADVICE = 'Ask Amazon for a larger sending quota, or give the route another exit';
const PAUSED_ADVICE =
  'Amazon has paused the account: look at its reputation and at messages from Amazon in the SES console';
