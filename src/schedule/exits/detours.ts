import type { RoutePolicy } from '../../policy/schema.ts';

/** Routes without the exits that some mail avoids; they go with the policy that they are of. */
export class Detours {
  readonly #detours = new WeakMap<RoutePolicy, Map<string, RoutePolicy>>();

  /** Always the same one: those who ask tell routes apart by what they are. @param names of all exits of the route, in its order */
  around(route: RoutePolicy, avoids: readonly string[], names: readonly string[]): RoutePolicy {
    const others = this.#detours.get(route) ?? new Map<string, RoutePolicy>();
    this.#detours.set(route, others);
    const key = avoids.join(' ');
    const detour = others.get(key) ?? { ...route, use: names.filter((exit) => !avoids.includes(exit)) };
    others.set(key, detour);
    return detour;
  }
}
