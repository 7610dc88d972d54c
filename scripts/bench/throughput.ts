/** How fast mail goes through: relevo beside the others, in turns, each started afresh. */
import { setTimeout as sleep } from 'node:timers/promises';
import { acknowledgement, median, medians, type Figures, type Row } from './figures.ts';
import type { PeerKind } from './peer.ts';
import { conserved, missingText, type Run } from './run.ts';
import { Traffic, type Shot } from './traffic.ts';

export type ThroughputCell = {
  readonly name: string;
  readonly text: string;
  readonly sessions: number;
  readonly bodyBytes: number;
  readonly perConnection: number | null;
};

export const THROUGHPUT_CELLS: readonly ThroughputCell[] = [
  { name: '4k', text: '4 KB, 20 sessions, one a connection', sessions: 20, bodyBytes: 4_096, perConnection: 1 },
  { name: 'reuse', text: '4 KB, 20 sessions, many a connection', sessions: 20, bodyBytes: 4_096, perConnection: null },
  { name: '50k', text: '50 KB, 20 sessions, one a connection', sessions: 20, bodyBytes: 51_200, perConnection: 1 },
  { name: 'one', text: '4 KB, one session at a time', sessions: 1, bodyBytes: 4_096, perConnection: 1 },
];

/** Load enough for several nodes. */
export const STEPS_CELL: ThroughputCell = {
  name: 'steps',
  text: '4 KB, 40 sessions, one a connection',
  sessions: 40,
  bodyBytes: 4_096,
  perConnection: 1,
};

/** Who is measured: `once`: in the first round only, for no goal is set against it. */
export type Entrant = {
  readonly kind: PeerKind;
  readonly signs: boolean;
  readonly role: 'yardstick' | 'unsigned' | null;
  readonly once: boolean;
};

type Outcome = { readonly figures: Figures; readonly broken: string | null; readonly refused: number };

const WARM_UP_S = 3;
const WARM_UP_LEAST = 1_500;
const FASTEST_PER_S = 8_000;
/** What is written after the last delivery belongs to the messages too. */
const AFTERWORK_MS = 700;

/** Rows of one cell, in the order of the entrants. */
export async function throughput(run: Run, cell: ThroughputCell, entrants: readonly Entrant[]): Promise<Row[]> {
  const outcomes = new Map<Entrant, Outcome[]>(entrants.map((entrant) => [entrant, []]));
  const missing = new Map<Entrant, string>();
  for (let pair = 0; pair < run.settings.pairs; pair++) {
    for (const entrant of entrants) {
      if (missing.has(entrant) || (entrant.once && pair > 0)) continue;
      try {
        const outcome = await measure(run, cell, entrant);
        outcomes.get(entrant)?.push(outcome);
        run.say(`${cell.name} ${pair + 1}/${run.settings.pairs} ${entrant.kind.name}: ${spoken(outcome)}`);
      } catch (error) {
        missing.set(entrant, missingText(error));
        run.say(`${cell.name} ${entrant.kind.name}: not measured: ${missing.get(entrant)}`);
      }
    }
  }
  const ratesOf = (role: Entrant['role']) =>
    entrants.filter((one) => one.role === role).flatMap((one) => (outcomes.get(one) ?? []).map(rateOf));
  const yardsticks = { ratio: ratesOf('yardstick'), ratioUnsigned: ratesOf('unsigned') };
  return entrants.map((entrant) =>
    rowOf(cell, entrant, { outcomes: outcomes.get(entrant) ?? [], missing, yardsticks }),
  );
}

/** What is said of a relay that answered 4yz and was asked again. */
export function refusals(count: number): string {
  return `refused for now ${count} times`;
}

function rateOf({ figures }: Outcome): number {
  return figures.perSecond ?? Number.NaN;
}

function spoken({ figures, broken }: Outcome): string {
  const text = `${figures.perSecond?.toFixed(0)}/s, ${figures.cpuPer1000?.toFixed(2)} CPU s/1000`;
  return broken === null ? text : `${text}, BROKEN: ${broken}`;
}

type Gathered = {
  readonly outcomes: readonly Outcome[];
  readonly missing: ReadonlyMap<Entrant, string>;
  readonly yardsticks: { readonly ratio: readonly number[]; readonly ratioUnsigned: readonly number[] };
};

function rowOf(cell: ThroughputCell, entrant: Entrant, { outcomes, missing, yardsticks }: Gathered): Row {
  const ratioTo = (others: readonly number[]) =>
    median(outcomes.map(rateOf).flatMap((rate, at) => (others[at] === undefined ? [] : [rate / others[at]])));
  const [ratio, ratioUnsigned] = [ratioTo(yardsticks.ratio), ratioTo(yardsticks.ratioUnsigned)];
  const why = missing.get(entrant);
  const refused = outcomes.reduce((sum, outcome) => sum + outcome.refused, 0);
  return {
    cell: cell.text,
    peer: entrant.kind.name,
    figures: medians(outcomes.map(({ figures }) => figures)),
    ...(Number.isNaN(ratio) ? {} : { ratio }),
    ...(Number.isNaN(ratioUnsigned) ? {} : { ratioUnsigned }),
    runs: outcomes.length,
    broken: outcomes.find(({ broken }) => broken !== null)?.broken ?? null,
    ...(refused === 0 ? {} : { note: refusals(refused) }),
    ...(why === undefined ? {} : { missing: why }),
  };
}

async function measure(run: Run, cell: ThroughputCell, { kind, signs }: Entrant): Promise<Outcome> {
  const { seconds, messages } = run.settings;
  const most = messages === null ? WARM_UP_LEAST * 2 + (WARM_UP_S + seconds) * FASTEST_PER_S : messages * 2;
  await using traffic = new Traffic(Math.ceil(most));
  const sinkPort = await traffic.listen();
  await using peer = await kind.start({ folder: run.folder(), sinkPort, keyFile: run.keyFile });
  const { sessions, bodyBytes, perConnection } = cell;
  const { port, otherPorts = [] } = peer;
  const shot = { port, otherPorts, sessions, bodyBytes, perConnection };
  const perS = await warmUp(traffic, shot, messages);
  const count = messages ?? Math.max(50, Math.round((perS * seconds) / sessions) * sessions);
  peer.group.begin();
  const sent = await send(traffic, { ...shot, count });
  await sleep(AFTERWORK_MS);
  const { cpuS, rssMb, pssMb, stealCores } = peer.group.end();
  return {
    figures: {
      perSecond: count / sent.seconds,
      cpuPer1000: (cpuS / count) * 1_000,
      rssMb,
      pssMb,
      stealCores,
      ...acknowledgement(traffic.board, sent.from, sent.end),
    },
    refused: traffic.board.refused,
    broken: await conserved(traffic.board, peer, { end: sent.end, signs }),
  };
}

/** Until processes are started and code is compiled. @returns messages a second at its end */
export async function warmUp(traffic: Traffic, shot: Omit<Shot, 'count'>, messages: number | null): Promise<number> {
  if (messages !== null) return messages / (await send(traffic, { ...shot, count: messages })).seconds;
  let [perS, total, spentS] = [50, 0, 0];
  while (spentS < WARM_UP_S && total < WARM_UP_LEAST * 2) {
    // The slow are not kept for minutes, and the fast get compiled.
    const count = Math.round(Math.min(500, Math.max(10, perS)));
    const { seconds } = await send(traffic, { ...shot, count });
    [perS, total, spentS] = [count / seconds, total + count, spentS + seconds];
  }
  return perS;
}

/** Sends, and waits until all is at the sink; `seconds` is for both. */
export async function send(traffic: Traffic, shot: Shot): ReturnType<Traffic['send']> {
  const began = performance.now();
  const sent = await traffic.send(shot);
  await traffic.settled();
  return { ...sent, seconds: (performance.now() - began) / 1_000 };
}

/** Load and sink alone, with no relay between them: no relay can look faster than this. */
export async function floor(run: Run): Promise<Row[]> {
  const rows: Row[] = [];
  for (const { text, sessions, bodyBytes, perConnection } of THROUGHPUT_CELLS) {
    const { seconds, messages } = run.settings;
    const most = Math.ceil(messages === null ? WARM_UP_LEAST * 4 + seconds * 4 * FASTEST_PER_S : messages * 2);
    await using traffic = new Traffic(most);
    const shot = { port: await traffic.listen(), sessions, bodyBytes, perConnection };
    const perS = await warmUp(traffic, shot, messages);
    const count = messages ?? Math.min(most / 2, Math.round(perS * Math.min(seconds, 3)));
    const before = process.cpuUsage();
    const sent = await send(traffic, { ...shot, count });
    const { user, system } = process.cpuUsage(before);
    const figures: Figures = { perSecond: count / sent.seconds, cpuPer1000: (user + system) / 1_000 / count };
    const ack = acknowledgement(traffic.board, sent.from, sent.end);
    rows.push({ cell: text, peer: 'none: load → sink', figures: { ...figures, ...ack }, runs: 1, broken: null });
  }
  return rows;
}
