/** What stands between a scheduler and its store, to slow it down or to break it. */
import type { Spool } from '../../src/spool/spool.ts';

/** The same spool, but for the methods in `instead`. */
export function spoolWith(spool: Spool, instead: Partial<Spool>): Spool {
  return new Proxy(spool, {
    get: (target, key) => {
      const own: unknown = Reflect.get(instead, key);
      return own ?? bound(target, key);
    },
  });
}

/** The same spool, each call of which is handed to `pass`; what that returns is the answer. */
export function spoolThrough(spool: Spool, pass: (name: string, call: () => unknown) => unknown): Spool {
  return new Proxy(spool, {
    get: (target, key) => {
      const method = bound(target, key);
      if (typeof method !== 'function') return method;
      return (...args: unknown[]) => pass(String(key), () => method(...args) as unknown);
    },
  });
}

function bound(target: Spool, key: string | symbol): ((...args: unknown[]) => unknown) | undefined {
  const value: unknown = Reflect.get(target, key);
  return typeof value === 'function' ? (value.bind(target) as (...args: unknown[]) => unknown) : undefined;
}
