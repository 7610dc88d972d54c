import type { ClaimRequest, ClaimResult, LeasedDelivery } from '../spool.ts';
import { leaseDelivery, mendLane, quarantine } from './queue.ts';
import { DELIVERY_COLUMNS, parseDelivery, parseMessage, parseRecipients, type DeliveryRow } from './rows.ts';
import type { Store } from './store.ts';

/** Whoever asks for more gets it by asking again: one claim does not hold up the others for long. */
const CLAIMED_AT_ONCE = 500;
const PRIORITY_NUMBERS = [0, 1, 2] as const;

/** See `Spool.claim`. Costs what it takes, not what is queued: every step is a look-up in an index. */
export function claim(store: Store, asked: ClaimRequest): ClaimResult {
  const request = { ...asked, limit: Math.min(asked.limit, CLAIMED_AT_ONCE) };
  store.toldMs = request.nowMs;
  const exclude = new Set(request.exclude);
  const round = new Round(store, request);
  const lanes = PRIORITY_NUMBERS.map((priority) => round.dueLanes(priority, exclude));
  const waiting = lanes.map((domains) => domains.length > 0);
  for (const [priority, share] of store.turns.share('', request.limit, waiting).entries()) {
    round.walk(priority, lanes[priority] ?? [], { places: share, fairly: true });
  }
  // What some could not use goes to whoever has more.
  for (const priority of PRIORITY_NUMBERS) {
    round.walk(priority, lanes[priority] ?? [], { places: request.limit, fairly: false });
  }
  return { leased: round.leased, nextDueAtMs: nextDue(store, exclude) };
}

function nextDue(store: Store, exclude: ReadonlySet<string>): number | null {
  let earliest: number | null = null;
  for (const priority of PRIORITY_NUMBERS) {
    const rows = store.iterate<{ domain: string; due: number }>(
      'SELECT domain, next_due AS due FROM lane INDEXED BY lane_due WHERE priority = ? ORDER BY next_due',
      priority,
    );
    for (const row of rows) {
      if (exclude.has(row.domain)) continue;
      if (earliest === null || row.due < earliest) earliest = row.due;
      break;
    }
  }
  return earliest;
}

/** One claim under way: what was leased, and how much each lane may still give. */
class Round {
  readonly leased: LeasedDelivery[] = [];
  readonly #store: Store;
  readonly #request: ClaimRequest;
  readonly #takenOf = new Map<string, number>();
  readonly #sharesOf = new Map<string, number[]>();

  constructor(store: Store, request: ClaimRequest) {
    this.#store = store;
    this.#request = request;
  }

  /** The lanes with something due, those that wait longest first; at most `limit`, since each yields one at least. */
  dueLanes(priority: number, exclude: ReadonlySet<string>): string[] {
    const domains: string[] = [];
    if (this.#request.limit <= 0) return domains;
    const rows = this.#store.iterate<{ domain: string }>(
      'SELECT domain FROM lane INDEXED BY lane_due WHERE priority = ? AND next_due <= ? ORDER BY next_due',
      priority,
      this.#request.nowMs,
    );
    for (const row of rows) {
      if (exclude.has(row.domain)) continue;
      domains.push(row.domain);
      if (domains.length >= this.#request.limit) break;
    }
    return domains;
  }

  /** Takes at most `places` of one priority; `fairly`: and of each lane no more than this priority's share of it. */
  walk(priority: number, domains: readonly string[], how: { readonly places: number; readonly fairly: boolean }): void {
    let places = Math.min(how.places, this.#request.limit - this.leased.length);
    for (const domain of domains) {
      if (places <= 0) return;
      const taken = this.#takenOf.get(domain) ?? 0;
      const room = this.#request.perLane - taken;
      const share = how.fairly ? Math.min(room, this.#shareOf(domain, priority)) : room;
      const before = this.leased.length;
      this.#take(domain, priority, Math.min(share, places));
      places -= this.leased.length - before;
      this.#takenOf.set(domain, taken + this.leased.length - before);
    }
  }

  #shareOf(domain: string, priority: number): number {
    let shares = this.#sharesOf.get(domain);
    if (shares === undefined) {
      const rows = this.#store.all<{ priority: number }>(
        'SELECT priority FROM lane WHERE domain = ? AND next_due <= ?',
        domain,
        this.#request.nowMs,
      );
      const waiting = PRIORITY_NUMBERS.map((number) => rows.some((row) => row.priority === number));
      shares = this.#store.turns.share(domain, this.#request.perLane, waiting);
      this.#sharesOf.set(domain, shares);
    }
    return shares[priority] ?? 0;
  }

  /** In turns over the clients that wait there, each of them by due time. */
  #take(domain: string, priority: number, places: number): void {
    if (places <= 0) return;
    const lane = `${priority} ${domain}`;
    const clients = this.#waitingClients(domain, priority, places);
    this.#store.turns.takeInTurns({ lane, clients, places }, (client, wanted) =>
      this.#leaseDue({ domain, priority, client }, wanted),
    );
    mendLane(this.#store, domain, priority);
  }

  #waitingClients(domain: string, priority: number, atMost: number): string[] {
    const last = this.#store.turns.lastClient(`${priority} ${domain}`);
    const clients: string[] = [];
    // The string right behind the last client's name, in the order of the index.
    const start = last === '' ? '' : `${last}\u0000`;
    let from = start;
    let wrapped = start === '';
    while (clients.length < atMost) {
      const row = this.#nextClient(domain, priority, from);
      if (row === undefined || (wrapped && start !== '' && row.client >= start)) {
        if (wrapped) break;
        wrapped = true;
        from = '';
        continue;
      }
      if (row.due <= this.#request.nowMs) clients.push(row.client);
      from = `${row.client}\u0000`;
    }
    return clients;
  }

  #nextClient(domain: string, priority: number, from: string): { client: string; due: number } | undefined {
    return this.#store.get(
      `SELECT client, due_at AS due FROM delivery INDEXED BY delivery_turn
       WHERE domain = ? AND priority = ? AND client >= ? AND state = 0 AND lease_until IS NULL
       ORDER BY client, due_at LIMIT 1`,
      domain,
      priority,
      from,
    );
  }

  /** Returns how many it found, the unreadable that it set aside included. */
  #leaseDue(
    of: { readonly domain: string; readonly priority: number; readonly client: string },
    atMost: number,
  ): number {
    const rows = this.#store.all<DeliveryRow>(
      `SELECT ${DELIVERY_COLUMNS} FROM delivery d INDEXED BY delivery_turn JOIN message m ON m.seq = d.message
       WHERE d.domain = ? AND d.priority = ? AND d.client = ? AND d.due_at <= ? AND d.state = 0 AND d.lease_until IS NULL
       ORDER BY d.due_at LIMIT ?`,
      of.domain,
      of.priority,
      of.client,
      this.#request.nowMs,
      atMost,
    );
    for (const row of rows) {
      const leased = leaseRow(this.#store, row, { untilMs: this.#request.leaseUntilMs, atMs: this.#request.nowMs });
      if (leased !== null) this.leased.push(leased);
    }
    return rows.length;
  }
}

/** Leases one delivery; null: its row cannot be read, and it was set aside. */
export function leaseRow(
  store: Store,
  row: DeliveryRow,
  when: { readonly untilMs: number; readonly atMs: number },
): LeasedDelivery | null {
  const message = parseMessage(row);
  const recipients = parseRecipients(row.recipients);
  if (message === null || recipients === null) {
    quarantine(store, row, { reason: 'its record in the spool cannot be read', atMs: when.atMs });
    return null;
  }
  const token = leaseDelivery(store, row, when.untilMs);
  return { delivery: parseDelivery(row, message, recipients), message, lease: { token, untilMs: when.untilMs } };
}
