import type { Clock, Emit } from '../../ports.ts';

/** Sites that a text names; the others are counted. */
const NAMED_MOST = 5;
/** Of what a site said. */
const CAUSE_CHARS = 300;
/** Between two tellings of who refuses an exit, while any site does. */
const TOLD_EVERY_MS = 600_000;

type Refused = {
  /** What is told while there is but one, by site. */
  readonly sites: Map<string, string>;
  toldMs: number;
  isNews: boolean;
};

/** Tells which sites refuse the address of which exit: one alert an exit, however many sites there are. */
export class SiteAlerts {
  readonly #clock: Clock;
  readonly #emit: Emit;
  readonly #exits = new Map<string, Refused>();

  constructor({ clock, emit }: { readonly clock: Clock; readonly emit: Emit }) {
    this.#clock = clock;
    this.#emit = emit;
  }

  /** The first of an exit is told at once, the others with the next `tell`. @param times 0: it was so before the start */
  refused(
    site: string,
    exit: string,
    why: { readonly times: number; readonly restMs: number; readonly cause: string },
  ): void {
    const said = why.cause.length > CAUSE_CHARS ? `${why.cause.slice(0, CAUSE_CHARS)}…` : why.cause;
    const when = why.times === 0 ? 'before the last start' : `${why.times} times in a row`;
    const text =
      `${site} refuses the address of ${exit} (${when}): nothing goes there by it for ` +
      `${Math.max(1, Math.round(why.restMs / 60_000))} minutes, then one message finds out; while that is refused, ever ` +
      `longer.${said === '' ? '' : ` It said: ${said}`}`;
    const before = this.#exits.get(exit);
    if (before === undefined) {
      this.#exits.set(exit, { sites: new Map([[site, text]]), toldMs: this.#clock.monotonicMs(), isNews: false });
      this.#alert(exit, { raised: true, text });
    } else if (!before.sites.has(site)) {
      before.sites.set(site, text);
      before.isNews = true;
    }
  }

  /** Told where it was the last that refused the exit. @param why for operators */
  over(site: string, exit: string, why: string): void {
    const refused = this.#exits.get(exit);
    if (refused?.sites.delete(site) !== true) return;
    refused.isNews = true;
    if (refused.sites.size > 0) return;
    this.#exits.delete(exit);
    this.#alert(exit, { raised: false, text: why });
  }

  /** Tells anew who refuses an exit where others do than was told. */
  tell(): void {
    const nowMs = this.#clock.monotonicMs();
    for (const [exit, refused] of this.#exits) {
      if (!refused.isNews || nowMs - refused.toldMs < TOLD_EVERY_MS) continue;
      refused.isNews = false;
      refused.toldMs = nowMs;
      this.#alert(exit, { raised: true, text: textOf(exit, refused.sites) });
    }
  }

  #alert(exit: string, told: { readonly raised: boolean; readonly text: string }): void {
    this.#emit({ event: 'alert', atMs: this.#clock.nowMs(), name: `site-blocked:${exit}`, ...told });
  }
}

function textOf(exit: string, sites: ReadonlyMap<string, string>): string {
  const [only] = sites.values();
  if (only !== undefined && sites.size === 1) return only;
  const named = [...sites.keys()].slice(-NAMED_MOST).join(', ');
  const others = sites.size > NAMED_MOST ? ` and ${sites.size - NAMED_MOST} more` : '';
  return (
    `${sites.size} sites refuse the address of ${exit}: ${named}${others}; nothing goes there by it for half an hour to ` +
    '4 hours, then one message to each finds out. What they said is in the events of their mail'
  );
}
