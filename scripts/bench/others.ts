/** What must not disturb others: a destination that hangs, newsletters before a password reset, and doing nothing. */
import { setTimeout as sleep } from 'node:timers/promises';
import { startDnsServer } from '../../tests/fakes/dns-server.ts';
import { DnsZone } from '../../tests/fakes/dns.ts';
import { medians, passage, type Figures, type Row } from './figures.ts';
import { Relevo, type RelevoOptions } from './peer-relevo.ts';
import { conservedInQueue, missingText, type Run } from './run.ts';
import { send, warmUp } from './throughput.ts';
import { Traffic } from './traffic.ts';

const DOMAINS = Array.from({ length: 20 }, (_, at) => `dest${at + 1}.example`);
const HUNG = 'hung.example';
const HUNG_ADDRESS = '127.0.0.2';
const SHOT = { sessions: 20, bodyBytes: 4_096 } as const;

type Cell = (run: Run, options: RelevoOptions) => Promise<Row[]>;

/** Runs a cell; where it cannot be, the row says why. */
function told(cell: string, measure: Cell): Cell {
  return async (run, options) => {
    const peer = options.engine === 'redis' ? 'relevo, Redis' : 'relevo';
    try {
      const rows = await measure(run, options);
      for (const row of rows) run.say(`${row.cell}: ${row.note ?? ''}${row.broken === null ? '' : ` ${row.broken}`}`);
      return rows.map((row) => ({ ...row, peer }));
    } catch (error) {
      run.say(`${cell}: ${missingText(error)}`);
      return [{ cell, peer, figures: {}, runs: 0, broken: null, missing: missingText(error) }];
    }
  };
}

/** One destination takes connections and says nothing; the others' rate without and with mail queued for it. */
export const hangingDestination = told('a destination that hangs', async (run, options) => {
  const { seconds, hung, messages } = run.settings;
  await using traffic = new Traffic(Math.ceil(hung + 20_000 + 2 * run.settings.pairs * seconds * 8_000));
  const sinkPort = await traffic.listen();
  await traffic.listen({ address: HUNG_ADDRESS, port: sinkPort, hangs: true });
  await using dns = await startDnsServer(zone());
  const exits =
    `egress: { direct: { type: mx, port: ${sinkPort}, privateAddresses: true } }\n` +
    `dns: { servers: ["${dns.address}"] }`;
  const needs = { folder: run.folder(), sinkPort, keyFile: run.keyFile };
  await using relay = await Relevo.start(needs, { ...options, exits });
  const shot = { ...SHOT, port: relay.port, domains: DOMAINS };
  const perS = await warmUp(traffic, shot, messages);
  const count = messages ?? Math.round(perS * seconds);
  const measured = async (): Promise<Figures & { readonly perSecond: number }> => {
    relay.group.begin();
    const arrived = traffic.board.arrived;
    const began = performance.now();
    await traffic.send({ ...shot, count });
    await traffic.settled(30_000, () => arrived + count);
    const perSecond = ((traffic.board.arrived - arrived) / (performance.now() - began)) * 1_000;
    const { cpuS, rssMb, pssMb, stealCores } = relay.group.end();
    return { perSecond, cpuPer1000: (cpuS / count) * 1_000, rssMb, pssMb, stealCores };
  };
  const turns = async (): Promise<Figures & { readonly perSecond: number }> => {
    const runs: Awaited<ReturnType<typeof measured>>[] = [];
    for (let turn = 0; turn < run.settings.pairs; turn++) runs.push(await measured());
    return { perSecond: Number.NaN, ...medians(runs) };
  };
  const without = await turns();
  await traffic.send({ ...SHOT, port: relay.port, perConnection: null, domains: [HUNG], count: hung });
  const during = await turns();
  const broken = await conservedInQueue(traffic.board, relay);
  const share = Math.round((during.perSecond / without.perSecond) * 100);
  const queued = hung.toLocaleString('en-US');
  return [
    row({ cell: '20 domains, all well', figures: without, note: '', broken }),
    row({ cell: `the same, ${queued} queued for one that hangs`, figures: during, note: `${share} %`, broken }),
  ];
});

function zone(): DnsZone {
  const mx = (host: string) => ({ mx: [[10, host]] as const });
  return new DnsZone({
    ...Object.fromEntries(DOMAINS.map((domain) => [domain, mx('mx.dest.example')])),
    [HUNG]: mx('mx.hung.example'),
    'mx.dest.example': { a: ['127.0.0.1'] },
    'mx.hung.example': { a: [HUNG_ADDRESS] },
  });
}

/** Urgent mail while a long queue of the other kind drains, to the same destinations. */
export const urgentMail = told('urgent mail while newsletters drain', async (run, options) => {
  const { newsletters } = run.settings;
  const resets = Math.max(20, Math.min(1_000, Math.round(newsletters / 200)));
  await using traffic = new Traffic(newsletters + resets + 5_000);
  const { board } = traffic;
  const sinkPort = await traffic.listen();
  const needs = { folder: run.folder(), sinkPort, keyFile: run.keyFile };
  await using relay = await Relevo.start(needs, options);
  const shot = { ...SHOT, port: relay.port, domains: DOMAINS };
  await warmUp(traffic, { ...shot, perConnection: null }, run.settings.messages);
  await traffic.close(sinkPort);
  const marketing = 'X-Relevo-Stream: marketing\r\n';
  await traffic.send({ ...shot, perConnection: null, count: newsletters, header: marketing });
  await traffic.listen({ port: sinkPort });
  const first = board.arrived;
  const due = Math.min(newsletters / 10, 2_000);
  await traffic.settled(900_000, () => first + due);
  relay.group.begin();
  const [before, began] = [board.arrived, performance.now()];
  const urgent = { ...shot, sessions: 1, perConnection: null, pauseMs: 20, header: 'X-Relevo-Priority: high\r\n' };
  const sent = await traffic.send({ ...urgent, count: resets });
  const drained = board.arrived - before - resets;
  const perSecond = (drained / (performance.now() - began)) * 1_000;
  const left = board.acknowledged - board.arrived;
  const { rssMb, pssMb, stealCores } = relay.group.end();
  await traffic.settled(10_000, () => Math.min(board.acknowledged, board.arrived + 1));
  const figures = { perSecond, rssMb, pssMb, stealCores, ...passage(board, sent.from, sent.end) };
  const note =
    `${resets} resets, ms from final dot to delivery, while newsletters drain at that rate; ` +
    `${left.toLocaleString('en-US')} were still queued at the end`;
  const cell = `password resets before ${newsletters.toLocaleString('en-US')} newsletters`;
  return [row({ cell, figures, note, broken: await conservedInQueue(board, relay) })];
});

/** Nobody asks anything of it, after it had as long to settle as it is measured. */
export const idle = told('idle', async (run, options) => {
  await using traffic = new Traffic(1_000);
  const sinkPort = await traffic.listen();
  await using relay = await Relevo.start({ folder: run.folder(), sinkPort, keyFile: run.keyFile }, options);
  const idleMs = run.settings.idleSeconds * 1_000;
  await sleep(idleMs);
  relay.group.begin();
  await sleep(idleMs);
  const { cpuS, rssMb, pssMb, stealCores, seconds } = relay.group.end();
  const note = `${((cpuS / seconds) * 100).toFixed(2)} % of a core over ${Math.round(seconds)} s`;
  const fresh = row({ cell: 'idle, as started', figures: { rssMb, pssMb, stealCores }, note, broken: null });
  await send(traffic, { ...SHOT, port: relay.port, count: 500 });
  await sleep(idleMs);
  const after = relay.group.memory();
  const broken = await conservedInQueue(traffic.board, relay);
  return [fresh, row({ cell: 'idle, after 500 messages', figures: after, note: '', broken })];
});

function row(of: Pick<Row, 'cell' | 'figures' | 'broken'> & { readonly note: string }): Row {
  return { peer: 'relevo', runs: 1, ...of };
}
