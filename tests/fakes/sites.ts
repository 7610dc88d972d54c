import { policySchema, type PolicyInput } from '../../src/policy/schema.ts';
import type { Clock } from '../../src/ports.ts';
import { Ceilings } from '../../src/schedule/sites/ceilings.ts';
import { Site } from '../../src/schedule/sites/site.ts';
import { Sites, type SitesNeeds } from '../../src/schedule/sites/sites.ts';
import { FakeClock } from './clock.ts';

export type SomeSites = Partial<SitesNeeds> & {
  readonly shaping?: PolicyInput['shaping'];
  readonly egress?: PolicyInput['egress'];
};

/** Sites on their own: nobody's lanes hear of them, and no host is known unless the test says so. */
export function someSites({ shaping, egress, ...given }: SomeSites = {}): Sites {
  const policy = policySchema.parse({ hostname: 'relay.test', shaping, egress });
  const clock: Clock = given.clock ?? new FakeClock();
  return new Sites({
    policy: () => policy,
    share: (limit) => limit,
    workers: () => 1,
    hostsOf: async () => null,
    ceilings: new Ceilings({ clock, workers: () => 1 }),
    clock,
    emit: () => undefined,
    opened: () => undefined,
    changed: () => undefined,
    moved: () => undefined,
    ...given,
  });
}

/** One site with so many connections. */
export function aSite(name: string, connections = 10): Site {
  return new Site(name, { connections, rate: null, provider: null }, 0);
}
