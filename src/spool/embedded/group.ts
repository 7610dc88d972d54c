/** Requests that arrived together commit together: one transaction, one sync, then all the answers. */
import { type ClaimRequest, SpoolError, type SpoolTrouble } from '../spool.ts';
import { accept, firstWith } from './accept.ts';
import { returnBlock, spend, takeBlock, takeSlot } from './block.ts';
import { claim } from './claim.ts';
import { draw } from './draw.ts';
import { feed, feedAt, feedEnd } from './feed.ts';
import { count, counts } from './figures.ts';
import { byProviderId, content, overview, story } from './find.ts';
import { prune } from './forget.ts';
import { exchange, mark, marks, unmark } from './marks.ts';
import { note } from './note.ts';
import { extend, giveBack, settle } from './settle.ts';
import { describe, isOfTheAsker, sqliteFault } from './sqlite-error.ts';
import type { Space } from './space.ts';
import type { Store } from './store.ts';
import { suppress, suppressed, suppressedSince, suppressions, sweepSuppressions, unsuppress } from './suppressions.ts';
import { takeTurns } from './turn.ts';
import type { AcceptAsk, Answer, QuickCalls, Request } from './wire.ts';

export type QuickRequest = Request<keyof QuickCalls>;

type Operations = {
  readonly [Name in keyof QuickCalls]: (store: Store, ask: QuickCalls[Name]['ask']) => QuickCalls[Name]['answer'];
};

const OPERATIONS: Operations = {
  accept,
  claim,
  extend,
  settle,
  giveBack,
  content,
  story,
  byProviderId,
  firstWith: (store, { key, atMs }) => firstWith(store, key, atMs),
  note,
  overview,
  prune,
  draw,
  takeBlock,
  spend,
  returnBlock,
  takeSlot,
  count,
  counts,
  takeTurns,
  marks,
  mark,
  unmark,
  exchange,
  suppressed,
  suppress,
  unsuppress,
  suppressions,
  suppressedSince,
  sweepSuppressions,
  feed,
  feedEnd,
  feedAt,
};

export function isQuick(name: string): name is keyof QuickCalls {
  return Object.hasOwn(OPERATIONS, name);
}

/** What went wrong with the store as a whole; null: nothing. `corrupt`: it must be salvaged before anything else. */
export type GroupTrouble = { readonly kind: 'corrupt' | 'failing'; readonly cause: string } | null;

export type GroupResult = { readonly answers: readonly Answer[]; readonly trouble: GroupTrouble };

/**
 * Runs a group, or as much of it as there is time for, and one of it at least; never throws. The answers are in the order of the requests.
 * Each request is answered once what it did is durable, or with why it was not done; those that are not answered were not touched.
 * @param isOver no more than what has begun
 */
export function runGroup(
  store: Store,
  space: Space,
  { requests, isOver }: { readonly requests: readonly QuickRequest[]; readonly isOver: () => boolean },
): GroupResult {
  try {
    return { answers: attempt(store, requests, { each: run, isOver }), trouble: null };
  } catch {
    // Something in the group failed, and all was undone. One by one, so that what fails spoils nothing else.
    return runApart(store, space, { requests, isOver });
  }
}

function runApart(
  store: Store,
  space: Space,
  { requests, isOver }: { readonly requests: readonly QuickRequest[]; readonly isOver: () => boolean },
): GroupResult {
  try {
    return { answers: attempt(store, requests, { each: runGuarded, isOver }), trouble: null };
  } catch (error) {
    const fault = sqliteFault(error);
    if (fault === 'corrupt') return refuseAll(requests, error);
    if (fault === 'full') {
      space.full();
      return runWithoutAccepts(store, space, requests);
    }
    return runReadsOnly(store, requests, error);
  }
}

const CAN_WAIT: readonly (keyof QuickCalls)[] = ['note', 'count', 'suppress'];

/**
 * New mail can wait outside, and so can what comes back, who is suppressed, and figures; a report that other mail needs to come to its
 * end cannot: only then is that mail's space free.
 */
export function canWait([, name, ask]: QuickRequest): boolean {
  return CAN_WAIT.includes(name) || (name === 'accept' && !(ask as AcceptAsk).endsMail);
}

/** Settling makes room, so it has the last of the space: accepts are refused, the log is emptied, the reserve given up. */
function runWithoutAccepts(store: Store, space: Space, requests: readonly QuickRequest[]): GroupResult {
  const others = requests.filter((request) => !canWait(request));
  const results = others.map((request) => runInLastSpace(store, space, request));
  const answers = results[Symbol.iterator]();
  let trouble = null as GroupTrouble;
  const all = requests.map((request): Answer => {
    const [id] = request;
    if (canWait(request)) return [id, 'full', 'the disk is full'];
    const result = answers.next().value;
    if (trouble?.kind !== 'corrupt') trouble = result?.trouble ?? trouble;
    return result?.answers[0] ?? [id, 'unavailable', 'the store gave no answer'];
  });
  return { answers: all, trouble };
}

/** A transaction of its own, as small as can be, in whatever space can still be made. */
function runInLastSpace(store: Store, space: Space, request: QuickRequest): GroupResult {
  let cause: unknown = null;
  for (const makeRoom of [
    () => undefined,
    () => emptyLog(store),
    () => space.releaseReserve(),
    () => emptyLog(store),
  ]) {
    try {
      makeRoom();
      store.frugal = true;
      return { answers: attempt(store, [smaller(request)], { each: runGuarded }), trouble: null };
    } catch (error) {
      if (sqliteFault(error) === 'corrupt') return refuseAll([request], error);
      cause = error;
    }
  }
  return runReadsOnly(store, [request], cause);
}

/** A claim changes as many rows as it may; a few are enough to go on with, and need next to no space. */
function smaller(request: QuickRequest): QuickRequest {
  const [id, name, ask] = request;
  if (name !== 'claim') return request;
  const claim = ask as ClaimRequest;
  return [id, name, { ...claim, limit: Math.min(claim.limit, SMALL_CLAIM), perLane: SMALL_CLAIM }];
}

const SMALL_CLAIM = 8;

const READS: readonly (keyof QuickCalls)[] = [
  'story',
  'byProviderId',
  'firstWith',
  'overview',
  'counts',
  'marks',
  'suppressed',
  'suppressions',
  'suppressedSince',
  'feed',
  'feedEnd',
  'feedAt',
];

/** The disk takes nothing: what needs no writing is answered all the same. */
function runReadsOnly(store: Store, requests: readonly QuickRequest[], cause: unknown): GroupResult {
  const trouble: GroupTrouble = { kind: 'failing', cause: describe(cause) };
  const kind: SpoolTrouble = sqliteFault(cause) === 'full' ? 'full' : 'unavailable';
  const answers = requests.map((request): Answer => {
    const [id, name] = request;
    if (!READS.includes(name) && name !== 'content') return [id, kind, trouble.cause];
    try {
      return attempt(store, [request], { each: run })[0] ?? [id, kind, trouble.cause];
    } catch (error) {
      return [id, kind, describe(error)];
    }
  });
  return { answers, trouble };
}

function refuseAll(requests: readonly QuickRequest[], cause: unknown): GroupResult {
  const answers = requests.map(([id]): Answer => [id, 'unavailable', describe(cause)]);
  return { answers, trouble: { kind: 'corrupt', cause: describe(cause) } };
}

/** One transaction, of the first of them at least. Throws with everything undone. */
function attempt(
  store: Store,
  requests: readonly QuickRequest[],
  {
    each,
    isOver = () => false,
  }: { readonly each: (store: Store, request: QuickRequest) => Answer; readonly isOver?: () => boolean },
): Answer[] {
  try {
    store.begin();
    const answers: Answer[] = [];
    for (const request of requests) {
      answers.push(each(store, request));
      if (isOver()) break;
    }
    store.commit();
    return answers;
  } catch (error) {
    store.rollback();
    throw error;
  }
}

function run(store: Store, request: QuickRequest): Answer {
  const [id, name, ask] = request;
  const operation = OPERATIONS[name] as (store: Store, ask: unknown) => unknown;
  return [id, 'ok', operation(store, ask)];
}

/** Throws only what concerns the whole store; any other failure is this request's alone. */
function runGuarded(store: Store, request: QuickRequest): Answer {
  try {
    return store.guarded(() => run(store, request));
  } catch (error) {
    const fault = sqliteFault(error);
    const ofTheStore = fault !== null && fault !== 'other' && fault !== 'refused';
    if (ofTheStore || !store.inTransaction) throw error;
    if (isOfTheAsker(error)) return [request[0], 'refused', describe(error)];
    const kind = error instanceof SpoolError ? error.kind : 'unavailable';
    return [request[0], kind, describe(error)];
  }
}

function emptyLog(store: Store): void {
  store.exec('PRAGMA wal_checkpoint(PASSIVE)');
}
