/** Messages by what is known of them, queued or in the history. Reads, and changes nothing. */
import { domainOf } from '../message/address.ts';
import type { MessageEvent } from '../message/event.ts';
import { type MessageId, messageTimeMs } from '../message/ids.ts';
import type { Message } from '../message/message.ts';
import { FINAL_STATES, type FinalState } from '../message/outcome.ts';
import { providerIdKey } from './provider-ids.ts';
import type { MessageStory } from './spool.ts';

/**
 * Where a recipient is, as it is searched for. `in-doubt`: an attempt ended without a reply, so that a copy may be out, whatever
 * came of the recipient afterwards.
 */
export const SEARCH_STATES = ['queued', 'held', 'quarantined', ...FINAL_STATES, 'in-doubt'] as const;
export type SearchState = (typeof SEARCH_STATES)[number];

/** What must hold, all of it; of recipient, domain, state and egress: of one and the same recipient. */
export type SearchFilter = {
  /** Addresses in any case. */
  readonly recipient?: string;
  /** '' is the null sender. */
  readonly sender?: string;
  /** Its sender, or one of its recipients. */
  readonly address?: string;
  /** Of a recipient. */
  readonly domain?: string;
  readonly state?: SearchState;
  /** By which it was tried last. */
  readonly egress?: string;
  readonly client?: string;
  readonly stream?: string;
  readonly tag?: string;
  /** The Message-ID field, with or without angle brackets. */
  readonly messageIdHeader?: string;
  /** When it came, wall ms: from then on, and before. (Reports of the relay's own: when the message came that they are about.) */
  readonly sinceMs?: number;
  readonly untilMs?: number;
};

/** @property limit of 1 to `SEARCH_LIMIT`; `cursor` the `next` of the page before, null: from the newest */
export type SearchAsk = {
  readonly filter: SearchFilter;
  readonly limit: number;
  readonly cursor: string | null;
  /** Messages that are looked at, about; default: `LOOKED_AT_MOST`. */
  readonly looksAt?: number;
};

/** A message that was found, in short. */
export type FoundMail = {
  readonly id: MessageId;
  readonly receivedAtMs: number;
  readonly client: string;
  readonly stream: string;
  readonly priority: string;
  readonly tag: string | null;
  readonly sender: string;
  /** Shown only where the policy allows. */
  readonly subject: string | null;
  readonly messageIdHeader: string;
  readonly sizeBytes: number;
  /** How many it has, and the first of them (of those that were searched for, where recipients were). */
  readonly recipients: number;
  readonly recipient: string;
  /** How many are where; of those that are nowhere it is left out. */
  readonly states: Readonly<Partial<Record<SearchState, number>>>;
  /** The exit that was asked last; null: none was. */
  readonly egress: string | null;
};

export type SearchPage = {
  readonly messages: readonly FoundMail[];
  /** Where the next page begins; null: that was all. */
  readonly next: string | null;
  /** False: it stopped because it had looked at so many, and further back there may be more, though the page is not full. */
  readonly isWhole: boolean;
};

export interface Search {
  /**
   * Newest first. An engine that has what ended by its end, rather than by when it came, may give it in that order. Looks at some ten
   * thousand messages at most, or at so many as were asked for.
   */
  search(ask: SearchAsk): Promise<SearchPage>;
}

export const SEARCH_LIMIT = 200;
/** Messages that one question looks at, about. */
export const LOOKED_AT_MOST = 20_000;

type Story = Pick<MessageStory, 'message' | 'events' | 'queued'>;

type Sought = { state: SearchState; egress: string | null; inDoubt: boolean };

/** null: it is not what is searched for. Pure. */
export function foundMail(story: Story, filter: SearchFilter): FoundMail | null {
  const { message } = story;
  if (!isOf(message, filter)) return null;
  const recipients = [...soughtIn(story)];
  const isSender = filter.address !== undefined && same(message.envelope.sender, filter.address);
  const named = recipients.filter(([address, one]) => isNamed(address, one, { filter, isSender }));
  const [first] = named;
  if (first === undefined && !(recipients.length === 0 && asksNoRecipient(filter))) return null;
  return {
    id: message.id,
    receivedAtMs: message.receivedAtMs,
    client: message.client,
    stream: message.stream,
    priority: message.priority,
    tag: message.tag,
    sender: message.envelope.sender,
    subject: message.subject,
    messageIdHeader: message.messageIdHeader,
    sizeBytes: message.sizeBytes,
    recipients: recipients.length,
    recipient: first?.[0] ?? '',
    states: countsOf(recipients.map(([, one]) => one)),
    egress: named.findLast(([, { egress }]) => egress !== null)?.[1].egress ?? null,
  };
}

function isOf(message: Message, filter: SearchFilter): boolean {
  const { sinceMs = Number.NEGATIVE_INFINITY, untilMs = Number.POSITIVE_INFINITY } = filter;
  const cameMs = messageTimeMs(message.id);
  if (cameMs < Math.floor(sinceMs) || cameMs >= untilMs) return false;
  if (filter.client !== undefined && message.client !== filter.client) return false;
  if (filter.stream !== undefined && message.stream !== filter.stream) return false;
  if (filter.tag !== undefined && message.tag !== filter.tag) return false;
  if (filter.sender !== undefined && !same(message.envelope.sender, filter.sender)) return false;
  const { messageIdHeader: header } = filter;
  return header === undefined || providerIdKey(message.messageIdHeader) === providerIdKey(header);
}

function isNamed(
  address: string,
  { state, egress, inDoubt }: Sought,
  { filter, isSender }: { readonly filter: SearchFilter; readonly isSender: boolean },
): boolean {
  if (filter.recipient !== undefined && !same(address, filter.recipient)) return false;
  if (filter.address !== undefined && !isSender && !same(address, filter.address)) return false;
  if (filter.domain !== undefined && domainOf(address) !== filter.domain.toLowerCase()) return false;
  if (filter.egress !== undefined && egress !== filter.egress) return false;
  return filter.state === undefined || state === filter.state || (filter.state === 'in-doubt' && inDoubt);
}

function asksNoRecipient({ recipient, address, domain, egress, state }: SearchFilter): boolean {
  return [recipient, address, domain, egress, state].every((one) => one === undefined);
}

function same(left: string, right: string): boolean {
  return left.toLowerCase() === right.toLowerCase();
}

const FINAL: ReadonlySet<string> = new Set(FINAL_STATES);

function soughtIn({ events, queued }: Story): Map<string, Sought> {
  const all = new Map<string, Sought>();
  for (const event of events) {
    if (!('recipients' in event)) continue;
    for (const address of event.recipients) hear(all, address, event);
  }
  for (const { delivery } of queued) {
    for (const { address } of delivery.recipients) {
      const known = all.get(address) ?? { egress: null, inDoubt: false };
      all.set(address, { ...known, egress: delivery.lastEgress ?? known.egress, state: delivery.state });
    }
  }
  return all;
}

function hear(all: Map<string, Sought>, address: string, event: MessageEvent): void {
  const known = all.get(address) ?? { state: 'queued', egress: null, inDoubt: false };
  all.set(address, known);
  if (event.event === 'attempted') known.egress = event.attempt.egress;
  else if (event.event === 'in-doubt') known.inDoubt = true;
  else if (isEnd(event)) {
    known.state = event.event;
    known.egress = event.egress ?? known.egress;
  }
}

function isEnd(event: MessageEvent): event is MessageEvent & { readonly event: FinalState } {
  return FINAL.has(event.event);
}

function countsOf(recipients: readonly Sought[]): Partial<Record<SearchState, number>> {
  const counts: Partial<Record<SearchState, number>> = {};
  for (const { state, inDoubt } of recipients) {
    counts[state] = (counts[state] ?? 0) + 1;
    if (inDoubt) counts['in-doubt'] = (counts['in-doubt'] ?? 0) + 1;
  }
  return counts;
}

/** Texts of which all must stand in a message's record or its first event, in lower case: most others need not be read. */
export function needlesOf(filter: SearchFilter): {
  readonly inMessage: readonly string[];
  readonly inEvents: readonly string[];
} {
  const { client, stream, tag, messageIdHeader, sender, recipient, address, domain, egress } = filter;
  const field = (name: string, value: string | undefined): string[] =>
    value === undefined ? [] : [lower(`"${name}":${JSON.stringify(value)}`)];
  const header = messageIdHeader === undefined ? undefined : `<${providerIdKey(messageIdHeader)}>`;
  return {
    inMessage: [
      ...field('client', client),
      ...field('stream', stream),
      ...field('tag', tag),
      ...field('messageIdHeader', header),
      ...field('sender', sender),
    ],
    inEvents: [
      ...(recipient === undefined ? [] : [lower(JSON.stringify(recipient))]),
      ...(address === undefined ? [] : [lower(JSON.stringify(address))]),
      ...(domain === undefined ? [] : [lower(`@${JSON.stringify(domain).slice(1)}`)]),
      ...field('egress', egress),
    ],
  };
}

/** As stores do it: letters of ASCII alone. */
function lower(text: string): string {
  return text.replace(/[A-Z]/g, (letter) => letter.toLowerCase());
}

/** Whether nothing that has ended can be it. */
export function isQueuedOnly({ state }: SearchFilter): boolean {
  return state === 'queued' || state === 'held' || state === 'quarantined';
}

const DIGITS = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';
const LATEST_MS = 2 ** 48 - 1;

/** Before all ids that were made at that time or later, and behind all others. */
export function firstIdAt(timeMs: number): string {
  let prefix = '';
  let time = Math.max(0, Math.min(LATEST_MS, Math.ceil(timeMs)));
  for (let digit = 0; digit < 10; digit++) {
    prefix = DIGITS.charAt(time % 32) + prefix;
    time = Math.floor(time / 32);
  }
  return prefix;
}
