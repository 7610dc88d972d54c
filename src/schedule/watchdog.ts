import type { Lane } from './lanes/lane.ts';
import type { Schedule } from './schedule.ts';

/** Work and no sign of life for so long is an alert. */
const STALLED_MS = 600_000;
const NAMED_MOST = 10;

/** Nothing waits silently: alerts on lanes that have work in memory and make no progress. */
export class Watchdog {
  readonly #schedule: Schedule;
  #told = '';

  constructor(schedule: Schedule) {
    this.#schedule = schedule;
  }

  look(): void {
    const stalled = [...this.#schedule.lanes.all].filter((lane) => this.#isStalled(lane)).map(({ domain }) => domain);
    const text = textOf(stalled.toSorted());
    if (text === this.#told) return;
    this.#told = text;
    const { clock, emit } = this.#schedule;
    const raised = stalled.length > 0;
    emit({
      event: 'alert',
      atMs: clock.nowMs(),
      name: 'lane-stalled',
      text: raised ? text : 'every lane with work moves again',
      raised,
    });
  }

  #isStalled(lane: Lane): boolean {
    return lane.waiting + lane.inFlight > 0 && this.#schedule.clock.monotonicMs() - lane.movedAtMs >= STALLED_MS;
  }
}

function textOf(domains: readonly string[]): string {
  if (domains.length === 0) return '';
  const more = domains.length > NAMED_MOST ? ` and ${domains.length - NAMED_MOST} more` : '';
  return `mail waits and nothing moves for ${STALLED_MS / 60_000} minutes: ${domains.slice(0, NAMED_MOST).join(', ')}${more}`;
}
