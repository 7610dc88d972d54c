/** The relay's own parts, from the way in to the exits, between simulated providers and a clock that is moved. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openExitChecks } from '../../src/exits/checks.ts';
import { type ExitStandings, openExitStandings } from '../../src/exits/standings.ts';
import { openMailPath, type MailPath } from '../../src/mail-path.ts';
import type { Event } from '../../src/message/event.ts';
import { flushOutcomes, OutcomeBook } from '../../src/exits/outcome-book.ts';
import { policySchema, type Policy, type PolicyInput } from '../../src/policy/schema.ts';
import { WHOLE } from '../../src/policy/share.ts';
import type { Dial, Dns } from '../../src/ports.ts';
import { watchRoutes } from '../../src/exits/route-alerts.ts';
import { SilentExits } from '../../src/exits/silent-exits.ts';
import { openEmbeddedSpool, type EmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { watchStandings } from '../../src/exits/standing-watch.ts';
import { systemDial } from '../../src/system.ts';
import { watchWarmups } from '../../src/exits/warmup-watch.ts';
import { readDescription } from './description.ts';
import { startSimulator, type Simulator, type SimulatorEvent } from './simulator.ts';
import { GrainedClock } from './grained-clock.ts';

export type World = AsyncDisposable & {
  readonly clock: GrainedClock;
  readonly spool: EmbeddedSpool;
  readonly path: MailPath;
  readonly standings: ExitStandings;
  /** Other providers on the same addresses from now on, which remember nothing; connections are cut. */
  provide(description: string): Promise<void>;
  /** Lets everything come to rest that takes no time. */
  rest(): Promise<void>;
  /** Lets time pass until then, at rest after each grain. */
  passTo(atMs: number, grainMs?: number): Promise<void>;
  /** The most connections that a client address had at once, with all providers that there are now. */
  connectionsOf(client: string): number;
};

export type WorldPorts = { readonly relay: number; readonly providers: number };

export type WorldNeeds = {
  readonly startMs: number;
  /** Waits of a second and longer end at multiples of this. */
  readonly grainMs: number;
  /** Numbers in [0, 1) that look random. */
  readonly fraction: () => number;
  /** As `relevo simulate-provider` reads it. @param port of all providers */
  readonly providers: (port: number) => string;
  readonly policy: (ports: WorldPorts) => PolicyInput;
  readonly dns: (clock: GrainedClock) => Dns;
  /** What becomes of connections from the own addresses; with the default they come about. */
  readonly line?: (clock: GrainedClock) => Line;
  readonly canSendFrom?: (address: string, atMs: number) => boolean;
  /** Whether providers may say nothing at all: what is under way then waits for the clock. Default: no. */
  readonly hangs?: boolean;
  readonly heard: (event: Event) => void;
  readonly provided: (event: SimulatorEvent) => void;
};

/** `hanging`: connections that are being waited for and will not come. */
export type Line = { readonly dial: Dial; readonly hanging: number };

const SOUND: Line = { dial: systemDial, hanging: 0 };
/** So often nothing happens and something is under way all the same: it waits for the clock. The first where much of it does. */
const STUCK = 60;
const STUCK_AT_ALL = 300;
/** And for no less of real time: on a busy machine other threads get no turn meanwhile. */
const STUCK_MS = 100;
/** So often in a row nothing is under way and nothing happens: a settlement may be answered after what was asked later. */
const CALM = 3;

/** Opens all of it, in a folder of its own that goes with it. */
export async function openWorld(needs: WorldNeeds): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const clock = new GrainedClock(needs.startMs);
  const ports = { relay: await freePort(), providers: await freePort() };
  const simulators = stack.adopt({ one: await simulate(needs, clock, needs.providers(ports.providers)) }, (held) =>
    held.one[Symbol.asyncDispose](),
  );
  const inForce = policySchema.parse(needs.policy(ports));
  const line = needs.line?.(clock) ?? SOUND;
  let events = 0;
  const heard = (event: Event): void => {
    events += 1;
    needs.heard(event);
  };
  const { spool, path, standings } = await openParts({ ...needs, policy: () => inForce, clock, line, heard }, stack);
  const rest = async (): Promise<void> => {
    // Where nothing happens, nothing comes of it; what did happen may have consequences that take a while to show.
    const most = needs.hangs === true ? STUCK : STUCK_AT_ALL;
    const startedMs = performance.now();
    const isStuck = (turns: number): boolean => turns >= most && performance.now() - startedMs >= STUCK_MS;
    for (let calm = 1, stuck = 0; calm < CALM && !isStuck(stuck);) {
      const before = events;
      await settled();
      // The store answers in turn: what was asked before this is done.
      await spool.overview();
      await settled();
      const { connectionsOut } = await path.figures();
      stuck = events === before ? stuck + 1 : 0;
      calm = connectionsOut > line.hanging || events !== before ? 0 : calm + 1;
    }
  };
  const opened = stack.move();
  return {
    clock,
    spool,
    path,
    standings,
    rest,
    provide: async (description) => {
      await simulators.one[Symbol.asyncDispose]();
      simulators.one = await simulate(needs, clock, description);
    },
    passTo: (atMs, grainMs = needs.grainMs) => passTo(atMs, { clock, rest, grainMs }),
    connectionsOf: (client) => simulators.one.most.get(client) ?? 0,
    [Symbol.asyncDispose]: () => endWith(opened, clock),
  };
}

async function simulate({ provided }: WorldNeeds, clock: GrainedClock, text: string): Promise<Simulator> {
  const read = readDescription(text);
  if (read.kind === 'refused') throw new Error(read.problems.join('\n'));
  return startSimulator({ description: read.description, clock, emit: provided });
}

type PartsNeeds = Omit<WorldNeeds, 'policy' | 'line'> & {
  readonly policy: () => Policy;
  readonly clock: GrainedClock;
  readonly line: Line;
};

/** As `src/relay.ts` does, but for what is about files, commands and the log. */
async function openParts(
  { policy, clock, line, heard, fraction, ...needs }: PartsNeeds,
  stack: AsyncDisposableStack,
): Promise<Pick<World, 'spool' | 'path' | 'standings'>> {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-world-'));
  stack.defer(() => rm(folder, { recursive: true, force: true }));
  const book = new OutcomeBook(policy);
  let tellChecks: (event: Event) => void = () => {};
  const emit = (event: Event): void => {
    heard(event);
    book.sink(event);
    tellChecks(event);
  };
  const onEvents = (some: readonly Event[]): void => some.forEach(emit);
  const spool = stack.use(await openEmbeddedSpool({ path: folder, durability: 'relaxed', clock, onEvents }));
  const { marks, ledger: tallies } = spool;
  stack.use(flushOutcomes({ book, tallies, clock, emit }));
  const bytes = (count: number): Buffer => Buffer.from(Array.from({ length: count }, () => fraction() * 256));
  const ports = { clock, random: { fraction, bytes }, dns: needs.dns(clock), dial: line.dial };
  const canSendFrom = async (address: string): Promise<boolean> => needs.canSendFrom?.(address, clock.nowMs()) ?? true;
  const node = 'n1';
  const localAddresses = (): readonly string[] => [];
  const standings = stack.use(await openExitStandings({ policy, marks, tallies, clock, node, judges: true }));
  const parts = { policy, spool, ports, emit, localAddresses, canSendFrom, node, standings, share: WHOLE };
  const path = stack.use(await openMailPath(parts));
  stack.use(watchStandings({ policy, standings, marks, clock, emit }));
  const hold = spool.hold.bind(spool);
  const checks = openExitChecks({ ...ports, policy, emit, marks, hold, node, isShared: false, canSendFrom });
  const silent = new SilentExits({ policy, clock, emit });
  tellChecks = (event) => {
    checks.heard(event);
    silent.heard(event);
  };
  stack.use(checks);
  stack.use(watchRoutes({ policy, standingOf: standings.standingOf, clock, emit }));
  stack.use(watchWarmups({ policy, tallies, marks, clock, emit }));
  return { spool, path, standings };
}

/** What ends may wait for a while, and nobody else moves the clock. */
async function endWith(opened: AsyncDisposableStack, clock: GrainedClock): Promise<void> {
  let isOver = false;
  const ended = opened.disposeAsync().finally(() => (isOver = true));
  while (!isOver) {
    clock.moveTo(clock.nowMs() + 500);
    await new Promise((resolve) => setTimeout(resolve, 1));
  }
  await ended;
}

type Passing = { readonly clock: GrainedClock; readonly rest: () => Promise<void>; readonly grainMs: number };

async function passTo(atMs: number, { clock, rest, grainMs }: Passing): Promise<void> {
  while (clock.nowMs() < atMs) {
    const grainEndMs = Math.min(atMs, (Math.floor(clock.nowMs() / grainMs) + 1) * grainMs);
    for (let shortMs = clock.nextShortMs(grainEndMs); shortMs !== null; shortMs = clock.nextShortMs(grainEndMs)) {
      clock.moveTo(shortMs);
      await rest();
    }
    clock.moveTo(grainEndMs);
    await rest();
  }
}

async function settled(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}
