import type { MessageId } from '../../message/ids.ts';
import { Conservation } from '../conservation.ts';
import type { AuditReport } from '../spool.ts';
import { parseEvent } from './event-lines.ts';
import { linesOf } from './events.ts';
import { recipientsOf } from './records.ts';
import type { Store } from './store.ts';
import { finishedMessages, queuedMessages, type FoundMessage } from './walk.ts';

/**
 * See `Spool.audit`: over all messages that are known when it starts, each as it is when its turn comes. First those that
 * are queued: one that ends meanwhile is found again among the finished, and is not counted twice.
 */
export async function audit(store: Store): Promise<AuditReport> {
  const sums = new Conservation();
  for (const shard of store.shards) {
    const seen = new Set<MessageId>();
    for await (const messages of queuedMessages(store, shard, { parts: 'all' })) {
      for (const one of messages) {
        seen.add(one.of.id);
        await judge(store, sums, one);
      }
    }
    for await (const messages of finishedMessages(store, shard)) {
      for (const one of messages) if (!seen.has(one.of.id)) await judge(store, sums, one);
    }
  }
  return sums.report();
}

async function judge(store: Store, sums: Conservation, { of, deliveries }: FoundMessage): Promise<void> {
  const lines = await linesOf(store, of);
  if (lines === null) return;
  const queued = deliveries.flatMap(({ record }) => recipientsOf(record) ?? []).map(({ address }) => address);
  const events = lines.map((line) => {
    const event = parseEvent(line, of.id, of.message);
    if (event === null) return { kind: 'stored', recipients: null };
    return { kind: event.event as string, recipients: event.recipients };
  });
  sums.judge({ id: of.id, events, queued });
}
