/** Which route a message takes, and which exits that route has. Pure decisions over the policy. */
import { matchesGlob } from '../message/address.ts';
import type { Priority } from '../message/message.ts';
import { matchesText } from './routed-headers.ts';
import type { EgressPolicy, Policy, RoutePolicy } from './schema.ts';

/** What routes may ask of a message. */
export type MessageFacts = {
  readonly client: string;
  readonly stream: string;
  readonly priority: Priority;
  /** Canonical, see `Mailbox`; '' for the null sender. */
  readonly senderDomain: string;
  /** Canonical: an A-label in lower case, or an address literal. */
  readonly recipientDomain: string;
  readonly tag: string | null;
  readonly sizeBytes: number;
  /** What was kept of its header, names in lower case; see `routedHeaders`. Absent: nothing. */
  readonly headers?: Readonly<Record<string, string>>;
  /** As in `Message`: no route takes it by these exits. */
  readonly avoids?: readonly string[];
};

/** One name in a route's `use`, resolved. `pool` is null where it names an egress. */
export type RouteExit = { readonly pool: string | null; readonly egress: readonly string[] };

/** The first route whose conditions all hold; null where none does. */
export function matchRoute(policy: Policy, facts: MessageFacts): RoutePolicy | null {
  return policy.routes.find((route) => holds(route.match, facts)) ?? null;
}

/** The routes that mail to a domain may take, whatever else is true of it. */
export function routesTo(policy: Policy, recipientDomain: string): RoutePolicy[] {
  return policy.routes.filter(
    ({ match }) => isOneOf(match.recipientDomain, recipientDomain) && isOneOf(match.tld, tldOf(recipientDomain)),
  );
}

/**
 * The exits of a route in the order of `use`: enabled, open to the stream. A pool
 * without any is left out; an empty list means that the mail has to wait for another policy.
 * @param stream null: whatever the stream
 */
export function exitsOf(policy: Policy, route: RoutePolicy, stream: string | null = null): RouteExit[] {
  return exitsWhere(policy, route, (name) => isUsable(policy, name) && carries(policy, { name, stream }));
}

/** Whether mail can leave by this egress: it exists and is enabled. */
export function isUsable(policy: Policy, name: string): boolean {
  return egressOf(policy, name)?.enabled === true;
}

/** The egress of this name; undefined where there is none. */
export function egressOf(policy: Policy, name: string): EgressPolicy | undefined {
  return Object.hasOwn(policy.egress, name) ? policy.egress[name] : undefined;
}

/** Whether not every node can use it: it leaves from a local address, or is for one node. */
export function isPlaced(egress: EgressPolicy): boolean {
  return egress.enabled && (egress.node !== null || boundAddressOf(egress) !== null);
}

/** The local address that it leaves from; null: whatever the system picks. */
export function boundAddressOf(egress: EgressPolicy): string | null {
  return 'bind' in egress ? egress.bind : null;
}

function exitsWhere(policy: Policy, route: RoutePolicy, accepts: (name: string) => boolean): RouteExit[] {
  const exits = route.use.map((name) => {
    const pool = Object.hasOwn(policy.pools, name) ? policy.pools[name] : undefined;
    const members = pool?.members ?? [name];
    return { pool: pool === undefined ? null : name, egress: members.filter(accepts) };
  });
  return exits.filter(({ egress }) => egress.length > 0);
}

function carries(policy: Policy, { name, stream }: { name: string; stream: string | null }): boolean {
  const streams = egressOf(policy, name)?.streams ?? null;
  return stream === null || streams === null || streams.includes(stream);
}

function holds(match: RoutePolicy['match'], facts: MessageFacts): boolean {
  return (
    isOneOf(match.stream, facts.stream) &&
    isOneOf(match.client, facts.client) &&
    isOneOf(match.senderDomain, facts.senderDomain) &&
    isOneOf(match.recipientDomain, facts.recipientDomain) &&
    isOneOf(match.tld, tldOf(facts.recipientDomain)) &&
    isOneOf(match.tag, facts.tag) &&
    (match.priority === undefined || match.priority.includes(facts.priority)) &&
    facts.sizeBytes >= (match.size?.minBytes ?? 0) &&
    facts.sizeBytes <= (match.size?.maxBytes ?? Number.POSITIVE_INFINITY) &&
    (match.header === undefined || headerHolds(match.header, facts.headers ?? {}))
  );
}

function headerHolds(
  wanted: Readonly<Record<string, readonly string[]>>,
  headers: Readonly<Record<string, string>>,
): boolean {
  return Object.entries(wanted).every(([name, like]) => {
    const value = Object.hasOwn(headers, name) ? headers[name] : undefined;
    return value !== undefined && like.some((glob) => matchesText(glob, value));
  });
}

function isOneOf(globs: readonly string[] | undefined, value: string | null): boolean {
  return globs === undefined || (value !== null && globs.some((glob) => matchesGlob(glob, value)));
}

/** null for an address literal, which has no labels. */
function tldOf(domain: string): string | null {
  return domain === '' || domain.startsWith('[') ? null : domain.slice(domain.lastIndexOf('.') + 1);
}
