import type { HeaderField } from '../message/header.ts';
import type { BlankSignature } from '../sign/blank-signature.ts';

/**
 * Signs what will leave; `headers` go before the header section and may be empty, `blanks` are those in it that the spool is to
 * fill in, where `mayLeaveBlank` says that it can. A rejection is a temporary failure.
 */
export type Sign = (message: {
  readonly fromDomain: string | null;
  readonly fields: readonly HeaderField[];
  readonly body: Buffer;
  readonly nowMs: number;
  readonly mayLeaveBlank: boolean;
}) => Promise<{ readonly headers: Buffer; readonly blanks?: readonly BlankSignature[] }>;
