/** Twenty browsers with a status page open, as the relay sees them: what they cost it under load. */
import { get, type ClientRequest } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { medians, type Figures, type Row } from './figures.ts';
import { Relevo, type RelevoOptions } from './peer-relevo.ts';
import { conservedInQueue, missingText, type Run } from './run.ts';
import { warmUp } from './throughput.ts';
import { Traffic } from './traffic.ts';

const BROWSERS = 20;
/** Most look at the first page. */
const PAGES = ['/', '/', '/', '/exits', '/queue'];
/** Somebody opens another page now and then. */
const LOADS_EVERY_MS = 10_000;
const SHOT = { sessions: 20, bodyBytes: 4_096 };
/** Twenty sessions that wait for so long after each message send some 200 a second. */
const PAUSE_MS = 93;

type Measured = Figures & { readonly perSecond: number };

/** The rate and the CPU at 200 messages a second, and as fast as it goes, without and with them, in turns. */
export async function watched(run: Run, options: RelevoOptions): Promise<Row[]> {
  const peer = options.engine === 'redis' ? 'relevo, Redis' : 'relevo';
  try {
    return (await measured(run, options)).map((row) => ({ ...row, peer }));
  } catch (error) {
    const missing = missingText(error);
    run.say(`watched: ${missing}`);
    return [{ cell: 'watched by 20 browsers', peer, figures: {}, runs: 0, broken: null, missing }];
  }
}

async function measured(run: Run, options: RelevoOptions): Promise<Row[]> {
  const { seconds, pairs, messages } = run.settings;
  await using traffic = new Traffic(20_000 + 4 * pairs * seconds * 8_000);
  const sinkPort = await traffic.listen();
  await using relay = await Relevo.start({ folder: run.folder(), sinkPort, keyFile: run.keyFile }, options);
  const token = await tokenOf(relay);
  const shot = { ...SHOT, port: relay.port };
  const perS = await warmUp(traffic, { ...shot, perConnection: null }, messages);
  const fast = { pauseMs: 0, count: messages ?? Math.round(perS * seconds) };
  const steady = { pauseMs: PAUSE_MS, count: 200 * seconds };
  const found = { steady: [] as Measured[][], fast: [] as Measured[][] };
  for (let pair = 0; pair < pairs; pair++)
    for (const [name, load] of Object.entries({ steady, fast })) {
      const alone = await stretch(relay, traffic, { ...shot, ...load });
      const browsers = new Browsers(relay.httpPort, token);
      await browsers.opened();
      const seen = await stretch(relay, traffic, { ...shot, ...load });
      const heard = browsers.close();
      run.say(
        `watched ${pair + 1}/${pairs} ${name}: ${shown(alone)} alone, ${shown(seen)} watched (${heard} events heard)`,
      );
      found[name === 'fast' ? 'fast' : 'steady'].push([alone, seen]);
    }
  const broken = await conservedInQueue(traffic.board, relay);
  return Object.entries(found).flatMap(([name, turns]) => rowsOf(name, turns, broken));
}

function shown({ perSecond, cpuPer1000 }: Measured): string {
  return `${perSecond.toFixed(0)}/s at ${cpuPer1000?.toFixed(2)} CPU s/1000`;
}

function rowsOf(name: string, turns: readonly Measured[][], broken: string | null): Row[] {
  const [alone, seen] = [0, 1].map((at) => medians(turns.flatMap((turn) => turn.slice(at, at + 1))));
  if (alone === undefined || seen === undefined) return [];
  const share = ((seen.perSecond ?? 0) / (alone.perSecond ?? 1)) * 100;
  const what = name === 'fast' ? 'as fast as it goes' : 'some 200 a second';
  const row = { peer: 'relevo', runs: turns.length, broken };
  return [
    { ...row, cell: `4 KB, ${what}, nobody watches`, figures: alone },
    { ...row, cell: `the same, ${BROWSERS} browsers watch`, figures: seen, note: `${share.toFixed(1)} % of that rate` },
  ];
}

async function stretch(relay: Relevo, traffic: Traffic, shot: Parameters<Traffic['send']>[0]): Promise<Measured> {
  relay.group.begin();
  const [arrived, began] = [traffic.board.arrived, performance.now()];
  await traffic.send({ ...shot, perConnection: null });
  await traffic.settled(30_000, () => arrived + shot.count);
  const perSecond = (shot.count / (performance.now() - began)) * 1_000;
  const { cpuS, rssMb, pssMb, stealCores } = relay.group.end();
  return { perSecond, cpuPer1000: (cpuS / shot.count) * 1_000, rssMb, pssMb, stealCores };
}

async function tokenOf(relay: Relevo): Promise<string> {
  const { stdout, stderr } = await relay.command(['token', 'create', 'bench', '--scopes', 'read,operate', '--json']);
  const { token } = JSON.parse(stdout === '' ? '{}' : stdout) as { readonly token?: string };
  if (token === undefined) throw new Error(`no token: ${stderr}`);
  return token;
}

/** They load a page, hold its stream of events open, and load another page now and then. */
class Browsers {
  readonly #streams: ClientRequest[] = [];
  readonly #options: { readonly port: number; readonly headers: Readonly<Record<string, string>> };
  readonly #timer: NodeJS.Timeout;
  #heard = 0;
  #open = 0;

  constructor(port: number, token: string) {
    this.#options = { port, headers: { authorization: `Bearer ${token}` } };
    for (let browser = 0; browser < BROWSERS; browser++) this.#watch(PAGES[browser % PAGES.length] ?? '/');
    let turn = 0;
    this.#timer = setInterval(() => this.#load(PAGES[turn++ % PAGES.length] ?? '/'), LOADS_EVERY_MS / BROWSERS);
  }

  /** Once all have heard something. */
  async opened(): Promise<void> {
    for (let tries = 0; this.#open < BROWSERS; tries++) {
      if (tries > 200) throw new Error(`only ${this.#open} of ${BROWSERS} browsers hear anything`);
      await sleep(50);
    }
  }

  /** @returns how many events all of them heard */
  close(): number {
    clearInterval(this.#timer);
    for (const stream of this.#streams) stream.destroy();
    return this.#heard;
  }

  #watch(path: string): void {
    const stream = get({ ...this.#options, path: `/live?path=${encodeURIComponent(path)}` }, (response) => {
      let isFirst = true;
      response.on('data', (chunk: Buffer) => {
        if (!chunk.includes('event: ')) return;
        this.#heard += 1;
        if (isFirst) this.#open += 1;
        isFirst = false;
      });
      response.on('error', () => {});
    });
    stream.on('error', () => {});
    this.#streams.push(stream);
  }

  #load(path: string): void {
    get({ ...this.#options, path }, (response) => void response.resume()).on('error', () => {});
  }
}
