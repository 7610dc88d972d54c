/** The audit log of a running relay, which also hears of policies that come into force. */
import type { Foundation } from '../foundation/foundation.ts';
import type { Actor } from '../http/audit.ts';
import { AuditLog } from '../operations/audit-log.ts';
import { changedKeys } from '../policy/changed.ts';

/** What waits to be written is written when `stack` ends. */
export function openAudit(
  { policy, ports, emit, spool, holder }: Foundation,
  { node, file }: { readonly node: string; readonly file: string },
  stack: AsyncDisposableStack,
): AuditLog {
  const { clock, random } = ports;
  const log = stack.use(new AuditLog({ marks: spool.marks, clock, random, emit, keepMs: () => policy().audit.keepMs }));
  const actor = { kind: 'file', name: file, from: node } as const;
  let { version } = holder.state();
  const noting = noteStart(log, actor, version);
  stack.defer(() => noting);
  stack.defer(
    holder.subscribe((next, previous) => {
      const before = { version };
      ({ version } = holder.state());
      if (version === before.version) return;
      // Which keys, and not to what: values may be secrets.
      void log.note({
        actor,
        what: 'policy.apply',
        on: version,
        before,
        after: { version, keys: changedKeys(previous, next) },
      });
    }),
  );
  return log;
}

const LOOKED_AT = 50;

/** A file that was changed while the relay did not run is told when it starts. Never rejects. */
async function noteStart(log: AuditLog, actor: Actor, version: string): Promise<void> {
  try {
    const { entries } = await log.page({ limit: LOOKED_AT, before: null, what: 'policy.apply' });
    const last = entries.find((entry) => entry.actor.from === actor.from)?.on;
    if (last === version) return;
    const before = last === undefined ? {} : { before: { version: last } };
    await log.note({ actor, what: 'policy.apply', on: version, ...before, after: { version } });
  } catch {
    // That the store is away is told where it is opened.
  }
}
