/**
 * The benchmark: relevo beside Postfix + OpenDKIM, Postfix unsigned and Exim with DKIM, on this machine, in one run.
 * `npm run bench -- --help` lists the options; docs/performance.md says what each figure means.
 */
import { writeFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { parseArgs } from 'node:util';
import type { Row } from './bench/figures.ts';
import { hangingDestination, idle, urgentMail } from './bench/others.ts';
import { exim } from './bench/peer-exim.ts';
import { pages } from './bench/pages.ts';
import { postfixOpendkim, postfixUnsigned } from './bench/peer-postfix.ts';
import { endAllGroups } from './bench/machine.ts';
import { relevo, type Engine, type RelevoOptions } from './bench/peer-relevo.ts';
import { profiled } from './bench/profile.ts';
import { longQueue } from './bench/queue.ts';
import { Run, type Settings } from './bench/run.ts';
import { markdown } from './bench/table.ts';
import { watched } from './bench/watched.ts';
import { floor, STEPS_CELL, THROUGHPUT_CELLS, throughput, type Entrant } from './bench/throughput.ts';

const HELP = `usage: npm run bench -- [options]

Everything takes about an hour with a million messages in the queue; --quick five minutes. As root, for the other relays are.

  --cell NAME      only these, may be repeated: floor, steps, ${THROUGHPUT_CELLS.map(({ name }) => name).join(', ')}, queue, hang, urgent, idle, watched, pages
  --peer NAME      only relays whose name has this in it, may be repeated (relevo, opendkim, unsigned, exim)
  --engine NAME    of relevo: embedded, redis or both (default both)
  --workers N      handed to \`relevo start\` (auto)
  --pairs N        measurements of each relay, in turns (3)
  --seconds N      of one measurement (8)
  --messages N     of one measurement, instead
  --queued N       messages in the long queue, and behind the pages (1000000)
  --hung N         messages for the destination that hangs (100000)
  --newsletters N  that drain while urgent mail is sent (200000)
  --idle N         seconds of doing nothing (60)
  --quick          small numbers: one pair, 3 s, 20000 queued
  --cpu-prof DIR   writes profiles of relevo under the load of 4k, or of --cell, to DIR and says where its CPU goes
  --json FILE      writes all figures there too
  --scratch DIR    where queues are; default: the folder for temporary files
  --keep           leaves the scratch folder
`;

const { values } = parseArgs({
  options: {
    cell: { type: 'string', multiple: true },
    peer: { type: 'string', multiple: true },
    engine: { type: 'string', default: 'both' },
    workers: { type: 'string', default: 'auto' },
    pairs: { type: 'string' },
    seconds: { type: 'string' },
    messages: { type: 'string' },
    queued: { type: 'string' },
    hung: { type: 'string' },
    newsletters: { type: 'string' },
    idle: { type: 'string' },
    quick: { type: 'boolean', default: false },
    'cpu-prof': { type: 'string' },
    json: { type: 'string' },
    scratch: { type: 'string' },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
});

function number(text: string | undefined, usual: number, quick: number): number {
  return text === undefined ? (values.quick ? quick : usual) : Number(text);
}

const settings: Settings = {
  pairs: number(values.pairs, 3, 1),
  seconds: number(values.seconds, 8, 3),
  messages: values.messages === undefined ? null : Number(values.messages),
  queued: number(values.queued, 1_000_000, 20_000),
  hung: number(values.hung, 100_000, 10_000),
  newsletters: number(values.newsletters, 200_000, 10_000),
  idleSeconds: number(values.idle, 60, 10),
  workers: values.workers,
  keep: values.keep,
};

const OWN_CELLS = { queue: longQueue, hang: hangingDestination, urgent: urgentMail, idle, watched, pages } as const;

function isWanted(cell: string): boolean {
  return values.cell === undefined || values.cell.includes(cell);
}

function isPeer(name: string): boolean {
  return values.peer === undefined || values.peer.some((part) => name.toLowerCase().includes(part.toLowerCase()));
}

function engines(): RelevoOptions[] {
  const all: Engine[] =
    values.engine === 'both' ? ['embedded', 'redis'] : [values.engine === 'redis' ? 'redis' : 'embedded'];
  return all.map((engine) => ({ engine, workers: settings.workers }));
}

function entrants(run: Run): Entrant[] {
  const all: Entrant[] = [
    { kind: postfixOpendkim, signs: true, role: 'yardstick', once: false },
    ...engines().map((options) => ({ kind: relevo(options), signs: true, role: null, once: false })),
    { kind: postfixUnsigned, signs: false, role: 'unsigned', once: false },
    { kind: exim(run.scratch), signs: true, role: null, once: true },
  ];
  return all.filter(({ kind }) => isPeer(kind.name));
}

/** From one node to several, as docs/scaling.md has them. */
function steps(): Entrant[] {
  const all: RelevoOptions[] = [
    { engine: 'embedded', workers: '1' },
    { engine: 'embedded', workers: '2' },
    { engine: 'redis', workers: '1' },
    { engine: 'redis', workers: '1', nodes: 2 },
    { engine: 'redis', workers: '1', nodes: 3 },
    { engine: 'cluster', workers: '1' },
    { engine: 'cluster', workers: '1', nodes: 2 },
  ];
  return all.map((options) => ({ kind: relevo(options), signs: true, role: null, once: false }));
}

async function measureAll(run: Run): Promise<Row[]> {
  const rows: Row[] = [];
  if (isWanted('floor')) rows.push(...(await floor(run)));
  if (isWanted('steps') && isPeer('relevo')) rows.push(...(await throughput(run, STEPS_CELL, steps())));
  for (const cell of THROUGHPUT_CELLS)
    if (isWanted(cell.name)) rows.push(...(await throughput(run, cell, entrants(run))));
  for (const [name, measure] of Object.entries(OWN_CELLS)) {
    if (!isWanted(name) || !isPeer('relevo')) continue;
    for (const options of engines()) rows.push(...(await measure(run, options)));
  }
  return rows;
}

function machineText(): string {
  const [first] = cpus();
  const memoryGb = (totalmem() / 1024 ** 3).toFixed(0);
  return `${cpus().length} × ${first?.model ?? '?'}, ${memoryGb} GB, Node ${process.version}, ${new Date().toISOString()}`;
}

async function main(): Promise<number> {
  if (values.help) {
    process.stdout.write(HELP);
    return 0;
  }
  using run = new Run(settings, values.scratch ?? null);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      void endAllGroups().finally(() => {
        run[Symbol.dispose]();
        process.exit(130);
      });
    });
  }
  const folder = values['cpu-prof'];
  if (folder !== undefined) {
    const cell = THROUGHPUT_CELLS.find(({ name }) => isWanted(name));
    if (cell === undefined) throw new Error('--cpu-prof is for cells of one stretch of load');
    process.stdout.write(
      await profiled(run, folder, { cell, engine: values.engine === 'redis' ? 'redis' : 'embedded' }),
    );
    return 0;
  }
  const rows = await measureAll(run);
  process.stdout.write(`${machineText()}\n\n${markdown(rows)}`);
  if (values.json !== undefined)
    writeFileSync(values.json, `${JSON.stringify({ machine: machineText(), settings, rows })}\n`);
  return rows.some(({ broken }) => broken !== null) ? 1 : 0;
}

process.exit(await main());
