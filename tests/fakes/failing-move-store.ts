import type { MoveStore } from '../../src/spool/move.ts';

/** Thrown where a process would have died. */
export class Killed extends Error {}

/**
 * A store as a process sees it that dies: counted over all stores that share `steps`, the call at which `killAt` is reached
 * is not made, or made and not answered, and none is made after it.
 */
export function dying(store: MoveStore, steps: { count: number; readonly killAt: number }): MoveStore {
  const CALLS: readonly string[] = ['mark', 'setMark', 'read', 'write', 'cursor', 'remove', 'audit'];
  return new Proxy(store, {
    get(target, name) {
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      if (!CALLS.includes(String(name))) return value.bind(target) as unknown;
      return async (...args: unknown[]): Promise<unknown> => {
        steps.count += 1;
        if (steps.count >= steps.killAt) throw new Killed('before a call');
        const result: unknown = await value.apply(target, args);
        steps.count += 1;
        if (steps.count >= steps.killAt) throw new Killed('after a call');
        return result;
      };
    },
  });
}
