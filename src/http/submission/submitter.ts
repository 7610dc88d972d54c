/** Hands messages that came by HTTP to the relay, and says what became of them in the words of HTTP. */
import { parseMailbox, formatMailbox } from '../../message/address.ts';
import type { MessageId } from '../../message/ids.ts';
import { formatReply, type Reply } from '../../message/reply.ts';
import { clientByName, senderAllowed } from '../../policy/admit.ts';
import type { Policy } from '../../policy/schema.ts';
import type { Clock } from '../../ports.ts';
import type { Spool } from '../../spool/spool.ts';
import { type Answer, problem, problemWith } from '../answer.ts';
import { type Fault, faulty } from '../faults.ts';
import type { Principal } from '../principal.ts';
import type { Composed } from './compose.ts';
import { isOf, type Once } from './idempotency.ts';
import { wishFaults } from './wish-faults.ts';

/** The way into the relay that clients of SMTP have too: the same checks, the same spool. */
export type SubmitMail = (mail: {
  readonly client: string;
  readonly sender: string;
  readonly recipients: readonly string[];
  readonly content: Buffer;
  readonly address: string | null;
  readonly protocol: string;
  readonly once?: Once;
  readonly traceparent?: string;
}) => Promise<
  | { readonly kind: 'accepted'; readonly id: MessageId; readonly isRepeat: boolean }
  | { readonly kind: 'refused'; readonly reply: Reply; readonly about: RefusalAbout; readonly recipient?: string }
>;

/** Who hands it over, and whether by TLS. */
export type Sender = {
  readonly principal: Principal;
  readonly isSecure: boolean;
  /** Of the request. */
  readonly header: (name: string) => string | null;
};

/** What a refusal is about, as ingress says it. */
export type RefusalAbout = 'client' | 'sender' | 'recipients' | 'size' | 'quota' | 'content' | 'temporary';

export type SubmitterNeeds = {
  readonly policy: () => Policy;
  readonly clock: Clock;
  readonly submit: SubmitMail;
  readonly spool: Pick<Spool, 'firstWith'>;
};

export type Outcome =
  /** `isRepeat`: it was accepted by an earlier request. */
  | { readonly kind: 'accepted'; readonly id: MessageId; readonly isRepeat: boolean }
  | { readonly kind: 'refused'; readonly why: Refusal; readonly answer: Answer };

/** `key`: it was used for another request. */
export type Refusal = RefusalAbout | 'key';

/** Mail is not taken now: the store is away or full, or the relay is going down. */
const LATER_S = 30;
const CLIENT_FIELD: Pick<Fault, 'in' | 'path'> = { in: 'body', path: 'client' };

export class Submitter {
  readonly #needs: SubmitterNeeds;

  constructor(needs: SubmitterNeeds) {
    this.#needs = needs;
  }

  /** What an earlier request of this name was answered; null: there was none. @throws SpoolError */
  async earlier(once: Once): Promise<Outcome | null> {
    const id = await this.#needs.spool.firstWith(once.key, this.#needs.clock.nowMs());
    return id === null ? null : answerOf(id, once, true);
  }

  /** Accepted means durable. Never rejects. */
  async submit(message: Composed, { principal, isSecure, header }: Sender, once: Once | null): Promise<Outcome> {
    const client = this.#clientOf(message, principal);
    if (client.kind === 'refused') return client;
    const { sender, recipients, content, wishes } = message;
    const policy = this.#needs.policy();
    const faults = wishes === undefined ? [] : wishFaults(wishes, policy, this.#needs.clock.nowMs());
    if (faults.length > 0) return { kind: 'refused', why: 'content', answer: faulty(faults, 422) };
    const traceparent = policy.traces === null ? null : header('traceparent');
    const result = await this.#needs.submit({
      client: client.name,
      sender,
      recipients,
      content,
      address: principal.peer,
      protocol: isSecure ? 'HTTPS' : 'HTTP',
      ...(once === null ? {} : { once }),
      ...(traceparent === null ? {} : { traceparent }),
    });
    if (result.kind === 'refused') return this.#refusal(result, client.name);
    if (once === null) return { kind: 'accepted', id: result.id, isRepeat: false };
    return answerOf(result.id, once, result.isRepeat);
  }

  /** That of the token; or the one that the request names; or the only one that may send so. */
  #clientOf({ client, sender }: Composed, principal: Principal): { kind: 'client'; name: string } | Refused {
    const policy = this.#needs.policy();
    const wanted = principal.client ?? client;
    if (principal.client !== undefined && client !== null && client !== principal.client) {
      const text = `the token "${principal.name}" submits as the client ${principal.client}`;
      return { kind: 'refused', why: 'client', answer: problem(403, text) };
    }
    if (wanted !== null) {
      if (clientByName(policy, wanted) !== null) return { kind: 'client', name: wanted };
      const text = `the policy has no client ${wanted}`;
      return { kind: 'refused', why: 'client', answer: problem(403, text) };
    }
    const mailbox = parseMailbox(sender);
    const address = mailbox === null ? sender : formatMailbox(mailbox);
    const able = Object.entries(policy.clients).filter(([, one]) => senderAllowed(one, address));
    const [first, ...others] = able.map(([name]) => name);
    if (first === undefined) {
      const answer = problem(403, `no client of the policy may send as ${sender}`);
      return { kind: 'refused', why: 'sender', answer };
    }
    if (others.length === 0) return { kind: 'client', name: first };
    const text = `several clients may send as ${sender}: say which, or make a token with --client`;
    return { kind: 'refused', why: 'client', answer: faulty([{ ...CLIENT_FIELD, text }], 422) };
  }

  #refusal({ reply, about, recipient }: RefusedMail, client: string): Refused {
    const told = (status: number, headers: Readonly<Record<string, string>> = {}): Refused => {
      const detail = recipient === undefined ? reply.text : `${reply.text}: ${recipient}`;
      const errors = about === 'recipients' ? { errors: [{ in: 'body', path: 'to', text: detail }] } : {};
      const answer = problemWith({ smtp: formatReply(reply), ...errors }, status, { detail, headers });
      return { kind: 'refused', why: about, answer };
    };
    switch (about) {
      case 'client':
        return { kind: 'refused', why: about, answer: problem(403, `the policy has no client ${client}`) };
      case 'sender':
        return told(403);
      case 'recipients':
      case 'content':
        return told(422);
      case 'size':
        return told(413);
      case 'quota':
        return told(429, { 'retry-after': String(this.#quotaResetsInS(client)) });
      case 'temporary':
        return told(503, { 'retry-after': String(LATER_S) });
    }
  }

  /** Windows begin at multiples of their length. */
  #quotaResetsInS(client: string): number {
    const windowMs = clientByName(this.#needs.policy(), client)?.client.quota?.windowMs ?? 60_000;
    return Math.max(1, Math.ceil((windowMs - (this.#needs.clock.nowMs() % windowMs)) / 1_000));
  }
}

type Refused = Extract<Outcome, { kind: 'refused' }>;
type RefusedMail = Extract<Awaited<ReturnType<SubmitMail>>, { kind: 'refused' }>;

function answerOf(id: MessageId, once: Once, isEarlier: boolean): Outcome {
  if (isOf(id, once)) return { kind: 'accepted', id, isRepeat: isEarlier };
  const text = 'this Idempotency-Key was used for another request within the last 24 hours';
  return { kind: 'refused', why: 'key', answer: problem(422, text) };
}
