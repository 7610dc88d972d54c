/** Keeps open pages alive: what changed of them is sent to all who watch, rendered once for those who see the same. */
import type { Clock } from '../../ports.ts';
import type { Language } from '../page.ts';
import { Places, type Sharer } from '../shares.ts';
import type { Scope } from '../token.ts';

/** Whoever asks for the same sees the same: nothing in a region may depend on who it is. */
export type Watched = {
  /** Of the page, with its query. */
  readonly url: string;
  readonly language: Language;
  readonly scopes: readonly Scope[];
};

export type LiveNeeds = {
  readonly clock: Clock;
  /** The page's regions by name, as they are now; null: there is no such page. */
  readonly render: (watched: Watched) => Promise<ReadonlyMap<string, string> | null>;
};

const EVERY_MS = 2_000;
/** Rendering takes no more than such a part of the time: a relay that is busy renders less often. */
const PART = 1 / 40;
const SELDOM_MS = 12_000;
/** An open page that hears nothing for longer takes the relay for gone. */
const BEAT_MS = 10_000;
/** Then a page asks again, so that one whose session is over learns it. */
const LONGEST_MS = 120_000;
const MOST_WATCHERS = 64;
/** Of those, so that one of them leaves room for others: each page that is open in a browser has one. */
const SHARE = { known: 32, address: 48 } as const;
/** What a reader that does not read may keep waiting; it gets everything once it reads again. */
const MOST_WAITING = 4;

type Watcher = {
  readonly controller: ReadableStreamDefaultController<Uint8Array>;
  readonly untilMs: number;
  /** Gives its place back. */
  readonly leave: () => void;
  /** It has not seen all regions as they were last. */
  isBehind: boolean;
  toldAtMs: number;
};

type View = {
  readonly watched: Watched;
  readonly watchers: Set<Watcher>;
  regions: ReadonlyMap<string, string>;
  /** Nothing was rendered for it yet. */
  isNew: boolean;
};

/** Nothing runs while nobody watches. */
export class Live {
  readonly #needs: LiveNeeds;
  readonly #views = new Map<string, View>();
  readonly #places = new Places(SHARE);
  #isRunning = false;
  #wake: (() => void) | null = null;

  constructor(needs: LiveNeeds) {
    this.#needs = needs;
  }

  /** How many watch. */
  get count(): number {
    return [...this.#views.values()].reduce((sum, { watchers }) => sum + watchers.size, 0);
  }

  /**
   * Server-sent events: `region` with name and HTML of what changed, all of it at first, and `beat` where nothing does. It ends by itself
   * after two minutes. @returns why not: as many as may be watch already, or so many of whoever asks
   */
  watch(
    watched: Watched,
    { sharer, signal }: { readonly sharer: Sharer; readonly signal: AbortSignal },
  ): ReadableStream<Uint8Array> | 'crowded' | 'share-taken' {
    if (this.count >= MOST_WATCHERS) return 'crowded';
    const giveBack = this.#places.take(sharer);
    if (giveBack === null) return 'share-taken';
    const key = JSON.stringify([watched.url, watched.language, watched.scopes.toSorted()]);
    const view: View = this.#views.get(key) ?? { watched, watchers: new Set(), regions: new Map(), isNew: true };
    this.#views.set(key, view);
    const nowMs = this.#needs.clock.monotonicMs();
    let watcher: Watcher;
    const leave = (): void => {
      giveBack();
      view.watchers.delete(watcher);
      if (view.watchers.size === 0 && this.#views.get(key) === view) this.#views.delete(key);
      if (this.#views.size === 0) this.#wake?.();
    };
    return new ReadableStream<Uint8Array>(
      {
        start: (controller) => {
          watcher = { controller, leave: giveBack, untilMs: nowMs + LONGEST_MS, isBehind: true, toldAtMs: nowMs };
          view.watchers.add(watcher);
          controller.enqueue(bytesOf('retry: 3000\n\n'));
          signal.addEventListener('abort', leave, { once: true });
          this.#begin();
        },
        cancel: leave,
      },
      { highWaterMark: MOST_WAITING },
    );
  }

  #begin(): void {
    if (this.#isRunning) return this.#wake?.();
    this.#isRunning = true;
    void this.#run();
  }

  async #run(): Promise<void> {
    const { clock } = this.#needs;
    while (this.#views.size > 0) {
      const startedAtMs = clock.monotonicMs();
      for (const view of this.#views.values()) await this.#show(view);
      const tookMs = clock.monotonicMs() - startedAtMs;
      await this.#rest(Math.min(SELDOM_MS, Math.max(EVERY_MS, tookMs / PART)));
    }
    this.#isRunning = false;
  }

  /** Somebody who just came waits for no turn, and where the last one left there is none to wait for. */
  async #rest(restMs: number): Promise<void> {
    if ([...this.#views.values()].some(({ isNew }) => isNew)) return;
    await new Promise<void>((resolve) => {
      const cancel = this.#needs.clock.after(restMs, resolve);
      this.#wake = () => {
        cancel();
        resolve();
      };
    });
    this.#wake = null;
  }

  async #show(view: View): Promise<void> {
    view.isNew = false;
    const { render, clock } = this.#needs;
    // Where it fails nothing is told, not even that it lives: pages that are asked for say why.
    const regions = await render(view.watched).catch(() => undefined);
    const nowMs = clock.monotonicMs();
    for (const watcher of view.watchers) if (regions === null || nowMs >= watcher.untilMs) end(view, watcher);
    if (regions === undefined || regions === null) return;
    const changed = [...regions].filter(([name, html]) => view.regions.get(name) !== html);
    view.regions = regions;
    const texts = { all: bytesOf(told([...regions])), changed: bytesOf(told(changed)) };
    for (const watcher of view.watchers) tell(watcher, texts, nowMs);
  }
}

function tell(
  watcher: Watcher,
  { all, changed }: { readonly all: Uint8Array; readonly changed: Uint8Array },
  nowMs: number,
): void {
  const text = watcher.isBehind ? all : changed;
  const isQuiet = text.length === 0;
  if (isQuiet && nowMs - watcher.toldAtMs < BEAT_MS) return;
  if ((watcher.controller.desiredSize ?? 0) <= 0) {
    watcher.isBehind = true;
    return;
  }
  watcher.controller.enqueue(isQuiet ? BEAT : text);
  watcher.isBehind = false;
  watcher.toldAtMs = nowMs;
}

function end({ watchers }: View, watcher: Watcher): void {
  watchers.delete(watcher);
  watcher.leave();
  watcher.controller.close();
}

function told(regions: readonly (readonly [string, string])[]): string {
  return regions.map(([name, html]) => `event: region\ndata: ${JSON.stringify({ name, html })}\n\n`).join('');
}

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text);
}

const BEAT = bytesOf('event: beat\ndata:\n\n');
