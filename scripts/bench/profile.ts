/** Where relevo's CPU goes: profiles of all of its threads under load, summed by what the code is for. */
import { mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { Relevo } from './peer-relevo.ts';
import type { Run } from './run.ts';
import { send, THROUGHPUT_CELLS, warmUp } from './throughput.ts';
import { Traffic } from './traffic.ts';

type ProfileNode = {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string };
  readonly children?: readonly number[];
};
type Profile = {
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
const NATIVE: Readonly<Record<string, string>> = {
  '(garbage collector)': 'garbage collection',
  '(program)': 'native code outside of functions',
  '(idle)': 'idle',
};
const TOP_FUNCTIONS = 25;

/** Measures once with profiles written to `folder`. @returns two tables in Markdown */
export async function profiled(run: Run, folder: string): Promise<string> {
  const profileFolder = resolve(folder);
  mkdirSync(profileFolder, { recursive: true });
  for (const name of profilesIn(profileFolder)) rmSync(join(profileFolder, name));
  const [cell] = THROUGHPUT_CELLS;
  if (cell === undefined) throw new Error('no cell');
  const { seconds, messages, workers } = run.settings;
  await using traffic = new Traffic(Math.ceil(10_000 + seconds * 8_000));
  const sinkPort = await traffic.listen();
  const needs = { folder: run.folder(), sinkPort, keyFile: run.keyFile };
  const { sessions, bodyBytes, perConnection } = cell;
  {
    await using relay = await Relevo.start(needs, { engine: 'embedded', workers, profileFolder });
    const shot = { port: relay.port, sessions, bodyBytes, perConnection };
    const perS = await warmUp(traffic, shot, messages);
    const count = messages ?? Math.round(perS * seconds);
    relay.group.begin();
    await send(traffic, { ...shot, count });
    const { cpuS } = relay.group.end();
    run.say(`${count} messages, ${((cpuS / count) * 1_000).toFixed(2)} CPU s / 1000 under the profiler`);
  }
  return summary(profileFolder);
}

function profilesIn(folder: string): string[] {
  return readdirSync(folder).filter((name) => name.endsWith('.cpuprofile'));
}

function summary(folder: string): string {
  const purposes = new Map<string, number>();
  const functions = new Map<string, number>();
  for (const name of profilesIn(folder)) {
    const profile = JSON.parse(readFileSync(join(folder, name), 'utf8')) as Profile;
    addUp(profile, { purposes, functions });
  }
  purposes.delete('idle');
  const total = [...purposes.values()].reduce((sum, micros) => sum + micros, 0);
  const table = (title: string, times: ReadonlyMap<string, number>, most: number): string => {
    const sorted = [...times].toSorted(([, left], [, right]) => right - left).slice(0, most);
    const lines = sorted.map(([what, micros]) => `| ${what} | ${((micros / total) * 100).toFixed(1)} % |\n`);
    return `| ${title} | share of the CPU of its threads |\n| --- | --- |\n${lines.join('')}\n`;
  };
  return table('for', purposes, 100) + table('function', functions, TOP_FUNCTIONS);
}

type Sums = { readonly purposes: Map<string, number>; readonly functions: Map<string, number> };

/** Each sample's time to the purpose of the nearest function that has one. */
function addUp({ nodes, samples, timeDeltas }: Profile, { purposes, functions }: Sums): void {
  const known = new Map(nodes.map((node) => [node.id, node]));
  const parents = new Map(nodes.flatMap(({ id, children = [] }) => children.map((child) => [child, id] as const)));
  const purposeOf = new Map<number, string>();
  for (const [at, id] of samples.entries()) {
    const micros = Math.max(0, timeDeltas[at] ?? 0);
    const node = known.get(id);
    if (node === undefined) continue;
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
  const native = NATIVE[start.callFrame.functionName];
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
