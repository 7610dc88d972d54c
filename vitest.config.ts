import { createHash } from 'node:crypto';
import { statfsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

const cores = availableParallelism();
/** What tests of parts keep for a moment need not wait for a disk; with real servers around it, it does. */
const QUICK_FOLDER = '/dev/shm';
const ROOM_BYTES = 4 * 1024 ** 3;
/** What Node makes of a source is made once, not in every thread that a test starts: where `scripts/relevo` has it too. */
const COMPILED_FOLDER = join(import.meta.dirname, 'node_modules/.cache/relevo');

/** Files that take long, most of them waiting: begun last, one of them would run on alone. */
const LONG = [
  'simulator/ten-days',
  'redis/topology',
  'embedded/spool',
  'spool/moving',
  'embedded/property',
  'redis/open-link',
  'redis/open-refused',
  'life/redis',
  'life/workers',
  'life/idle',
  'life/retry',
  'life/standings',
  'life/limits',
  'life/presets',
  'life/api',
  'browser/',
  'faults/crash',
  'faults/failover',
  'faults/nodes',
  'faults/redis-primary',
].map((name) => `/${name}`);

/** What takes long first, and all else by chance. */
class LongFirst extends BaseSequencer {
  override sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const { seed } = this.ctx.config.sequence;
    const drawn = (file: TestSpecification) => createHash('sha1').update(`${seed} ${file.moduleId}`).digest('hex');
    const placed = files.map((file) => {
      const place = LONG.findIndex((name) => file.moduleId.includes(name));
      return { file, place: place < 0 ? LONG.length : place, by: drawn(file) };
    });
    placed.sort((one, other) => one.place - other.place || one.by.localeCompare(other.by));
    return Promise.resolve(placed.map(({ file }) => file));
  }
}

/**
 * Run one after the other, the fast ones first; inside a project the order is shuffled, so that no test leans on another. With real servers
 * and the machine's own time a test gets a second try, which the report names: two cores that stood still for a moment are no defect, and
 * what is broken is broken twice. Unit tests get none: a property that a random example refutes is refuted.
 */
export default defineConfig({
  test: {
    sequence: { shuffle: true, sequencer: LongFirst },
    allowOnly: false,
    maxWorkers: cores,
    env: { NODE_COMPILE_CACHE: COMPILED_FOLDER },
    // What will be so is so when the machine gets to it.
    expect: { poll: { timeout: 20_000 } },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['src/**/*.test.ts', 'tests/*.test.ts', 'tests/!(life|faults|browser)/**/*.test.ts'],
          env: isRoomy(QUICK_FOLDER) ? { TMPDIR: QUICK_FOLDER } : {},
          testTimeout: 60_000,
          hookTimeout: 60_000,
          // Sources are read once a worker. Files come in any order, so what one left in a module would be seen by another.
          isolate: false,
          // Files wait for servers and disks as much as they compute.
          maxWorkers: Math.ceil(cores * 1.5),
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: {
          // End to end: the relay as a process, with real servers and clients around it.
          name: 'life',
          include: ['tests/life/**/*.test.ts'],
          testTimeout: 90_000,
          retry: 1,
          hookTimeout: 60_000,
          // Most of the time they wait for what a relay does by the clock.
          maxWorkers: cores * 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // The pages in a real browser, beside the tests that wait for most of their time.
          name: 'browser',
          include: ['tests/browser/**/*.test.ts'],
          testTimeout: 60_000,
          retry: 1,
          hookTimeout: 60_000,
          // As many as the others of this group, which they must be.
          maxWorkers: cores * 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        extends: true,
        test: {
          // Load and faults: they fill the machine for some of the time, and wait for leases and servers for the rest.
          name: 'fault',
          include: ['tests/faults/**/*.test.ts'],
          testTimeout: 240_000,
          retry: 1,
          hookTimeout: 60_000,
          maxWorkers: Math.ceil(cores * 1.5),
          sequence: { groupOrder: 2 },
        },
      },
    ],
  },
});

function isRoomy(folder: string): boolean {
  try {
    const { bavail, bsize } = statfsSync(folder);
    return bavail * bsize > ROOM_BYTES;
  } catch {
    return false;
  }
}
