/** Whether one route's conditions leave anything to another's. Pure. Sound, not complete: it never claims too much. */
import { matchesText } from '../routed-headers.ts';
import type { RoutePolicy } from '../schema.ts';

type Match = RoutePolicy['match'];

/** Every message that the narrow conditions take is taken by the wide ones. */
export function covers(wide: Match, narrow: Match): boolean {
  return coversBesideDomain(wide, narrow) && coversDomain(wide, narrow);
}

/** The same of all conditions but those on the recipient's domain. */
export function coversBesideDomain(wide: Match, narrow: Match): boolean {
  return (
    coversList(wide.stream, narrow.stream) &&
    coversList(wide.client, narrow.client) &&
    coversList(wide.senderDomain, narrow.senderDomain) &&
    // A message without a tag has none that `*` could be.
    (wide.tag === undefined || (narrow.tag !== undefined && coversList(wide.tag, narrow.tag))) &&
    (wide.priority === undefined || (narrow.priority?.every((one) => wide.priority?.includes(one)) ?? false)) &&
    (wide.size?.minBytes ?? 0) <= (narrow.size?.minBytes ?? 0) &&
    (wide.size?.maxBytes ?? Number.POSITIVE_INFINITY) >= (narrow.size?.maxBytes ?? Number.POSITIVE_INFINITY) &&
    coversHeader(wide.header, narrow.header)
  );
}

/** A pattern of `recipientDomain`, or one of `tld`. */
export type DomainPattern = { readonly kind: 'recipientDomain' | 'tld'; readonly glob: string };

/** Those of a route, with their places. */
export function domainPatterns(match: Match): (DomainPattern & { readonly place: number; readonly of: number })[] {
  return (['tld', 'recipientDomain'] as const).flatMap((kind) => {
    const globs = match[kind] ?? [];
    return globs.map((glob, place) => ({ kind, glob, place, of: globs.length }));
  });
}

/** Whether the wide conditions on the recipient's domain take all that is like the pattern. */
export function coversPattern(wide: Match, narrow: DomainPattern): boolean {
  const byTld = wide.tld === undefined || wide.tld.some((glob) => isTldOver(glob, narrow));
  const byDomain = wide.recipientDomain === undefined || wide.recipientDomain.some((glob) => isOver(glob, narrow));
  return byTld && byDomain;
}

/** Whether some domain is like both patterns. */
export function meet(left: DomainPattern, right: DomainPattern): boolean {
  return globsMeet(domainGlob(left), domainGlob(right));
}

function coversDomain(wide: Match, narrow: Match): boolean {
  const patterns = domainPatterns(narrow);
  const lists = [patterns.filter(({ kind }) => kind === 'tld'), patterns.filter(({ kind }) => kind !== 'tld')].filter(
    (list) => list.length > 0,
  );
  const byTld =
    wide.tld === undefined ||
    lists.some((list) => list.every((pattern) => wide.tld?.some((glob) => isTldOver(glob, pattern))));
  const byDomain =
    wide.recipientDomain === undefined ||
    wide.recipientDomain.includes('*') ||
    lists.some((list) => list.every((pattern) => wide.recipientDomain?.some((glob) => isOver(glob, pattern))));
  return byTld && byDomain;
}

function isTldOver(wide: string, { kind, glob }: DomainPattern): boolean {
  if (kind === 'tld') return matchesText(wide, glob);
  const label = glob.slice(glob.lastIndexOf('.') + 1);
  return !label.includes('*') && !label.includes(']') && matchesText(wide, label);
}

function isOver(wide: string, pattern: DomainPattern): boolean {
  return matchesText(wide, domainGlob(pattern));
}

function domainGlob({ kind, glob }: DomainPattern): string {
  return kind === 'tld' ? `*.${glob}` : glob;
}

/** A `*` of the narrow pattern is only like a `*` of the wide one: so what matches here covers it. */
function coversList(wide: readonly string[] | undefined, narrow: readonly string[] | undefined): boolean {
  if (wide === undefined || wide.includes('*')) return true;
  return narrow !== undefined && narrow.every((glob) => wide.some((one) => matchesText(one, glob)));
}

function coversHeader(wide: Match['header'], narrow: Match['header']): boolean {
  return Object.entries(wide ?? {}).every(([name, globs]) => {
    const like = narrow !== undefined && Object.hasOwn(narrow, name) ? narrow[name] : undefined;
    return like !== undefined && like.every((glob) => globs.some((one) => matchesText(one, glob)));
  });
}

/** Whether some text is like both: by how far into the one can be read while how far into the other. */
function globsMeet(left: string, right: string): boolean {
  let reached = new Set([0]);
  for (let at = 0; at <= left.length; at++) {
    const next = new Set<number>();
    // Within one place of the left: a star of it reads on in the right, a star of the right stays where it is.
    for (const place of [...reached].toSorted((one, other) => one - other))
      follow(place, { left, at, right, reached, next });
    if (at === left.length) return reached.has(right.length);
    reached = next;
  }
  return false;
}

type Reading = {
  readonly left: string;
  readonly at: number;
  readonly right: string;
  readonly reached: Set<number>;
  readonly next: Set<number>;
};

function follow(from: number, { left, at, right, reached, next }: Reading): void {
  for (let place = from; ; place++) {
    reached.add(place);
    const [one, other] = [left[at], right[place]];
    if (one === '*') next.add(place);
    else if (one !== undefined && other === '*') next.add(place);
    else if (one !== undefined && one === other) next.add(place + 1);
    // On in the right alone: over its star, or by a star of the left.
    if (other === undefined || (other !== '*' && one !== '*')) return;
  }
}
