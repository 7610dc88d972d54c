/** The world of the ten days: what befalls the addresses, the providers' names, one blocklist. */
import type { Event } from '../../src/message/event.ts';
import type { Dial, Dns, DnsAnswer } from '../../src/ports.ts';
import { listingName, testNames } from '../../src/routing/listing.ts';
import { systemDial } from '../../src/system.ts';
import type { GrainedClock } from '../simulator/grained-clock.ts';
import { openWorld, type World } from '../simulator/relay-world.ts';
import type { SimulatorEvent } from '../simulator/simulator.ts';
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

export type TenDaysNeeds = {
  readonly terms: Terms;
  readonly heard: (event: Event) => void;
  readonly provided: (event: SimulatorEvent) => void;
};

/** Opens all of it, in a folder of its own that goes with it. */
export function openTenDays({ terms, heard, provided }: TenDaysNeeds): Promise<World> {
  return openWorld({
    startMs: START_MS,
    grainMs: terms.grainMs,
    fraction: randomOf(terms.seed),
    providers: (port) => providersAt(port, terms),
    policy: (ports) => policyAt(ports, terms),
    dns: namesAt,
    line: (clock) => new TroubledLine(clock),
    canSendFrom: (address, atMs) => troubleOf(address, atMs) !== 'missing',
    heard,
    provided,
  });
}

/** Connections from the addresses, as long as nothing befalls them. */
class TroubledLine {
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
