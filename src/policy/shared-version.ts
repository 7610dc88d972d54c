import { createHash } from 'node:crypto';
import { basename, isAbsolute } from 'node:path';
import type { Policy } from './schema.ts';

/** What may be another on each machine, and does not change where mail goes. */
const OWN_KEYS: ReadonlySet<string> = new Set(['hostname', 'listen', 'http', 'log', 'tls', 'dns', 'returnPathKeys']);

const known = new WeakMap<Policy, string>();

/** 12 hex digits, the same for nodes that follow one policy: whatever ports, log, names or folders each has of its own. */
export function sharedVersion(policy: Policy): string {
  let version = known.get(policy);
  if (version === undefined) {
    const shared = Object.fromEntries(Object.entries(policy).filter(([key]) => !OWN_KEYS.has(key)));
    // The folder of a policy file is the machine's own too.
    const text = JSON.stringify(shared, (_, value: unknown) =>
      typeof value === 'string' && isAbsolute(value) ? basename(value) : value,
    );
    known.set(policy, (version = createHash('sha256').update(text).digest('hex').slice(0, 12)));
  }
  return version;
}
