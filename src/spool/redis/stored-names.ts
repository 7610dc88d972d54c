/** Digests and what was drawn in windows: keys of their own, found by their names. */
import type { MessageId } from '../../message/ids.ts';
import type { StoredCounter, StoredDigest } from '../move.ts';
import type { NameKind } from './keys.ts';
import { SCRIPTS } from './scripts.ts';
import { listOf, textOf, type Store } from './store.ts';
import type { Written } from './stored.ts';

/** What is remembered a little longer than it counts: clocks differ. */
const KEPT_LONGER_MS = 60_000;

/** Some names of a kind in a shard. `cursor` goes on, '0': these were the last. */
export async function namesOf(
  store: Store,
  of: { readonly shard: number; readonly kind: NameKind; readonly cursor: string },
): Promise<{ readonly names: readonly string[]; readonly cursor: string }> {
  const stem = store.keys.stemOf(of.shard, of.kind);
  const pattern = `${stem.replaceAll(/[*?[\]\\]/g, String.raw`\$&`)}*`;
  const reply = listOf(await store.run(of.shard, SCRIPTS.scan, [of.cursor, pattern]));
  return { names: listOf(reply[1]).map(textOf), cursor: textOf(reply[0]) };
}

/** What is under these names and still counts. */
export async function storedUnder(
  store: Store,
  names: readonly string[],
  of: { readonly shard: number; readonly kind: NameKind; readonly nowMs: number },
): Promise<readonly (StoredDigest | StoredCounter)[]> {
  if (names.length === 0) return [];
  const stem = store.keys.stemOf(of.shard, of.kind);
  const values = listOf<Buffer | null>(await store.runOnKeys(names, SCRIPTS.values, [of.kind]));
  return names.flatMap((name, place) => {
    const value = values[place];
    if (value === null || value === undefined) return [];
    const [rest, text] = [name.slice(stem.length), value.toString()];
    const found = of.kind === 'dedupe' ? digestOf(rest, text) : counterOf(rest, text);
    if (found === null) return [];
    const endsAtMs = found.kind === 'digest' ? found.untilMs : found.startsAtMs + found.windowMs;
    return endsAtMs > of.nowMs ? [found] : [];
  });
}

/** null: reserved for a message that was never accepted. */
function digestOf(key: string, value: string): StoredDigest | null {
  const [, untilMs, id] = /^=(\d+) \d+ (.*)$/.exec(value) ?? [];
  return id === undefined ? null : { kind: 'digest', key, messageId: id as MessageId, untilMs: Number(untilMs) };
}

function counterOf(rest: string, value: string): StoredCounter | null {
  const [, windowMs, startsAtMs, account] = /^(\d+):(-?\d+):(.*)$/s.exec(rest) ?? [];
  if (account === undefined) return null;
  return { kind: 'counter', account, windowMs: Number(windowMs), startsAtMs: Number(startsAtMs), used: Number(value) };
}

/** Durable once it resolves. */
export async function writeNamed(store: Store, record: StoredDigest | StoredCounter, nowMs: number): Promise<Written> {
  const [key, name, endsAtMs] =
    record.kind === 'digest'
      ? [store.keys.dedupe(record.key), record.key, record.untilMs]
      : [
          store.keys.quota({ ...record, endsAtMs: record.startsAtMs + record.windowMs }),
          record.account,
          record.startsAtMs + 2 * record.windowMs,
        ];
  const forgetMs = Math.max(0, Math.ceil(endsAtMs - nowMs)) + KEPT_LONGER_MS;
  const arrived = store.keys.arrived(store.keys.shardOfName(name));
  const [value, id] = record.kind === 'digest' ? [record.untilMs, record.messageId] : [Math.round(record.used), ''];
  const args = [record.kind === 'digest' ? 'd' : 'c', value, forgetMs, id];
  return textOf(await store.durablyOnKeys([key, arrived], SCRIPTS.recall, args)) as Written;
}

/** Returns how many there were. */
export async function dropNames(store: Store, names: readonly string[]): Promise<number> {
  return names.length === 0 ? 0 : Number(await store.durablyOnKeys(names, SCRIPTS.drop, []));
}
