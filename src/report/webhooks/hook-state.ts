/** How far a program outside has been told, kept as a mark of the store, so that whoever goes on tells it the rest. */
import { createHash } from 'node:crypto';
import type { FeedPlace } from '../../spool/feed.ts';
import type { Mark } from '../../spool/marks.ts';

/** Times are wall ms. */
export type HookState = {
  /** Everything before it was told. */
  readonly place: FeedPlace | null;
  /** First of the posts in a row that were not taken; null: the last one was. */
  readonly failingSinceMs: number | null;
  /** Posts in a row that were not taken. */
  readonly failures: number;
  /** The next post goes no earlier. */
  readonly dueAtMs: number;
  /** Since when nothing is posted any more; null: it is. */
  readonly disabledAtMs: number | null;
  /** That it is dead was told, and not yet that it is not. */
  readonly isAlerted: boolean;
  /** Why the last post was not taken; '' where it was. */
  readonly cause: string;
  /** When the last one was taken; null: none was. */
  readonly toldAtMs: number | null;
  /** What was asked to be told again, and how far that is; null: nothing is. */
  readonly replay: Replay | null;
};

/** Events of that stretch of time. `place` null: it is not known yet where that begins. */
export type Replay = { readonly place: FeedPlace | null; readonly fromMs: number; readonly untilMs: number };

const HOOK_MARKS = 'webhook:';

/** By its address: another secret, other events or another name tell the same program. */
export function hookMark(url: string): string {
  return `${HOOK_MARKS}${createHash('sha256').update(url).digest('hex').slice(0, 24)}`;
}

/** Of a program that was told nothing yet. @param place where it begins */
export function freshHook(place: FeedPlace | null): HookState {
  return {
    place,
    failingSinceMs: null,
    failures: 0,
    dueAtMs: 0,
    disabledAtMs: null,
    isAlerted: false,
    cause: '',
    toldAtMs: null,
    replay: null,
  };
}

export function hookText(state: HookState): string {
  return JSON.stringify(state);
}

/** null: it cannot be read. */
export function hookOf(mark: Pick<Mark, 'text'>): HookState | null {
  try {
    const value: unknown = JSON.parse(mark.text);
    return typeof value === 'object' && value !== null && 'place' in value
      ? { ...freshHook(null), ...(value as Partial<HookState>) }
      : null;
  } catch {
    return null;
  }
}
