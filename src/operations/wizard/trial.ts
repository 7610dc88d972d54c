/** The fourth step of the wizard: whether what was answered works, tried from here before anything is written. */
import { tryMessage, type TrialResult } from '../exits/trial.ts';
import { domainRecords } from '../../watches/domain-records.ts';
import { isUsable } from '../../policy/match.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Ports } from '../../ports.ts';
import { checkRecords, type CheckedRecord } from '../../sign/records-check.ts';
import { type EgressTried, isWell, tryEgress } from '../exits/try-egress.ts';

export type WizardTrialAsk = {
  readonly policy: Policy;
  readonly domain: string;
  /** Gets a message by the route that it has; null: none is sent. */
  readonly testTo: string | null;
};

export type WizardTrial = {
  readonly exits: readonly (EgressTried & { readonly isWell: boolean })[];
  readonly records: readonly CheckedRecord[];
  /** Keys that cannot be read. */
  readonly problems: readonly string[];
  readonly message: TrialResult | null;
};

/** Connects, signs in, asks DNS, and sends a message of its own where it is told to whom. Changes nothing for a relay that runs. */
export async function tryAnswers(
  { policy, domain, testTo }: WizardTrialAsk,
  { ports, canSendFrom }: { readonly ports: Ports; readonly canSendFrom: (address: string) => Promise<boolean> },
): Promise<WizardTrial> {
  const names = Object.keys(policy.egress).filter((name) => isUsable(policy, name));
  const [exits, { records, problems }] = await Promise.all([
    Promise.all(names.map((name) => tryEgress({ ...ports, policy, canSendFrom }, name))),
    domainRecords(policy, domain),
  ]);
  const [checked, message] = await Promise.all([
    checkRecords(records, ports.dns),
    testTo === null
      ? null
      : tryMessage({ policy, sender: `postmaster@${domain}`, recipient: testTo, egress: null, failover: false }, ports),
  ]);
  return { exits: exits.map((tried) => ({ ...tried, isWell: isWell(tried) })), records: checked, problems, message };
}
