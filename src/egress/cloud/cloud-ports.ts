import type { Emit, Ports } from '../../ports.ts';
import type { ExitSign } from './headers.ts';

/** What exits by a provider's API are given. */
export type CloudPorts = Pick<Ports, 'clock' | 'dns' | 'dial'> & {
  readonly emit: Emit;
  /** Absent: nothing is signed anew. */
  readonly sign?: ExitSign;
  /** Absent: nobody else uses the account. */
  readonly takeShare?: TakeShare;
};

/**
 * Takes so many of what a provider allows in a stretch of wall time, from all processes that use the account together. false: there are no
 * more. Rejects where that cannot be known now.
 */
export type TakeShare = (ask: {
  readonly account: string;
  readonly startsAtMs: number;
  readonly endsAtMs: number;
  readonly limit: number;
  readonly amount: number;
}) => Promise<boolean>;
