/** What processes use, read from the kernel: CPU, memory, and what the hypervisor took from all of us. */
import { accessSync, constants, existsSync, mkdirSync, readdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';

/** Clock ticks a second of /proc: 100 on every Linux that Node runs on. */
const TICKS_PER_S = 100;
const PAGE_KB = 4;
const SAMPLE_MS = 250;
/** Sharing is dear to read: every so many samples. */
const PSS_EVERY = 20;

export type Usage = { readonly cpuS: number; readonly rssMb: number; readonly pssMb: number };

/** Memory is the peak since `begin`. */
export type Measured = Usage & { readonly stealCores: number; readonly busyCores: number; readonly seconds: number };

/** `name`: as the kernel knows it, 15 octets at most. */
export type Thread = { readonly pid: number; readonly tid: number; readonly name: string; readonly cpuS: number };

const groups = new Set<ProcessGroup>();

/** Ends all processes of all groups at once: the benchmark itself is being ended, and daemons would outlive it. */
export async function endAllGroups(): Promise<void> {
  await Promise.all([...groups].map((group) => group.kill().finally(() => group[Symbol.dispose]())));
}

/** The processes of one peer, those they start and those that ended included. */
export class ProcessGroup implements Disposable {
  /** null: none could be made, and the tree below `roots` is watched instead. */
  readonly #cgroup: string | null;
  readonly #roots = new Set<number>();
  readonly #seen = new Map<number, number>();
  #timer: NodeJS.Timeout | null = null;
  #samples = 0;
  #rssMb = 0;
  #pssMb = 0;
  #before = { cpuS: 0, atMs: 0, machine: machineTimes() };

  constructor(name: string) {
    groups.add(this);
    this.#cgroup = makeCgroup(`relevo-bench-${process.pid}-${name}`);
  }

  /** A command that runs `command` inside the group. */
  wrap(command: readonly string[]): readonly [string, ...string[]] {
    if (this.#cgroup === null) return command as readonly [string, ...string[]];
    return ['/bin/sh', '-c', 'echo $$ >"$0/cgroup.procs" && exec "$@"', this.#cgroup, ...command];
  }

  /** Names the root of a tree of processes, for machines without control groups. */
  add(pid: number): void {
    this.#roots.add(pid);
  }

  /** Exact for all that ever ran where there are control groups; else ended orphans count as far as they were seen. */
  get isExact(): boolean {
    return this.#cgroup !== null;
  }

  pids(): number[] {
    if (this.#cgroup !== null) return read(join(this.#cgroup, 'cgroup.procs')).split('\n').filter(Boolean).map(Number);
    return treeOf([...this.#roots]);
  }

  cpuS(): number {
    if (this.#cgroup !== null) {
      const micros = /^usage_usec (\d+)/m.exec(read(join(this.#cgroup, 'cpu.stat')))?.[1];
      return micros === undefined ? Number(read(join(this.#cgroup, 'cpuacct.usage'))) / 1e9 : Number(micros) / 1e6;
    }
    for (const pid of this.pids()) this.#seen.set(pid, ticksOf(pid));
    return [...this.#seen.values()].reduce((sum, ticks) => sum + ticks, 0) / TICKS_PER_S;
  }

  /** CPU seconds of each thread that runs now, in the order of their making. */
  threads(): readonly Thread[] {
    return this.pids().flatMap((pid) =>
      threadIds(pid).map((tid) => {
        const path = `/proc/${pid}/task/${tid}`;
        const [user = 0, system = 0] = fieldsOf(`${path}/stat`).slice(11, 13).map(Number);
        return { pid, tid, name: read(`${path}/comm`).trim(), cpuS: (user + system) / TICKS_PER_S };
      }),
    );
  }

  /** Begins a measurement; memory is looked at four times a second. */
  begin(): void {
    this.#stopSampling();
    [this.#rssMb, this.#pssMb, this.#samples] = [0, 0, 0];
    this.#before = { cpuS: this.cpuS(), atMs: performance.now(), machine: machineTimes() };
    this.#timer = setInterval(() => this.#sample(), SAMPLE_MS);
  }

  end(): Measured {
    this.#samples = 0;
    this.#sample();
    this.#stopSampling();
    const { cpuS, atMs, machine } = this.#before;
    const [now, seconds] = [machineTimes(), (performance.now() - atMs) / 1_000];
    return {
      cpuS: this.cpuS() - cpuS,
      rssMb: this.#rssMb,
      pssMb: this.#pssMb,
      stealCores: (now.stealS - machine.stealS) / seconds,
      busyCores: (now.busyS - machine.busyS) / seconds,
      seconds,
    };
  }

  /** Memory at this moment. */
  memory(): { readonly rssMb: number; readonly pssMb: number } {
    const pids = this.pids();
    return { rssMb: sum(pids.map(rssMbOf)), pssMb: sum(pids.map(pssMbOf)) };
  }

  #sample(): void {
    const pids = this.pids();
    this.#rssMb = Math.max(this.#rssMb, sum(pids.map(rssMbOf)));
    if (this.#samples++ % PSS_EVERY === 0) this.#pssMb = Math.max(this.#pssMb, sum(pids.map(pssMbOf)));
    if (this.#cgroup === null) this.cpuS();
  }

  #stopSampling(): void {
    if (this.#timer !== null) clearInterval(this.#timer);
    this.#timer = null;
  }

  /** Ends whatever of it still runs, and waits until it is gone. */
  async kill(): Promise<void> {
    for (let tries = 0; tries < 200; tries++) {
      const pids = this.pids();
      if (pids.length === 0) return;
      for (const pid of pids) signal(pid, tries === 0 ? 'SIGTERM' : tries === 100 ? 'SIGKILL' : 0);
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  [Symbol.dispose](): void {
    this.#stopSampling();
    groups.delete(this);
    if (this.#cgroup === null) return;
    try {
      rmdirSync(this.#cgroup);
    } catch {
      // A process that is still ending holds it; it is empty then and costs nothing.
    }
  }
}

/** Version 2 where it is, else the CPU accounting of version 1; null: this machine lets us make none. */
function makeCgroup(name: string): string | null {
  for (const base of ['/sys/fs/cgroup', '/sys/fs/cgroup/unified', '/sys/fs/cgroup/cpuacct']) {
    if (!existsSync(join(base, 'cgroup.procs'))) continue;
    const path = join(base, name);
    try {
      mkdirSync(path, { recursive: true });
      accessSync(join(path, 'cgroup.procs'), constants.W_OK);
      if (existsSync(join(path, 'cpu.stat')) || existsSync(join(path, 'cpuacct.usage'))) return path;
      rmdirSync(path);
    } catch {
      // The next one may do.
    }
  }
  return null;
}

function treeOf(roots: readonly number[]): number[] {
  const children = new Map<number, number[]>();
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    const parent = Number(statOf(Number(entry))[1] ?? 0);
    children.set(parent, [...(children.get(parent) ?? []), Number(entry)]);
  }
  const all: number[] = [];
  for (const left = [...roots]; left.length > 0;) {
    const pid = left.pop() ?? 0;
    if (statOf(pid).length > 1) all.push(pid);
    left.push(...(children.get(pid) ?? []));
  }
  return all;
}

function statOf(pid: number): string[] {
  return fieldsOf(`/proc/${pid}/stat`);
}

/** From the state on: what comes after the name in parentheses. */
function fieldsOf(path: string): string[] {
  return read(path)
    .replace(/^.*\) /s, '')
    .split(' ');
}

function threadIds(pid: number): number[] {
  try {
    return readdirSync(`/proc/${pid}/task`).map(Number);
  } catch {
    return [];
  }
}

/** Its own and those of children that it waited for. */
function ticksOf(pid: number): number {
  return sum(statOf(pid).slice(11, 15).map(Number));
}

function rssMbOf(pid: number): number {
  return (Number(read(`/proc/${pid}/statm`).split(' ')[1] ?? 0) * PAGE_KB) / 1_024;
}

function pssMbOf(pid: number): number {
  return Number(/^Pss:\s+(\d+)/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0) / 1_024;
}

function machineTimes(): { readonly busyS: number; readonly stealS: number } {
  const [user = 0, nice = 0, system = 0, , , irq = 0, soft = 0, steal = 0] = read('/proc/stat')
    .split('\n', 1)
    .join('')
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return { busyS: (user + nice + system + irq + soft) / TICKS_PER_S, stealS: steal / TICKS_PER_S };
}

function signal(pid: number, name: NodeJS.Signals | 0): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone.
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, number) => total + number, 0);
}
