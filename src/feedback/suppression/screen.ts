/** Whether recipients may be written to: the sieve first, and the store for what it does not let through. */
import { OWN_CLIENT } from '../../message/message.ts';
import { plainText } from '../../message/plain-text.ts';
import type { Reply } from '../../message/reply.ts';
import type { Screening } from '../../message/screening.ts';
import type { Clock } from '../../ports.ts';
import {
  type Suppression,
  suppressionAddress,
  SUPPRESSIONS_AT_ONCE,
  type SuppressionReason,
  type Suppressions,
} from '../../spool/suppressions.ts';
import type { SieveWatch } from './watch.ts';

export type ScreenNeeds = {
  readonly suppressions: Pick<Suppressions, 'suppressed'>;
  readonly sieve: Pick<SieveWatch, 'suspects'>;
  readonly clock: Clock;
};

/** Of the evidence, in a reply. */
const EVIDENCE_MOST = 300;

export function createScreening({ suppressions, sieve, clock }: ScreenNeeds): Screening {
  return {
    suspects: (addresses) => addresses.some((address) => sieve.suspects(address)),
    suppressedOf: async ({ addresses, client, stream }) => {
      const replies = new Map<string, Reply>();
      // Reports go to those who sent the mail that they are about, who asked for them by sending it.
      if (client === OWN_CLIENT) return replies;
      const asked = addresses.filter((address) => sieve.suspects(address));
      for (let start = 0; start < asked.length; start += SUPPRESSIONS_AT_ONCE) {
        const some = asked.slice(start, start + SUPPRESSIONS_AT_ONCE);
        const keys = [...new Set(some.map(suppressionAddress))];
        const found = await suppressions.suppressed({ addresses: keys, client, stream, nowMs: clock.nowMs() });
        const byAddress = new Map(found.map((entry) => [entry.address, entry]));
        for (const address of some) {
          const entry = byAddress.get(suppressionAddress(address));
          if (entry !== undefined) replies.set(address, suppressedReply(entry));
        }
      }
      return replies;
    },
  };
}

const WORDS = {
  'hard-bounce': 'hard bounce',
  'soft-bounces': 'soft bounces',
  complaint: 'complaint',
  unsubscribe: 'unsubscribed',
  manual: 'by an operator',
} as const satisfies Record<SuppressionReason, string>;

/** What is said of a recipient that is not written to: why, since when, and on what evidence. */
function suppressedReply({ reason, atMs, evidence }: Suppression): Reply {
  const day = new Date(Math.min(Math.max(atMs, 0), 8.64e15)).toISOString().slice(0, 10);
  const because = evidence === '' ? '' : `: ${plainText(evidence, EVIDENCE_MOST)}`;
  return { code: 550, detail: '7.1', text: `suppressed: ${WORDS[reason]} on ${day}${because}` };
}
