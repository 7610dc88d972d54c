import type { Store } from './store.ts';
import { countTally } from './tally.ts';

/** Makes lanes and counters anew from the rows, after a change that did not keep them. Inside a transaction. */
export function recount(store: Store): void {
  store.run('DELETE FROM lane');
  store.run(
    `INSERT INTO lane SELECT domain, priority, min(due_at) FROM delivery
     WHERE state = 0 AND lease_until IS NULL GROUP BY domain, priority`,
  );
  store.run("DELETE FROM tally WHERE name != 'feed'");
  store.load(countTally(store));
}
