/** Alerts of several workers as one: over for the relay when it is over for all of them. */
import type { Event } from '../message/event.ts';

type Alert = Extract<Event, { event: 'alert' }>;

export class WorkerAlerts {
  readonly #raised = new Map<string, Map<number, string>>();

  /** @returns what the relay is to be told of it; null: nothing that it does not know */
  merge(worker: number, alert: Alert): Alert | null {
    const before = this.#raised.get(alert.name);
    if (!alert.raised) return this.#over(worker, alert);
    const workers = before ?? new Map<number, string>();
    // With two workers the same trouble is found twice.
    const isNews = ![...workers.values()].includes(alert.text);
    workers.set(worker, alert.text);
    this.#raised.set(alert.name, workers);
    return isNews ? alert : null;
  }

  /** That worker is gone. @returns the alerts that only it had raised, as over */
  forget(worker: number, atMs: number): readonly Alert[] {
    return [...this.#raised].flatMap(([name, workers]) => {
      const text = workers.get(worker);
      const over = text === undefined ? null : this.#over(worker, { event: 'alert', atMs, name, text, raised: false });
      return over === null ? [] : [over];
    });
  }

  #over(worker: number, alert: Alert): Alert | null {
    const workers = this.#raised.get(alert.name);
    // Never raised, or by nobody any more: as with one worker it is told as it is.
    if (workers === undefined) return alert;
    workers.delete(worker);
    if (workers.size > 0) return null;
    this.#raised.delete(alert.name);
    return alert;
  }
}
