/** What pools and routes must hold: that each has a way out, and that each comes into play. Pure. */
import { egressOf, exitsOf } from '../match.ts';
import { matchesGlob } from '../../message/address.ts';
import type { Check } from './checks.ts';
import { covers, coversBesideDomain, coversPattern, domainPatterns, meet, type DomainPattern } from './match-cover.ts';
import type { Path } from '../file/problem.ts';
import type { Policy, RoutePolicy } from '../schema.ts';

type Match = RoutePolicy['match'];
type Placed = { readonly route: RoutePolicy; readonly index: number };

/** Pools that nothing can leave by. */
export function checkPools(policy: Policy): Check[] {
  return Object.entries(policy.pools).flatMap(([name, { members }]): Check[] => {
    const isEmpty = members.every((member) => egressOf(policy, member)?.enabled !== true);
    return isEmpty ? [{ verdict: 'warn', path: ['pools', name], text: 'every member is disabled' }] : [];
  });
}

/** Routes without a way out for their mail, and routes that mail does not reach. */
export function checkRoutes(policy: Policy): Check[] {
  const routes = policy.routes.map((route, index) => ({ route, index }));
  const checks = routes.flatMap((placed) => [
    ...checkExits(policy, placed),
    ...checkStreams(policy, placed),
    ...checkOrder(placed, routes.slice(0, placed.index)),
  ]);
  if (policy.routes.some(({ match }) => Object.values(match).every((condition) => condition === undefined)))
    return checks;
  const text = 'no route takes every message: what matches none has no exit, waits, and bounces when it expires';
  return [...checks, { verdict: 'warn', path: ['routes'], text }];
}

function checkExits(policy: Policy, { route, index }: Placed): Check[] {
  if (exitsOf(policy, route).length > 0) return [];
  const path: Path = ['routes', index, 'use'];
  const text = `no exit for route ${route.name}: every egress that it may use is disabled`;
  return [{ verdict: 'refuse', path, text }];
}

/** Streams whose mail takes this route and finds no exit that may carry it. */
function checkStreams(policy: Policy, { route, index }: Placed): Check[] {
  if (exitsOf(policy, route).length === 0) return [];
  const streams = Object.keys(policy.streams).filter((stream) => reaches(policy, { route, index }, stream));
  const stranded = streams.filter((stream) => exitsOf(policy, route, stream).length === 0);
  if (stranded.length === 0) return [];
  const [closed] = exitsOf(policy, route).flatMap(({ egress }) => egress);
  const also: Path = ['egress', closed ?? '', 'streams'];
  const names = stranded.join(', ');
  if (route.match.stream !== undefined && stranded.length === streams.length) {
    const text = `no exit of route ${route.name} can ever take its mail: none carries ${names}, nor does ${closed}`;
    return [{ verdict: 'refuse', path: ['routes', index, 'use'], text, also }];
  }
  const text = `mail of ${names} that takes route ${route.name} waits, and bounces when it expires: no exit of it carries that, nor does ${closed}`;
  return [{ verdict: 'warn', path: ['routes', index, 'use'], text, also }];
}

/** Whether mail of a stream may come as far as this route. */
function reaches(policy: Policy, { route: { match }, index }: Placed, stream: string): boolean {
  if (match.stream !== undefined && !match.stream.some((glob) => matchesGlob(glob, stream))) return false;
  return !policy.routes.slice(0, index).some((earlier) => covers(earlier.match, { ...match, stream: [stream] }));
}

/** What earlier routes leave to this one. */
function checkOrder({ route, index }: Placed, earlier: readonly Placed[]): Check[] {
  const over = earlier.find((one) => covers(one.route.match, route.match));
  if (over !== undefined) {
    const text = `route ${route.name} is never reached: all of its mail takes route ${over.route.name}`;
    return [{ verdict: 'warn', path: ['routes', index], text, also: ['routes', over.index] }];
  }
  return domainPatterns(route.match).flatMap((pattern): Check[] => {
    const shadow = shadowOf(route.match, pattern, earlier);
    if (shadow === null) return [];
    const path: Path = ['routes', index, 'match', pattern.kind, ...(pattern.of === 1 ? [] : [pattern.place])];
    const { isWhole, by } = shadow;
    const text = `${isWhole ? `mail to ${shown(pattern)} never takes this route` : `some mail to ${shown(pattern)} does not take this route`}: it takes route ${by.route.name}, which comes first`;
    return [{ verdict: 'warn', path, text, also: ['routes', by.index] }];
  });
}

type Shadow = { readonly isWhole: boolean; readonly by: Placed };

/**
 * The earlier route that takes what is like a pattern of this one, or, where neither is the narrower, some of it. A
 * narrower one that comes first is an exception, and meant.
 */
function shadowOf(match: Match, pattern: DomainPattern, earlier: readonly Placed[]): Shadow | null {
  for (const by of earlier) {
    const wide = by.route.match;
    const patterns = domainPatterns(wide);
    if (patterns.length === 0 || !coversBesideDomain(wide, match)) continue;
    if (coversPattern(wide, pattern)) return { isWhole: true, by };
    const isPart = patterns.some((other) => meet(other, pattern) && !isException(other, match));
    // Of two kinds of conditions both hold: where they meet is not worked out.
    if (isPart && (wide.tld === undefined || wide.recipientDomain === undefined)) return { isWhole: false, by };
  }
  return null;
}

function isException(narrow: DomainPattern, wide: Match): boolean {
  return coversPattern(wide, narrow);
}

function shown({ kind, glob }: DomainPattern): string {
  return kind === 'tld' ? `.${glob}` : glob;
}
