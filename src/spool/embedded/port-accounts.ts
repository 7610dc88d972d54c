/** What is counted and noted beside the mail, as seen through a port to the thread that owns it. */
import type { MessageEvent } from '../../message/event.ts';
import type { Clock } from '../../ports.ts';
import { checkExchange, checkMarks, type Mark, MARKS_AT_MOST, type MarkStore } from '../marks.ts';
import { type Accounts, checkTallies, checkTurns, type Count, TALLIES_AT_ONCE } from '../tallies.ts';
import {
  checkAddresses,
  checkedKeys,
  checkedSuppressions,
  SUPPRESSIONS_AT_ONCE,
  suppressionAddress,
  type Suppressions,
} from '../suppressions.ts';
import type { Feed } from '../feed.ts';
import { parseObject } from './rows.ts';
import type { Link } from './link.ts';
import type { CountCursor } from './wire.ts';

/** All calls reject with `SpoolError`. */
export function portAccounts(link: Link, clock: Clock): Accounts {
  return {
    draw: (draw) => link.call('draw', draw),
    takeBlock: (ask) => link.call('takeBlock', ask),
    spend: (ask) => link.call('spend', ask),
    returnBlock: async (ask) => void (await link.call('returnBlock', ask)),
    takeSlot: (ask) => link.call('takeSlot', ask),
    async count(entries) {
      checkTallies(entries);
      for (let from = 0; from < entries.length; from += TALLIES_AT_ONCE) {
        const tallies = entries.slice(from, from + TALLIES_AT_ONCE);
        await link.call('count', { tallies, nowMs: clock.nowMs() });
      }
    },
    counts: (prefix, sinceMs) => countsOf(link, { prefix, sinceMs, nowMs: clock.nowMs() }),
    async takeTurns(ask) {
      checkTurns(ask);
      return link.call('takeTurns', { ...ask, nowMs: clock.nowMs() });
    },
  };
}

async function countsOf(
  link: Link,
  ask: { readonly prefix: string; readonly sinceMs: number; readonly nowMs: number },
): Promise<readonly Count[]> {
  const found: Count[] = [];
  for (let after: CountCursor | null = null; ;) {
    const { counts, next }: Awaited<ReturnType<typeof link.call<'counts'>>> = await link.call('counts', {
      ...ask,
      after,
    });
    for (const one of counts) found.push(one);
    if (next === null) return found;
    after = next;
  }
}

/** All calls reject with `SpoolError`. */
export function portMarks(link: Link): MarkStore {
  return {
    async marks(prefix) {
      const found: Mark[] = [];
      for (let after: string | null = null; ;) {
        const page: Awaited<ReturnType<typeof link.call<'marks'>>> = await link.call('marks', { prefix, after });
        for (const one of page.marks) found.push(one);
        if (page.next === null || found.length >= MARKS_AT_MOST) return found.slice(0, MARKS_AT_MOST);
        after = page.next;
      }
    },
    async mark(marks) {
      checkMarks(marks);
      if (marks.length > 0) await link.call('mark', marks);
    },
    async unmark(names) {
      if (names.length > 0) await link.call('unmark', names);
    },
    async exchange(asked) {
      checkExchange(asked);
      return link.call('exchange', asked);
    },
  };
}

/** All calls reject with `SpoolError`. */
export function portSuppressions(link: Link): Suppressions {
  const bounded = (limit: number): number => Math.max(1, Math.min(limit, SUPPRESSIONS_AT_ONCE));
  return {
    async suppressed(ask) {
      checkAddresses(ask.addresses);
      if (ask.addresses.length === 0) return [];
      return link.call('suppressed', { ...ask, addresses: ask.addresses.map(suppressionAddress) });
    },
    async suppress(entries) {
      const checked = checkedSuppressions(entries);
      if (checked.length > 0) await link.call('suppress', checked);
    },
    async unsuppress(keys) {
      const checked = checkedKeys(keys);
      return checked.length === 0 ? 0 : link.call('unsuppress', checked);
    },
    suppressions: (filter, { limit, after }) => {
      const { address } = filter;
      const of = address === undefined ? filter : { ...filter, address: suppressionAddress(address) };
      return link.call('suppressions', { filter: of, limit: bounded(limit), after });
    },
    suppressedSince: (since, limit) => link.call('suppressedSince', { since, limit: bounded(limit) }),
    sweepSuppressions: (nowMs) => link.call('sweepSuppressions', nowMs),
  };
}

/** All calls reject with `SpoolError`. What cannot be parsed is left out. */
export function portFeed(link: Link): Feed {
  return {
    async feed(after, limit) {
      const { bodies, next } = await link.call('feed', { after, limit });
      return { events: bodies.flatMap((body) => (parseObject(body) as MessageEvent | null) ?? []), next };
    },
    feedEnd: () => link.call('feedEnd', null),
    feedAt: (atMs) => link.call('feedAt', atMs),
  };
}
