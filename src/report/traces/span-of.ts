/** One event of a message as a span of its trace. Pure. docs/traces.md has the names. */
import type { CameBack, Event, MessageEvent } from '../../message/event.ts';
import { domainOf } from '../../message/address.ts';
import { messageTimeMs } from '../../message/ids.ts';
import { assertNever, type FinalState } from '../../message/outcome.ts';
import { enhancedCode, type Reply, replyClass } from '../../message/reply.ts';
import type { Policy } from '../../policy/schema.ts';
import { siteOf } from '../../policy/shaping.ts';
import { isoTime } from '../log-fields.ts';
import type { TracedEvent } from './trace-book.ts';

export type Attributes = Record<string, string | number | boolean | string[]>;

/** `kind`: as OpenTelemetry has them. Times are wall time, ms. */
export type SpanSketch = {
  readonly name: string;
  readonly kind: 'server' | 'client' | 'internal';
  readonly startMs: number;
  readonly endMs: number;
  /** What went wrong; null: nothing did. May be ''. */
  readonly failure: string | null;
  readonly attributes: Attributes;
};

export type SpanTerms = {
  /** Whether addresses and the words of servers may be told. */
  readonly addresses: boolean;
  readonly shaping: Policy['shaping'];
};

const LONGEST_TEXT = 1_000;
const DOMAINS_MOST = 20;
const ADDRESSES_MOST = 100;

export function spanOf({ event }: Pick<TracedEvent, 'event'>, terms: SpanTerms): SpanSketch {
  const sketch = sketchOf(event, terms);
  const attributes: Attributes = { 'messaging.message.id': event.messageId, ...ofMail(event), ...sketch.attributes };
  const startMs = Math.max(0, Math.min(sketch.startMs ?? event.atMs, event.atMs));
  return { ...sketch, name: nameOf(event), startMs, endMs: Math.max(startMs, event.atMs), attributes };
}

type Sketch = Pick<SpanSketch, 'kind' | 'failure' | 'attributes'> & { readonly startMs?: number };

function nameOf({ event }: MessageEvent): string {
  if (event === 'received') return 'accept';
  return event === 'attempted' ? 'attempt' : event;
}

function sketchOf(event: MessageEvent, terms: SpanTerms): Sketch {
  switch (event.event) {
    case 'received':
      return accepted(event, terms);
    case 'attempted':
      return attempted(event, terms);
    case 'delivered':
    case 'bounced':
    case 'expired':
    case 'suppressed':
    case 'discarded':
      return ended(event, terms);
    case 'deferred': {
      const due = { 'relevo.due': isoTime(event.dueAtMs), ...reasonOf(event.reason, terms) };
      return moment({ ...ofDelivery(event, terms), ...due });
    }
    case 'in-doubt':
    case 'quarantined':
      return { ...moment({ ...ofDelivery(event, terms), ...reasonOf(event.reason, terms) }), failure: event.event };
    case 'warned':
    case 'held':
    case 'released':
    case 'retried':
    case 'rescheduled':
      return moment({ ...ofDelivery(event, terms), ...reasonOf(event.reason, terms) });
    case 'bounced-later':
    case 'confirmed':
    case 'put-off':
    case 'complained':
    case 'unsubscribed':
    case 'opened':
    case 'clicked':
    case 'answered':
      return cameBack(event, terms);
    default:
      return assertNever(event);
  }
}

function accepted(event: MessageEvent & { readonly event: 'received' }, { addresses }: SpanTerms): Sketch {
  const attributes: Attributes = {
    'relevo.protocol': event.protocol,
    'relevo.client': event.client,
    'relevo.stream': event.stream,
    'relevo.priority': event.priority,
    'relevo.header.message_id': short(event.messageIdHeader),
    'relevo.recipient.count': event.recipients.length,
    'relevo.recipient.domains': [...new Set(event.recipients.map(domainOf))].slice(0, DOMAINS_MOST),
    'messaging.message.envelope.size': event.sizeBytes,
  };
  const protocol = /HTTP|SMTP|LMTP/.exec(event.protocol)?.[0].toLowerCase();
  if (protocol !== undefined) attributes['network.protocol.name'] = protocol;
  if (event.peer !== '') attributes['client.address'] = event.peer;
  if (event.sender !== '') attributes['relevo.sender.domain'] = domainOf(event.sender);
  if (event.warning !== undefined) attributes['relevo.warning'] = short(event.warning);
  if (addresses) {
    attributes['relevo.sender'] = event.sender;
    attributes['relevo.recipients'] = event.recipients.slice(0, ADDRESSES_MOST);
  }
  return { kind: 'server', startMs: event.atMs - event.tookMs, failure: null, attributes };
}

function attempted(event: MessageEvent & { readonly event: 'attempted' }, terms: SpanTerms): Sketch {
  const { attempt } = event;
  const { host, address, source, tls, reply } = attempt;
  const attributes: Attributes = {
    ...ofDelivery(event, terms),
    'relevo.egress': attempt.egress,
    'relevo.attempt': attempt.number,
    ...replyOf(reply, terms),
  };
  const told: readonly (readonly [string, string | null | undefined])[] = [
    ['relevo.route', attempt.route],
    ['relevo.passed_over', terms.addresses ? short(attempt.passedOver ?? '') || null : null],
    ['relevo.provider.message_id', attempt.providerId],
    ['relevo.site', host === null ? null : siteOf(terms.shaping, { domain: event.domain, hosts: [host] })],
    ['server.address', host ?? address],
    ['network.peer.address', address],
    ['network.local.address', source],
    ['tls.protocol.name', tls === null ? null : 'tls'],
    ['tls.protocol.version', tls === null ? null : tls.replace(/^TLSv/, '')],
  ];
  for (const [name, value] of told) if (typeof value === 'string') attributes[name] = value;
  if (attempt.own === true) attributes['relevo.reply.own'] = true;
  const failure = replyClass(reply) === 'success' ? null : textOf(reply, terms);
  if (failure !== null) attributes['error.type'] = enhancedCode(reply) ?? String(reply.code);
  return { kind: 'client', startMs: event.atMs - attempt.tookMs, failure, attributes };
}

type End = MessageEvent & { readonly event: FinalState };

/** From the acceptance on, which the id tells: how long it took. */
function ended(event: End, terms: SpanTerms): Sketch {
  const { reply, egress } = event;
  const isFailure = event.event === 'bounced' || event.event === 'expired';
  const attributes: Attributes = { ...ofDelivery(event, terms), ...(reply === null ? {} : replyOf(reply, terms)) };
  if (egress !== null) attributes['relevo.egress'] = egress;
  if (isFailure) attributes['error.type'] = reply === null ? event.event : (enhancedCode(reply) ?? String(reply.code));
  const failure = !isFailure ? null : reply === null ? '' : textOf(reply, terms);
  return { kind: 'internal', startMs: messageTimeMs(event.messageId), failure, attributes };
}

function cameBack(event: CameBack, terms: SpanTerms): Sketch {
  const attributes: Attributes = ofDelivery(event, terms);
  if (event.event === 'answered') attributes['relevo.what'] = event.what;
  else {
    if (event.source !== undefined) attributes['relevo.source'] = event.source;
    if (event.egress !== null) attributes['relevo.egress'] = event.egress;
  }
  if (event.event === 'bounced-later') {
    if (event.host !== null) attributes['server.address'] = short(event.host);
    return { ...moment({ ...attributes, ...replyOf(event.reply, terms) }), failure: textOf(event.reply, terms) };
  }
  if (terms.addresses && 'detail' in event && event.detail !== '') attributes['relevo.detail'] = short(event.detail);
  return moment(attributes);
}

function moment(attributes: Attributes): Sketch {
  return { kind: 'internal', failure: null, attributes };
}

function ofMail({ mail, worker }: Pick<Event, 'mail' | 'worker'>): Attributes {
  const attributes: Attributes = {};
  if (mail !== undefined) {
    attributes['relevo.client'] = mail.client;
    attributes['relevo.stream'] = mail.stream;
    if (mail.tag !== null) attributes['relevo.tag'] = mail.tag;
  }
  if (worker !== undefined) attributes['relevo.worker'] = worker;
  return attributes;
}

type OfDelivery = Pick<Extract<MessageEvent, { readonly event: 'attempted' }>, 'deliveryId' | 'domain' | 'recipients'>;

function ofDelivery({ deliveryId, domain, recipients }: OfDelivery, { addresses }: SpanTerms): Attributes {
  const attributes: Attributes = {
    'relevo.delivery.id': deliveryId,
    'relevo.destination.domain': domain,
    'relevo.recipient.count': recipients.length,
  };
  if (addresses) attributes['relevo.recipients'] = recipients.slice(0, ADDRESSES_MOST);
  return attributes;
}

function replyOf(reply: Reply, { addresses }: SpanTerms): Attributes {
  const attributes: Attributes = { 'relevo.reply.code': reply.code };
  const enhanced = enhancedCode(reply);
  if (enhanced !== null) attributes['relevo.reply.enhanced_code'] = enhanced;
  if (addresses) attributes['relevo.reply.text'] = short(reply.text);
  return attributes;
}

/** Most are replies; what else is said may name an address too. */
function reasonOf(reason: string, { addresses }: SpanTerms): Attributes {
  const attributes: Attributes = {};
  const match = /^([245]\d\d)(?: ([245]\.\d{1,3}\.\d{1,3}))?(?: |$)/.exec(reason);
  if (match !== null) attributes['relevo.reply.code'] = Number(match[1]);
  if (match?.[2] !== undefined) attributes['relevo.reply.enhanced_code'] = match[2];
  if (addresses) attributes['relevo.reason'] = short(reason);
  return attributes;
}

function textOf({ text, ...reply }: Reply, { addresses }: SpanTerms): string {
  const codes = [reply.code, enhancedCode({ ...reply, text })].filter((code) => code !== null).join(' ');
  return addresses ? short(`${codes} ${text}`) : codes;
}

function short(text: string): string {
  return text.length <= LONGEST_TEXT ? text : `${text.slice(0, LONGEST_TEXT)}…`;
}
