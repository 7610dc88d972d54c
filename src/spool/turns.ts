/** Of 21 turns, high, normal and low take so many. */
const WEIGHTS: readonly number[] = [16, 4, 1];
const KEPT_AT_MOST = 10_000;

/**
 * Whose turn it is, remembered from claim to claim: shares of the priorities, and where the round over the clients
 * stopped. Only fairness hangs on it, so it lives in memory and is forgotten when it grows too large.
 */
export class Turns {
  readonly #credits = new Map<string, number[]>();
  readonly #lastClients = new Map<string, string>();

  /**
   * Splits `room` places among the priorities that wait, 16:4:1 over time; each gets at least one where there is room
   * for all of them.
   * @param key of what the places are: a lane's domain, or '' for a whole claim
   */
  share(key: string, room: number, waiting: readonly boolean[]): number[] {
    const weights = WEIGHTS.map((weight, place) => (waiting[place] === true ? weight : 0));
    const total = weights.reduce((sum, weight) => sum + weight, 0);
    if (total === 0 || room <= 0) return weights.map(() => 0);
    const rounds = Math.floor(room / total);
    const shares = weights.map((weight) => weight * rounds);
    const credits = this.#creditsOf(key);
    // Smooth weighted round robin for what no whole round covers: the credits carry over to the next claim.
    for (let left = room - rounds * total; left > 0; left--) {
      const winner = nextByCredit(credits, weights);
      credits[winner] = (credits[winner] ?? 0) - total;
      shares[winner] = (shares[winner] ?? 0) + 1;
    }
    return room < weights.filter((weight) => weight > 0).length ? shares : withOneEach(shares, weights);
  }

  /**
   * Takes up to `places` from the clients that wait in a lane, in the order given: equal parts, and what some cannot use
   * goes round again among those that had all that was asked of them.
   * @param take takes so many of one client, and returns how many there were
   */
  takeInTurns(
    of: { readonly lane: string; readonly clients: readonly string[]; readonly places: number },
    take: (client: string, atMost: number) => number,
  ): void {
    let { clients, places } = of;
    while (places > 0 && clients.length > 0) {
      const each = Math.max(1, Math.floor(places / clients.length));
      const next: string[] = [];
      for (const client of clients) {
        const wanted = Math.min(each, places);
        if (wanted === 0) break;
        const taken = take(client, wanted);
        places -= taken;
        if (taken === wanted) next.push(client);
        if (taken > 0) this.setLastClient(of.lane, client);
      }
      clients = next;
    }
  }

  /** The client after which the round goes on; '' at the start. */
  lastClient(lane: string): string {
    return this.#lastClients.get(lane) ?? '';
  }

  setLastClient(lane: string, client: string): void {
    if (this.#lastClients.size >= KEPT_AT_MOST) this.#lastClients.clear();
    this.#lastClients.set(lane, client);
  }

  #creditsOf(key: string): number[] {
    let credits = this.#credits.get(key);
    if (credits === undefined) {
      if (this.#credits.size >= KEPT_AT_MOST) this.#credits.clear();
      credits = [0, 0, 0];
      this.#credits.set(key, credits);
    }
    return credits;
  }
}

function nextByCredit(credits: number[], weights: readonly number[]): number {
  let winner = -1;
  for (const [place, weight] of weights.entries()) {
    if (weight === 0) continue;
    credits[place] = (credits[place] ?? 0) + weight;
    if (winner < 0 || (credits[place] ?? 0) > (credits[winner] ?? 0)) winner = place;
  }
  return winner;
}

function withOneEach(shares: number[], weights: readonly number[]): number[] {
  for (const [place, weight] of weights.entries()) {
    if (weight === 0 || (shares[place] ?? 0) > 0) continue;
    const largest = shares.indexOf(Math.max(...shares));
    shares[largest] = (shares[largest] ?? 0) - 1;
    shares[place] = 1;
  }
  return shares;
}
