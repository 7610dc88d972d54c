import type { Emit } from '../ports.ts';

export type RaisedAlert = { readonly name: string; readonly text: string; readonly sinceMs: number };

/** The alerts in force, for `/readyz`, metrics and the status of a running relay. */
export type Alerts = {
  /** A sink for `createEmit`: reads `alert` events. Raising again keeps the first time and takes the new text. */
  readonly sink: Emit;
  /** Oldest first. */
  raised(): readonly RaisedAlert[];
};

/** Of one kind no more are kept: the oldest goes. None of them keeps out what another kind has to say. */
const MOST_OF_KIND = 200;

/** Starts with none in force. */
export function createAlerts(): Alerts {
  const inForce = new Map<string, RaisedAlert>();
  const counts = new Map<string, number>();
  const drop = (name: string): void => {
    if (!inForce.delete(name)) return;
    const left = (counts.get(kindOfAlert(name)) ?? 1) - 1;
    if (left > 0) counts.set(kindOfAlert(name), left);
    else counts.delete(kindOfAlert(name));
  };
  const add = (alert: RaisedAlert): void => {
    const kind = kindOfAlert(alert.name);
    if ((counts.get(kind) ?? 0) >= MOST_OF_KIND) {
      const oldest = inForce.keys().find((name) => kindOfAlert(name) === kind);
      if (oldest !== undefined) drop(oldest);
    }
    inForce.set(alert.name, alert);
    counts.set(kind, (counts.get(kind) ?? 0) + 1);
  };
  return {
    sink: (event) => {
      if (event.event !== 'alert') return;
      const { name, text, raised, atMs } = event;
      const before = inForce.get(name);
      if (!raised) drop(name);
      else if (before === undefined) add({ name, text, sinceMs: atMs });
      else inForce.set(name, { ...before, text });
    },
    raised: () => [...inForce.values()],
  };
}

/** What stands before the first colon: after it comes what it is about. */
export function kindOfAlert(name: string): string {
  const end = name.indexOf(':');
  return end === -1 ? name : name.slice(0, end);
}
