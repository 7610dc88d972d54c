/** Whether an exit works, tried now from here: connect, TLS, EHLO, AUTH, keys, accounts, and what blocklists say. No mail is sent. */
import type { ProbeNeeds } from '../../egress/probe-run.ts';
import { probe, type ProbeResult } from '../../egress/probe.ts';
import { lookUp } from '../../exits/listing-look.ts';
import { ownAddresses } from '../../exits/listings.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Look } from '../../routing/listing-course.ts';
import { shownZone } from '../../routing/listing-record.ts';
import { mustKnow } from './exit-operations.ts';
import type { Operations } from '../operations.ts';

/** `lists`: what each zone says of its address; empty where none is asked, or the address is not known. */
export type EgressTried = {
  readonly egress: string;
  readonly result: ProbeResult;
  readonly address: string | null;
  readonly lists: readonly Look[];
};

type Ports = Pick<ProbeNeeds, 'clock' | 'dns' | 'dial' | 'canSendFrom'>;
export type EgressTrialNeeds = Ports & { readonly policy: Policy };

/** @param egress one of the policy */
export async function tryEgress(needs: EgressTrialNeeds, egress: string): Promise<EgressTried> {
  const { policy, dns } = needs;
  const { hostname, health, blocklists } = policy;
  const terms = policy.egress[egress];
  if (terms === undefined) throw new Error(`no exit ${egress}`);
  const { signal } = new AbortController();
  const address = ownAddresses(policy).find(({ exits }) => exits.includes(egress))?.address ?? null;
  const [result, looks] = await Promise.all([
    probe(terms, { ...needs, hostname, timeoutMs: health.timeout }, signal),
    address === null ? new Map<string, readonly Look[]>() : lookUp([address], blocklists.zones, { dns, signal }),
  ]);
  const lists = [...looks.values()].flat().map((look) => ({ ...look, zone: shownZone(look.zone) }));
  return { egress, result, address, lists };
}

/** Nothing at all is amiss with it. */
export function isWell({ result, lists }: EgressTried): boolean {
  const isWhole = result.steps.every(({ isTrouble }) => isTrouble !== true);
  return result.kind === 'ok' && isWhole && lists.every(({ verdict }) => verdict.kind !== 'listed');
}

/** Of a running relay. Who asks while an exit is being tried has the same answer: nobody can make it knock more often. */
export function egressTrials({ policy, ...ports }: Ports & { readonly policy: () => Policy }): Operations['tryEgress'] {
  const underway = new Map<string, Promise<EgressTried>>();
  return async ({ egress }) => {
    mustKnow(policy(), egress);
    const known = underway.get(egress);
    if (known !== undefined) return known;
    const trial = tryEgress({ ...ports, policy: policy() }, egress).finally(() => underway.delete(egress));
    underway.set(egress, trial);
    return trial;
  };
}
