/** The relay's own parts, from the way in to the exits, between simulated providers and a clock that is moved. */
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openExitChecks } from '../../src/exits/checks.ts';
import { openExitStandings } from '../../src/exits/standings.ts';
import { openMailPath, type MailPath } from '../../src/mail-path.ts';
import type { Event } from '../../src/message/event.ts';
import { flushOutcomes, OutcomeBook } from '../../src/exits/outcome-book.ts';
import { policySchema, type Policy } from '../../src/policy/schema.ts';
import { WHOLE } from '../../src/policy/share.ts';
import type { Dial, Dns, DnsAnswer } from '../../src/ports.ts';
import { watchRoutes } from '../../src/exits/route-alerts.ts';
import { listingName, testNames } from '../../src/routing/listing.ts';
import { SilentExits } from '../../src/exits/silent-exits.ts';
import { openEmbeddedSpool, type EmbeddedSpool } from '../../src/spool/embedded/spool.ts';
import { watchStandings } from '../../src/exits/standing-watch.ts';
import { systemDial } from '../../src/system.ts';
import { watchWarmups } from '../../src/exits/warmup-watch.ts';
import { readDescription } from '../simulator/description.ts';
import { startSimulator, type SimulatorEvent } from '../simulator/simulator.ts';
import { GrainedClock } from './grained-clock.ts';
import {
  PLACES,
  policyAt,
  providersAt,
  publicOf,
  randomOf,
  START_MS,
  type Terms,
  TROUBLES,
  troubleOf,
  ZONE,
} from './scenario.ts';

export type World = AsyncDisposable & {
  readonly clock: GrainedClock;
  readonly spool: EmbeddedSpool;
  readonly path: MailPath;
  /** Lets everything come to rest that takes no time. */
  rest(): Promise<void>;
  /** Lets time pass until then, at rest after each grain. */
  passTo(atMs: number): Promise<void>;
};

export type WorldNeeds = {
  readonly terms: Terms;
  readonly heard: (event: Event) => void;
  readonly provided: (event: SimulatorEvent) => void;
};

/** Opens all of it, in a folder of its own that goes with it. */
export async function openWorld({ terms, heard, provided }: WorldNeeds): Promise<World> {
  await using stack = new AsyncDisposableStack();
  const clock = new GrainedClock(START_MS);
  const ports = { relay: await freePort(), providers: await freePort() };
  const read = readDescription(providersAt(ports.providers, terms));
  if (read.kind === 'refused') throw new Error(read.problems.join('\n'));
  stack.use(await startSimulator({ description: read.description, clock, emit: provided }));
  const inForce = policySchema.parse(policyAt(ports, terms));
  const line = new Line(clock);
  let events = 0;
  const count = (event: Event): void => {
    events += 1;
    heard(event);
  };
  const { spool, path } = await openParts({ policy: () => inForce, clock, line, terms, heard: count }, stack);
  const rest = async (): Promise<void> => {
    // Where nothing happens, nothing comes of it; what did happen may have consequences that take a while to show.
    for (let calm = 1; calm < 2;) {
      const before = events;
      await settled();
      // The store answers in turn: what was asked before this is done.
      await spool.overview();
      await settled();
      const { connectionsOut } = await path.figures();
      calm = connectionsOut > line.hanging || events !== before ? 0 : calm + 1;
    }
  };
  const opened = stack.move();
  return {
    clock,
    spool,
    path,
    rest,
    passTo: (atMs) => passTo(atMs, { clock, rest, grainMs: terms.grainMs }),
    [Symbol.asyncDispose]: () => endWith(opened, clock),
  };
}

type PartsNeeds = Pick<WorldNeeds, 'terms' | 'heard'> & {
  readonly policy: () => Policy;
  readonly clock: GrainedClock;
  readonly line: Line;
};

/** As `src/relay.ts` does, but for what is about files, commands and the log. */
async function openParts(
  { policy, clock, line, terms, heard }: PartsNeeds,
  stack: AsyncDisposableStack,
): Promise<Pick<World, 'spool' | 'path'>> {
  const folder = await mkdtemp(join(tmpdir(), 'relevo-ten-days-'));
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
  const fraction = randomOf(terms.seed);
  const bytes = (count: number): Buffer => Buffer.from(Array.from({ length: count }, () => fraction() * 256));
  const ports = { clock, random: { fraction, bytes }, dns: namesAt(clock), dial: line.dial };
  const canSendFrom = async (address: string): Promise<boolean> => troubleOf(address, clock.nowMs()) !== 'missing';
  const node = 'n1';
  const localAddresses = (): readonly string[] => [];
  const standings = stack.use(await openExitStandings({ policy, marks, tallies, clock, node, judges: true }));
  const needs = { policy, spool, ports, emit, localAddresses, canSendFrom, node, standings, share: WHOLE };
  const path = stack.use(await openMailPath(needs));
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
  return { spool, path };
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

/** Connections from the addresses, as long as nothing befalls them. */
class Line {
  readonly #clock: GrainedClock;
  /** Connections that are being waited for and will not come. */
  hanging = 0;

  constructor(clock: GrainedClock) {
    this.#clock = clock;
  }

  readonly dial: Dial = async (target, signal) => {
    const trouble = troubleOf(target.bind, this.#clock.nowMs());
    if (trouble === 'missing') throw codedError('EADDRNOTAVAIL');
    if (trouble !== 'hangs') return systemDial(target, signal);
    this.hanging += 1;
    await this.#clock.sleep(target.timeoutMs, signal).finally(() => (this.hanging -= 1));
    throw codedError('ETIMEDOUT');
  };
}

function codedError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** The providers' names, and one blocklist. */
function namesAt(clock: GrainedClock): Dns {
  const present = testNames(ZONE, 4).present;
  const listed = (name: string): boolean =>
    name === present ||
    TROUBLES.some(({ address, kind }) => {
      if (kind !== 'listed' || name !== listingName(publicOf(address), ZONE)) return false;
      return troubleOf(`127.0.1.${address}`, clock.nowMs()) === 'listed';
    });
  const found = <T>(records: readonly T[]): DnsAnswer<T> =>
    records.length === 0 ? { kind: 'missing' } : { kind: 'found', records };
  return {
    mx: async (name) =>
      found(
        PLACES.filter(({ domains }) => domains.includes(name)).map((place) => ({
          preference: 10,
          exchange: `mx.${place.name}`,
        })),
      ),
    a: async (name) =>
      found(
        listed(name) ? ['127.0.0.2'] : PLACES.filter((place) => name === `mx.${place.name}`).map(({ host }) => host),
      ),
    aaaa: async () => ({ kind: 'none' }),
    txt: async () => ({ kind: 'missing' }),
  };
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
