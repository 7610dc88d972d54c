/** Status pages and calls of the API on a long queue, while some mail goes through: how long each takes, how large each is. */
import { readFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Row } from './figures.ts';
import { freePort } from './peer.ts';
import { Relevo, type RelevoOptions } from './peer-relevo.ts';
import { missingText, type Run } from './run.ts';
import { fillStock, STOCK_CLIENTS, type Stock } from './stock.ts';
import { Traffic } from './traffic.ts';

const TIMES = 50;
const PAUSE_MS = 20;
/** One session that waits for so long after each message sends some 20 a second. */
const LIGHT = { sessions: 1, bodyBytes: 4_096, pauseMs: 47, perConnection: null } as const;
const LIGHT_AT_ONCE = 60;
const DOWN_EXITS = 8;
/** Nothing expires, and no sender is told that it is late: that would be mail of its own. */
const RETRY = '{ delays: [30m], warnAfter: 4d, expire: 5d }';
/** What comes up at a start is over by then. */
const SETTLE_MS = 20_000;

type Asked = { readonly what: string; readonly path: string };
type Answered = Asked & { readonly tookMs: number[]; bytes: number; status: number };

/** A row for each page and call. */
export async function pages(run: Run, options: RelevoOptions): Promise<Row[]> {
  const peer = options.engine === 'redis' ? 'relevo, Redis' : 'relevo';
  try {
    return await measured(run, options, peer);
  } catch (error) {
    const missing = missingText(error);
    run.say(`pages: ${missing}`);
    return [{ cell: 'pages', peer, figures: {}, runs: 0, broken: null, missing }];
  }
}

async function measured(run: Run, options: RelevoOptions, peer: string): Promise<Row[]> {
  await using traffic = new Traffic(200_000);
  const sinkPort = await traffic.listen();
  const exits = exitsOf(sinkPort, await freePort());
  const needs = { folder: run.folder(), sinkPort, keyFile: run.keyFile };
  await using relay = await Relevo.start(needs, { ...options, exits, retry: RETRY });
  const stock = await filled(run, relay);
  const [token, began] = [await tokenOf(relay), performance.now()];
  run.say(`pages: ${stock.queued} queued and ${stock.ended} ended, listening`);
  const light = new AbortController();
  const sending = trickle(traffic, relay.port, light.signal);
  await sleep(Math.max(0, SETTLE_MS - (performance.now() - began)));
  const rows: Row[] = [];
  for (const asked of [...pagesOf(stock), ...callsOf(stock)])
    rows.push(await measuredRow(run, relay, { token, asked, peer }));
  rows.push(await commandsOf(relay, peer));
  rows.push(...(await whileAllIsDue(run, { relay, token, stock, peer })));
  light.abort();
  await sending;
  return rows;
}

/** Fills the store of a relay that is down meanwhile. */
async function filled(run: Run, relay: Relevo): Promise<Stock> {
  await relay.end('SIGTERM');
  const policy = readFileSync(join(relay.folder, 'config/relevo.yaml'), 'utf8');
  const url = /url: "(redis:[^"]+)"/.exec(policy)?.[1] ?? null;
  const began = performance.now();
  const stock = await fillStock({ url, dataFolder: join(relay.folder, 'data') }, run.settings.queued, (text) =>
    run.say(text),
  );
  run.say(`pages: filled in ${((performance.now() - began) / 1_000).toFixed(0)} s`);
  const starting = performance.now();
  await relay.begin();
  run.say(`pages: started in ${(performance.now() - starting).toFixed(0)} ms`);
  return stock;
}

/** What is queued has a route of its own, whose servers are down. */
function exitsOf(sinkPort: number, downPort: number): string {
  const down = Array.from({ length: DOWN_EXITS }, (_, n) => `down${n}`);
  const servers = down.map((name) => `  ${name}: { type: smtp, host: 127.0.0.1, port: ${downPort}, tls: none }\n`);
  return `egress:
  sink: { type: smtp, host: 127.0.0.1, port: ${sinkPort}, tls: none, connections: 50 }
${servers.join('')}pools: { down: { members: [${down.join(', ')}] } }
routes:
  - { name: light, match: { client: [bench, relevo] }, use: [sink] }
  - { name: rest, use: [down] }`;
}

async function trickle(traffic: Traffic, port: number, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) await traffic.send({ ...LIGHT, port, count: LIGHT_AT_ONCE });
}

async function tokenOf(relay: Relevo): Promise<string> {
  const { stdout, stderr } = await relay.command([
    'token',
    'create',
    'bench',
    '--scopes',
    'read,operate,admin',
    '--json',
  ]);
  const { token } = JSON.parse(stdout === '' ? '{}' : stdout) as { readonly token?: string };
  if (token === undefined) throw new Error(`no token: ${stderr}`);
  return token;
}

function pagesOf(stock: Stock): Asked[] {
  const paths: Readonly<Record<string, string>> = {
    Overview: '/',
    Exits: '/exits',
    'an exit': '/exits/down0',
    Queue: '/queue',
    ...filtersOf('Queue', '/queue', stock),
    Messages: '/messages',
    ...searchesOf('Messages', '/messages', stock),
    'a message': `/messages/${stock.id}`,
    Suppression: '/suppression',
    'Suppression, an address': '/suppression?address=gone77777%40dest0.example.net',
    'Suppression, a domain': '/suppression?domain=dest17.example.net',
    'Suppression, a reason': '/suppression?reason=unsubscribe',
    Reports: '/reports',
    Costs: '/reports/costs',
    Policy: '/policy',
    Wizard: '/policy/wizard',
    Alerts: '/alerts',
    Access: '/access',
  };
  return Object.entries(paths).map(([what, path]) => ({ what: `page: ${what}`, path }));
}

function callsOf(stock: Stock): Asked[] {
  const paths: Readonly<Record<string, string>> = {
    queue: '/api/v1/queue',
    ...filtersOf('queue', '/api/v1/queue', stock),
    'queue overview': '/api/v1/queue/overview',
    'queue shape': '/api/v1/queue/shape',
    messages: '/api/v1/messages',
    ...searchesOf('messages', '/api/v1/messages', stock),
    'a message': `/api/v1/messages/${stock.id}`,
    explain: `/api/v1/messages/${stock.id}/explain`,
    suppressions: '/api/v1/suppressions',
    egress: '/api/v1/egress',
    stats: '/api/v1/stats',
    'stats series': '/api/v1/stats/series?what=delivered,bounced,queue&step=1m',
    'report bounces': '/api/v1/reports/bounces',
    'report traffic': '/api/v1/reports/traffic',
    'report costs': '/api/v1/reports/costs',
    alerts: '/api/v1/alerts',
    clients: '/api/v1/clients',
    nodes: '/api/v1/nodes',
    status: '/api/v1/status',
    tokens: '/api/v1/tokens',
    audit: '/api/v1/audit',
    metrics: '/metrics',
  };
  return Object.entries(paths).map(([what, path]) => ({ what: `API: ${what}`, path }));
}

function filtersOf(name: string, path: string, stock: Stock): Readonly<Record<string, string>> {
  const filters: Readonly<Record<string, string>> = {
    'a great domain': 'domain=dest0.example.net',
    'a small domain': 'domain=dest4321.example.net',
    'no domain of it': 'domain=nowhere.example.net',
    'a client': `client=${STOCK_CLIENTS[0]}`,
    'a stream': 'stream=marketing',
    'a sender': `sender=${encodeURIComponent(stock.sender)}`,
    'a recipient': `recipient=${encodeURIComponent(stock.recipient)}`,
    'an exit': 'egress=down3',
    held: 'state=held',
    scheduled: 'scheduled=true',
    'an id': `id=${stock.id}`,
  };
  return Object.fromEntries(Object.entries(filters).map(([what, query]) => [`${name}, ${what}`, `${path}?${query}`]));
}

function searchesOf(name: string, path: string, stock: Stock): Readonly<Record<string, string>> {
  const searches: Readonly<Record<string, string>> = {
    'its id': `text=${stock.id}`,
    'its Message-ID': `text=${encodeURIComponent(stock.messageIdHeader)}`,
    'an address': `address=${encodeURIComponent(stock.recipient)}`,
    'a recipient': `recipient=${encodeURIComponent(stock.recipient)}`,
    'a sender': `sender=${encodeURIComponent(stock.sender)}`,
    'a great domain': 'domain=dest0.example.net',
    'a small domain': 'domain=dest4321.example.net',
    'a client': `client=${STOCK_CLIENTS[1]}`,
    'a tag': 'tag=reset',
    'no tag of it': 'tag=nothing',
    delivered: 'state=delivered',
    bounced: 'state=bounced',
    held: 'state=held',
    'an exit': 'egress=down0',
    'a time': `since=${timeOf(40)}&until=${timeOf(39)}`,
    'much at once': `since=${timeOf(48)}&client=${STOCK_CLIENTS[2]}&state=bounced&tag=may`,
  };
  return Object.fromEntries(Object.entries(searches).map(([what, query]) => [`${name}, ${what}`, `${path}?${query}`]));
}

function timeOf(hoursAgo: number): string {
  return new Date(Date.now() - hoursAgo * 3_600_000).toISOString();
}

async function answers(port: number, token: string, asked: Asked): Promise<Answered> {
  const answered: Answered = { ...asked, tookMs: [], bytes: 0, status: 0 };
  for (let time = 0; time < TIMES; time++) {
    const began = performance.now();
    const { bytes, status } = await got(port, token, asked.path);
    answered.tookMs.push(performance.now() - began);
    answered.bytes = Math.max(answered.bytes, bytes);
    answered.status = status;
    await sleep(PAUSE_MS);
  }
  return answered;
}

function got(port: number, token: string, path: string): Promise<{ readonly bytes: number; readonly status: number }> {
  return new Promise((resolve, reject) => {
    const headers = { authorization: `Bearer ${token}` };
    const asking = request({ port, path, headers }, (response) => {
      let bytes = 0;
      response.on('data', (chunk: Buffer) => (bytes += chunk.length));
      response.on('end', () => resolve({ bytes, status: response.statusCode ?? 0 }));
      response.on('error', reject);
    });
    asking.on('error', reject);
    asking.end();
  });
}

/** The first of 50 as well, which has what nobody asked for before. */
function rowOf({ what, tookMs, bytes, status }: Answered, peer: string): Row {
  const sorted = tookMs.toSorted((left, right) => left - right);
  const at = (share: number): number => sorted[Math.ceil(sorted.length * share) - 1] ?? Number.NaN;
  const late = sorted.filter((ms) => ms >= 50).length;
  return {
    cell: what,
    peer,
    figures: { p50Ms: at(0.5), p99Ms: at(0.99) },
    runs: tookMs.length,
    broken: status === 200 ? null : `HTTP ${status}`,
    note: `p90 ${at(0.9).toFixed(1)}, the first ${tookMs[0]?.toFixed(1)}, ${late} of 50 ms or more, ${(bytes / 1_000).toFixed(1)} KB`,
  };
}

async function measuredRow(
  run: Run,
  relay: Relevo,
  { token, asked, peer }: { readonly token: string; readonly asked: Asked; readonly peer: string },
): Promise<Row> {
  const row = rowOf(await answers(relay.httpPort, token, asked), peer);
  const { p50Ms, p99Ms } = row.figures;
  run.say(`${row.cell}: p50 ${p50Ms?.toFixed(1)}, p99 ${p99Ms?.toFixed(1)} ms, ${row.note ?? ''}`);
  return row;
}

/** What an operator does when something is wrong: has everything tried at once, and looks how it goes. All of it is put off again. */
async function whileAllIsDue(
  run: Run,
  at: { readonly relay: Relevo; readonly token: string; readonly stock: Stock; readonly peer: string },
): Promise<Row[]> {
  const { relay, token, stock, peer } = at;
  const retrying = relay.command(['queue', 'retry', '--all']);
  const rows: Row[] = [];
  for (const { what, path } of pagesOf(stock)) {
    const asked = { what: `${what}, all mail due`, path };
    rows.push(await measuredRow(run, relay, { token, asked, peer }));
  }
  const { code, stderr, stdout, ms } = await retrying;
  if (code !== 0) throw new Error(`queue retry: ${stderr.trim()}`);
  run.say(`pages: ${stdout.trim()}, in ${(ms / 1_000).toFixed(0)} s`);
  return rows;
}

async function commandsOf(relay: Relevo, peer: string): Promise<Row> {
  const parts: string[] = [];
  for (const command of [
    ['queue', 'list'],
    ['queue', 'shape'],
    ['queue', 'list', '--domain', 'dest4321.example.net'],
  ]) {
    const { code, ms, stderr } = await relay.command(command);
    if (code !== 0) throw new Error(`${command.join(' ')}: ${stderr.trim()}`);
    parts.push(`${command.join(' ')} ${ms.toFixed(0)} ms`);
  }
  const shape = await relay.ask((operations) => operations.shape({ filter: {} }));
  const list = await relay.ask((operations) => operations.list({ filter: {}, limit: 101, after: null }));
  const metrics = await relay.metric('relevo_queue_messages');
  parts.push(
    `the relay alone: list ${list.ms.toFixed(1)}, shape ${shape.ms.toFixed(1)}, /metrics ${metrics.ms.toFixed(1)} ms`,
  );
  return {
    cell: 'commands, with the start of their process',
    peer,
    figures: {},
    runs: 1,
    broken: null,
    note: parts.join(', '),
  };
}
