/** The audit log of a running relay, which also hears of policies that come into force. */
import type { Foundation } from './foundation.ts';
import { AuditLog } from './operations/audit-log.ts';
import { changedKeys } from './policy/changed.ts';

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
