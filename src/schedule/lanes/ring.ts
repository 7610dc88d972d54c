import type { Group } from '../window/entry.ts';
import type { Lane } from './lane.ts';

/**
 * The lanes of one priority that may start an attempt, in turn, by the groups of what waits in them: where the exits of a
 * group take nothing now, no lane is looked at for its sake. A lane that was served goes to the end for all of its groups.
 */
export class Ring {
  /** Of each group its lanes, the next first, with the number of their turn. */
  readonly #turns = new Map<Group, Map<Lane, number>>();
  readonly #groups = new Map<Lane, Set<Group>>();
  #last = 0;

  /** It stands for these groups from now on, with its old turn where it stood before. */
  place(lane: Lane, groups: ReadonlyMap<Group, number>): void {
    const before = this.#groups.get(lane);
    for (const group of groups.keys()) if (before?.has(group) !== true) this.#enter(lane, group);
    if (before === undefined || before.size === groups.size) return;
    for (const group of before) if (!groups.has(group)) this.#leave(lane, group);
  }

  remove(lane: Lane): void {
    for (const group of this.#groups.get(lane) ?? []) this.#leave(lane, group);
  }

  /** It was served. */
  passOn(lane: Lane): void {
    for (const group of this.#groups.get(lane) ?? []) {
      const lanes = this.#turns.get(group);
      lanes?.delete(lane);
      lanes?.set(lane, ++this.#last);
    }
  }

  /** Whose turn it is. @param isOpen whether anything of a group may go @param canServe of one of its lanes; may remove that */
  next(isOpen: (group: Group) => boolean, canServe: (lane: Lane) => boolean): Lane | null {
    let next: Lane | null = null;
    let first = Number.POSITIVE_INFINITY;
    for (const [group, lanes] of this.#turns) {
      if (!isOpen(group)) continue;
      for (const [lane, turn] of lanes) {
        if (turn >= first) break;
        if (!canServe(lane)) continue;
        next = lane;
        first = turn;
        break;
      }
    }
    return next;
  }

  #enter(lane: Lane, group: Group): void {
    let groups = this.#groups.get(lane);
    if (groups === undefined) this.#groups.set(lane, (groups = new Set()));
    groups.add(group);
    let lanes = this.#turns.get(group);
    if (lanes === undefined) this.#turns.set(group, (lanes = new Map()));
    lanes.set(lane, ++this.#last);
  }

  #leave(lane: Lane, group: Group): void {
    const groups = this.#groups.get(lane);
    groups?.delete(group);
    if (groups?.size === 0) this.#groups.delete(lane);
    const lanes = this.#turns.get(group);
    lanes?.delete(lane);
    if (lanes?.size === 0) this.#turns.delete(group);
  }
}
