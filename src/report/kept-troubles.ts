/**
 * The last errors of each exit over restarts and for all nodes, as marks `exit-errors:<exit>:<node>`: what this node heard is written some
 * seconds later, and what others heard is read where somebody looks.
 */
import type { Clock } from '../ports.ts';
import type { Mark, Marks } from '../spool/marks.ts';
import type { ExitTrouble, Troubles } from './troubles.ts';

const PREFIX = 'exit-errors:';
const EVERY_MS = 10_000;
const KEPT_MS = 30 * 86_400_000;

export type KeptTroublesNeeds = {
  readonly troubles: Pick<Troubles, 'recall' | 'news' | 'wereAsked'>;
  readonly marks: Marks;
  readonly clock: Clock;
  readonly node: string;
};

/** Reads once what was kept, then writes what is new. What cannot be read or written is done without. */
export function keepTroubles(needs: KeptTroublesNeeds): AsyncDisposable {
  const { troubles, clock } = needs;
  const stop = new AbortController();
  const turns = (async (): Promise<void> => {
    await recalled(needs, true).catch(() => undefined);
    while (!stop.signal.aborted) {
      await clock.sleep(EVERY_MS, stop.signal).catch(() => undefined);
      await written(needs).catch(() => undefined);
      if (troubles.wereAsked() && !stop.signal.aborted) await recalled(needs, false).catch(() => undefined);
    }
  })();
  return {
    [Symbol.asyncDispose]: () => {
      stop.abort();
      return turns;
    },
  };
}

async function written({ troubles, marks, clock, node }: KeptTroublesNeeds): Promise<void> {
  const atMs = clock.nowMs();
  const news = [...troubles.news()];
  if (news.length === 0) return;
  await marks.mark(news.map(([egress, some]) => ({ name: nameOf(egress, node), text: JSON.stringify(some), atMs })));
}

async function recalled({ troubles, marks, clock, node }: KeptTroublesNeeds, isFirst: boolean): Promise<void> {
  const found = await marks.marks(PREFIX);
  const [earlier, others] = [new Map<string, readonly ExitTrouble[]>(), new Map<string, readonly ExitTrouble[]>()];
  for (const mark of found) {
    const { egress, of } = partsOf(mark.name);
    if (of === node) earlier.set(egress, parsed(mark));
    else others.set(egress, [...(others.get(egress) ?? []), ...parsed(mark)]);
  }
  if (isFirst) troubles.recall('earlier', earlier);
  troubles.recall('others', others);
  const old = found.filter(({ atMs }) => atMs < clock.nowMs() - KEPT_MS).map(({ name }) => name);
  if (isFirst && old.length > 0) await marks.unmark(old);
}

function nameOf(egress: string, node: string): string {
  return `${PREFIX}${egress}:${node}`;
}

function partsOf(name: string): { readonly egress: string; readonly of: string } {
  const [egress = '', ...of] = name.slice(PREFIX.length).split(':');
  return { egress, of: of.join(':') };
}

/** Nothing where it cannot be read. */
function parsed({ text }: Mark): readonly ExitTrouble[] {
  try {
    return JSON.parse(text) as readonly ExitTrouble[];
  } catch {
    return [];
  }
}
