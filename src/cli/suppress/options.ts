/** Options of `relevo suppress …`, read. */
import type { Command } from 'commander';
import { formatMailbox, parseDomain, parseMailbox } from '../../message/address.ts';
import { parseDurationMs } from '../../policy/units.ts';
import {
  SUPPRESSION_REASONS,
  suppressionAddress,
  type SuppressionFilter,
  type SuppressionReason,
} from '../../spool/suppressions.ts';
import { UsageError } from '../cli.ts';

export type SuppressionFilterOptions = {
  readonly address?: string;
  readonly domain?: string;
  readonly client?: string;
  readonly stream?: string;
  readonly reason?: string;
};

export function addSuppressionFilter(command: Command): Command {
  return command
    .option('--address <address>', 'this one')
    .option('--domain <domain>', 'those at this domain')
    .option('--client <name>', 'those that hold for this client alone')
    .option('--stream <name>', 'those that hold for this stream alone')
    .option('--reason <reason>', SUPPRESSION_REASONS.join(', '));
}

/** @throws UsageError */
export function suppressionFilter(options: SuppressionFilterOptions): SuppressionFilter {
  const { client, stream } = options;
  return {
    ...(options.address === undefined ? {} : { address: addressOf(options.address) }),
    ...(options.domain === undefined ? {} : { domain: domainOption(options.domain) }),
    ...(client === undefined ? {} : { client }),
    ...(stream === undefined ? {} : { stream }),
    ...(options.reason === undefined ? {} : { reason: reasonOf(options.reason) }),
  };
}

/** @throws UsageError */
export function keepOf(text: string): number {
  const keepMs = parseDurationMs(text);
  if (keepMs !== null && keepMs >= 1_000) return keepMs;
  throw new UsageError(`--keep "${text}": give a time from 1s, such as 90d`);
}

/** @throws UsageError */
export function reasonOf(text: string): SuppressionReason {
  const reason = SUPPRESSION_REASONS.find((one) => one === text);
  if (reason !== undefined) return reason;
  throw new UsageError(`--reason "${text}": the reasons are ${SUPPRESSION_REASONS.join(', ')}`);
}

/** @throws UsageError */
export function addressOf(text: string): string {
  const mailbox = parseMailbox(text);
  if (mailbox === null) throw new UsageError(`${JSON.stringify(text)} is no address`);
  return suppressionAddress(formatMailbox(mailbox));
}

function domainOption(text: string): string {
  const domain = parseDomain(text);
  if (domain === null) throw new UsageError(`${JSON.stringify(text)} is no domain`);
  return domain;
}
