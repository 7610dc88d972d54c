import type { Emit, Ports } from '../../ports.ts';
import type { ExitSign } from './headers.ts';

/** What exits by a provider's API are given. */
export type CloudPorts = Pick<Ports, 'clock' | 'dns' | 'dial'> & {
  readonly emit: Emit;
  /** Absent: nothing is signed anew. */
  readonly sign?: ExitSign;
};
