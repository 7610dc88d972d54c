import type { Emit } from '../ports.ts';

export type RaisedAlert = { readonly name: string; readonly text: string; readonly sinceMs: number };

/** The alerts in force, for `/readyz`, metrics and the status of a running relay. */
export type Alerts = {
  /** A sink for `createEmit`: reads `alert` events. Raising again keeps the first time and takes the new text. */
  readonly sink: Emit;
  /** Oldest first. */
  raised(): readonly RaisedAlert[];
};

/** More names than this are not kept: an alert's name is one of few, so beyond it something is wrong with who raises. */
const MOST_ALERTS = 1_000;

/** Starts with none in force. */
export function createAlerts(): Alerts {
  const inForce = new Map<string, RaisedAlert>();
  return {
    sink: (event) => {
      if (event.event !== 'alert') return;
      if (!event.raised) {
        inForce.delete(event.name);
        return;
      }
      const before = inForce.get(event.name);
      if (before === undefined && inForce.size >= MOST_ALERTS) return;
      inForce.set(event.name, { name: event.name, text: event.text, sinceMs: before?.sinceMs ?? event.atMs });
    },
    raised: () => [...inForce.values()],
  };
}
