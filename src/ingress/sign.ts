import type { HeaderField } from '../message/header.ts';
import type { BlankSignatures } from '../sign/blank-signature.ts';

/** What receiving needs of whoever signs what will leave. A rejection is a temporary failure. */
export type LeaveBlank = (message: {
  readonly fromDomain: string | null;
  readonly fields: readonly HeaderField[];
  readonly body: Buffer;
  readonly nowMs: number;
}) => Promise<BlankSignatures>;
