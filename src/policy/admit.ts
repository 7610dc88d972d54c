/** May this client send this? Pure decisions over the policy. */
import { matchesGlob } from '../message/address.ts';
import { PRIORITIES, type Priority } from '../message/message.ts';
import { containsNetwork, parseNetwork, type Network } from './network.ts';
import type { ClientPolicy, Policy } from './schema.ts';

export type NamedClient = { readonly name: string; readonly client: ClientPolicy };

/** The client with this AUTH user name, case and all; null where there is none. */
export function clientByName(policy: Policy, name: string): NamedClient | null {
  // Own keys only: `constructor` is no client.
  const client = Object.hasOwn(policy.clients, name) ? policy.clients[name] : undefined;
  return client === undefined ? null : { name, client };
}

/**
 * The client whose network an address is in; of several the one with the longest prefix. null: a stranger.
 * @param address IPv4, IPv6, or IPv4 mapped into IPv6; a zone does not count
 */
export function clientForAddress(policy: Policy, address: string): NamedClient | null {
  return peerOf(policy, address).client;
}

/** Whether the address is in one of `limits.deny`. An address that cannot be read is not. */
export function isDenied(policy: Policy, address: string): boolean {
  return peerOf(policy, address).isDenied;
}

/**
 * Whether a client may use an address as envelope sender or in the header From. The null sender is for everyone: a
 * Postfix that hands its mail on sends its bounces so.
 * @param address canonical, see `Mailbox`; '' is the null sender
 */
export function senderAllowed(client: ClientPolicy, address: string): boolean {
  return address === '' || client.senders.some((glob) => matchesGlob(glob, address));
}

/** What a message says for itself (X-Relevo-Stream, X-Relevo-Priority, MT-PRIORITY); null: it does not say. */
export type Overrides = {
  readonly stream: string | null;
  readonly priority: Priority | null;
  /** Its header says that it went to many (RFC 2369, Precedence: bulk). Default: no. */
  readonly isBulk?: boolean;
};

export type Handling = { readonly stream: string; readonly priority: Priority };

/**
 * A message's stream and priority: its own word, as far as its client may go (`maxPriority`), then the client's, then the
 * stream's. Bulk mail for which neither names a stream is in the one that takes bulk. A stream that the policy does not
 * know is as good as none, so that a misspelt header delays no mail.
 */
export function streamAndPriority(policy: Policy, client: ClientPolicy, overrides: Overrides): Handling {
  const stream = streamOf(policy, client, overrides);
  const asked = overrides.priority === null ? null : atMost(client.maxPriority, overrides.priority);
  return { stream, priority: asked ?? client.priority ?? streamPriority(policy, stream) };
}

function streamOf(policy: Policy, client: ClientPolicy, { stream: wanted, isBulk = false }: Overrides): string {
  if (wanted !== null && Object.hasOwn(policy.streams, wanted)) return wanted;
  if (client.hasOwnStream || !isBulk) return client.stream;
  return Object.entries(policy.streams).find(([, { bulk }]) => bulk)?.[0] ?? client.stream;
}

function atMost(most: Priority, asked: Priority): Priority {
  return PRIORITIES.indexOf(asked) < PRIORITIES.indexOf(most) ? most : asked;
}

/** `normal` for a stream that the policy does not know. */
export function streamPriority(policy: Policy, stream: string): Priority {
  return (Object.hasOwn(policy.streams, stream) ? policy.streams[stream]?.priority : undefined) ?? 'normal';
}

type ClientNetwork = { readonly network: Network; readonly name: string };
type Peer = { readonly client: NamedClient | null; readonly isDenied: boolean };
type Networks = {
  readonly clients: readonly ClientNetwork[];
  readonly denied: readonly Network[];
  /** By address: applications come from a few, again and again. */
  readonly peers: Map<string, Peer>;
};

/** Strangers have many addresses. */
const MOST_PEERS = 1_000;

/** Parsed once for each policy, not for each connection. */
const parsed = new WeakMap<Policy, Networks>();

function peerOf(policy: Policy, address: string): Peer {
  const { clients, denied, peers } = networksOf(policy);
  let peer = peers.get(address);
  if (peer !== undefined) return peer;
  const network = parseNetwork(address);
  const isIn = (outer: Network): boolean => network !== null && containsNetwork(outer, network);
  const found = clients.find((entry) => isIn(entry.network));
  peer = { client: found === undefined ? null : clientByName(policy, found.name), isDenied: denied.some(isIn) };
  if (peers.size >= MOST_PEERS) peers.clear();
  peers.set(address, peer);
  return peer;
}

function networksOf(policy: Policy): Networks {
  let networks = parsed.get(policy);
  if (networks === undefined) {
    const clients = Object.entries(policy.clients).flatMap(([name, client]) =>
      client.networks.flatMap((text) => parseAll([text]).map((network) => ({ network, name }))),
    );
    // Longest prefix first, so that the first match is the most specific.
    clients.sort((left, right) => right.network.prefix - left.network.prefix);
    networks = { clients, denied: parseAll(policy.limits.deny), peers: new Map() };
    parsed.set(policy, networks);
  }
  return networks;
}

function parseAll(texts: readonly string[]): Network[] {
  return texts.map(parseNetwork).filter((network) => network !== null);
}
