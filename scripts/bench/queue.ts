/** A long queue: what it does to memory, disk, answers, the rate of accepting; a restart on it; and how it drains. */
import { setTimeout as sleep } from 'node:timers/promises';
import { monotonicMs } from './board.ts';
import { median, type Figures, type Row } from './figures.ts';
import { Relevo, type RelevoOptions } from './peer-relevo.ts';
import { conserved, missingText, type Run } from './run.ts';
import { refusals, send, warmUp } from './throughput.ts';
import { Traffic } from './traffic.ts';

const SHOT = { sessions: 20, bodyBytes: 4_096, perConnection: null } as const;
/** The last share of a stretch tells the rate at its end. */
const LAST_SHARE = 0.1;
const STANDING_S = 10;
/** After a restart nothing may be due for a while. */
const FIRST_MS = 900_000;

type Scene = {
  readonly run: Run;
  readonly traffic: Traffic;
  readonly relay: Relevo;
  readonly sinkPort: number;
  readonly rows: Row[];
  readonly peer: string;
  /** Of 250s and of deliveries, with nothing queued. */
  readonly empty: { readonly acceptPerS: number; readonly passPerS: number };
};

/** Rows: the empty queue, each length on the way, standing still, restart, drain. */
export async function longQueue(run: Run, options: RelevoOptions): Promise<Row[]> {
  const { seconds, queued, messages } = run.settings;
  const peer = options.engine === 'redis' ? 'relevo, Redis' : 'relevo';
  const rows: Row[] = [];
  await using traffic = new Traffic(Math.ceil(queued + 20_000 + seconds * 10_000));
  const sinkPort = await traffic.listen();
  try {
    await using relay = await Relevo.start({ folder: run.folder(), sinkPort, keyFile: run.keyFile }, options);
    const perS = await warmUp(traffic, { ...SHOT, port: relay.port }, messages);
    const count = messages ?? Math.round(perS * seconds);
    relay.group.begin();
    const sent = await send(traffic, { ...SHOT, port: relay.port, count });
    const empty = { acceptPerS: count / lastOf(traffic.board.ackedMs, sent), passPerS: count / sent.seconds };
    const scene: Scene = { run, traffic, relay, sinkPort, rows, peer, empty };
    const answers = await answersOf(scene);
    add(scene, 'queue empty, many a connection', {
      figures: { ...figuresOf(scene, count), perSecond: empty.passPerS },
      note: `accepted ${rate(empty.acceptPerS)}; ${answers}`,
    });
    await fill(scene);
    await standStill(scene);
    await restart(scene);
    await drain(scene);
    const end = traffic.board.acknowledged;
    const broken = await conserved(traffic.board, relay, { end, signs: true });
    return rows.map((row) => ({ ...row, broken }));
  } catch (error) {
    const missing = missingText(error);
    run.say(`queue: ${missing}`);
    const unproven = rows.map((row) => ({ ...row, broken: 'not checked: the cell came to no end' }));
    return [...unproven, { cell: 'long queue', peer, figures: {}, runs: 0, broken: null, missing }];
  }
}

function add(scene: Scene, cell: string, what: { readonly figures: Figures; readonly note: string }): void {
  scene.rows.push({ cell, peer: scene.peer, runs: 1, broken: null, ...what });
  scene.run.say(`${cell}: ${what.figures.perSecond?.toFixed(0) ?? '-'}/s, ${what.note}`);
}

function rate(perS: number): string {
  return `${Math.round(perS).toLocaleString('en-US')}/s`;
}

function percent(part: number, whole: number): string {
  return `${Math.round((part / whole) * 100)} %`;
}

/** Seconds from the first message's last octet to the last time in the column. */
function lastOf(column: Float64Array, { from, end }: { readonly from: number; readonly end: number }): number {
  let [first, last] = [Number.POSITIVE_INFINITY, 0];
  for (let number = from; number < end; number++) {
    const ms = column[number] ?? 0;
    if (ms === 0) continue;
    first = Math.min(first, ms);
    last = Math.max(last, ms);
  }
  return Math.max(0.001, (last - first) / 1_000);
}

function figuresOf({ relay }: Scene, count: number): Figures {
  const { cpuS, rssMb, pssMb, stealCores } = relay.group.end();
  return { cpuPer1000: (cpuS / count) * 1_000, rssMb, pssMb, stealCores };
}

const TIMES = 3;

/** How long operators wait: for the relay, medians, and for the whole command with the start of its process. */
async function answersOf({ relay }: Scene): Promise<string> {
  const took: Record<'list' | 'shape' | 'metrics', number[]> = { list: [], shape: [], metrics: [] };
  let note = '';
  for (let time = 0; time < TIMES; time++) {
    const list = await relay.ask((operations) => operations.list({ filter: {}, limit: 101, after: null }));
    const shape = await relay.ask((operations) => operations.shape({ filter: {} }));
    const metrics = await relay.metric('relevo_queue_messages');
    took.list.push(list.ms);
    took.shape.push(shape.ms);
    took.metrics.push(metrics.ms);
    note = `${metrics.value.toLocaleString('en-US')} queued${shape.answer.isWhole ? '' : ', shape of a part only'}`;
  }
  const command = await relay.command(['queue', 'list']);
  if (command.code !== 0) throw new Error(`queue list: ${command.stderr.trim()}`);
  const ms = (of: readonly number[]) => `${median(of).toFixed(0)} ms`;
  const { list, shape, metrics } = took;
  return `list ${ms(list)} (the command ${ms([command.ms])}), shape ${ms(shape)}, metrics ${ms(metrics)}, ${note}`;
}

async function fill(scene: Scene): Promise<void> {
  const { run, traffic, relay, sinkPort, empty } = scene;
  await traffic.close(sinkPort);
  const lengths = [10_000, 100_000, 1_000_000].filter((length) => length < run.settings.queued);
  let have = 0;
  for (const length of [...lengths, run.settings.queued]) {
    const tail = Math.ceil((length - have) * LAST_SHARE);
    relay.group.begin();
    const began = performance.now();
    if (length - have > tail) await traffic.send({ ...SHOT, port: relay.port, count: length - have - tail });
    const last = await traffic.send({ ...SHOT, port: relay.port, count: tail });
    const count = length - have;
    const perSecond = (count / (performance.now() - began)) * 1_000;
    const figures = { ...figuresOf(scene, count), perSecond };
    const { allMb, logMb } = relay.diskMb();
    const lastPerS = tail / last.seconds;
    have = length;
    add(scene, `queue of ${length.toLocaleString('en-US')}, destination down: accepting`, {
      figures,
      note:
        `at its end ${rate(lastPerS)}, ${percent(lastPerS, empty.acceptPerS)} of empty; ` +
        `disk ${allMb.toFixed(0)} MB, log ${logMb.toFixed(0)} MB; ${await answersOf(scene)}`,
    });
  }
}

async function standStill(scene: Scene): Promise<void> {
  scene.relay.group.begin();
  await sleep(STANDING_S * 1_000);
  const { cpuS, rssMb, pssMb, stealCores, seconds } = scene.relay.group.end();
  const note = `${percent(cpuS, seconds)} of a core, nothing comes and nothing can go`;
  add(scene, 'that queue, standing still', { figures: { rssMb, pssMb, stealCores }, note });
}

async function restart(scene: Scene): Promise<void> {
  const { relay, traffic, sinkPort } = scene;
  const stopping = performance.now();
  await relay.end('SIGTERM');
  const stopMs = performance.now() - stopping;
  await traffic.listen({ port: sinkPort });
  const before = traffic.board.arrived;
  const startMs = monotonicMs();
  await relay.begin();
  const listensMs = monotonicMs() - startMs;
  relay.group.begin();
  while (traffic.board.arrived === before && monotonicMs() - startMs < FIRST_MS) await sleep(2);
  const firstS = (monotonicMs() - startMs) / 1_000;
  const note =
    `first delivery ${firstS.toFixed(2)} s after the start (listens after ${(listensMs / 1_000).toFixed(2)} s); ` +
    `the stop took ${(stopMs / 1_000).toFixed(2)} s`;
  add(scene, 'restart on that queue', { figures: {}, note });
}

/** Goes on from the first delivery. */
async function drain(scene: Scene): Promise<void> {
  const { traffic, empty } = scene;
  const [before, began] = [traffic.board.arrived, performance.now()];
  const wanted = traffic.board.acknowledged;
  let [slowest, seen, seenMs] = [Number.POSITIVE_INFINITY, before, began];
  const watch = setInterval(() => {
    const [now, nowMs] = [traffic.board.arrived, performance.now()];
    if (now < wanted) slowest = Math.min(slowest, ((now - seen) / (nowMs - seenMs)) * 1_000);
    [seen, seenMs] = [now, nowMs];
  }, 5_000);
  await traffic.settled(FIRST_MS);
  clearInterval(watch);
  const count = traffic.board.arrived - before;
  const perSecond = (count / (performance.now() - began)) * 1_000;
  const least = Number.isFinite(slowest) ? `; slowest 5 s ${rate(slowest)}` : '';
  const { refused } = traffic.board;
  const note = `${percent(perSecond, empty.passPerS)} of end to end${least}${refused === 0 ? '' : `; ${refusals(refused)}`}`;
  add(scene, 'draining it', { figures: { ...figuresOf(scene, count), perSecond }, note });
}
