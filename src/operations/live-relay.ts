/** What operators may ask of a relay while it runs. */
import type { MailPath } from '../mail-path.ts';
import { senderAllowed } from '../policy/admit.ts';
import type { Policy } from '../policy/schema.ts';
import type { Clock } from '../ports.ts';
import type { Explanation } from '../schedule/reasons/explain.ts';
import type { Spool } from '../spool/spool.ts';
import {
  type LiveRelay,
  OperationsError,
  type OperatorMail,
  type RelayStatus,
  type SubmitResult,
} from './operations.ts';

export type LiveNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly spool: Spool;
  readonly path: Pick<MailPath, 'explain' | 'submit' | 'bounceNow' | 'wake'>;
  readonly status: () => RelayStatus;
};

const BOUNCED = { code: 554, detail: '7.0', text: 'returned by the operator' } as const;
const BOUNCE_LEASE_MS = 120_000;
const BOUNCES_A_STEP = 500;

export function liveRelay(needs: LiveNeeds): LiveRelay {
  const { spool, path, clock } = needs;
  return {
    status: needs.status,
    explain: async ({ delivery }) => {
      const [explanation] = await path.explain(delivery.id);
      return explanation === undefined ? [] : linesOf(explanation);
    },
    submit: (mail) => submit(needs, mail),
    bounce: async (filter) => {
      let count = 0;
      for (;;) {
        const leased = await spool.take(filter, clock.nowMs() + BOUNCE_LEASE_MS, BOUNCES_A_STEP);
        if (leased.length === 0) return count;
        const ended = await path.bounceNow(leased, BOUNCED);
        count += ended;
        // What could not be ended would be taken again and again.
        if (ended < leased.length) return count;
      }
    },
    wake: () => path.wake(),
  };
}

async function submit({ policy, path }: LiveNeeds, mail: OperatorMail): Promise<SubmitResult> {
  const client = mail.client ?? clientFor(policy(), mail.sender);
  if (client === null) throw new OperationsError(`no client of the policy may send as ${mail.sender}`);
  const result = await path.submit({
    client,
    sender: mail.sender,
    recipients: mail.recipients,
    content: withDirectives(mail),
    address: null,
    protocol: 'local',
  });
  return result.kind === 'accepted'
    ? { kind: 'accepted', messageId: result.id }
    : { kind: 'refused', reply: result.reply };
}

/** Stream, priority and tag travel as the header fields that clients use; they never leave the relay. */
function withDirectives({ stream, priority, tag, content }: OperatorMail): Buffer {
  const fields = [
    ['Stream', stream],
    ['Priority', priority],
    ['Tag', tag],
  ].flatMap(([name, value]) => (value === null ? [] : [`X-Relevo-${name}: ${value}\r\n`]));
  return fields.length === 0 ? content : Buffer.concat([Buffer.from(fields.join('')), content]);
}

/** The first client of the policy that may send from an address; null: none may. */
export function clientFor(policy: Policy, sender: string): string | null {
  return Object.entries(policy.clients).find(([, client]) => senderAllowed(client, sender))?.[0] ?? null;
}

/** Which exits may send now is of no use to what is under way by one, or over. */
function linesOf({ state, why, route, exits }: Explanation): string[] {
  const routed = route === null ? 'no route matches' : `route ${route}`;
  return [
    ...why,
    routed,
    ...(state === 'in flight' || state === 'being settled' ? [] : exits)
      .filter((exit) => !why.includes(exit.why))
      .map(({ pool, why: reason }) => `${pool === null ? '' : `${pool}: `}${reason}`),
  ];
}
