/**
 * Names in the file that must be names of something in it. Looks at the tree and not at the parsed policy, so that a
 * dangling name is told in one go with whatever else is wrong.
 */
import { parseDomain } from '../../message/address.ts';
import { findPoolNames } from '../checks/pool-names.ts';
import type { Finding, Path } from './problem.ts';
import { children, dangling, type Names } from '../checks/references.ts';
import { streams as defaultStreams } from '../schema/intake.ts';
import { egress as defaultEgress } from '../schema/exits.ts';
import { keyPlaceOf, nodeAt, scalarsOf, type MapNode, type ScalarNode, type TreeNode } from './tree.ts';

type Known = {
  readonly clients: Names;
  readonly streams: Names;
  readonly egress: Names;
  readonly pools: Names;
  readonly routes: Names;
};

/** Dangling and clashing names, each at its place. */
export function findNames(tree: MapNode): Finding[] {
  const known: Known = {
    clients: keysOf(tree, 'clients') ?? new Set(),
    streams: keysOf(tree, 'streams') ?? new Set(Object.keys(defaultStreams.parse(undefined))),
    egress: keysOf(tree, 'egress') ?? new Set(Object.keys(defaultEgress.parse(undefined))),
    pools: keysOf(tree, 'pools') ?? new Set(),
    routes: routeNames(tree),
  };
  return [
    ...findPoolNames(tree, known),
    ...danglingUses(tree, known),
    ...danglingStreams(tree, known),
    ...danglingOfRoutes(tree, known),
    ...danglingOfWebhooks(tree, known),
    ...danglingOfTests(tree, known),
    ...clashes(tree, known),
  ];
}

function danglingUses(tree: MapNode, { egress, pools }: Known): Finding[] {
  const uses = children(tree, ['routes']).flatMap(([route]) => children(tree, ['routes', route, 'use']));
  const names = new Set([...egress, ...pools]);
  return uses.flatMap(([, node, path]) => dangling({ node, path, names, what: 'pool or egress' }));
}

function danglingStreams(tree: MapNode, { streams }: Known): Finding[] {
  const ofClients = children(tree, ['clients']).flatMap(([client, node, path]): Finding[] => {
    const stream = nodeAt(node, ['stream']);
    if (stream !== undefined)
      return dangling({ node: stream, path: [...path, 'stream'], names: streams, what: 'stream' });
    if (node.kind !== 'map' || streams.has('transactional')) return [];
    const text = 'is required where there is no stream "transactional", which is the default';
    return [{ place: keyPlaceOf(tree, ['clients', client]), path: [...path, 'stream'], text }];
  });
  const ofExits = children(tree, ['egress']).flatMap(([name]) => [
    ...children(tree, ['egress', name, 'streams']),
    ...children(tree, ['egress', name, 'budget', 'exempt']),
  ]);
  return [
    ...ofClients,
    ...ofExits.flatMap(([, node, path]) => dangling({ node, path, names: streams, what: 'stream' })),
  ];
}

function danglingOfRoutes(tree: MapNode, { streams, clients }: Known): Finding[] {
  return children(tree, ['routes']).flatMap(([, route, path]) => [
    ...globsOf(route, 'stream').flatMap((found) =>
      dangling({ node: found.node, path: [...path, ...found.path], names: streams, what: 'stream' }),
    ),
    ...globsOf(route, 'client').flatMap((found) =>
      // The relay's own mail has this client.
      dangling({
        node: found.node,
        path: [...path, ...found.path],
        names: new Set([...clients, 'relevo']),
        what: 'client',
      }),
    ),
  ]);
}

function danglingOfWebhooks(tree: MapNode, { clients }: Known): Finding[] {
  // They are told of the relay's own mail, too.
  const names = new Set([...clients, 'relevo']);
  return children(tree, ['webhooks'])
    .flatMap(([webhook]) => children(tree, ['webhooks', webhook, 'clients']))
    .flatMap(([, node, path]) => dangling({ node, path, names, what: 'client' }));
}

function danglingOfTests(tree: MapNode, known: Known): Finding[] {
  return children(tree, ['tests']).flatMap(([, test, path]) => {
    const refused = nodeAt(test, ['expect', 'refused']);
    const isRefused = refused?.kind === 'scalar' && refused.value === true;
    const check = (steps: Path, names: Names, what: string) =>
      dangling({ node: nodeAt(test, steps), path: [...path, ...steps], names, what });
    return [
      // A test may hold that a stranger is turned away.
      ...(isRefused ? [] : check(['message', 'client'], known.clients, 'client')),
      ...check(['message', 'stream'], known.streams, 'stream'),
      ...check(['expect', 'stream'], known.streams, 'stream'),
      ...check(['expect', 'route'], known.routes, 'route'),
      ...children(test, ['expect', 'egress']).flatMap(([index]) =>
        check(['expect', 'egress', index], known.egress, 'egress'),
      ),
    ];
  });
}

function clashes(tree: MapNode, { egress }: Known): Finding[] {
  const findings: Finding[] = [];
  for (const [pool, , path] of children(tree, ['pools'])) {
    if (!egress.has(String(pool))) continue;
    findings.push({
      place: keyPlaceOf(tree, path),
      path,
      text: 'an egress has this name too: a route could mean either',
    });
  }
  const routes = new Map<string, number>();
  for (const [, route, path] of children(tree, ['routes'])) {
    const name = nodeAt(route, ['name']);
    if (name?.kind !== 'scalar' || typeof name.value !== 'string') continue;
    if (name.variables.length > 0) {
      findings.push({ place: name.place, path: [...path, 'name'], text: 'a name is written out, without variables' });
      continue;
    }
    const first = routes.get(name.value);
    if (first === undefined) routes.set(name.value, name.place.line);
    else findings.push({ place: name.place, path: [...path, 'name'], text: `duplicate name, first on line ${first}` });
  }
  const domains = new Map<string, number>();
  for (const [key, , path] of children(tree, ['domains'])) {
    const place = keyPlaceOf(tree, path);
    const domain = parseDomain(String(key)) ?? String(key);
    const first = domains.get(domain);
    if (first === undefined) domains.set(domain, place.line);
    else findings.push({ place, path, text: `duplicate domain, first on line ${first}` });
  }
  return findings;
}

function globsOf(route: TreeNode, key: string): { node: ScalarNode; path: Path }[] {
  const node = nodeAt(route, ['match', key]);
  return node === undefined ? [] : [...scalarsOf(node, ['match', key])];
}

/** null where the key is not in the file, and its default counts. */
function keysOf(tree: MapNode, key: string): Names | null {
  const node = tree.entries.get(key)?.node;
  return node === undefined ? null : new Set(node.kind === 'map' ? node.entries.keys() : []);
}

function routeNames(tree: MapNode): Names {
  if (!tree.entries.has('routes')) return new Set(['default']);
  const names = children(tree, ['routes']).map(([, route]) => nodeAt(route, ['name']));
  return new Set(names.flatMap((name) => (isPlainName(name) ? [String(name.value)] : [])));
}

/** Of no variables: names are told everywhere, and what a variable holds nowhere. */
function isPlainName(node: TreeNode | undefined): node is ScalarNode {
  return node?.kind === 'scalar' && node.variables.length === 0;
}
