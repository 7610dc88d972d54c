/** One move, from wherever it stands to its end, in steps that each survive a kill (docs/decisions/0012). */
import type { MessageId } from '../message/ids.ts';
import { differences, sumsOf, type MoveMark, type MoveStore, type MoveSums, type SourceMark } from './move.ts';

export type Move = {
  readonly source: MoveStore;
  readonly target: MoveStore;
  /** For a move that begins. */
  readonly newId: string;
  readonly nowMs: number;
  /** Aborted: it stops after the page under way. */
  readonly signal: AbortSignal;
  /** Hears of every page. */
  readonly onProgress: (progress: MoveProgress) => void;
};

export type MoveStep = 'copying' | 'proving' | 'emptying' | 'taking back';
/** `records` is of this run and step. */
export type MoveProgress = { readonly step: MoveStep; readonly records: number };

export type MoveResult =
  | { readonly kind: 'moved'; readonly carried: number; readonly sums: MoveSums }
  /** The source is free again. `copiesIn`: where copies wait to be removed, for it was not at hand; null: nowhere. */
  | { readonly kind: 'abandoned'; readonly copiesIn: string | null }
  /** As asked by the signal. To be gone on with. */
  | { readonly kind: 'stopped' }
  /** The target is not what it should be. The source is whole; to be abandoned, or tried again. */
  | { readonly kind: 'differs'; readonly differences: readonly string[] }
  /** The target has these messages by itself. The source is whole; to be abandoned. */
  | { readonly kind: 'conflict'; readonly messageIds: readonly MessageId[] }
  /** It cannot begin or go on like this; nothing was changed. */
  | { readonly kind: 'refused'; readonly why: string };

/** Begins a move, or goes on with the one that the marks of both stores tell of. */
export async function runMove(move: Move): Promise<MoveResult> {
  const { source, target } = move;
  const cleared = await clearAbandoned(move);
  if (cleared !== null) return cleared;
  const [ours, theirs] = [await source.mark(), await target.mark()];
  const why = whyNot(move, ours, theirs);
  if (why !== null) return { kind: 'refused', why };
  if (ours?.role === 'source' && ours.phase === 'moved') return finish(move, ours, null);
  const mark = await begin(move, ours?.role === 'source' ? ours : null, theirs);
  const carried = await copy(move);
  if (typeof carried !== 'number') return carried;
  const before = await target.mark();
  if (before?.role !== 'target') throw new Error('the target lost its mark');
  move.onProgress({ step: 'proving', records: 0 });
  const sums = sumsOf(await source.audit());
  const wrong = differences({ source: sums, before: before.before, target: sumsOf(await target.audit()) });
  if (wrong.length > 0) return { kind: 'differs', differences: wrong };
  const moved = { ...mark, phase: 'moved' } as const;
  await source.setMark(moved);
  return finish(move, moved, { carried, sums });
}

/** Undoes a move that has not come to its end: the source can be started again at once, whatever becomes of the rest. */
export async function abandonMove(
  move: Pick<Move, 'source' | 'signal' | 'onProgress'> & {
    /** null: it cannot be reached. Its copies are removed by a later call, or by the next move to it. */
    readonly target: MoveStore | null;
  },
): Promise<MoveResult> {
  const { source, target } = move;
  const mark = await source.mark();
  if (mark?.role !== 'source') return { kind: 'refused', why: `no move from ${source.name} is under way` };
  if (mark.phase === 'moved') {
    const why = `everything is in ${mark.peer} already: the move can only be gone on with`;
    return { kind: 'refused', why };
  }
  if (mark.phase === 'copying') await source.setMark({ ...mark, phase: 'abandoned' });
  const stopped = target === null ? null : await clearAbandoned({ ...move, target });
  if (stopped !== null) return stopped;
  const isCleared = (await source.mark()) === null;
  return { kind: 'abandoned', copiesIn: isCleared ? null : mark.peer };
}

/** Rids the target of the copies of an abandoned move; null: there are none. */
async function clearAbandoned(
  move: Pick<Move, 'source' | 'target' | 'signal' | 'onProgress'>,
): Promise<MoveResult | null> {
  const { source, target } = move;
  const [ours, theirs] = [await source.mark(), await target.mark()];
  if (ours?.role !== 'source' || ours.phase !== 'abandoned') return null;
  const isOurs = theirs?.role === 'target' && theirs.id === ours.id;
  // Another store than the one that has the copies: they stay known until that one is at hand, or the next move begins.
  if (!isOurs && ours.peer !== target.name) return null;
  if (isOurs) {
    if (!(await removed(move, { store: target, which: 'arrivals', step: 'taking back' }))) return { kind: 'stopped' };
    await target.setMark(null);
  }
  await source.setMark(null);
  return null;
}

/** Why the move cannot begin or go on between stores with these marks. */
function whyNot({ source, target }: Move, ours: MoveMark | null, theirs: MoveMark | null): string | null {
  if (ours?.role === 'target') return `${source.name} is itself the target of an unfinished move from ${ours.peer}`;
  if (theirs?.role === 'source' && theirs.phase !== 'abandoned')
    return `${target.name} is itself the source of an unfinished move to ${theirs.peer}`;
  const isUnderWay = ours !== null && ours.phase !== 'abandoned';
  if (theirs?.role === 'target' && theirs.id !== (isUnderWay ? ours.id : null))
    return `${target.name} is the target of another unfinished move, from ${theirs.peer}`;
  if (isUnderWay && theirs === null && ours.peer !== target.name)
    return `a move from ${source.name} to ${ours.peer} is unfinished, and ${target.name} is not that store`;
  return null;
}

/** Marks both stores, the source first: from then on nobody else opens them. */
async function begin(move: Move, ours: SourceMark | null, theirs: MoveMark | null): Promise<SourceMark> {
  const { source, target, newId, nowMs } = move;
  const known = ours?.phase === 'copying' ? ours : null;
  const mark: SourceMark = known ?? {
    role: 'source',
    id: newId,
    peer: target.name,
    startedAtMs: nowMs,
    phase: 'copying',
  };
  if (known === null) await source.setMark(mark);
  if (theirs?.role === 'target') return mark;
  const before = sumsOf(await target.audit());
  await target.setMark({ role: 'target', id: mark.id, peer: source.name, startedAtMs: mark.startedAtMs, before });
  return mark;
}

async function copy({ source, target, signal, onProgress }: Move): Promise<number | MoveResult> {
  let carried = 0;
  for (let after = await target.cursor(); ;) {
    if (signal.aborted) return { kind: 'stopped' };
    const { records, next } = await source.read(after);
    // The last page is read again by whoever goes on after it: all of it is known then.
    const { conflicts } = await target.write(records, next ?? after);
    if (conflicts.length > 0) return { kind: 'conflict', messageIds: conflicts };
    carried += records.length;
    onProgress({ step: 'copying', records: carried });
    if (next === null) return carried;
    after = next;
  }
}

/** The target is proven. The source is emptied first: a start on the target then finds nothing left to be told. */
async function finish(
  move: Move,
  mark: SourceMark,
  proven: { readonly carried: number; readonly sums: MoveSums } | null,
): Promise<MoveResult> {
  const { source, target } = move;
  const theirs = await target.mark();
  const isOurs = theirs?.role === 'target' && theirs.id === mark.id;
  if (!isOurs && (await source.read(null)).records.length > 0)
    return { kind: 'refused', why: `${target.name} is not the store that ${source.name} was moved to (${mark.peer})` };
  const sums = proven?.sums ?? (isOurs ? difference(sumsOf(await target.audit()), theirs.before) : null);
  if (!(await removed(move, { store: source, which: 'all', step: 'emptying' }))) return { kind: 'stopped' };
  if (isOurs) await target.setMark(null);
  await source.setMark(null);
  return { kind: 'moved', carried: proven?.carried ?? 0, sums: sums ?? sumsOf(await source.audit()) };
}

function difference(all: MoveSums, before: MoveSums): MoveSums {
  const finished = { ...all.finished };
  for (const state of Object.keys(finished) as (keyof typeof finished)[]) finished[state] -= before.finished[state];
  return {
    messages: all.messages - before.messages,
    accepted: all.accepted - before.accepted,
    finished,
    queued: all.queued - before.queued,
    possibleDuplicates: all.possibleDuplicates - before.possibleDuplicates,
    violations: all.violations - before.violations,
  };
}

/** False: stopped by the signal. */
async function removed(
  { signal, onProgress }: Pick<Move, 'signal' | 'onProgress'>,
  { store, which, step }: { readonly store: MoveStore; readonly which: 'all' | 'arrivals'; readonly step: MoveStep },
): Promise<boolean> {
  for (let records = 0; ;) {
    if (signal.aborted) return false;
    const count = await store.remove(which);
    if (count === 0) return true;
    records += count;
    onProgress({ step, records });
  }
}
