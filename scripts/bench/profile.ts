/** Where relevo's CPU goes: profiles of all of its threads under load, summed by what the code is for. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Thread } from './machine.ts';
import { Relevo, type Engine } from './peer-relevo.ts';
import type { Run } from './run.ts';
import { send, type ThroughputCell, warmUp } from './throughput.ts';
import { Traffic } from './traffic.ts';

type ProfileNode = {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
};
type Profile = {
  /** Of the system's monotonic clock, µs; the samples follow it. */
  readonly startTime: number;
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
};

/** The first that is in a function's file stands for what it calls of Node's own, too. */
const PURPOSES: readonly (readonly [part: string, purpose: string])[] = [
  ['/src/ingress/', 'SMTP in'],
  ['/smtp-server/', 'SMTP in'],
  ['/src/sign/', 'signing'],
  ['/src/spool/', 'storing'],
  ['/src/egress/', 'SMTP out'],
  ['/src/schedule/', 'scheduling'],
  ['/src/routing/', 'scheduling'],
  ['/src/report/', 'log and metrics'],
  ['/pino', 'log and metrics'],
  ['/prom-client/', 'log and metrics'],
  ['/src/policy/', 'policy'],
  ['/src/message/', 'the nouns'],
  ['/src/workers/', 'between threads'],
  ['/src/', 'the rest of relevo'],
  ['/node_modules/', 'other libraries'],
];
/** What is in no JavaScript function. */
const NATIVE: ReadonlyMap<string, string> = new Map([
  ['(garbage collector)', 'garbage collection'],
  ['(program)', 'native code outside of functions'],
  ['(idle)', 'idle'],
]);
/** Threads that run no JavaScript. */
const NO_SCRIPT = [
  { pattern: /^libuv-worker/, purpose: 'signing and look-ups, on the thread pool' },
  { pattern: /V8Worker|^DelayedTaskSche|^SignalInspector/, purpose: 'garbage collection and compiling, beside' },
  { pattern: /^redis-server|^bio_|^jemalloc|^io_thd_/, purpose: 'the Redis server' },
];
/** Works because it is being measured. */
const PROFILER = /ProfEvntProc/;
const TOP_FUNCTIONS = 25;

/** Measures the cell once with profiles written to `folder`. @returns what it found, in Markdown */
export async function profiled(
  run: Run,
  folder: string,
  { cell, engine }: { readonly cell: ThroughputCell; readonly engine: Engine },
): Promise<string> {
  const profileFolder = resolve(folder);
  mkdirSync(profileFolder, { recursive: true });
  for (const name of profilesIn(profileFolder)) rmSync(join(profileFolder, name));
  const { seconds, messages, workers } = run.settings;
  await using traffic = new Traffic(Math.ceil(10_000 + seconds * 8_000));
  const sinkPort = await traffic.listen();
  const needs = { folder: run.folder(), sinkPort, keyFile: run.keyFile };
  const { sessions, bodyBytes, perConnection } = cell;
  const measured = await (async () => {
    await using relay = await Relevo.start(needs, { engine, workers, profileFolder });
    const shot = { port: relay.port, sessions, bodyBytes, perConnection };
    const perS = await warmUp(traffic, shot, messages);
    const count = messages ?? Math.round(perS * seconds);
    const before = relay.group.threads();
    const fromUs = monotonicUs();
    await send(traffic, { ...shot, count });
    const untilUs = monotonicUs();
    const threads = relay.group.threads().map((thread) => {
      const { cpuS = 0 } = before.find(({ pid, tid }) => pid === thread.pid && tid === thread.tid) ?? {};
      return { ...thread, cpuS: thread.cpuS - cpuS };
    });
    return { threads, count, fromUs, untilUs };
  })();
  return `${cell.text}: ${summary(profileFolder, measured)}`;
}

function profilesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
}

function monotonicUs(): number {
  return Number(process.hrtime.bigint() / 1_000n);
}

/** Profiles have the start and the end of the process as well, which are no part of what is measured. */
type Span = { readonly fromUs: number; readonly untilUs: number };
type Measured = Span & { readonly threads: readonly Thread[]; readonly count: number };

/**
 * A profile tells how a thread spends its time, waiting for the disk too; the kernel, how much CPU each thread used. Each
 * purpose gets its share of the CPU of each thread.
 */
function summary(folder: string, { threads: all, count, fromUs, untilUs }: Measured): string {
  const threads = all.filter(({ name }) => !PROFILER.test(name));
  const purposes = new Map<string, number>();
  const functions = new Map<string, number>();
  const byThread = new Map<string, number>();
  for (const { name, cpuS } of threads) grow(byThread, name, cpuS);
  const scripts = threads
    .filter(({ name }) => !NO_SCRIPT.some((one) => one.pattern.test(name)))
    .toSorted((left, right) => left.tid - right.tid);
  for (const { name, cpuS } of threads.filter((thread) => !scripts.includes(thread)))
    grow(purposes, NO_SCRIPT.find((one) => one.pattern.test(name))?.purpose ?? '', cpuS);
  // What the start runs before the relay leaves profiles as well.
  const profiles = profilesIn(folder)
    .map((name) => ({ name, pid: Number(name.split('.')[3]), thread: Number(name.split('.')[4]) }))
    .filter(({ pid }) => scripts.some((thread) => thread.pid === pid));
  const sorted = profiles.toSorted((left, right) => left.thread - right.thread);
  for (const [at, { name }] of sorted.entries()) {
    // Both in the order in which the threads were made.
    const cpuS = scripts[at]?.cpuS ?? 0;
    const own: Sums = { purposes: new Map(), functions: new Map() };
    addUp(JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile, own, { fromUs, untilUs });
    own.purposes.delete('idle');
    const whole = [...own.purposes.values()].reduce((sum, micros) => sum + micros, 0);
    for (const [purpose, micros] of own.purposes) grow(purposes, purpose, (cpuS * micros) / whole);
    for (const [what, micros] of own.functions) grow(functions, what, (cpuS * micros) / whole);
  }
  const total = threads.reduce((sum, { cpuS }) => sum + cpuS, 0);
  const table = (title: string, times: ReadonlyMap<string, number>, most: number): string => {
    const largest = [...times].toSorted(([, left], [, right]) => right - left).slice(0, most);
    const lines = largest.map(
      ([what, cpuS]) => `| ${what} | ${((cpuS / total) * 100).toFixed(1)} % | ${((cpuS / count) * 1e6).toFixed(0)} |\n`,
    );
    return `| ${title} | of all CPU | µs a message |\n| --- | --- | --- |\n${lines.join('')}\n`;
  };
  return (
    `${count} messages, ${((total / count) * 1_000).toFixed(2)} CPU s / 1000 with the profiler\n\n` +
    table('for', purposes, 100) +
    table('thread', byThread, 20) +
    table('function', functions, TOP_FUNCTIONS)
  );
}

type Sums = { readonly purposes: Map<string, number>; readonly functions: Map<string, number> };

/** Each sample's time to the purpose of the nearest function that has one. */
function addUp(
  { startTime, nodes, samples, timeDeltas }: Profile,
  { purposes, functions }: Sums,
  { fromUs, untilUs }: Span,
): void {
  let nowUs = startTime;
  const known = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const purposeOf = new Map<number, string>();
  for (const [at, id] of samples.entries()) {
    const micros = Math.max(0, timeDeltas[at] ?? 0);
    nowUs += timeDeltas[at] ?? 0;
    const node = known.get(id);
    if (node === undefined || nowUs < fromUs || nowUs > untilUs) continue;
    const purpose = purposeOf.get(id) ?? find(node, { known, parents });
    purposeOf.set(id, purpose);
    grow(purposes, purpose, micros);
    if (purpose !== 'idle') grow(functions, label(node), micros);
  }
}

function grow(map: Map<string, number>, key: string, by: number): void {
  map.set(key, (map.get(key) ?? 0) + by);
}

type Tree = { readonly known: ReadonlyMap<number, ProfileNode>; readonly parents: ReadonlyMap<number, number> };

function find(start: ProfileNode, { known, parents }: Tree): string {
  const native = NATIVE.get(start.callFrame.functionName);
  if (native !== undefined) return native;
  for (let node: ProfileNode | undefined = start; node !== undefined;) {
    const { url } = node.callFrame;
    const purpose = PURPOSES.find(([part]) => url.includes(part))?.[1];
    if (purpose !== undefined) return purpose;
    const parent = parents.get(node.id);
    node = parent === undefined ? undefined : known.get(parent);
  }
  return 'Node’s own: sockets, timers, promises';
}

function label({ callFrame: { functionName, url } }: ProfileNode): string {
  const file = url.replace(/^.*\/(?=(?:src|node_modules)\/)/, '').replace(/^file:\/\//, '');
  return `\`${functionName === '' ? '(anonymous)' : functionName}\`${file === '' ? '' : ` ${file}`}`;
}
