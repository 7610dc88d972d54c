/** What came with the move that is under way: known, so that it comes once, and can go again. */
import type { Store } from './store.ts';

/** `conflict`: the store had it by itself. */
export type Written = 'written' | 'known' | 'conflict';

/** `amount`: of what adds up. */
export type Arrival = { readonly kind: string; readonly key: string; readonly amount: number };

export function hasArrived(store: Store, kind: string, key: string): boolean {
  return store.get('SELECT 1 FROM arrival WHERE kind = ? AND key = ?', kind, key) !== undefined;
}

/** Inside a transaction. */
export function arrived(store: Store, { kind, key, amount }: Arrival): void {
  store.run('INSERT OR IGNORE INTO arrival(kind, key, amount) VALUES (?, ?, ?)', kind, key, amount);
}
